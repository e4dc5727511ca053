//! The terminal: taken, drawn on, and always given back.
//!
//! Raw mode, the alternate screen and the rest belong to the process, not to a value: a panic on
//! the way, a signal or an error must find them. So one flag says whether they are on,
//! [`give_back`] may be called by anybody and any number of times, and [`Screen`] calls it when it
//! is dropped. There is no mouse capture: selecting text is the terminal's own.

use std::{
    io::{self, BufWriter, Stdout, Write, stdout},
    sync::atomic::{AtomicBool, Ordering},
};

use crossterm::{
    clipboard::CopyToClipboard,
    cursor::{Hide, Show},
    event::{
        DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange, KeyboardEnhancementFlags,
        PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
    },
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::Terminal;

use super::{backend::DiffBackend, clusters::Clusters};
use crate::{
    app::App,
    settings::ui::Palette,
    view::{self, theme::Theme},
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
    // The keyboard flags are pushed without asking whether the terminal knows them: asking means
    // waiting for an answer at every start, and one that does not know them ignores them.
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

/// Hands a text to the terminal for its clipboard (OSC 52). Whether it takes it, no terminal says.
pub fn copy(text: &str) -> io::Result<()> {
    execute!(stdout(), CopyToClipboard::to_clipboard_from(text))
}

/// The terminal, taken for the whole screen as long as this lives.
pub struct Screen {
    terminal: Terminal<DiffBackend<BufWriter<Stdout>>>,
    clusters: Clusters,
    /// The colours for `ui.theme = "auto"`.
    auto: Palette,
}

impl Screen {
    /// Takes the terminal; `auto` are the colours where none are set.
    pub fn take(auto: Palette) -> io::Result<Self> {
        let terminal = Terminal::new(DiffBackend::new(BufWriter::with_capacity(FRAME_BYTES, stdout())))?;
        let screen = Self { terminal, clusters: Clusters::default(), auto };
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
        self.clusters = Clusters::default();
        self.terminal.clear()
    }

    /// Draws the app as its settings say now, and tells it what was drawn.
    pub fn draw(&mut self, app: &mut App) -> io::Result<()> {
        let theme = Theme::new(&app.settings.ui, self.auto);
        let mut layout = None;
        self.terminal.draw(|frame| {
            layout = Some(view::draw(app, &theme, frame));
            self.clusters.mark(frame.buffer_mut());
        })?;
        if let Some(layout) = layout {
            app.on_drawn(layout);
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// The colours for `ui.theme = "auto"`, from `NO_COLOR` (<https://no-color.org>) and `COLORFGBG`,
/// whose last number is the background's among the 16 colours. Dark when neither says anything.
pub fn palette(no_color: Option<&str>, color_fg_bg: Option<&str>) -> Palette {
    if no_color.is_some_and(|value| !value.is_empty()) {
        return Palette::None;
    }
    let background = color_fg_bg.and_then(|colors| colors.rsplit(';').next()?.parse::<u8>().ok());
    if matches!(background, Some(7 | 9..=15)) { Palette::Light } else { Palette::Dark }
}

/// Puts the process to the background, as the terminal driver does at Ctrl-Z. Returns once it is
/// resumed.
pub fn stop_process() -> io::Result<()> {
    give_back();
    stdout().flush()?;
    signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)
}

#[cfg(test)]
mod tests {
    use super::*;

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
