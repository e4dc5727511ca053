//! One message as rows of text.
//!
//! A message is its header (once per group of messages of one sender), what it answers, what it
//! says, and what people made of it. Its delivery mark stands at the right edge of its last row.
//! Only as much of a body is laid out as can be shown: [`MAX_ROWS`] rows.

use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{
    paint::columns,
    theme::{Role, Theme, sender_hue},
    ticks, words,
    wrap::{self, Rows},
};
use crate::model::{self, Body, InReplyTo, Mark, Message, Reaction, SendState};

/// Rows of a body that are shown at most.
pub const MAX_ROWS: usize = 200;

/// Rows of the body of a message that was not sent: it stands below everything newer, which is to
/// be seen. And when it is selected.
const UNSENT_ROWS: (usize, usize) = (2, 8);

/// Messages of one sender that follow one another this closely share a header.
const GROUP: Duration = Duration::from_mins(5);

/// What all messages of a timeline are drawn with.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Colours and glyphs.
    pub theme: Theme,
    /// The columns there are for text, from the indentation to the right edge.
    pub columns: u16,
    /// The zone of all times.
    pub zone: &'a TimeZone,
}

/// Whether `message` goes on under the header of the one before it.
pub fn continues(message: &Message, before: &Message) -> bool {
    message.sender == before.sender && message.at - before.at < GROUP
}

/// What stands beside a message, or changes how it is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// How far it came.
    pub mark: Option<&'a Mark>,
    /// It is selected: its spoilers are shown.
    pub selected: bool,
    /// It came in the clear into an encrypted room.
    pub in_clear: bool,
    /// It shows its time itself: there is no header that does.
    pub timed: bool,
}

/// The rows of a message, without the header: at least one, and each with a span in it.
pub fn rows<'a>(message: &'a Message, beside: Beside<'_>, look: Look<'_>) -> Vec<Line<'a>> {
    let Beside { mark, selected, in_clear, timed } = beside;
    let mut rows = Vec::new();
    rows.extend(message.reply_to.as_ref().map(|answered| reply(answered, look)));
    body(&mut rows, message, selected, look);
    if rows.is_empty() {
        // Every item has a row, or the end of the timeline could not be seen.
        rows.push(Line::raw(" "));
    }
    if timed {
        // Two blanks, as in the header: it must not be taken for the text's end.
        let time = format!(" {}", words::clock(message.at, look.zone));
        append(&mut rows, Span::styled(time, look.theme.role(Role::Dim)), look);
    }
    if message.edited {
        append(&mut rows, Span::styled("(edited)", look.theme.role(Role::Dim)), look);
    }
    if in_clear {
        let text = format!("{} not encrypted", look.theme.symbols().in_clear);
        append(&mut rows, Span::styled(text, look.theme.role(Role::Warning)), look);
    }
    if !message.reactions.is_empty() {
        rows.push(reactions(&message.reactions, look));
    }
    if let SendState::Failed(why) = &message.send_state {
        let text = format!("Not sent: {why}");
        let what_to_do = if selected { "" } else { " (select it to try again)" };
        // The mark follows on the same row.
        let room = look.columns.saturating_sub(2);
        let what_to_do = if wrap::width(&text) + wrap::width(what_to_do) <= room { what_to_do } else { "" };
        rows.push(Line::from(vec![
            Span::styled(wrap::cut(&text, room, look.theme.symbols().ellipsis), look.theme.role(Role::Error)),
            Span::styled(what_to_do, look.theme.role(Role::Dim)),
        ]));
    }
    if let Some(mark) = mark {
        append_right(&mut rows, ticks::mark(mark, look.theme), look);
    }
    rows
}

/// Characters of a body that are looked at for one line.
const ONE_LINE: usize = 400;

