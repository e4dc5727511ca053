//! What stands over the main view: a stack of screens, the uppermost of which takes all keys.
//!
//! Each screen is a file here, with all of its state, and one of the same name in `view/screens`,
//! which draws it. The list below is the one place that names them all. What a screen can do is
//! [`Behaviour`]; most of it has a default, so that a screen says only what is its own. Dispatch is
//! by an enum, which is plain data and can be compared in tests.
//!
//! While a screen acts it is not on the stack, so it may change all of the app, and open other
//! screens: those stand above it, or in its place when it closes.

use super::{
    App,
    command::{Command, Refusal},
    composer::Composer,
    effect::Effect,
    layout::ScreenFacts,
};
use crate::{client::update::Update, input::Context, model::Timestamp};

mod command_line;
pub mod device_table;
mod help;
pub mod inspector;
pub mod picker;
mod question;
mod receipt_log;
pub mod receipt_settings;
mod source;
mod undelivered;

/// Gives the list of all screens, each with its module, to the macro of that name.
macro_rules! with_screens {
    ($then:ident) => {
        $then! {
            CommandLine(command_line),
            DeviceTable(device_table),
            Help(help),
            Inspector(inspector),
            Picker(picker),
            Question(question),
            ReceiptLog(receipt_log),
            ReceiptSettings(receipt_settings),
            Source(source),
            Undelivered(undelivered),
        }
    };
}
pub(crate) use with_screens;

macro_rules! define {
    ($($name:ident($module:ident)),+ $(,)?) => {
        $(pub use $module::$name;)+

        /// A screen over the main view.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each is documented in its file")]
        pub enum Screen {
            $($name($name),)+
        }

        impl Screen {
            /// What it can do.
            pub fn behaviour(&self) -> &dyn Behaviour {
                match self {
                    $(Self::$name(screen) => screen,)+
                }
            }

            pub(super) fn behaviour_mut(&mut self) -> &mut dyn Behaviour {
                match self {
                    $(Self::$name(screen) => screen,)+
                }
            }
        }

        $(impl From<$name> for Screen {
            fn from(screen: $name) -> Self {
                Self::$name(screen)
            }
        })+

        /// The commands that stand with their screens.
        pub(super) const COMMANDS: &[&[Command]] = &[$($module::COMMANDS,)+];
    };
}
with_screens!(define);

/// What a key asks of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Up by a row.
    Up,
    /// Down by a row.
    Down,
    /// Up by a page.
    PageUp,
    /// Down by a page.
    PageDown,
    /// To the left, or to what was before.
    Previous,
    /// To the right, or to what comes next.
    Next,
    /// Do what is selected, typed or asked.
    Choose,
    /// Leave it.
    Close,
}

/// Whether a screen stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// It stays.
    Stay,
    /// It is closed.
    Close,
}

/// What a screen is about: with that it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The program.
    Program,
    /// Who is logged in.
    Account,
    /// The open room.
    Room,
}

/// A key hint: a command, and the word for what it does here.
pub type Hint = (&'static str, &'static str);

/// What a screen can do.
pub trait Behaviour {
    /// What it is about.
    fn scope(&self) -> Scope;

    /// Where the user is, the nearest context first.
    fn contexts(&self, _app: &App) -> &'static [Context] {
        &[Context::Popup, Context::Global]
    }

    /// What can be pressed, the most important first.
    fn hints(&self, _app: &App) -> Vec<Hint> {
        vec![("popup-close", "close"), ("popup-down", "down"), ("popup-up", "up")]
    }

    /// A key asks for this. An error is a sentence, and the screen stays as it is.
    fn act(&mut self, act: Act, _app: &mut App, _now: Timestamp, _out: &mut Vec<Effect>) -> Result<Flow, Refusal> {
        if act == Act::Close {
            return Ok(Flow::Close);
        }
        if let Some(scroll) = self.scroll() {
            scroll.act(act);
        }
        Ok(Flow::Stay)
    }

    /// Something happened; the app has not taken it in yet.
    fn on(&mut self, _update: &Update, _app: &App) {}

    /// Everything that happened is taken in: asks for what is to be shown, and ends with what the
    /// screen is about.
    fn settle(&mut self, _app: &App, _out: &mut Vec<Effect>) -> Flow {
        Flow::Stay
    }

    /// The field in which text is typed.
    fn field(&mut self) -> Option<&mut Composer> {
        None
    }

    /// How far it is scrolled.
    fn scroll(&mut self) -> Option<&mut Scroll> {
        None
    }

    /// It was drawn.
    fn on_drawn(&mut self, facts: ScreenFacts) {
        if let Some(scroll) = self.scroll() {
            scroll.on_drawn(facts);
        }
    }

    /// Whether it hides what is below, so that nobody looks at that.
    fn covers(&self) -> bool {
        true
    }
}

