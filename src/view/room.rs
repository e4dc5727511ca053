//! The open room around its timeline: the header, the rules, the composer.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    canvas::Canvas,
    editor::{self, Typed},
    endings, hints,
    layout::Areas,
    paint,
    theme::{Role, Theme},
    words, wrap,
};
use crate::{
    app::{App, Focus, commands, editing::DecryptedBy, timeline::OpenTimeline},
    model::{Membership, Pagination, RoomSummary},
};

/// The sign in front of what is typed.
const PROMPT: &str = "> ";
/// Columns of a rule that words in it leave free.
const RULE_ENDS: u16 = 6;

/// What is typed, wrapped for the composer's columns.
pub fn typed(open: &OpenTimeline, columns: u16, height: u16) -> Typed {
    editor::block(&open.writing.composer, columns.saturating_sub(3), height)
}

/// Name, encryption, members, receipts, and the topic where there is space.
pub fn draw_header(app: &App, open: &OpenTimeline, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let Some(room) = app.rooms.get(&open.id.room_id) else {
        paint::row(canvas, area, 0, &Line::styled(open.id.room_id.shown().to_string(), theme.role(Role::Heading)));
        return;
    };
    let dim = theme.role(Role::Dim);
    let dot = format!(" {} ", theme.symbols().dot);
    let encryption = if room.encrypted {
        Span::styled("encrypted", theme.role(Role::Good))
    } else {
        Span::styled("not encrypted", theme.role(Role::Warning))
    };
    let encryption = if app.incognito_in(&room.id) {
        let sign = format!("{} ", theme.symbols().incognito);
        vec![Span::styled(sign, theme.role(Role::Warning)), encryption]
    } else {
        vec![encryption]
    };
    let fact = |text: &str| Span::styled(format!("{dot}{text}"), dim);
    let (receipts, why) = eligibility(app, room);
    let reasoned = why.map(|why| fact(&format!("{receipts} {} {why}", theme.symbols().dash)));
    let (receipts, members) = if room.is_open() {
        (fact(receipts), fact(&words::count(room.joined_members, "member", "members")))
    } else {
        // The rule below says it in full.
        (fact("nothing can be sent here"), Span::raw(""))
    };
    let reasoned = reasoned.filter(|_| room.is_open());

    // The name keeps a third of the row; of the facts there are as many as that allows.
    let choices = [
        vec![reasoned.unwrap_or_else(|| receipts.clone()), members.clone()],
        vec![receipts.clone(), members],
        vec![receipts],
        vec![],
    ];
    let columns = |facts: &[Span<'_>]| facts.iter().map(|fact| wrap::width(&fact.content)).fold(0, u16::saturating_add);
    let gap = 2;
    let apart = app.rooms.told_apart_by(room);
    let full = apart.map_or_else(|| room.name.to_string(), |user| format!("{} {user}", room.name));
    let name = wrap::cut(&full, area.width / 3, theme.symbols().ellipsis);
    let taken = wrap::width(&name) + gap + columns(&encryption);
    let facts = choices.into_iter().find(|facts| taken + columns(facts) <= area.width).unwrap_or_default();
    let name_room = area.width.saturating_sub(gap + columns(&encryption) + columns(&facts));
    let name = wrap::cut(&full, name_room, theme.symbols().ellipsis);
    let mut spans = vec![Span::styled(name, theme.role(Role::Heading)), Span::raw("  ")];
    spans.extend(encryption);
    spans.extend(facts);
    if !room.topic.is_empty() && columns(&spans) + 12 < area.width {
        spans.push(fact(&room.topic));
    }
    paint::row(canvas, area, 0, &paint::cut(spans, area.width, theme));
}

/// Whether receipts are sent in this room, and if not, why not (P5, P6).
fn eligibility(app: &App, room: &RoomSummary) -> (&'static str, Option<String>) {
    let Some(reason) = app.room_eligibility(room).withheld() else { return ("receipts: on", None) };
    let mut sentence = reason.sentence().trim_end_matches('.').chars();
    let start = sentence.next().into_iter().flat_map(char::to_lowercase);
    ("receipts: off", Some(start.chain(sentence).collect()))
}

/// The rule under the header; it says how the room ended, if it did, and when older messages are on
/// their way.
pub fn draw_header_rule(app: &App, open: &OpenTimeline, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) {
    if let Some(ending) = app.rooms.get(&open.id.room_id).and_then(|room| room.ending.as_ref()) {
        let text = endings::sentence(ending, &app.time_zone);
        let text = wrap::cut(&text, area.width.saturating_sub(RULE_ENDS), theme.symbols().ellipsis);
        return paint::rule(canvas, area, vec![Span::styled(text, theme.role(Role::Warning))], Vec::new(), theme);
    }
    let loading = (open.pagination == Pagination::Loading && !open.items.is_empty()).then(|| {
        Span::styled(format!("{} older messages{}", theme.symbols().up, theme.symbols().busy), theme.role(Role::Dim))
    });
    paint::rule(canvas, area, loading.into_iter().collect(), Vec::new(), theme);
}

/// The rule above the composer; it says what is edited or answered, else who is typing, and what
/// came in below.
pub fn draw_composer_rule(app: &App, open: &OpenTimeline, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let mut below = Vec::new();
    if open.unseen_below > 0 && app.edited_after().is_none() {
        let text = format!("{} new below {}", open.unseen_below, theme.symbols().down);
        below.push(Span::styled(text, theme.role(Role::Unread)));
    }
    let mut typing = Vec::new();
    if let Some(replying) = open.writing.replying() {
        let taken = below.iter().map(|span| wrap::width(&span.content) + 2).sum::<u16>() + RULE_ENDS;
        let text = format!("Reply to {}", replying.quote());
        let text = Span::styled(text, theme.role(Role::Accent));
        typing = paint::cut(vec![text], area.width.saturating_sub(taken), theme).spans;
    } else if let Some(known) = app.edited_after() {
        let text = editing(app, known, area.width.saturating_sub(RULE_ENDS));
        typing = vec![Span::styled(text, theme.role(Role::Accent))];
    } else if !open.typing.is_empty() {
        let verb = if open.typing.len() == 1 { "is" } else { "are" };
        let text = format!("{} {verb} typing{}", words::names(&open.typing), theme.symbols().busy);
        typing = paint::cut(vec![Span::styled(text, theme.role(Role::Dim))], area.width / 2, theme).spans;
    }
    paint::rule(canvas, area, typing, below, theme);
}

/// That a message is edited, with as much about it as there is space for.
fn editing(app: &App, known: DecryptedBy, columns: u16) -> String {
    let keys = [("send", "saves"), ("leave-composer", "stops")];
    let keys = keys.map(|(action, does)| hints::key(app, action).map(|key| format!("{key} {does}")));
    let keys = keys.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let keys = if keys.is_empty() { keys } else { format!(" {keys}.") };
    let long = format!("Editing. {}", known.sentence("the old text"));
    let short = match known {
        DecryptedBy::Devices(devices) => format!("Editing; on {} already.", words::count(devices, "device", "devices")),
        DecryptedBy::Nobody | DecryptedBy::Nothing => "Editing.".to_owned(),
    };
    let choices = [format!("{long}{keys}"), format!("{short}{keys}"), short];
    choices.into_iter().find(|text| wrap::width(text) <= columns).unwrap_or_else(|| "Editing.".to_owned())
}

/// What is being written, or what could be.
pub fn draw_composer(app: &App, open: &OpenTimeline, theme: Theme, canvas: &mut Canvas<'_, '_>, areas: &Areas) {
    let area = areas.composer;
    let focused = app.focus == Focus::Composer;
    let prompt = theme.role(if focused { Role::Accent } else { Role::Dim });
    paint::row(canvas, area, 0, &Line::styled(PROMPT, prompt));
    let text = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
    let typed = typed(open, area.width, area.height);
    if open.writing.composer.is_empty() {
        let line = Span::styled(placeholder(app, open, theme), theme.role(Role::Dim));
        paint::row(canvas, text, 0, &paint::cut(vec![line], text.width, theme));
    }
    for (at, row) in typed.rows.iter().enumerate() {
        paint::row(canvas, text, at, &Line::raw(row.as_str()));
    }
    if focused && app.screens.is_empty() {
        canvas.set_cursor_position((text.x + typed.cursor.0, text.y + typed.cursor.1));
    }
}

fn placeholder(app: &App, open: &OpenTimeline, theme: Theme) -> String {
    let room = app.rooms.get(&open.id.room_id);
    if room.is_some_and(|room| !room.is_open()) {
        return "Nothing can be sent here any more".to_owned();
    }
    let to = room.map_or("this room", |room| room.name.as_str());
    // What Enter does here stands among the key hints below.
    if app.focus == Focus::Composer {
        format!("Message {to}, or / for a command{}", theme.symbols().busy)
    } else {
        hints::key(app, "compose").map_or_else(
            || format!("Message {to}"),
            |key| format!("Message {to} {} {key} writes", theme.symbols().dash),
        )
    }
}

/// There are no rooms at all: the commands that lead to one, as they are typed.
pub fn draw_first_steps(theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let steps = ["dm", "create", "join"].into_iter().filter_map(commands::named);
    let rows: Vec<_> = steps.map(|command| (format!(":{}", command.usage()), command.doc)).collect();
    let wide = rows.iter().map(|(typed, _)| wrap::width(typed)).max().unwrap_or(0) + 3;
    let both = wide + rows.iter().map(|(_, doc)| wrap::width(doc)).max().unwrap_or(0);
    let head = Line::styled("You are in no room yet. Type one of these:", theme.role(Role::Text));
    let mut lines = vec![head, Line::default()];
    for (typed, doc) in rows {
        let key = Span::styled(format!("{typed:<0$}", usize::from(wide)), theme.role(Role::Key));
        let doc = Span::styled(format!("{doc:<0$}", usize::from(both - wide)), theme.role(Role::Dim));
        lines.push(Line::from(if both <= area.width { vec![key, doc] } else { vec![key] }));
    }
    paint::centred(canvas, area, &lines);
}

/// No room is open: says what to do.
pub fn draw_none(app: &App, theme: Theme, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let key = |action: &str| hints::key(app, action).map(ToString::to_string).unwrap_or_default();
    let lines = match app.rooms.selected() {
        None if app.rooms.complete && app.rooms.all().is_empty() => {
            return draw_first_steps(theme, canvas, area);
        }
        None => Vec::new(),
        Some(RoomSummary { membership: Membership::Invited { by }, name, direct, .. }) => {
            let who = by.as_ref().map_or("Somebody".to_owned(), ToString::to_string);
            let mut lines = vec![if *direct {
                format!("{who} wants to chat with you.")
            } else {
                format!("{who} invites you to {name}.")
            }];
            if app.focus == Focus::Rooms {
                lines.push(format!("{} accepts, {} declines.", key("accept"), key("decline")));
            }
            lines
        }
        Some(room) if room.ending.is_some() => {
            let mut lines =
                room.ending.iter().map(|ending| endings::sentence(ending, &app.time_zone)).collect::<Vec<_>>();
            if app.focus == Focus::Rooms {
                lines.push(endings::ways_out(room, key));
            }
            lines
        }
        Some(_) if app.focus == Focus::Rooms => vec![format!("{} opens the selected room.", key("room-open"))],
        Some(_) => vec!["No room is open.".to_owned()],
    };
    let style = theme.role(Role::Dim);
    let lines: Vec<_> = lines
        .into_iter()
        .map(|line| Line::styled(wrap::cut(&line, area.width, theme.symbols().ellipsis), style))
        .collect();
    paint::centred(canvas, area, &lines);
}
