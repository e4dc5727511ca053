//! The delivery mark at the end of an own message.
//!
//! The problem: ten states, three styles and two glyph sets, in as few columns as possible, and
//! none of them may lean on colour. The way: a mark is first turned into text (a table a person can
//! read below), then coloured.
//!
//! | state | unicode | ascii |
//! | --- | --- | --- |
//! | waiting to be sent | `◌` | `~` |
//! | could not be sent | `!` | `!` |
//! | on the server | `✓` | `+` |
//! | on the server, not passed on by a bridge | `✓!` | `+!` |
//! | device: delivered | `●` | `#` |
//! | device: not yet | `○` | `o` |
//! | device: could not decrypt | `×` | `x` |
//! | device: nothing is known | `?` | `?` |
//! | device: usually answers, has not this time | `△` | `^` |
//! | 12 of 57 devices, 1 could not decrypt, 2 usually answer | `✓ 12/57 ×1 △2` | `+ 12/57 x1 ^2` |
//! | on every device | `✓✓` | `++` |
//! | read by everyone | `✔✔` | `**` |
//!
//! A device row groups devices by person, with a space between persons: `●● ○`; once everyone has
//! read the message a `✔` or `*` follows it. Style `count` turns a row into its count. Style
//! `classic` knows one tick and two, and still says `✓×` when a device could not decrypt and `✓△`
//! when one that usually answers has not: neither may need to be looked for.

use ratatui::text::Span;

use super::theme::{Role, Theme};
use crate::{
    model::{DeviceState, Mark, Timestamp},
    settings::ui::{Glyphs, MarkStyle},
};

/// The signs of one glyph set.
struct Signs {
    waiting: &'static str,
    failed: &'static str,
    sent: &'static str,
    nobody: &'static str,
    not_bridged: &'static str,
    delivered: &'static str,
    pending: &'static str,
    undecryptable: &'static str,
    unknown: &'static str,
    missed: &'static str,
    excluded: &'static str,
    all: &'static str,
    read: &'static str,
    row_read: &'static str,
}

const UNICODE: Signs = Signs {
    waiting: "◌",
    failed: "!",
    sent: "✓",
    nobody: "∅",
    not_bridged: "✓!",
    delivered: "●",
    pending: "○",
    undecryptable: "×",
    unknown: "?",
    missed: "△",
    excluded: "–",
    all: "✓✓",
    read: "✔✔",
    row_read: "✔",
};

const ASCII: Signs = Signs {
    waiting: "~",
    failed: "!",
    sent: "+",
    nobody: "0",
    not_bridged: "+!",
    delivered: "#",
    pending: "o",
    undecryptable: "x",
    unknown: "?",
    missed: "^",
    excluded: "-",
    all: "++",
    read: "**",
    row_read: "*",
};

fn signs(theme: Theme) -> &'static Signs {
    match theme.glyphs {
        Glyphs::Unicode => &UNICODE,
        Glyphs::Ascii => &ASCII,
    }
}

/// The mark as it is drawn, without any space around it.
pub fn mark(mark: &Mark, theme: Theme) -> Vec<Span<'static>> {
    let signs = signs(theme);
    let span = |text: &'static str, role| Span::styled(text, theme.role(role));
    match mark {
        Mark::Waiting => vec![span(signs.waiting, Role::Dim)],
        Mark::Failed => vec![span(signs.failed, Role::Error)],
        Mark::Sent => vec![span(signs.sent, Role::Dim)],
        Mark::Nobody => vec![span(signs.nobody, Role::Warning)],
        Mark::NotBridged => vec![span(signs.not_bridged, Role::Error)],
        Mark::Delivered => vec![span(signs.all, Role::Delivered)],
        Mark::Read => vec![span(signs.read, Role::Read)],
        Mark::Count { delivered, expected, undecryptable, missed } => {
            count(*delivered, *expected, [*undecryptable, *missed], theme)
        }
        Mark::Devices { people, read } if theme.style == MarkStyle::Devices => {
            let mut row = device_row(people, theme);
            if *read {
                row.push(span(signs.row_read, Role::Read));
            }
            row
        }
        Mark::Devices { .. } => self::mark(&mark.clone().counted(), theme),
    }
}

