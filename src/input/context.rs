//! The places in which keys are bound.

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
    /// In a list over the screen that is searched by typing.
    Picker,
    /// In whatever stands over the screen, but a question.
    Popup,
    /// At a question.
    Confirm,
}

impl Context {
    /// All of them, in the order in which the help shows them.
    pub const ALL: [Self; 15] = [
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
        Self::Picker,
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
            Self::Picker => "List that is searched",
            Self::Popup => "Anything over the screen",
            Self::Confirm => "At a question",
        }
    }
}
