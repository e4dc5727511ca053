//! Changes of the room as sentences.
//!
//! Each names who did it first, so that the eye can run down the names. Names come in as
//! [`SafeText`]; what else strangers wrote (room names, topics, reasons) is made safe with the
//! sentence around it.

use matrix_sdk::ruma::events::{
    StateEventContentChange::Original,
    room::{history_visibility::HistoryVisibility, join_rules::JoinRule},
};
use matrix_sdk_ui::timeline::{AnyOtherStateEventContentChange as State, MembershipChange};

use crate::model::SafeText;

/// What happened to `whom` by the hand of `who`; for most changes these are the same person.
pub fn membership(change: Option<MembershipChange>, who: &SafeText, whom: &SafeText, reason: Option<&str>) -> SafeText {
    use MembershipChange as Change;
    let sentence = match change {
        Some(Change::Joined) => format!("{whom} joined"),
        Some(Change::Left) => format!("{whom} left"),
        Some(Change::Banned) => format!("{whom} was banned by {who}"),
        Some(Change::Unbanned) => format!("{whom} was unbanned by {who}"),
        Some(Change::Kicked) => format!("{whom} was removed by {who}"),
        Some(Change::Invited) => format!("{whom} was invited by {who}"),
        Some(Change::KickedAndBanned) => format!("{whom} was removed and banned by {who}"),
        Some(Change::InvitationAccepted) => format!("{whom} accepted the invitation and joined"),
        Some(Change::InvitationRejected) => format!("{whom} declined the invitation"),
        Some(Change::InvitationRevoked) => format!("{who} withdrew the invitation of {whom}"),
        Some(Change::Knocked) => format!("{whom} asks to join"),
        Some(Change::KnockAccepted) => format!("{who} accepted {whom}'s request to join"),
        Some(Change::KnockRetracted) => format!("{whom} no longer asks to join"),
        Some(Change::KnockDenied) => format!("{who} denied {whom}'s request to join"),
        Some(Change::None | Change::Error | Change::NotImplemented) | None => {
            format!("{whom}'s membership was set anew")
        }
    };
    match reason.map(str::trim).filter(|reason| !reason.is_empty()) {
        Some(reason) => SafeText::line(&format!("{sentence}: {reason}")),
        None => SafeText::line(&sentence),
    }
}

/// What a member changed about themselves: the display name from and to, and whether the picture
/// too.
pub fn profile(who: &SafeText, name: Option<(Option<&str>, Option<&str>)>, picture: bool) -> SafeText {
    let and_picture = if picture { " and changed their picture" } else { "" };
    SafeText::line(&match name {
        Some((Some(old), Some(new))) => {
            format!("{} is now called {}{and_picture}", SafeText::line(old), SafeText::line(new))
        }
        Some((None, Some(new))) => format!("{who} is now called {}{and_picture}", SafeText::line(new)),
        Some((Some(old), None)) => {
            format!("{} no longer has a display name{and_picture}", SafeText::line(old))
        }
        Some((None, None)) | None if picture => format!("{who} changed their picture"),
        Some((None, None)) | None => format!("{who}'s profile was set anew"),
    })
}

/// What `who` changed about the room.
pub fn state(who: &SafeText, change: &State) -> SafeText {
    SafeText::line(&match change {
        State::RoomCreate(_) => format!("{who} created the room"),
        State::RoomName(Original { content, .. }) if !content.name.is_empty() => {
            format!("{who} named the room \"{}\"", content.name)
        }
        State::RoomName(_) => format!("{who} removed the room's name"),
        State::RoomTopic(Original { content, .. }) if !content.topic.is_empty() => {
            format!("{who} set the topic: {}", content.topic)
        }
        State::RoomTopic(_) => format!("{who} removed the topic"),
        State::RoomEncryption(_) => format!("{who} turned encryption on"),
        State::RoomAvatar(_) => format!("{who} changed the room's picture"),
        State::RoomCanonicalAlias(Original { content, .. }) => match &content.alias {
            Some(alias) => format!("{who} gave the room the address {alias}"),
            None => format!("{who} changed the room's addresses"),
        },
        State::RoomCanonicalAlias(_) => format!("{who} changed the room's addresses"),
        State::RoomJoinRules(Original { content, .. }) => match &content.join_rule {
            JoinRule::Public => format!("{who} made the room public: anyone may join"),
            JoinRule::Invite => format!("{who} made the room private: only invited people may join"),
            JoinRule::Knock => format!("{who} let people ask to join"),
            _ => format!("{who} changed who may join"),
        },
        State::RoomJoinRules(_) => format!("{who} changed who may join"),
        State::RoomHistoryVisibility(Original { content, .. }) => match &content.history_visibility {
            HistoryVisibility::WorldReadable => format!("{who} made what is said from now on visible to anyone"),
            HistoryVisibility::Shared => format!("{who} made what is said from now on visible to all members"),
            HistoryVisibility::Invited => {
                format!("{who} made what is said from now on visible to members since they were invited")
            }
            HistoryVisibility::Joined => {
                format!("{who} made what is said from now on visible to members since they joined")
            }
            _ => format!("{who} changed who may read what is said"),
        },
        State::RoomHistoryVisibility(_) => format!("{who} changed who may read what is said"),
        State::RoomGuestAccess(_) => format!("{who} changed whether guests may join"),
        State::RoomPinnedEvents(_) => format!("{who} changed the pinned messages"),
        State::RoomPowerLevels(_) => format!("{who} changed who may do what"),
        State::RoomServerAcl(_) => format!("{who} changed which servers may take part"),
        State::RoomThirdPartyInvite(_) => format!("{who} sent an invitation by e-mail"),
        State::RoomTombstone(_) => format!("{who} closed the room: it goes on in another one"),
        State::SpaceChild(_) | State::SpaceParent(_) => format!("{who} changed which space the room belongs to"),
        State::PolicyRuleRoom(_) | State::PolicyRuleServer(_) | State::PolicyRuleUser(_) => {
            format!("{who} changed a rule of the ban list")
        }
        other @ State::_Custom { .. } => format!("{who} set {}", other.event_type()),
    })
}
