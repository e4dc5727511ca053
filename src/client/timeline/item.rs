//! One item of the SDK's timeline as one of the model's.
//!
//! Always one for one, so that the SDK's indices stay right: what this client has no own way to
//! show still becomes an item that says what it is.

use std::sync::Arc;

use matrix_sdk::ruma::{
    OwnedEventId, UserId as RumaUserId,
    events::{StateEventContentChange, room::member::RoomMemberEventContent},
};
use matrix_sdk_ui::timeline::{
    AnyOtherStateEventContentChange, EmbeddedEvent, EventSendState, EventTimelineItem, InReplyToDetails,
    MsgLikeContent, MsgLikeKind, Profile, ReactionsByKeyBySender, TimelineDetails, TimelineEventShieldState,
    TimelineEventShieldStateCode, TimelineItem as SdkItem, TimelineItemContent, TimelineItemKind as SdkKind,
    VirtualTimelineItem,
};

use super::{
    latest::{Latest, Said},
    shown,
};
use crate::{
    client::{content, errors, ids, timestamp::timestamp},
    model::{
        Body, InReplyTo, ItemKey, Mentions, Message, Reaction, ReactionKey, ReadBy, SafeText, SendState, TimelineItem,
        TimelineItemKind,
    },
};

/// Translates an item, as `own` sees it; `read_by`: whose receipt stands at it.
pub(super) fn item(item: &SdkItem, own: &RumaUserId, read_by: Vec<ReadBy>, latest: &Latest) -> TimelineItem {
    let kind = match item.kind() {
        SdkKind::Virtual(VirtualTimelineItem::DateDivider(day)) => TimelineItemKind::DayLine(timestamp(*day)),
        SdkKind::Virtual(VirtualTimelineItem::ReadMarker) => TimelineItemKind::UnreadLine,
        SdkKind::Virtual(VirtualTimelineItem::TimelineStart) => TimelineItemKind::Start,
        SdkKind::Event(event) if is_nothing(event) => TimelineItemKind::Nothing,
        SdkKind::Event(event) => event_kind(event, own, read_by, latest),
    };
    TimelineItem { key: ItemKey(Arc::from(item.unique_id().0.as_str())), kind }
}

/// The item's event id, where it answers an event that nobody has asked the server for yet.
pub(super) fn answers_unknown(item: &SdkItem) -> Option<OwnedEventId> {
    let event = item.as_event()?;
    let answered = event.content().in_reply_to()?;
    answered.event.is_unavailable().then(|| event.event_id().map(ToOwned::to_owned)).flatten()
}

/// How a member is called: the display name, with the user id where it is not theirs alone, or the
/// user id.
pub(super) fn name(user: &RumaUserId, display_name: Option<&str>, ambiguous: bool) -> SafeText {
    let id = SafeText::line(user.as_str());
    let name = SafeText::line(display_name.unwrap_or_default()).or(id.clone());
    if ambiguous && name != id { SafeText::line(&format!("{name} ({id})")) } else { name }
}

fn sender_name(user: &RumaUserId, profile: &TimelineDetails<Profile>) -> SafeText {
    match profile {
        TimelineDetails::Ready(profile) => name(user, profile.display_name.as_deref(), profile.display_name_ambiguous),
        TimelineDetails::Unavailable | TimelineDetails::Pending | TimelineDetails::Error(_) => name(user, None, false),
    }
}

/// An edit that cannot be read changes nothing, and is no message.
fn is_nothing(event: &EventTimelineItem) -> bool {
    matches!(event.content(), TimelineItemContent::FailedToParseMessageLike { .. }) && shown::is_edit(event)
}

fn event_kind(event: &EventTimelineItem, own: &RumaUserId, read_by: Vec<ReadBy>, latest: &Latest) -> TimelineItemKind {
    let who = sender_name(event.sender(), event.sender_profile());
    match said(event.content(), event.sender(), &who) {
        Says::Notice(text) => TimelineItemKind::Notice {
            at: timestamp(event.timestamp()),
            text,
            read_by,
            encrypted_from_here: begins_encryption(event.content()),
        },
        Says::Body(body) => TimelineItemKind::Message(Box::new(message(event, own, who, body, read_by, latest))),
    }
}

/// Whether this is the event that turned encryption on; the rules may be changed later.
fn begins_encryption(content: &TimelineItemContent) -> bool {
    let TimelineItemContent::OtherState(state) = content else { return false };
    matches!(
        state.content(),
        AnyOtherStateEventContentChange::RoomEncryption(StateEventContentChange::Original { prev_content: None, .. })
    )
}

/// Whether a message came in the clear into a room that is encrypted by now. A redacted one has
/// nothing left to be read.
fn in_clear(event: &EventTimelineItem) -> bool {
    let shield = event.get_shield(false);
    matches!(shield, TimelineEventShieldState::Red { code: TimelineEventShieldStateCode::SentInClear })
        && !event.content().is_redacted()
}

enum Says {
    Body(Body),
    Notice(SafeText),
}

