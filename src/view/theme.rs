//! Colours and glyphs.
//!
//! The problem: a terminal may have a dark or a light background, eight colours or none, and a font
//! without the signs we would like. The way: the view never names a colour or a sign; it asks for a
//! [`Role`] or a symbol, and one table here answers for the chosen palette and glyph set. Only the
//! terminal's own sixteen colours are used, so that the user's scheme decides what they look like,
//! and the background of the screen is never set. Every state also differs in its text or
//! attributes, so the palette `none` loses nothing (`NO_COLOR`, <https://no-color.org>).

use std::borrow::Cow;

use ratatui::style::{Color, Modifier, Style};

use super::symbols::{self, Symbols};
use crate::{
    model::{SpanStyle, UserId},
    settings::ui::{Glyphs, MarkStyle, Palette, Ui},
};

/// In which signs and colours everything is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// How delivery marks are drawn.
    pub style: MarkStyle,
    /// Which signs are used.
    pub glyphs: Glyphs,
    /// Which colours are used.
    pub palette: Palette,
}

/// What a piece of the screen means; the theme says how that looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Running text.
    Text,
    /// Less important: times, hints, notices.
    Dim,
    /// A heading or a name.
    Heading,
    /// What has the focus, and the selection's bar.
    Accent,
    /// Frames and rules.
    Rule,
    /// The selected row of a list that has the focus.
    Selected,
    /// The selected row of a list that has not.
    SelectedElsewhere,
    /// A key that can be pressed.
    Key,
    /// There is something new.
    Unread,
    /// Something new that mentions this user.
    Mention,
    /// Something failed.
    Error,
    /// Something needs a look.
    Warning,
    /// Something went well.
    Good,
    /// A device has the message.
    Delivered,
    /// Everyone has read it.
    Read,
    /// A sender's name; the number is [`sender_hue`]'s.
    Sender(u8),
}

/// How many colours senders' names are spread over.
const SENDER_HUES: u8 = 6;

/// A stable hue for a user's name: FNV-1a over the id, so that it is the same after a restart.
pub(super) fn sender_hue(user: &UserId) -> u8 {
    let hash =
        user.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    // The low bits of FNV-1a are weak; fold the high ones in.
    let folded = (hash >> 16) ^ hash;
    u8::try_from(folded % u32::from(SENDER_HUES)).unwrap_or(0)
}

impl Theme {
    /// What is set; `auto` is what the terminal's environment says about the colours.
    pub fn new(ui: &Ui, auto: Palette) -> Self {
        Self { style: ui.mark_style, glyphs: ui.glyphs, palette: ui.palette.unwrap_or(auto) }
    }

    /// How something of this role looks.
    pub(super) fn role(self, role: Role) -> Style {
        let modifier = self.modifier(role);
        // What is drawn over a faint rule is not to become faint itself.
        let style = Style::new().add_modifier(modifier).remove_modifier(Modifier::DIM - modifier);
        match self.color(role) {
            Some(color) => style.fg(color),
            None => style,
        }
    }

    fn modifier(self, role: Role) -> Modifier {
        let coloured = self.palette != Palette::None;
        let faint = if self.palette == Palette::Sixteen { Modifier::empty() } else { Modifier::DIM };
        match role {
            Role::Text | Role::Delivered | Role::Good => Modifier::empty(),
            Role::Dim => faint,
            // A colour is quiet enough; without one the frames would be as loud as the text.
            Role::Rule => {
                if coloured {
                    Modifier::empty()
                } else {
                    faint
                }
            }
            Role::Heading
            | Role::Accent
            | Role::Key
            | Role::Sender(_)
            | Role::SelectedElsewhere
            | Role::Unread
            | Role::Mention
            | Role::Error
            | Role::Read => Modifier::BOLD,
            Role::Warning => {
                if coloured {
                    Modifier::empty()
                } else {
                    Modifier::UNDERLINED
                }
            }
            Role::Selected => Modifier::REVERSED,
        }
    }

