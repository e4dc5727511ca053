//! Whether a link may be one, and whether its text says where it leads.
//!
//! A terminal cannot show an address on hover, so it stands behind the text wherever the text does
//! not say it.

/// The schemes that the spec allows in links, and `matrix:`.
pub(super) fn is_address(address: &str) -> bool {
    let scheme = address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https" | "ftp" | "mailto" | "magnet" | "matrix"))
}

/// Whether the text of a link says where it leads. That of a mention (a link to a user, room or
/// event of Matrix) does.
pub(super) fn is_said_by(address: &str, text: &str) -> bool {
    let bare = |address: &str| {
        let start = ["https://", "http://", "mailto:"].iter().find_map(|scheme| address.strip_prefix(scheme));
        start.unwrap_or(address).trim_end_matches('/').to_owned()
    };
    let is_mention = address.starts_with("https://matrix.to/#/") || address.starts_with("matrix:");
    (is_mention && !text.contains("://")) || bare(address) == bare(text)
}
