//! The delivery mark at the end of an own message.
//!
//! The problem: nine states, three styles and two glyph sets, in as few columns as possible, and none of them may
//! lean on colour. The way: a mark is first turned into text (a table a person can read below), then coloured.
//!
//! | state | unicode | ascii |
//! | --- | --- | --- |
//! | waiting to be sent | `◌` | `~` |
//! | could not be sent | `!` | `!` |
//! | on the server | `✓` | `+` |
//! | device: delivered | `●` | `#` |
//! | device: not yet | `○` | `o` |
//! | device: could not decrypt | `×` | `x` |
//! | device: nothing is known | `?` | `?` |
//! | 12 of 57 devices, 1 could not decrypt | `✓ 12/57 ×1` | `+ 12/57 x1` |
//! | on every device | `✓✓` | `++` |
//! | read by everyone | `✔✔` | `**` |
//!
//! A device row groups devices by person, with a space between persons: `●● ○`. Style `count` turns a row into its
//! count. Style `classic` knows one tick and two, and still says `✓×` when a device could not decrypt.

use ratatui::text::Span;

use super::theme::{Glyphs, MarkStyle, Role, Theme};
use crate::model::{DeviceState, Mark};

/// The signs of one glyph set.
struct Signs {
    waiting: &'static str,
    failed: &'static str,
    sent: &'static str,
    delivered: &'static str,
    pending: &'static str,
    undecryptable: &'static str,
    unknown: &'static str,
    excluded: &'static str,
    all: &'static str,
    read: &'static str,
}

const UNICODE: Signs = Signs {
    waiting: "◌",
    failed: "!",
    sent: "✓",
    delivered: "●",
    pending: "○",
    undecryptable: "×",
    unknown: "?",
    excluded: "–",
    all: "✓✓",
    read: "✔✔",
};

const ASCII: Signs = Signs {
    waiting: "~",
    failed: "!",
    sent: "+",
    delivered: "#",
    pending: "o",
    undecryptable: "x",
    unknown: "?",
    excluded: "-",
    all: "++",
    read: "**",
};

fn signs(theme: &Theme) -> &'static Signs {
    match theme.glyphs {
        Glyphs::Unicode => &UNICODE,
        Glyphs::Ascii => &ASCII,
    }
}

/// The mark as it is drawn, without any space around it.
pub fn mark(mark: &Mark, theme: &Theme) -> Vec<Span<'static>> {
    let signs = signs(theme);
    let span = |text: &'static str, role| Span::styled(text, theme.role(role));
    match mark {
        Mark::Waiting => vec![span(signs.waiting, Role::Dim)],
        Mark::Failed => vec![span(signs.failed, Role::Error)],
        Mark::Sent => vec![span(signs.sent, Role::Dim)],
        Mark::Delivered => vec![span(signs.all, Role::Delivered)],
        Mark::Read => vec![span(signs.read, Role::Read)],
        Mark::Count { delivered, expected, undecryptable } => {
            let tally = Tally { delivered: *delivered, expected: *expected, undecryptable: *undecryptable };
            tally.mark(theme)
        }
        Mark::Devices(people) => match theme.style {
            MarkStyle::Devices => device_row(people, theme),
            MarkStyle::Count | MarkStyle::Classic => Tally::of(people).mark(theme),
        },
    }
}

/// One device, as in the row and in the inspector.
pub fn device(state: &DeviceState, theme: &Theme) -> Span<'static> {
    let signs = signs(theme);
    let (text, role) = match state {
        DeviceState::Delivered { .. } => (signs.delivered, Role::Delivered),
        DeviceState::Pending => (signs.pending, Role::Dim),
        DeviceState::Undecryptable { .. } => (signs.undecryptable, Role::Error),
        DeviceState::Unknown => (signs.unknown, Role::Dim),
        DeviceState::Excluded { .. } => (signs.excluded, Role::Dim),
    };
    Span::styled(text, theme.role(role))
}

/// Every sign and what it means, for the help.
pub fn legend(theme: &Theme) -> Vec<(Span<'static>, &'static str)> {
    let simple = |state: &Mark| mark(state, theme).remove(0);
    vec![
        (simple(&Mark::Waiting), "waiting to be sent"),
        (simple(&Mark::Failed), "could not be sent"),
        (simple(&Mark::Sent), "on the server"),
        (device(&DeviceState::Delivered { at: None }, theme), "a device received and decrypted it"),
        (device(&DeviceState::Pending, theme), "a device has not answered yet"),
        (device(&DeviceState::Undecryptable { at: None }, theme), "a device could not decrypt it"),
        (device(&DeviceState::Unknown, theme), "nobody knows: this person's devices have never sent a receipt"),
        (simple(&Mark::Delivered), "on every device that was given the key"),
        (simple(&Mark::Read), "read by everyone"),
    ]
}

/// One glyph a device, a space between persons.
fn device_row(people: &[Vec<DeviceState>], theme: &Theme) -> Vec<Span<'static>> {
    let mut row = Vec::new();
    for person in people {
        let mut counted = person.iter().filter(|state| is_counted(state)).peekable();
        if !row.is_empty() && counted.peek().is_some() {
            row.push(Span::raw(" "));
        }
        row.extend(counted.map(|state| device(state, theme)));
    }
    if row.is_empty() { mark(&Mark::Sent, theme) } else { row }
}

/// A device that was left out is not part of the denominator.
fn is_counted(state: &DeviceState) -> bool {
    !matches!(state, DeviceState::Excluded { .. })
}

/// A device row in numbers.
struct Tally {
    delivered: usize,
    expected: usize,
    undecryptable: usize,
}