/// One device, as in the row and in the inspector.
pub fn device(state: &DeviceState, theme: Theme) -> Span<'static> {
    let signs = signs(theme);
    let (text, role) = match state {
        DeviceState::Delivered { .. } => (signs.delivered, Role::Delivered),
        DeviceState::Pending => (signs.pending, Role::Dim),
        DeviceState::Undecryptable { .. } => (signs.undecryptable, Role::Error),
        DeviceState::Unknown | DeviceState::Quiet => (signs.unknown, Role::Dim),
        DeviceState::Missed { .. } => (signs.missed, Role::Warning),
        DeviceState::Silent { .. } | DeviceState::Gone | DeviceState::Excluded { .. } => (signs.excluded, Role::Dim),
    };
    Span::styled(text, theme.role(role))
}

/// Every sign and what it means, for the help.
pub fn legend(theme: Theme) -> Vec<(Span<'static>, &'static str)> {
    let simple = |state: &Mark| mark(state, theme).remove(0);
    let row_read = Span::styled(signs(theme).row_read, theme.role(Role::Read));
    vec![
        (simple(&Mark::Waiting), "waiting to be sent"),
        (simple(&Mark::Failed), "could not be sent"),
        (simple(&Mark::Sent), "on the server"),
        (simple(&Mark::Nobody), "on the server, but nobody else is there to get it"),
        (simple(&Mark::NotBridged), "on the server, but a bridge could not pass it on"),
        (device(&DeviceState::Delivered { at: None }, theme), "a device received and decrypted it"),
        (device(&DeviceState::Pending, theme), "a device has not answered yet"),
        (device(&DeviceState::Undecryptable { at: None }, theme), "a device could not decrypt it"),
        (
            device(&DeviceState::Missed { later: Timestamp::EPOCH }, theme),
            "a device that usually answers has not, but has answered a later one",
        ),
        (device(&DeviceState::Unknown, theme), "nobody knows: no receipt ever came, or none was sent then"),
        (row_read, "after the devices: everyone has read it"),
        (simple(&Mark::Delivered), "on every device that was given the key"),
        (simple(&Mark::Read), "on every device, and everyone has read it"),
    ]
}

/// One glyph a device, a space between persons.
fn device_row(people: &[Vec<DeviceState>], theme: Theme) -> Vec<Span<'static>> {
    let mut row = Vec::new();
    for person in people {
        if !row.is_empty() {
            row.push(Span::raw(" "));
        }
        row.extend(person.iter().map(|state| device(state, theme)));
    }
    row
}