    fn color(self, role: Role) -> Option<Color> {
        let (dark, light, basic) = match role {
            // `Dim` too: grey is not readable in every scheme, the attribute is.
            Role::Text | Role::Dim | Role::Heading | Role::Selected | Role::SelectedElsewhere => return None,
            Role::Rule => (Color::DarkGray, Color::Gray, Color::Blue),
            Role::Accent | Role::Key => (Color::LightCyan, Color::Blue, Color::Cyan),
            Role::Unread => (Color::LightYellow, Color::Blue, Color::Cyan),
            Role::Mention | Role::Error => (Color::LightRed, Color::Red, Color::Red),
            Role::Warning => (Color::LightYellow, Color::Magenta, Color::Yellow),
            Role::Good | Role::Delivered => (Color::LightGreen, Color::Green, Color::Green),
            Role::Read => (Color::LightBlue, Color::Blue, Color::Cyan),
            Role::Sender(hue) => match hue % SENDER_HUES {
                0 => (Color::LightBlue, Color::Blue, Color::Blue),
                1 => (Color::LightGreen, Color::Green, Color::Green),
                2 => (Color::LightMagenta, Color::Magenta, Color::Magenta),
                3 => (Color::LightYellow, Color::Red, Color::Yellow),
                4 => (Color::LightCyan, Color::Cyan, Color::Cyan),
                _ => (Color::LightRed, Color::LightRed, Color::Red),
            },
        };
        match self.palette {
            Palette::Dark => Some(dark),
            Palette::Light => Some(light),
            Palette::Sixteen => Some(basic),
            Palette::None => None,
        }
    }

    /// How a span of a message looks on top of `base`.
    pub(super) fn span(self, base: Style, span: SpanStyle, is_link: bool) -> Style {
        let mut modifier = Modifier::empty();
        modifier.set(Modifier::BOLD, span.bold);
        modifier.set(Modifier::ITALIC, span.italic && self.palette != Palette::Sixteen);
        modifier
            .set(Modifier::UNDERLINED, span.underline || is_link || (span.italic && self.palette == Palette::Sixteen));
        modifier.set(Modifier::CROSSED_OUT, span.strike);
        let color = match (is_link, span.code) {
            (true, _) => self.color(Role::Accent),
            (_, true) => self.color(Role::Warning),
            _ => None,
        };
        let style = base.add_modifier(modifier);
        color.map_or(style, |color| style.fg(color))
    }

    /// A text of ours in the chosen glyph set.
    pub(super) fn text(self, text: &str) -> Cow<'_, str> {
        if self.glyphs == Glyphs::Unicode || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.replace('…', "...").replace('—', "-").replace(['“', '”'], "\"").replace('×', "x"))
    }

    /// The signs of the chosen glyph set.
    pub(super) fn symbols(self) -> &'static Symbols {
        match self.glyphs {
            Glyphs::Unicode => &symbols::UNICODE,
            Glyphs::Ascii => &symbols::ASCII,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 22] = [
        Role::Text,
        Role::Dim,
        Role::Heading,
        Role::Accent,
        Role::Rule,
        Role::Selected,
        Role::SelectedElsewhere,
        Role::Key,
        Role::Unread,
        Role::Mention,
        Role::Error,
        Role::Warning,
        Role::Good,
        Role::Delivered,
        Role::Read,
        Role::Sender(0),
        Role::Sender(1),
        Role::Sender(2),
        Role::Sender(3),
        Role::Sender(4),
        Role::Sender(5),
        Role::Sender(6),
    ];

    #[test]
    fn no_role_sets_a_background_and_palette_none_sets_no_colour() {
        for palette in [Palette::Dark, Palette::Light, Palette::Sixteen, Palette::None] {
            let theme = Theme { palette, ..Theme::default() };
            for role in ROLES {
                let style = theme.role(role);
                assert_eq!(style.bg, None, "{palette:?} {role:?}");
                assert!(palette != Palette::None || style.fg.is_none(), "{role:?}");
            }
            let link = theme.span(Style::new(), SpanStyle { code: true, ..SpanStyle::default() }, true);
            assert_eq!(link.fg.is_none(), palette == Palette::None);
        }
    }

    #[test]
    fn what_is_set_stands_over_what_the_environment_says() {
        let set = |palette| Ui { palette, mark_style: MarkStyle::Count, glyphs: Glyphs::Ascii, ..Ui::default() };
        let expected = |palette| Theme { style: MarkStyle::Count, glyphs: Glyphs::Ascii, palette };
        assert_eq!(Theme::new(&set(None), Palette::None), expected(Palette::None));
        assert_eq!(Theme::new(&set(Some(Palette::Light)), Palette::None), expected(Palette::Light));
    }

    #[test]
    fn hues_are_stable_and_spread() {
        let hue = |name: &str| sender_hue(&UserId::new(format!("@{name}:example.org")));
        assert_eq!(hue("ada"), hue("ada"));
        let mut used: Vec<u8> = (0..60).map(|n| hue(&format!("user{n}"))).collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used, [0, 1, 2, 3, 4, 5]);
    }
}
