//! Commands in the timeline of the open room.

use crate::{
    app::{
        App, Focus,
        command::{Argument, Command, Refusal},
        effect::Effect,
        screens::{DeviceTable, Picker, Scope, picker::Choice},
        timeline::OpenTimeline,
    },
    client::request::TimelineRequest,
    input::Context,
    model::{Reaction, ReactionKey, SafeText, UserId},
};

pub const COMMANDS: &[Command] = &[
    Command::new("take", "Take what was not sent here along, into the next room that you open", |app, _, now, _| {
        app.take_texts(now)
    })
    .keys(&[(Context::Timeline, &["t"])])
    .typed(Argument::Nothing),
    Command::new("select-up", "Select the message above", |app, _, _, _| in_timeline(app, OpenTimeline::select_up))
        .keys(&[(Context::Timeline, &["k", "Up"])]),
    Command::new("select-down", "Select the message below", |app, _, _, _| in_timeline(app, OpenTimeline::select_down))
        .keys(&[(Context::Timeline, &["j", "Down"])]),
    Command::new("page-up", "Scroll the timeline up by a page", |app, _, _, _| in_timeline(app, OpenTimeline::page_up))
        .keys(&[(Context::Timeline, &["PgUp", "Ctrl-U"]), (Context::Composer, &["PgUp"])]),
    Command::new("page-down", "Scroll the timeline down by a page", |app, _, _, _| {
        in_timeline(app, OpenTimeline::page_down)
    })
    .keys(&[(Context::Timeline, &["PgDn", "Ctrl-D"]), (Context::Composer, &["PgDn"])]),
    Command::new("oldest", "Go to the oldest message loaded", |app, _, _, _| {
        in_timeline(app, OpenTimeline::select_oldest)
    })
    .keys(&[(Context::Timeline, &["g", "Home"])]),
    Command::new("newest", "Go to the newest message", |app, _, _, _| in_timeline(app, OpenTimeline::follow_newest))
        .keys(&[(Context::Timeline, &["G", "End"])]),
    Command::new("inspect", "Show who received this message, device by device", |app, _, _, out| app.inspect(out))
        .keys(&[(Context::Timeline, &["i"])]),
    Command::new("devices", "Show the last messages against devices", |app, _, _, _| {
        app.screens.push(DeviceTable::default());
        Ok(())
    })
    .keys(&[(Context::Timeline, &["m"])])
    .typed(Argument::Nothing)
    .in_open_room(),
    Command::new("reply", "Reply to this message", |app, _, _, out| app.begin_reply(out))
        .keys(&[(Context::Timeline, &["r"])]),
    Command::new("answered", "Go to the message that this one replies to; leaving leads back", |app, _, _, _| {
        app.go_to_answered()
    })
    .keys(&[(Context::Timeline, &["p"])]),
    Command::new("retry", "Send this failed message again", |app, _, _, out| app.retry(out))
        .keys(&[(Context::Timeline, &["R"])]),
    Command::new("discard", "Throw this unsent message away", |app, _, _, _| app.discard())
        .keys(&[(Context::Timeline, &["d"])]),
    Command::new("edit", "Edit this message of yours", |app, _, _, out| app.begin_edit(out))
        .keys(&[(Context::Timeline, &["e"])]),
    Command::new("react", "React to this message, or take a reaction back", |app, _, _, _| react(app))
        .keys(&[(Context::Timeline, &["+"])])
        .typed(Argument::Nothing)
        .in_open_room(),
    Command::new("redact", "Remove this message for everyone", |app, _, _, _| app.redact())
        .keys(&[(Context::Timeline, &["x"])]),
    Command::new("compose", "Write a message", |app, _, _, _| {
        app.in_timeline(|open| open.selection = None);
        app.focus = Focus::Composer;
        Ok(())
    })
    .keys(&[(Context::Timeline, &["Enter", "c"])]),
    Command::new(
        "leave-timeline",
        "Back to where you came from, to the newest message, then to the rooms",
        |app, _, _, _| {
            if app.timelines.shown_mut().is_some_and(OpenTimeline::go_back) {
                return Ok(());
            }
            if app.timelines.shown().is_some_and(OpenTimeline::follows_newest) {
                app.focus = Focus::Rooms;
            }
            in_timeline(app, OpenTimeline::follow_newest)
        },
    )
    .keys(&[(Context::Timeline, &["Esc"])]),
];

/// Does something in the open timeline, where there is one.
#[allow(clippy::unnecessary_wraps, reason = "what a row does may be refused")]
fn in_timeline(app: &mut App, act: fn(&mut OpenTimeline)) -> Result<(), Refusal> {
    app.in_timeline(act);
    Ok(())
}

/// Those that stand there before anything is typed.
const REACTIONS: [&str; 8] = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"];

/// A list of the reactions that the selected message has, with who sent them, then of all emoji by
/// name.
fn react(app: &mut App) -> Result<(), Refusal> {
    let open = app.timelines.shown().ok_or("Open a room first.")?;
    let (_, message) = open.selected().ok_or("Select a message first.")?;
    let event_id = message.event_id.clone().ok_or("This message is not sent yet.")?;
    let toggle = |key| {
        let (timeline_id, event_id) = (open.id.clone(), event_id.clone());
        Effect::from(TimelineRequest::ToggleReaction { timeline_id, event_id, key })
    };
    let own = app.account.as_ref().map(|account| &account.user_id);
    let names = |reaction: &Reaction| reaction.senders.iter().map(|user| name(user, open, own)).collect::<Vec<_>>();
    let there = message.reactions.iter().map(|reaction| Choice {
        text: SafeText::line(&format!("{} {}", reaction.text, reaction.senders.len())),
        detail: SafeText::line(&names(reaction).join(", ")),
        effect: toggle(reaction.key.clone()),
    });
    let is_there = |key: &str| message.reactions.iter().any(|reaction| reaction.key.as_str() == key);
    let first = REACTIONS.iter().filter_map(|key| emojis::get(key));
    let others = emojis::iter().filter(|emoji| !REACTIONS.contains(&emoji.as_str()));
    let offered = first.chain(others).filter(|emoji| !is_there(emoji.as_str())).map(|emoji| Choice {
        text: SafeText::line(emoji.as_str()),
        detail: SafeText::line(
            &emoji.shortcodes().fold(emoji.name().to_owned(), |all, code| format!("{all} :{code}:")),
        ),
        effect: toggle(ReactionKey::new(emoji.as_str())),
    });
    let short = message.reactions.len() + REACTIONS.iter().filter(|key| !is_there(key)).count();
    app.screens.push(Picker::new("React", Scope::Room, there.chain(offered).collect(), short));
    Ok(())
}

/// What somebody is called in this timeline, as far as they have said something in it.
fn name(user: &UserId, open: &OpenTimeline, own: Option<&UserId>) -> String {
    if own == Some(user) {
        return "you".to_owned();
    }
    let said = (0..open.items.len()).rev().filter_map(|index| open.message(index)).find(|said| said.sender == *user);
    said.map_or_else(|| user.to_string(), |said| said.sender_name.to_string())
}