fn said(content: &TimelineItemContent, sender: &RumaUserId, who: &SafeText) -> Says {
    match content {
        TimelineItemContent::MsgLike(message) => Says::Body(content::body(&message.kind)),
        TimelineItemContent::FailedToParseMessageLike { event_type, .. } => {
            Says::Body(content::unsupported(&event_type.to_string()))
        }
        TimelineItemContent::MembershipChange(change) => {
            let member = change.user_id();
            let whom =
                if member == sender { who.clone() } else { name(member, change.display_name().as_deref(), false) };
            Says::Notice(content::membership(change.change(), who, &whom, reason(change.content())))
        }
        TimelineItemContent::ProfileChange(change) => {
            let name = change.displayname_change().map(|name| (name.old.as_deref(), name.new.as_deref()));
            Says::Notice(content::profile(who, name, change.avatar_url_change().is_some()))
        }
        TimelineItemContent::OtherState(state) => Says::Notice(content::state(who, state.content())),
        TimelineItemContent::FailedToParseState { event_type, .. } => {
            Says::Notice(SafeText::line(&format!("{who} set {event_type}")))
        }
        TimelineItemContent::CallInvite | TimelineItemContent::RtcNotification { .. } => {
            Says::Notice(SafeText::line(&format!("{who} started a call")))
        }
    }
}

fn reason(content: &StateEventContentChange<RoomMemberEventContent>) -> Option<&str> {
    match content {
        StateEventContentChange::Original { content, .. } => content.reason.as_deref(),
        StateEventContentChange::Redacted(_) => None,
    }
}

fn message(
    event: &EventTimelineItem,
    own: &RumaUserId,
    sender_name: SafeText,
    body: Body,
    read_by: Vec<ReadBy>,
    latest: &Latest,
) -> Message {
    let like = event.content().as_msglike();
    let said = event.event_id().and_then(|id| latest.of(id, event.content()));
    let now = said.and_then(Said::content);
    Message {
        event_id: event.event_id().map(ids::event),
        sender: ids::user(event.sender()),
        sender_name,
        at: timestamp(event.timestamp()),
        own: event.is_own(),
        body: now.as_ref().map_or(body, content::message_body),
        source: like.filter(|_| event.is_own()).and_then(|like| match &now {
            Some(now) => content::source_of(now),
            None if event.is_local_echo() => content::typed(&like.kind),
            None => content::source(&like.kind),
        }),
        edited: said.map_or_else(|| like.is_some_and(is_edited), |said| said.edited),
        mentions: mentions(event, own, said),
        reply_to: like.and_then(|like| like.in_reply_to.as_ref()).map(|answered| reply_to(answered, latest)),
        thread_root: like.and_then(|like| like.thread_root.as_deref()).map(ids::event),
        reactions: like.map(|like| reactions(&like.reactions, own)).unwrap_or_default(),
        send_state: send_state(event.send_state()),
        in_clear: in_clear(event),
        read_by,
    }
}

/// Whom a message mentions, as it is now.
fn mentions(event: &EventTimelineItem, own: &RumaUserId, now: Option<&Said>) -> Mentions {
    let said = match now {
        Some(now) => now.mentions(),
        None => event.content().as_message().and_then(|message| message.mentions().cloned()),
    };
    let said = said.unwrap_or_default();
    Mentions {
        users: said.user_ids.iter().map(|user| ids::user(user)).collect(),
        room: said.room,
        this_user: !event.is_own() && (event.is_highlighted() || said.user_ids.contains(own)),
    }
}

fn is_edited(like: &MsgLikeContent) -> bool {
    match &like.kind {
        MsgLikeKind::Message(message) => message.is_edited(),
        MsgLikeKind::Poll(poll) => poll.is_edit(),
        _ => false,
    }
}

fn reactions(reactions: &ReactionsByKeyBySender, own: &RumaUserId) -> Vec<Reaction> {
    let mut all = Vec::with_capacity(reactions.len());
    for (key, senders) in reactions.iter() {
        let mut by_time: Vec<_> = senders.iter().map(|(sender, info)| (info.timestamp, sender)).collect();
        by_time.sort_unstable();
        all.push(Reaction {
            key: ReactionKey::new(key),
            text: SafeText::line(key),
            senders: by_time.into_iter().map(|(_, sender)| ids::user(sender)).collect(),
            own: senders.contains_key(own),
        });
    }
    all
}

fn reply_to(answered: &InReplyToDetails, latest: &Latest) -> InReplyTo {
    let (event_id, nobody) = (ids::event(&answered.event_id), SafeText::default());
    match &answered.event {
        TimelineDetails::Ready(event) => {
            let sender_name = sender_name(&event.sender, &event.sender_profile);
            let preview = preview(event, &sender_name, latest.of(&answered.event_id, &event.content));
            let at = Some(timestamp(event.timestamp));
            InReplyTo { event_id, sender: Some(ids::user(&event.sender)), at, sender_name, preview }
        }
        TimelineDetails::Unavailable | TimelineDetails::Pending => {
            let preview = SafeText::line("an earlier message");
            InReplyTo { event_id, sender: None, at: None, sender_name: nobody, preview }
        }
        TimelineDetails::Error(_) => {
            let preview = SafeText::line("a message that cannot be fetched");
            InReplyTo { event_id, sender: None, at: None, sender_name: nobody, preview }
        }
    }
}