impl Tally {
    fn of(people: &[Vec<DeviceState>]) -> Self {
        let count = |wanted: fn(&DeviceState) -> bool| people.iter().flatten().filter(|state| wanted(state)).count();
        Self {
            delivered: count(|state| matches!(state, DeviceState::Delivered { .. })),
            expected: count(is_counted),
            undecryptable: count(|state| matches!(state, DeviceState::Undecryptable { .. })),
        }
    }

    fn mark(&self, theme: &Theme) -> Vec<Span<'static>> {
        if self.expected == 0 {
            return mark(&Mark::Sent, theme);
        }
        if self.delivered >= self.expected {
            return mark(&Mark::Delivered, theme);
        }
        let signs = signs(theme);
        let classic = theme.style == MarkStyle::Classic;
        let role = if self.delivered > 0 && !classic { Role::Delivered } else { Role::Dim };
        let text = if classic {
            signs.sent.to_owned()
        } else {
            format!("{} {}/{}", signs.sent, self.delivered, self.expected)
        };
        let mut spans = vec![Span::styled(text, theme.role(role))];
        if self.undecryptable > 0 {
            let text = if classic {
                signs.undecryptable.to_owned()
            } else {
                format!(" {}{}", signs.undecryptable, self.undecryptable)
            };
            spans.push(Span::styled(text, theme.role(Role::Error)));
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Modifier;

    use super::*;
    use crate::{model::SafeText, view::theme::Palette};

    const D: DeviceState = DeviceState::Delivered { at: None };
    const P: DeviceState = DeviceState::Pending;
    const X: DeviceState = DeviceState::Undecryptable { at: None };
    const Q: DeviceState = DeviceState::Unknown;

    fn text(state: &Mark, style: MarkStyle, glyphs: Glyphs) -> String {
        let theme = Theme { style, glyphs, palette: Palette::None };
        mark(state, &theme).iter().map(|span| span.content.as_ref()).collect()
    }

    fn rows(people: &[&[DeviceState]]) -> Mark {
        Mark::Devices(people.iter().map(|person| person.to_vec()).collect())
    }

    fn count(delivered: usize, expected: usize, undecryptable: usize) -> Mark {
        Mark::Count { delivered, expected, undecryptable }
    }

    #[test]
    fn every_state_is_drawn_as_the_table_says() {
        use Glyphs::{Ascii, Unicode};
        use MarkStyle::{Classic, Count, Devices};
        let left_out = DeviceState::Excluded { why: SafeText::line("blocked") };
        let cases: &[(Mark, MarkStyle, &str, &str)] = &[
            (Mark::Waiting, Devices, "◌", "~"),
            (Mark::Failed, Devices, "!", "!"),
            (Mark::Sent, Devices, "✓", "+"),
            (rows(&[&[D, P], &[X], &[Q]]), Devices, "●○ × ?", "#o x ?"),
            (rows(&[&[D, D]]), Devices, "●●", "##"),
            (rows(&[&[D, left_out.clone()], &[left_out.clone()], &[P]]), Devices, "● ○", "# o"),
            (rows(&[&[left_out.clone()]]), Devices, "✓", "+"),
            (rows(&[]), Devices, "✓", "+"),
            (count(12, 57, 0), Devices, "✓ 12/57", "+ 12/57"),
            (count(12, 57, 2), Devices, "✓ 12/57 ×2", "+ 12/57 x2"),
            (Mark::Delivered, Devices, "✓✓", "++"),
            (Mark::Read, Devices, "✔✔", "**"),
            (rows(&[&[D, P], &[X, left_out.clone()]]), Count, "✓ 1/3 ×1", "+ 1/3 x1"),
            (rows(&[&[Q, Q]]), Count, "✓ 0/2", "+ 0/2"),
            (rows(&[&[D, D]]), Count, "✓✓", "++"),
            (count(57, 57, 0), Count, "✓✓", "++"),
            (rows(&[&[D, P]]), Classic, "✓", "+"),
            (rows(&[&[D, X]]), Classic, "✓×", "+x"),
            (rows(&[&[D], &[D]]), Classic, "✓✓", "++"),
            (count(12, 57, 3), Classic, "✓×", "+x"),
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
        let simple = [Mark::Waiting, Mark::Failed, Mark::Sent, Mark::Delivered, Mark::Read];
        let one_device = [D, P, X, Q].map(|state| rows(&[&[state]]));
        let counts = [count(0, 9, 0), count(1, 9, 0), count(1, 9, 1), count(0, 9, 1)];
        told_apart(&[&simple[..], &one_device, &counts].concat(), MarkStyle::Devices);

        let partly = [rows(&[&[P, P]]), rows(&[&[D, P]]), rows(&[&[X, P]]), rows(&[&[D, X]])];
        told_apart(&[&simple[..], &partly, &counts].concat(), MarkStyle::Count);
        told_apart(&[&simple[..], &[rows(&[&[D, X]])]].concat(), MarkStyle::Classic);
    }

    #[test]
    fn ascii_is_ascii_and_every_sign_is_in_the_legend() {
        let theme = Theme { glyphs: Glyphs::Ascii, ..Theme::default() };
        let signs: Vec<_> = legend(&theme).into_iter().map(|(sign, _)| sign.content.into_owned()).collect();
        assert_eq!(signs, ["~", "!", "+", "#", "o", "x", "?", "++", "**"]);
    }

    #[test]
    fn read_differs_from_delivered_in_colour_and_weight() {
        let theme = Theme::default();
        let delivered = mark(&Mark::Delivered, &theme)[0].style;
        let read = mark(&Mark::Read, &theme)[0].style;
        assert_ne!(delivered.fg, read.fg);
        assert!(read.add_modifier.contains(Modifier::BOLD));
        assert!(!delivered.add_modifier.contains(Modifier::BOLD));
    }
}