/// What a message says, in one line.
pub fn one_line(body: &Body) -> String {
    let text = |lines: &[model::Line]| -> String {
        let spans = lines.iter().flat_map(|line| line.spans.iter().map(|span| span.text.as_str()).chain([" "]));
        let text: String = spans.flat_map(str::chars).take(ONE_LINE).collect();
        text.trim_end().to_owned()
    };
    match body {
        Body::Text(lines) | Body::Emote(lines) | Body::Notice(lines) => text(lines),
        Body::Media(media) => format!("{} {}", media.kind.as_str(), media.name),
        Body::Location(location) => format!("location {}", location.name),
        Body::Poll(poll) => poll.sentence().to_string(),
        Body::Undecryptable(_) => "(could not be decrypted here)".to_owned(),
        Body::Redacted => "(removed)".to_owned(),
        Body::Unsupported(unsupported) if unsupported.body.is_empty() => unsupported.sentence().to_string(),
        Body::Unsupported(unsupported) => text(&unsupported.body),
        Body::Other(what) => what.to_string(),
    }
}

/// Who, and when if that is shown.
pub fn header(message: &Message, timed: bool, look: Look<'_>) -> Line<'static> {
    let time = if timed { format!("  {}", words::clock(message.at, look.zone)) } else { String::new() };
    let room = look.columns.saturating_sub(wrap::width(&time));
    let name = wrap::cut(&message.sender_name, room, look.theme.symbols().ellipsis);
    let hue = Role::Sender(sender_hue(&message.sender));
    Line::from(vec![Span::styled(name, look.theme.role(hue)), Span::styled(time, look.theme.role(Role::Dim))])
}

fn reply(InReplyTo { sender_name, preview, .. }: &InReplyTo, look: Look<'_>) -> Line<'static> {
    let symbols = look.theme.symbols();
    let text = wrap::cut(&format!("{} {sender_name}: {preview}", symbols.quote), look.columns, symbols.ellipsis);
    Line::styled(text, look.theme.role(Role::Dim))
}

fn body<'a>(rows: &mut Vec<Line<'a>>, message: &'a Message, selected: bool, look: Look<'_>) {
    let theme = look.theme;
    let most = match message.send_state {
        SendState::Failed(_) => {
            if selected {
                UNSENT_ROWS.1
            } else {
                UNSENT_ROWS.0
            }
        }
        SendState::Waiting | SendState::Sent => MAX_ROWS,
    };
    let mut text = |lines: &'a [model::Line], lead: Option<Span<'a>>, base: Style| {
        paragraphs(rows, lines, lead, base, (selected, most), look);
    };
    match &message.body {
        Body::Text(lines) => text(lines, None, theme.role(Role::Text)),
        Body::Notice(lines) => text(lines, None, theme.role(Role::Dim)),
        Body::Emote(lines) => {
            let hue = Role::Sender(sender_hue(&message.sender));
            let name = wrap::cut(&message.sender_name, look.columns / 2, theme.symbols().ellipsis);
            text(lines, Some(Span::styled(format!("* {name} "), theme.role(hue))), theme.role(Role::Text));
        }
        Body::Media(media) => {
            rows.push(attachment(media.kind.as_str(), &media.name, media.size, look));
            paragraphs(rows, &media.caption, None, theme.role(Role::Text), (selected, most), look);
        }
        Body::Location(location) => {
            rows.push(attachment("location", &location.name, None, look));
            paragraphs(rows, &location.caption, None, theme.role(Role::Text), (selected, most), look);
        }
        Body::Poll(poll) => rows.extend(sentence(&poll.sentence(), Role::Dim, look)),
        Body::Undecryptable(why) => {
            rows.extend(sentence(&format!("Could not decrypt this message: {why}"), Role::Warning, look));
        }
        Body::Redacted => rows.extend(sentence("This message was removed.", Role::Dim, look)),
        Body::Unsupported(unsupported) if unsupported.body.is_empty() => {
            rows.extend(sentence(&unsupported.sentence(), Role::Dim, look));
        }
        Body::Unsupported(unsupported) => text(&unsupported.body, None, theme.role(Role::Text)),
        Body::Other(what) => rows.extend(sentence(what, Role::Dim, look)),
    }
}

/// What comes with a message: what it is, its name and its size in bytes.
fn attachment(what: &'static str, name: &str, size: Option<u64>, look: Look<'_>) -> Line<'static> {
    let dim = look.theme.role(Role::Dim);
    let size = size.map(|bytes| format!("  {}", words::size(bytes))).unwrap_or_default();
    let room = look.columns.saturating_sub(wrap::width(what) + wrap::width(&size) + 1);
    Line::from(vec![
        Span::styled(format!("{what} "), dim),
        Span::styled(wrap::cut(name, room, look.theme.symbols().ellipsis), look.theme.role(Role::Accent)),
        Span::styled(size, dim),
    ])
}

