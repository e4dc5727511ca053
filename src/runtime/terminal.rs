//! The terminal: taken, drawn on, and always given back.
//!
//! Raw mode, the alternate screen and the rest belong to the process, not to a value: a panic on the way, a signal or an
//! error must find them. So one flag says whether they are on, [`give_back`] may be called by anybody and any number of
//! times, and [`Screen`] calls it when it is dropped. There is no mouse capture: selecting text is the terminal's own.

use std::{
    io::{self, BufWriter, Stdout, Write, stdout},
    sync::atomic::{AtomicBool, Ordering},
};

use crossterm::{
    cursor::{Hide, Show},
    event::{
        DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange, Event as Input,
        KeyCode as Code, KeyEvent, KeyEventKind, KeyModifiers, KeyboardEnhancementFlags, PopKeyboardEnhancementFlags,
        PushKeyboardEnhancementFlags,
    },
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::Terminal;

use super::quiet::Quiet;
use crate::{
    app::{App, event::Event},
    input::{Key, KeyCode},
    view::{
        self,
        theme::{Palette, Theme},
    },
};

/// A frame of a large terminal goes out in one piece.
const FRAME_BYTES: usize = 64 * 1024;

/// The process's terminal is in raw mode, on the alternate screen, and so on.
static TAKEN: AtomicBool = AtomicBool::new(false);

fn take() -> io::Result<()> {
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    enable_raw_mode()?;
    // The keyboard flags are pushed without asking whether the terminal knows them: asking means waiting for an answer
    // at every start, and one that does not know them ignores them.
    execute!(
        stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        EnableFocusChange,
        PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES),
        Hide
    )
}

/// Makes the terminal as it was before. Errors are of no use here: the terminal may be gone.
pub fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            stdout(),
            PopKeyboardEnhancementFlags,
            DisableFocusChange,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            Show
        );
        let _ = disable_raw_mode();
    }
}

/// The terminal, taken for the whole screen as long as this lives.
pub struct Screen {
    terminal: Terminal<Quiet<BufWriter<Stdout>>>,
    theme: Theme,
}

impl Screen {
    /// Takes the terminal.
    pub fn take(theme: Theme) -> io::Result<Self> {
        let terminal = Terminal::new(Quiet::new(BufWriter::with_capacity(FRAME_BYTES, stdout())))?;
        let screen = Self { terminal, theme };
        take()?;
        Ok(screen)
    }

    /// Takes the terminal again, whatever became of it, and forgets what was drawn.
    pub fn take_again(&mut self) -> io::Result<()> {
        give_back();
        take()?;
        self.forget()
    }