/// How far something is scrolled. It can go no further than there is something to see, which only
/// the view knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scroll {
    /// Rows, or items, scrolled away.
    pub at: usize,
    drawn: ScreenFacts,
}

/// What was drawn is nothing that anybody did.
impl PartialEq for Scroll {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Scroll {
    /// At the top.
    pub(super) fn reset(&mut self) {
        self.at = 0;
    }

    /// Scrolls, where the act is about that.
    pub(super) fn act(&mut self, act: Act) {
        self.by(self.rows(act));
    }

    /// By how many rows an act scrolls, up when negative.
    pub(super) fn rows(&self, act: Act) -> isize {
        match act {
            Act::Up => -1,
            Act::Down => 1,
            Act::PageUp => -self.drawn.rows.cast_signed(),
            Act::PageDown => self.drawn.rows.cast_signed(),
            Act::Previous | Act::Next | Act::Choose | Act::Close => 0,
        }
    }

    fn by(&mut self, rows: isize) {
        self.at = self.at.saturating_add_signed(rows).min(self.drawn.max_scroll);
    }

    fn on_drawn(&mut self, facts: ScreenFacts) {
        self.drawn = facts;
        self.by(0);
    }
}

/// The screens that are open, one above the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Screens(Vec<Screen>);

impl Screens {
    /// None is open.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that are open, the lowest first.
    pub fn iter(&self) -> impl Iterator<Item = &Screen> {
        self.0.iter()
    }

    /// The one that takes all keys.
    pub fn top(&self) -> Option<&Screen> {
        self.0.last()
    }

    pub(super) fn top_mut(&mut self) -> Option<&mut Screen> {
        self.0.last_mut()
    }

    /// Whether something hides the main view.
    pub fn cover(&self) -> bool {
        self.0.iter().any(|screen| screen.behaviour().covers())
    }

    /// Opens one above all others.
    pub fn push(&mut self, screen: impl Into<Screen>) {
        self.0.push(screen.into());
    }

    /// Closes all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Closes those about this.
    pub(super) fn close_about(&mut self, scope: Scope) {
        self.0.retain(|screen| screen.behaviour().scope() != scope);
    }

    pub(super) fn on_drawn(&mut self, facts: ScreenFacts) {
        if let Some(screen) = self.0.last_mut() {
            screen.behaviour_mut().on_drawn(facts);
        }
    }
}

impl App {
    /// A key asks this of the uppermost screen.
    pub(super) fn on_screen(&mut self, act: Act, now: Timestamp, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let Some(mut screen) = self.screens.0.pop() else { return Ok(()) };
        let height = self.screens.0.len();
        let flow = screen.behaviour_mut().act(act, self, now, out);
        if !matches!(flow, Ok(Flow::Close)) {
            let height = height.min(self.screens.0.len());
            self.screens.0.insert(height, screen);
        }
        flow.map(drop)
    }

    /// Tells all screens what happened.
    pub(super) fn tell_screens(&mut self, update: &Update) {
        let mut screens = std::mem::take(&mut self.screens);
        screens.0.iter_mut().for_each(|screen| screen.behaviour_mut().on(update, self));
        self.screens = screens;
    }

    /// Lets all screens settle, once what happened is taken in.
    pub(super) fn settle_screens(&mut self, out: &mut Vec<Effect>) {
        let mut screens = std::mem::take(&mut self.screens);
        screens.0.retain_mut(|screen| screen.behaviour_mut().settle(self, out) == Flow::Stay);
        self.screens = screens;
    }
}
