//! The one table of actions.
//!
//! An action has a name, a sentence, keys in some contexts, and, where it makes sense to type it, a command. Nothing
//! else in the program names a key: help, hints, commands and keymap read this table, so they cannot disagree with it.

use super::Key;

mod table;

pub use table::ACTIONS;

/// Where a key is pressed. Where the user is, is a chain of these, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// Everywhere.
    Global,
    /// On the main screen, whatever has the focus.
    Main,
    /// In the room list and the timeline, where characters are keys.
    Browse,
    /// In the room list.
    Rooms,
    /// In the filter of the room list.
    Filter,
    /// In the timeline.
    Timeline,
    /// In the composer.
    Composer,
    /// In the command line.
    CommandLine,
    /// While a command's name is typed, in the composer or the command line.
    CommandName,
    /// Wherever text is typed.
    Edit,
    /// On the login screen.
    Login,
    /// In a list over the screen, one row of which is selected.
    List,
    /// In whatever stands over the screen, but a question.
    Popup,
    /// At a question.
    Confirm,
}

impl Context {
    /// All of them, in the order in which the help shows them.
    pub const ALL: [Self; 14] = [
        Self::Global,
        Self::Main,
        Self::Browse,
        Self::Rooms,
        Self::Filter,
        Self::Timeline,
        Self::Composer,
        Self::CommandLine,
        Self::CommandName,
        Self::Edit,
        Self::Login,
        Self::List,
        Self::Popup,
        Self::Confirm,
    ];

    /// Its heading in the help.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::Main => "With a room list on screen",
            Self::Browse => "Room list and timeline",
            Self::Rooms => "Room list",
            Self::Filter => "Room filter",
            Self::Timeline => "Timeline",
            Self::Composer => "Composer",
            Self::CommandLine => "Command line",
            Self::CommandName => "Typing a command's name",
            Self::Edit => "Typing",
            Self::Login => "Log in",
            Self::List => "List over the screen",
            Self::Popup => "Anything over the screen",
            Self::Confirm => "At a question",
        }
    }
}

/// Everything that a key or a command can do. [`ACTIONS`] documents them, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is documented in ACTIONS, for the reader and for the user")]
pub enum Action {
    Quit,
    Suspend,
    Redraw,
    Help,
    FocusNext,
    FocusPrevious,
    PreviousRoom,
    NextRoom,
    NextUnread,
    Undelivered,
    Incognito,
    CommandLine,
    Reconnect,
    RoomUp,
    RoomDown,
    RoomFirst,
    RoomLast,
    RoomOpen,
    Filter,
    FilterClear,
    Accept,
    Decline,
    Take,
    SelectUp,
    SelectDown,
    PageUp,
    PageDown,
    Oldest,
    Newest,
    Inspect,
    Devices,
    Retry,
    Discard,
    Edit,
    Redact,
    Compose,
    LeaveTimeline,
    Send,
    Newline,
    LeaveComposer,
    RunCommand,
    CloseCommandLine,
    Complete,
    CursorLeft,
    CursorRight,
    WordLeft,
    WordRight,
    LineStart,
    LineEnd,
    CursorUp,
    CursorDown,
    DeleteBack,
    DeleteForward,
    DeleteWord,
    DeleteToLineStart,
    DeleteToLineEnd,
    FieldNext,
    FieldPrevious,
    LoginSubmit,
    LoginCancel,
    LoginCopy,
    TryDemo,
    PopupUp,
    PopupDown,
    PopupPageUp,
    PopupPageDown,
    PopupClose,
    ListUp,
    ListDown,
    ListPrevious,
    ListNext,
    ListChoose,
    Yes,
    No,
    DirectChat,
    Create,
    Join,
    Leave,
    Invite,
    Receipts,
    Log,
    Rekey,
    Me,
    Logout,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct ActionInfo {
    /// What is done.
    pub action: Action,
    /// Its name; also the command's, where there is one.
    pub name: &'static str,
    /// What it does, as the help says it.
    pub doc: &'static str,
    /// The default keys.
    pub keys: &'static [(Context, &'static [Key])],
    /// How the command's argument is written in the help (empty: it takes none); `None` where there is no command.
    pub command: Option<&'static str>,
}

impl Action {
    /// Its row in the table.
    pub fn info(self) -> Option<&'static ActionInfo> {
        ACTIONS.iter().find(|info| info.action == self)
    }

    /// The action that this command name stands for.
    pub fn from_command(name: &str) -> Option<Self> {
        ACTIONS.iter().find(|info| info.command.is_some() && info.name == name).map(|info| info.action)
    }
}