    /// Draws everything anew next time.
    pub fn forget(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Draws the app, and tells it what was drawn.
    pub fn draw(&mut self, app: &mut App) -> io::Result<()> {
        let mut layout = None;
        self.terminal.draw(|frame| layout = Some(view::draw(app, &self.theme, frame)))?;
        if let Some(layout) = layout {
            app.layout_was(layout);
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// What the terminal said, as the app knows it; `None` for what means nothing here.
pub fn event(input: Input) -> Option<Event> {
    match input {
        Input::Key(pressed) => key(pressed).map(Event::Key),
        Input::Paste(text) => Some(Event::Paste(pasted(&text))),
        Input::Resize(..) => Some(Event::Resize),
        Input::FocusGained => Some(Event::Focus(true)),
        Input::FocusLost => Some(Event::Focus(false)),
        Input::Mouse(_) => None,
    }
}

/// Terminals paste line ends as `\r`. Other control characters cannot be typed, so they cannot be pasted either.
fn pasted(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|char| !char.is_control() || matches!(char, '\n' | '\t')).collect()
}

/// The key as the keymap knows it; `None` for a key let go and for those without a meaning.
fn key(pressed: KeyEvent) -> Option<Key> {
    let foreign = KeyModifiers::SUPER | KeyModifiers::HYPER | KeyModifiers::META;
    if pressed.kind == KeyEventKind::Release || pressed.modifiers.intersects(foreign) {
        return None;
    }
    let shift = pressed.modifiers.contains(KeyModifiers::SHIFT);
    let code = match pressed.code {
        // Some terminals report Shift apart from the letter.
        Code::Char(char) if shift => KeyCode::Char(char.to_ascii_uppercase()),
        Code::Char(char) => KeyCode::Char(char),
        Code::F(number) => KeyCode::F(number),
        Code::Enter => KeyCode::Enter,
        Code::Esc => KeyCode::Esc,
        Code::Tab | Code::BackTab => KeyCode::Tab,
        Code::Backspace => KeyCode::Backspace,
        Code::Delete => KeyCode::Delete,
        Code::Insert => KeyCode::Insert,
        Code::Left => KeyCode::Left,
        Code::Right => KeyCode::Right,
        Code::Up => KeyCode::Up,
        Code::Down => KeyCode::Down,
        Code::Home => KeyCode::Home,
        Code::End => KeyCode::End,
        Code::PageUp => KeyCode::PageUp,
        Code::PageDown => KeyCode::PageDown,
        _ => return None,
    };
    Some(Key {
        code,
        ctrl: pressed.modifiers.contains(KeyModifiers::CONTROL),
        alt: pressed.modifiers.contains(KeyModifiers::ALT),
        shift: !matches!(code, KeyCode::Char(_)) && (shift || pressed.code == Code::BackTab),
    })
}

/// The colours for `ui.theme = "auto"`, from `NO_COLOR` (<https://no-color.org>) and `COLORFGBG`, whose last number is
/// the background's among the 16 colours. Dark when neither says anything.
pub fn palette(no_color: Option<&str>, color_fg_bg: Option<&str>) -> Palette {
    if no_color.is_some_and(|value| !value.is_empty()) {
        return Palette::None;
    }
    let background = color_fg_bg.and_then(|colors| colors.rsplit(';').next()?.parse::<u8>().ok());
    if matches!(background, Some(7 | 9..=15)) { Palette::Light } else { Palette::Dark }
}

/// Puts the process to the background, as the terminal driver does at Ctrl-Z. Returns once it is resumed.
pub fn stop_process() -> io::Result<()> {
    give_back();
    stdout().flush()?;
    signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(code: KeyCode) -> Key {
        Key { code, ctrl: false, alt: false, shift: false }
    }

    #[test]
    fn keys_come_with_their_modifiers_and_shift_is_part_of_a_character() {
        let (none, shift, ctrl) = (KeyModifiers::NONE, KeyModifiers::SHIFT, KeyModifiers::CONTROL);
        for (code, modifiers, expected) in [
            (Code::Char('g'), none, plain(KeyCode::Char('g'))),
            (Code::Char('G'), shift, plain(KeyCode::Char('G'))),
            (Code::Char('g'), shift, plain(KeyCode::Char('G'))),
            (Code::Char('?'), shift, plain(KeyCode::Char('?'))),
            (Code::Char('ß'), shift, plain(KeyCode::Char('ß'))),
            (Code::Char('c'), ctrl, Key { ctrl: true, ..plain(KeyCode::Char('c')) }),
            (Code::Char('x'), KeyModifiers::ALT, Key { alt: true, ..plain(KeyCode::Char('x')) }),
            (Code::Enter, shift, Key { shift: true, ..plain(KeyCode::Enter) }),
            (Code::BackTab, none, Key { shift: true, ..plain(KeyCode::Tab) }),
            (Code::BackTab, shift, Key { shift: true, ..plain(KeyCode::Tab) }),
            (Code::F(5), none, plain(KeyCode::F(5))),
            (Code::PageUp, ctrl, Key { ctrl: true, ..plain(KeyCode::PageUp) }),
        ] {
            assert_eq!(key(KeyEvent::new(code, modifiers)), Some(expected), "{code:?} {modifiers:?}");
        }
    }

    #[test]
    fn a_key_is_pressed_or_repeated_but_not_let_go() {
        for (kind, heard) in [(KeyEventKind::Press, true), (KeyEventKind::Repeat, true), (KeyEventKind::Release, false)]
        {
            let pressed = KeyEvent::new_with_kind(Code::Up, KeyModifiers::NONE, kind);
            assert_eq!(key(pressed), heard.then_some(plain(KeyCode::Up)), "{kind:?}");
        }
    }

    #[test]
    fn keys_of_the_desktop_and_keys_without_meaning_are_not_heard() {
        for (code, modifiers) in [
            (Code::Char('c'), KeyModifiers::SUPER),
            (Code::CapsLock, KeyModifiers::NONE),
            (Code::Null, KeyModifiers::NONE),
        ] {
            assert_eq!(key(KeyEvent::new(code, modifiers)), None, "{code:?} {modifiers:?}");
        }
    }

    #[test]
    fn what_is_pasted_has_plain_line_ends_and_no_escape_sequences() {
        let input = Input::Paste("a\r\nb\rc\nd\te\x1b[2J\u{9b}0m\0".into());
        assert_eq!(event(input), Some(Event::Paste("a\nb\nc\nd\te[2J0m".into())));
    }

    #[test]
    fn the_environment_decides_the_colours() {
        for (no_color, color_fg_bg, expected) in [
            (None, None, Palette::Dark),
            (Some("1"), Some("0;15"), Palette::None),
            (Some(""), None, Palette::Dark),
            (None, Some("15;0"), Palette::Dark),
            (None, Some("0;15"), Palette::Light),
            (None, Some("0;default;7"), Palette::Light),
            (None, Some("7;8"), Palette::Dark),
            (None, Some("0;default"), Palette::Dark),
        ] {
            assert_eq!(palette(no_color, color_fg_bg), expected, "{no_color:?} {color_fg_bg:?}");
        }
    }
}
