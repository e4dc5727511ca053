//! How a room ended, in one word, in one sentence, and what can be done about it.

use jiff::tz::TimeZone;

use super::words;
use crate::model::{Ending, How, Membership, RoomSummary};

/// The word beside its name; a room that is open all the same needs none.
pub fn word(ending: &Ending, open: bool) -> Option<&'static str> {
    match ending.how {
        _ if open => None,
        How::Left => Some("left"),
        How::Declined => Some("declined"),
        How::Removed => Some("removed"),
        How::Banned => Some("banned"),
        How::Withdrawn => Some("withdrawn"),
        How::Gone | How::Unknown => Some("ended"),
        How::Upgraded { .. } => Some("upgraded"),
        How::Closed => Some("closed"),
    }
}

/// Who did what, when and why.
pub fn sentence(ending: &Ending, zone: &TimeZone) -> String {
    let who = ending.by.as_ref().map_or_else(|| "Somebody".to_owned(), |user| user.shown().to_string());
    let when = ending.at.map(|at| format!(" on {}", words::date(at, zone))).unwrap_or_default();
    let why = if ending.why.is_blank() { String::new() } else { format!(" “{}”", ending.why) };
    let what = match &ending.how {
        How::Left => format!("You left this room in another client{when}."),
        How::Declined => format!("You declined this invite in another client{when}."),
        How::Removed => format!("{who} removed you from this room{when}."),
        How::Banned => format!("{who} banned you from this room{when}."),
        How::Withdrawn => format!("{who} took this invite back{when}."),
        How::Gone => "This room is gone: the homeserver does not know you there any more.".to_owned(),
        How::Unknown => "You are not in this room any more; why is not known yet.".to_owned(),
        How::Upgraded { refused: false, .. } => format!("{who} upgraded this room{when}: it goes on in another one."),
        How::Upgraded { refused: true, .. } => {
            format!("{who} closed this room{when} for another one, which cannot be joined: it goes on here.")
        }
        How::Closed => format!("{who} closed this room{when}, and named no other one: it goes on here."),
    };
    format!("{what}{why}")
}

/// What can be done about it, by these keys.
pub fn ways_out(room: &RoomSummary, key: impl Fn(&str) -> String) -> String {
    let (open, accept, decline) = (key("room-open"), key("accept"), key("decline"));
    match (&room.membership, room.successor()) {
        (Membership::Left, _) => format!("{open} opens it, {decline} puts it away."),
        (_, Some(_)) => format!("{open} opens it, {accept} goes on in the other room, {decline} leaves it."),
        (_, None) => format!("{open} opens it."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RoomId, SafeText, Timestamp, UserId};

    #[test]
    fn each_way_to_end_is_one_sentence() {
        let said = |how, by: Option<&str>, why| {
            let (by, why) = (by.map(UserId::new), SafeText::line(why));
            sentence(&Ending { how, by, why, at: Some(Timestamp::from_millis(1_795_356_202_500)) }, &TimeZone::UTC)
        };
        let upgraded = |refused| How::Upgraded { successor: RoomId::new("!next:x"), refused };
        for (how, by, why, expected) in [
            (How::Left, Some("@me:x"), "", "You left this room in another client on 22 Nov 2026 14:03."),
            (How::Removed, Some("@bob:x"), "spam", "@bob:x removed you from this room on 22 Nov 2026 14:03. “spam”"),
            (How::Banned, None, "", "Somebody banned you from this room on 22 Nov 2026 14:03."),
            (How::Withdrawn, Some("@bob:x"), "", "@bob:x took this invite back on 22 Nov 2026 14:03."),
            (How::Gone, None, "", "This room is gone: the homeserver does not know you there any more."),
            (
                upgraded(false),
                Some("@bob:x"),
                "moved",
                "@bob:x upgraded this room on 22 Nov 2026 14:03: it goes on in another one. “moved”",
            ),
            (
                upgraded(true),
                Some("@bob:x"),
                "",
                "@bob:x closed this room on 22 Nov 2026 14:03 for another one, which cannot be joined: it goes on here.",
            ),
        ] {
            assert_eq!(said(how, by, why), expected);
        }
    }
}
