//! Which room somebody means, and through which servers it is reached: an id or an alias, a
//! `matrix.to` link or a `matrix:` URI (spec, appendices, "URIs"), and after it servers to join
//! through. The id of a room of version 12 names no server, so there is no way to it without one.

use std::time::Duration;

use matrix_sdk::{
    Client,
    ruma::{
        MatrixToUri, MatrixUri, OwnedRoomId, OwnedRoomOrAliasId, OwnedServerName, RoomOrAliasId, matrix_uri::MatrixId,
        room::JoinRuleSummary,
    },
};
use tokio::time::timeout;

/// How long a refusal waits for what else there is to say.
const PATIENCE: Duration = Duration::from_secs(3);

/// A room, as it was typed or pasted.
#[derive(Debug, PartialEq)]
pub(super) struct Address {
    pub room: OwnedRoomOrAliasId,
    pub via: Vec<OwnedServerName>,
}

impl Address {
    /// Reads it; or says in a sentence what is wrong.
    pub(super) fn read(typed: &str) -> Result<Self, String> {
        let mut words = typed.split_whitespace();
        let first = words.next().unwrap_or_default();
        let (id, mut via) = if let Ok(link) = MatrixToUri::parse(first) {
            (Some(link.id().clone()), link.via().to_vec())
        } else if let Ok(uri) = MatrixUri::parse(first) {
            (Some(uri.id().clone()), uri.via().to_vec())
        } else {
            (None, Vec::new())
        };
        let room = match id {
            Some(MatrixId::User(user)) => return Err(format!("{user} is a person. /dm begins a chat with them.")),
            Some(MatrixId::Room(room)) => room.into(),
            Some(MatrixId::RoomAlias(alias)) => alias.into(),
            Some(MatrixId::Event(room, _)) => room,
            _ => OwnedRoomOrAliasId::try_from(first).map_err(|_| {
                format!("'{first}' is no room. It looks like #name:server or !id, or is a link to one.")
            })?,
        };
        for word in words.filter(|word| *word != "via") {
            via.push(OwnedServerName::try_from(word).map_err(|_| format!("'{word}' is not the name of a server."))?);
        }
        if via.is_empty() {
            via.extend(room.server_name().map(ToOwned::to_owned));
        }
        Ok(Self { room, via })
    }
}

/// In which rooms one has to be to be let into this one, as far as the server tells: a sentence to
/// go on with.
pub(super) async fn opened_by(client: &Client, room: &RoomOrAliasId, via: Vec<OwnedServerName>) -> Option<String> {
    let preview = timeout(PATIENCE, client.get_room_preview(room, via)).await.ok()?.ok()?;
    let (JoinRuleSummary::Restricted(rule) | JoinRuleSummary::KnockRestricted(rule)) = preview.join_rule? else {
        return None;
    };
    let name = |id: &OwnedRoomId| {
        let known = client.get_room(id).and_then(|room| room.cached_display_name());
        known.map_or_else(|| id.to_string(), |name| name.to_string())
    };
    let names: Vec<String> = rule.allowed_room_ids.iter().map(name).collect();
    (!names.is_empty()).then(|| format!(" It is open to who is in {}.", names.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const V12: &str = "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM";

    #[test]
    fn ids_aliases_links_and_servers() {
        let cases: [(&str, &str, &[&str]); 8] = [
            ("#team:example.org", "#team:example.org", &["example.org"]),
            ("!id:example.org", "!id:example.org", &["example.org"]),
            (V12, V12, &[]),
            (&format!("{V12} via one.example two.example:8448"), V12, &["one.example", "two.example:8448"]),
            ("https://matrix.to/#/%23team%3Aexample.org", "#team:example.org", &["example.org"]),
            (
                &format!("https://matrix.to/#/{V12}?via=one.example&via=two.example"),
                V12,
                &["one.example", "two.example"],
            ),
            ("matrix:r/team:example.org", "#team:example.org", &["example.org"]),
            ("matrix:roomid/id:example.org/e/event?via=one.example", "!id:example.org", &["one.example"]),
        ];
        for (typed, room, via) in cases {
            let address = Address::read(typed).expect(typed);
            let through: Vec<&str> = address.via.iter().map(|server| server.as_str()).collect();
            assert_eq!((address.room.as_str(), &*through), (room, via), "{typed}");
        }
    }

    #[test]
    fn what_is_no_room_is_said_to_be_none() {
        for (typed, why) in [
            ("team", "no room"),
            ("https://example.org/#/team", "no room"),
            ("https://matrix.to/#/@ada:example.org", "/dm"),
            ("#team:example.org not,a,server", "not the name of a server"),
        ] {
            assert!(Address::read(typed).unwrap_err().contains(why), "{typed}");
        }
    }
}
