//! User ids and room addresses as they are typed.

use super::Refusal;

/// A full user id, as it is typed.
pub(in crate::app) fn user_id(typed: &str) -> Result<String, Refusal> {
    let parts = typed.strip_prefix('@').and_then(|id| id.split_once(':'));
    match parts {
        Some((name, server)) if !name.is_empty() && !server.is_empty() && !typed.contains(char::is_whitespace) => {
            Ok(typed.to_owned())
        }
        _ => Err(format!("{typed} is no user id; one looks like @ada:example.org.")),
    }
}

/// A room's alias, id or link, as it is typed.
pub(in crate::app) fn room_address(typed: &str) -> Result<String, Refusal> {
    let is_one = ["#", "!", "matrix:", "https://matrix.to/"].iter().any(|start| typed.starts_with(start));
    if typed.len() > 1 && is_one {
        Ok(typed.to_owned())
    } else {
        Err(format!("{typed} is no room; one looks like #room:example.org or !id:example.org."))
    }
}