/// A short text of our own, wrapped.
pub fn sentence(text: &str, role: Role, look: Look<'_>) -> Vec<Line<'static>> {
    let style = look.theme.role(role);
    let rows = Rows::plain(text, look.columns).take(MAX_ROWS);
    rows.map(|row| Line::styled(row.text(), style)).collect()
}

/// Wraps lines of a message, and says so when not all of them are shown.
fn paragraphs<'a>(
    rows: &mut Vec<Line<'a>>,
    lines: &'a [model::Line],
    mut lead: Option<Span<'a>>,
    base: Style,
    (selected, most): (bool, usize),
    look: Look<'_>,
) {
    let mut left = most;
    for (at, line) in lines.iter().enumerate() {
        let depth = usize::from(line.quote.min(4));
        let quote = format!("{} ", look.theme.symbols().quote).repeat(depth);
        let indent = wrap::width(&quote) + lead.as_ref().map_or(0, |lead| wrap::width(&lead.content));
        let mut wrapped = Rows::new(line, look.columns.saturating_sub(indent));
        for row in wrapped.by_ref().take(left) {
            let mut spans = Vec::with_capacity(row.pieces.len() + 2);
            spans.extend(lead.take());
            if depth > 0 {
                spans.push(Span::styled(quote.clone(), look.theme.role(Role::Dim)));
            }
            spans.extend(row.pieces.into_iter().map(|piece| {
                if piece.style.spoiler && !selected {
                    let cover = look.theme.symbols().cover.repeat(usize::from(wrap::width(piece.text)));
                    return Span::styled(cover, look.theme.role(Role::Dim));
                }
                Span::styled(piece.text, look.theme.span(base, piece.style, piece.link.is_some()))
            }));
            if spans.is_empty() {
                spans.push(Span::raw(""));
            }
            rows.push(Line::from(spans));
            left -= 1;
        }
        let unfinished = wrapped.next().is_some();
        let hidden = lines.len() - at - usize::from(!unfinished);
        if left == 0 && hidden > 0 {
            let more = words::count(u64::try_from(hidden).unwrap_or(u64::MAX), "more line", "more lines");
            let text = format!("{} {more}", look.theme.symbols().ellipsis);
            rows.push(Line::styled(text, look.theme.role(Role::Dim)));
            return;
        }
    }
}

fn reactions<'a>(reactions: &'a [Reaction], look: Look<'_>) -> Line<'a> {
    let mut spans = Vec::new();
    let mut left = look.columns;
    for reaction in reactions {
        let (open, close) = if reaction.own { ("[", "]") } else { (" ", " ") };
        let (key, _) = wrap::fit(&reaction.text, 16);
        let text = format!("{open}{key} {}{close}", reaction.senders.len());
        let wide = wrap::width(&text) + 1;
        if wide + 2 > left {
            spans.push(Span::styled(look.theme.symbols().ellipsis, look.theme.role(Role::Dim)));
            break;
        }
        left -= wide;
        let modifier = if reaction.own { Modifier::BOLD } else { Modifier::empty() };
        spans.push(Span::styled(text, Style::new().add_modifier(modifier)));
        spans.push(Span::raw(" "));
    }
    Line::from(spans)
}

/// Puts a span after the last row's text if it fits, else on a row of its own.
fn append<'a>(rows: &mut Vec<Line<'a>>, span: Span<'a>, look: Look<'_>) {
    match rows.last_mut() {
        Some(row) if columns(row) + 1 + wrap::width(&span.content) <= look.columns => {
            row.spans.push(Span::raw(" "));
            row.spans.push(span);
        }
        _ => rows.push(Line::from(span)),
    }
}