/// The numbers, or in style `classic` what of them one tick can say. `amiss`: those that could not
/// decrypt, and those that usually answer.
fn count(delivered: usize, expected: usize, amiss: [usize; 2], theme: Theme) -> Vec<Span<'static>> {
    let Signs { sent, undecryptable, missed, .. } = signs(theme);
    let classic = theme.style == MarkStyle::Classic;
    let role = if delivered > 0 && !classic { Role::Delivered } else { Role::Dim };
    let text = if classic { (*sent).to_owned() } else { format!("{sent} {delivered}/{expected}") };
    let mut spans = vec![Span::styled(text, theme.role(role))];
    for (devices, sign, role) in [(amiss[0], *undecryptable, Role::Error), (amiss[1], *missed, Role::Warning)] {
        if devices > 0 {
            let text = if classic { sign.to_owned() } else { format!(" {sign}{devices}") };
            spans.push(Span::styled(text, theme.role(role)));
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use ratatui::style::Modifier;

    use super::*;
    use crate::settings::ui::Palette;

    const D: DeviceState = DeviceState::Delivered { at: None };
    const P: DeviceState = DeviceState::Pending;
    const X: DeviceState = DeviceState::Undecryptable { at: None };
    const Q: DeviceState = DeviceState::Unknown;
    const M: DeviceState = DeviceState::Missed { later: Timestamp::EPOCH };

    fn text(state: &Mark, style: MarkStyle, glyphs: Glyphs) -> String {
        let theme = Theme { style, glyphs, palette: Palette::None };
        mark(state, theme).iter().map(|span| span.content.as_ref()).collect()
    }

    fn rows(people: &[&[DeviceState]]) -> Mark {
        Mark::Devices { people: people.iter().map(|person| person.to_vec()).collect(), read: false }
    }

    fn read(mark: Mark) -> Mark {
        match mark {
            Mark::Devices { people, .. } => Mark::Devices { people, read: true },
            other => other,
        }
    }

    fn count(delivered: usize, expected: usize, undecryptable: usize, missed: usize) -> Mark {
        Mark::Count { delivered, expected, undecryptable, missed }
    }

    #[test]
    fn every_state_is_drawn_as_the_table_says() {
        use Glyphs::{Ascii, Unicode};
        use MarkStyle::{Classic, Count, Devices};
        let cases: &[(Mark, MarkStyle, &str, &str)] = &[
            (Mark::Waiting, Devices, "◌", "~"),
            (Mark::Failed, Devices, "!", "!"),
            (Mark::Sent, Devices, "✓", "+"),
            (Mark::Nobody, Devices, "∅", "0"),
            (Mark::NotBridged, Classic, "✓!", "+!"),
            (rows(&[&[D, P], &[X], &[Q]]), Devices, "●○ × ?", "#o x ?"),
            (rows(&[&[D, M]]), Devices, "●△", "#^"),
            (rows(&[&[D, D]]), Devices, "●●", "##"),
            (read(rows(&[&[D, D], &[P]])), Devices, "●● ○✔", "## o*"),
            (read(rows(&[&[D, D]])), Count, "✔✔", "**"),
            (count(12, 57, 0, 0), Devices, "✓ 12/57", "+ 12/57"),
            (count(12, 57, 2, 0), Devices, "✓ 12/57 ×2", "+ 12/57 x2"),
            (count(12, 57, 1, 2), Devices, "✓ 12/57 ×1 △2", "+ 12/57 x1 ^2"),
            (Mark::Delivered, Devices, "✓✓", "++"),
            (Mark::Read, Devices, "✔✔", "**"),
            (rows(&[&[D, P], &[X]]), Count, "✓ 1/3 ×1", "+ 1/3 x1"),
            (rows(&[&[D, M]]), Count, "✓ 1/2 △1", "+ 1/2 ^1"),
            (rows(&[&[Q, Q]]), Count, "✓ 0/2", "+ 0/2"),
            (rows(&[&[D, D]]), Count, "✓✓", "++"),
            (rows(&[&[D, P]]), Classic, "✓", "+"),
            (rows(&[&[D, X]]), Classic, "✓×", "+x"),
            (rows(&[&[D], &[D]]), Classic, "✓✓", "++"),
            (rows(&[&[D, M]]), Classic, "✓△", "+^"),
            (count(12, 57, 3, 0), Classic, "✓×", "+x"),
            (count(12, 57, 3, 1), Classic, "✓×△", "+x^"),
            (Mark::Read, Classic, "✔✔", "**"),
        ];
        for (state, style, unicode, ascii) in cases {
            assert_eq!(text(state, *style, Unicode), *unicode, "{state:?} {style:?}");
            assert_eq!(text(state, *style, Ascii), *ascii, "{state:?} {style:?}");
        }
    }

    #[test]
    fn states_are_told_apart_without_colour() {
        let told_apart = |states: &[Mark], style| {
            for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                for (at, one) in states.iter().enumerate() {
                    for other in &states[at + 1..] {
                        let pair = (text(one, style, glyphs), text(other, style, glyphs));
                        assert_ne!(pair.0, pair.1, "{one:?} and {other:?} in {style:?} {glyphs:?}");
                    }
                }
            }
        };
        let simple =
            [Mark::Waiting, Mark::Failed, Mark::Sent, Mark::Nobody, Mark::NotBridged, Mark::Delivered, Mark::Read];
        let one_device = [D, P, X, Q, M].map(|state| rows(&[&[state]]));
        let read_rows = one_device.clone().map(read);
        let counts =
            [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)].map(|(d, x, m)| count(d, 9, x, m));
        told_apart(&[&simple[..], &one_device, &read_rows, &counts].concat(), MarkStyle::Devices);

        let partly = [rows(&[&[P, P]]), rows(&[&[D, P]]), rows(&[&[X, P]]), rows(&[&[D, X]]), rows(&[&[D, M]])];
        told_apart(&[&simple[..], &partly, &counts].concat(), MarkStyle::Count);
        told_apart(&[&simple[..], &[rows(&[&[D, X]]), rows(&[&[D, M]])]].concat(), MarkStyle::Classic);
    }

    #[test]
    fn ascii_is_ascii_and_every_sign_is_in_the_legend() {
        let theme = Theme { glyphs: Glyphs::Ascii, ..Theme::default() };
        let signs: Vec<_> = legend(theme).into_iter().map(|(sign, _)| sign.content.into_owned()).collect();
        assert_eq!(signs, ["~", "!", "+", "0", "+!", "#", "o", "x", "^", "?", "*", "++", "**"]);
    }

    #[test]
    fn read_differs_from_delivered_in_colour_and_weight() {
        let theme = Theme::default();
        let delivered = mark(&Mark::Delivered, theme)[0].style;
        let read = mark(&Mark::Read, theme)[0].style;
        assert_ne!(delivered.fg, read.fg);
        assert!(read.add_modifier.contains(Modifier::BOLD));
        assert!(!delivered.add_modifier.contains(Modifier::BOLD));
    }
}