fn preview(event: &EmbeddedEvent, who: &SafeText, now: Option<&Said>) -> SafeText {
    if let Some(now) = now.and_then(Said::content) {
        return content::message_body(&now).preview();
    }
    match said(&event.content, &event.sender, who) {
        Says::Body(body) => body.preview(),
        Says::Notice(text) => text,
    }
}

/// A failure that the SDK will get over by itself (no connection, a server error) is still waiting.
fn send_state(state: Option<&EventSendState>) -> SendState {
    match state {
        None | Some(EventSendState::Sent { .. }) => SendState::Sent,
        Some(EventSendState::NotSentYet { .. } | EventSendState::SendingFailed { is_recoverable: true, .. }) => {
            SendState::Waiting
        }
        // It goes out when the session is right again.
        Some(EventSendState::SendingFailed { error, is_recoverable: false }) if errors::is_of_session(error) => {
            SendState::Waiting
        }
        Some(EventSendState::SendingFailed { error, is_recoverable: false }) => {
            SendState::Failed(errors::sentence(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use matrix_sdk::{
        Error,
        ruma::{MilliSecondsSinceUnixEpoch, UserId, owned_event_id, user_id},
    };
    use matrix_sdk_ui::timeline::{EventSendState, ReactionInfo, ReactionStatus, ReactionsByKeyBySender};

    use super::{name, reactions, send_state};
    use crate::{
        client::ids,
        model::{Reaction, ReactionKey, SafeText, SendState},
    };

    #[test]
    fn names_are_safe_and_never_blank_and_ambiguous_ones_say_whose_they_are() {
        let bob = user_id!("@bob:example.org");
        let table = [
            (Some("Bob"), false, "Bob"),
            (Some("Bob"), true, "Bob (@bob:example.org)"),
            (Some("\u{202E}boB\u{1B}]0;x\u{7}\n"), false, "boB\u{FFFD}]0;x\u{FFFD} "),
            (Some(" \u{200B}\u{3164}"), false, "@bob:example.org"),
            (Some(""), true, "@bob:example.org"),
            (None, true, "@bob:example.org"),
        ];
        for (display_name, ambiguous, expected) in table {
            assert_eq!(name(bob, display_name, ambiguous).as_str(), expected);
        }
    }

    #[test]
    fn reactions_that_look_the_same_stay_apart_and_their_senders_stand_in_the_order_of_time() {
        let (own, ada, bob) = (user_id!("@you:x"), user_id!("@ada:x"), user_id!("@bob:x"));
        let mut sent = ReactionsByKeyBySender::default();
        let given = [
            ("\u{1F44D}", bob, 3_u32),
            ("\u{1F44D}", own, 1),
            ("\u{1F44D}", ada, 2),
            ("ok", bob, 4),
            ("ok\u{200B}", ada, 5),
            ("a\u{1B}[2J\nb", ada, 6),
        ];
        for (key, sender, at) in given {
            let info = ReactionInfo {
                timestamp: MilliSecondsSinceUnixEpoch(at.into()),
                status: ReactionStatus::LocalToRemote(None),
            };
            sent.entry(key.to_owned()).or_default().insert(sender.to_owned(), info);
        }
        let reaction = |key: &str, text: &str, senders: &[&UserId], is_own| Reaction {
            key: ReactionKey::new(key),
            text: SafeText::line(text),
            senders: senders.iter().map(|sender| ids::user(sender)).collect(),
            own: is_own,
        };
        let expected = [
            reaction("\u{1F44D}", "\u{1F44D}", &[own, ada, bob], true),
            reaction("ok", "ok", &[bob], false),
            reaction("ok\u{200B}", "ok", &[ada], false),
            reaction("a\u{1B}[2J\nb", "a\u{FFFD}[2J b", &[ada], false),
        ];
        assert_eq!(reactions(&sent, own), expected);
    }

    #[test]
    fn what_the_sdk_tries_again_by_itself_is_waiting() {
        let failed = |is_recoverable| {
            let error = Arc::new(Error::UnknownError("no\u{1B}[2J".into()));
            EventSendState::SendingFailed { error, is_recoverable }
        };
        let sent = EventSendState::Sent { event_id: owned_event_id!("$a") };
        let table = [
            (None, SendState::Sent),
            (Some(EventSendState::NotSentYet { progress: None }), SendState::Waiting),
            (Some(failed(true)), SendState::Waiting),
            (Some(failed(false)), SendState::Failed(SafeText::line("It did not work: unknown error: no\u{FFFD}[2J."))),
            (Some(sent), SendState::Sent),
        ];
        for (state, expected) in table {
            assert_eq!(send_state(state.as_ref()), expected, "{state:?}");
        }
    }
}