/// Puts spans at the right edge of the last row if they fit, else of a row of their own. The row's
/// own style must not reach them, so it is moved into its spans.
fn append_right<'a>(rows: &mut Vec<Line<'a>>, spans: Vec<Span<'a>>, look: Look<'_>) {
    let wide = spans.iter().map(|span| wrap::width(&span.content)).fold(0, u16::saturating_add);
    if rows.last().is_none_or(|row| columns(row) + 1 + wide > look.columns) {
        rows.push(Line::default());
    }
    if let Some(row) = rows.last_mut() {
        let style = std::mem::take(&mut row.style);
        for span in &mut row.spans {
            span.style = style.patch(span.style);
        }
        let gap = look.columns.saturating_sub(columns(row) + wide);
        row.spans.push(Span::raw(" ".repeat(usize::from(gap))));
        row.spans.extend(spans);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{
            EventId, Location, Mentions, Poll, PollKind, ReactionKey, SafeText, SpanStyle, Timestamp, Unsupported,
            UserId,
        },
        settings::ui::Glyphs,
    };

    fn message(text: &str) -> Message {
        Message {
            event_id: Some(EventId::new("$1")),
            sender: UserId::new("@ada:example.org"),
            sender_name: SafeText::line("Ada"),
            at: Timestamp::EPOCH,
            own: true,
            body: Body::Text(text.split('\n').map(|line| model::Line::plain(SafeText::line(line))).collect()),
            source: None,
            edited: false,
            mentions: Mentions::default(),
            reply_to: None,
            thread_root: None,
            reactions: Vec::new(),
            send_state: SendState::Sent,
            in_clear: false,
            read_by: Vec::new(),
        }
    }

    fn drawn(message: &Message, mark: Option<&Mark>, selected: bool, columns: u16) -> Vec<String> {
        let look = Look { theme: Theme::default(), columns, zone: &TimeZone::UTC };
        rows(message, Beside { mark, selected, ..Beside::default() }, look).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_came_in_the_clear_says_so_without_colour() {
        let beside = Beside { in_clear: true, ..Beside::default() };
        let drawn = |glyphs, columns| {
            let look = Look { theme: Theme { glyphs, ..Theme::default() }, columns, zone: &TimeZone::UTC };
            rows(&message("hi"), beside, look).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(drawn(Glyphs::Unicode, 24), ["hi ⊘ not encrypted"]);
        assert_eq!(drawn(Glyphs::Ascii, 24), ["hi ! not encrypted"]);
        assert_eq!(drawn(Glyphs::Unicode, 16), ["hi", "⊘ not encrypted"]);
    }

    #[test]
    fn the_mark_ends_the_last_row_or_stands_on_its_own() {
        let sent = Some(&Mark::Sent);
        assert_eq!(drawn(&message("hi"), sent, false, 8), ["hi     ✓"]);
        assert_eq!(drawn(&message("hello!"), sent, false, 8), ["hello! ✓"]);
        assert_eq!(drawn(&message("hello!!"), sent, false, 8), ["hello!!", "       ✓"]);
        assert_eq!(drawn(&message("hello you"), sent, false, 8), ["hello", "you    ✓"]);
        assert_eq!(drawn(&message("hi"), None, false, 8), ["hi"]);
        let mut nothing = message("");
        nothing.body = Body::Text(Vec::new());
        assert_eq!(drawn(&nothing, None, false, 8), [" "]);
    }

    #[test]
    fn a_long_body_is_cut_and_says_how_much_is_missing() {
        let long = vec!["line"; MAX_ROWS + 7].join("\n");
        let rows = drawn(&message(&long), None, false, 40);
        assert_eq!((rows.len(), rows[MAX_ROWS].as_str()), (MAX_ROWS + 1, "… 7 more lines"));
        let exactly = vec!["line"; MAX_ROWS].join("\n");
        assert_eq!(drawn(&message(&exactly), None, false, 40).len(), MAX_ROWS);
        let mut one_line = message("");
        let spans =
            vec![model::Span { text: SafeText::line("x x x x x "), style: SpanStyle::default(), link: None }; 100_000];
        one_line.body = Body::Text(vec![model::Line { quote: 0, spans }]);
        let rows = drawn(&one_line, None, false, 40);
        assert_eq!((rows.len(), rows[MAX_ROWS].as_str()), (MAX_ROWS + 1, "… 1 more line"));
    }

    #[test]
    fn what_was_not_sent_takes_few_rows() {
        let mut failed = message(&["line"; 20].join("\n"));
        failed.send_state = SendState::Failed(SafeText::line("no"));
        assert_eq!(
            drawn(&failed, None, false, 40)[1..],
            ["line", "… 18 more lines", "Not sent: no (select it to try again)"]
        );
        assert_eq!(drawn(&failed, None, true, 40).len(), 8 + 2);
        failed.body = Body::Text(vec![model::Line::plain(SafeText::block(&"x ".repeat(20_000)))]);
        assert_eq!(drawn(&failed, None, false, 40).len(), 4);
    }

    #[test]
    fn a_spoiler_is_covered_until_its_message_is_selected() {
        let mut hidden = message("");
        let style = SpanStyle { spoiler: true, ..SpanStyle::default() };
        let span = model::Span { text: SafeText::line("he dies"), style, link: None };
        hidden.body = Body::Text(vec![model::Line { quote: 1, spans: vec![span] }]);
        assert_eq!(drawn(&hidden, None, false, 20), ["│ ▒▒▒▒▒▒▒"]);
        assert_eq!(drawn(&hidden, None, true, 20), ["│ he dies"]);
    }

    #[test]
    fn everything_around_the_text_has_its_row() {
        let mut full = message("yes");
        full.reply_to = Some(InReplyTo {
            at: None,
            event_id: EventId::new("$0"),
            sender: Some(UserId::new("@bob:example.org")),
            sender_name: SafeText::line("Bob"),
            preview: SafeText::line("coming to the lake?"),
        });
        full.edited = true;
        let reaction = |text: &str, senders: &[&str], own| Reaction {
            key: ReactionKey::new(text),
            text: SafeText::line(text),
            senders: senders.iter().map(UserId::new).collect(),
            own,
        };
        full.reactions = vec![reaction("👍", &["@bob:x", "@eve:x"], false), reaction("+1", &["@ada:x"], true)];
        full.send_state = SendState::Failed(SafeText::line("no network"));
        assert_eq!(
            drawn(&full, Some(&Mark::Failed), false, 24),
            ["│ Bob: coming to the la…", "yes (edited)", " 👍 2  [+1 1] ", "Not sent: no network   !"]
        );
    }

    #[test]
    fn what_is_no_text_says_what_it_is() {
        let lines = |text: &str| vec![model::Line::plain(SafeText::line(text))];
        let unsupported = |body| Body::Unsupported(Unsupported { kind: SafeText::line("org.example.dance"), body });
        let geo_uri = SafeText::line("geo:1,2");
        let place = Location { name: geo_uri.clone(), geo_uri: Some(geo_uri), caption: lines("the pub") };
        let poll = Poll {
            question: SafeText::line("lunch?"),
            answers: Vec::new(),
            kind: PollKind::Undisclosed,
            max_selections: 1,
            ended: None,
        };
        let table: [(Body, &[&str], &str); 4] = [
            (Body::Location(place), &["location geo:1,2", "the pub"], "location geo:1,2"),
            (Body::Poll(Box::new(poll)), &["poll: lunch?"], "poll: lunch?"),
            (unsupported(lines("they dance")), &["they dance"], "they dance"),
            (
                unsupported(Vec::new()),
                &["unsupported message: org.example.dance"],
                "unsupported message: org.example.dance",
            ),
        ];
        for (body, rows, line) in table {
            assert_eq!(one_line(&body), line);
            assert_eq!(drawn(&Message { body, ..message("") }, None, false, 40), rows);
        }
    }

    #[test]
    fn a_group_ends_after_five_minutes_or_with_another_sender() {
        let first = message("one");
        let mut next = message("two");
        next.at = Timestamp::EPOCH + GROUP - Duration::from_millis(1);
        assert!(continues(&next, &first));
        next.at = Timestamp::EPOCH + GROUP;
        assert!(!continues(&next, &first));
        next.at = Timestamp::EPOCH;
        next.sender = UserId::new("@bob:example.org");
        assert!(!continues(&next, &first));
    }
}
