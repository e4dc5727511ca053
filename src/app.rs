//! The state of the app, and the one function that changes it.
//!
//! Everything that happens comes as an [`Event`] through [`update`], which changes [`App`] and returns the
//! [`Effect`]s that it asks for. It is pure and total: no clock, no network, no terminal, and no event that it cannot
//! take in any state. So a test is a list of events and what has to come of them, and what the user sees can be
//! replayed. Two things come from outside besides events: the time, as an argument, and after each drawing what was
//! on screen ([`App::layout_was`]), because only the view knows how high a message is.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use self::{
    composer::Composer,
    draft::Draft,
    effect::Effect,
    event::{Account, Connection},
    inspector::Popup,
    layout::{LayoutFacts, PopupFacts},
    login::Login,
    rooms::Rooms,
    status::Status,
    timeline::OpenRoom,
};
use crate::{
    delivery::{
        policy::{self, Decision, JoinRule, RoomFacts, Settings},
        summary,
    },
    input::{Context, Keymap},
    model::{Mark, Membership, Message, Ms, RoomId, RoomSummary, UserId},
};

pub mod composer;
mod draft;
pub mod effect;
pub mod event;
pub mod inspector;
pub mod layout;
pub mod login;
pub mod rooms;
pub mod status;
#[cfg(test)]
mod testing;
pub mod timeline;

/// Which screen is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screen {
    /// Whether there is a session is not known yet.
    Starting,
    /// There is none.
    Login(Login),
    /// There is one.
    Main,
}

/// Which pane of the main screen has the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// The room list.
    Rooms,
    /// The timeline.
    Timeline,
    /// The composer.
    Composer,
}

/// Everything there is to draw, and what has to be remembered to get there.
#[derive(Debug)]
pub struct App {
    /// Which screen is shown.
    pub screen: Screen,
    /// The room list.
    pub rooms: Rooms,
    /// The open room.
    pub open: Option<OpenRoom>,
    /// Which pane has the focus.
    pub focus: Focus,
    /// What stands over the screen.
    pub popup: Option<Popup>,
    /// The command line, while it is open.
    pub command_line: Option<Composer>,
    /// The sentence in the status line.
    pub status: Option<Status>,
    /// How this client stands to its homeserver.
    pub connection: Connection,
    /// Who is logged in.
    pub account: Option<Account>,
    /// The delivery settings in force.
    pub settings: Settings,
    /// The terminal's window has the focus.
    pub window_focused: bool,
    /// In which times are shown.
    pub time_zone: TimeZone,
    /// Which keys mean what.
    pub keymap: Keymap,
    /// What is typed in rooms that are not open.
    drafts: HashMap<RoomId, (Composer, Draft)>,
    /// Whose drafts and rooms these are.
    user: Option<UserId>,
    popup_drawn: PopupFacts,
}

impl App {
    /// The app as it starts.
    pub fn new(settings: Settings, time_zone: TimeZone) -> Self {
        Self {
            screen: Screen::Starting,
            rooms: Rooms::default(),
            open: None,
            focus: Focus::Rooms,
            popup: None,
            command_line: None,
            status: None,
            connection: Connection::Connecting,
            account: None,
            settings,
            window_focused: true,
            time_zone,
            keymap: Keymap::default(),
            drafts: HashMap::new(),
            user: None,
            popup_drawn: PopupFacts::default(),
        }
    }

    /// The delivery mark of the own message at this index of the open timeline.
    pub fn mark(&self, index: usize) -> Option<Mark> {
        let open = self.open.as_ref()?;
        let message = open.message(index).filter(|message| message.own)?;
        let delivery = message.event.as_ref().and_then(|event| open.deliveries.get(event));
        Some(summary::mark(&message.send_state, delivery, &open.readers(index)))
    }

    /// Whether receipts are sent in this room, as far as the room itself decides it, and if not, why.
    pub fn room_stance(&self, room: &RoomSummary) -> Decision {
        let join_rule = match room.public {
            Some(true) => JoinRule::Public,
            Some(false) => JoinRule::NotPublic,
            None => JoinRule::Unknown,
        };
        let facts = RoomFacts {
            room: room.id.clone(),
            encrypted: room.encrypted,
            join_rule,
            joined_members: room.joined_members,
            joined: room.membership == Membership::Joined,
            joined_since: None,
        };
        policy::room_stance(&facts, &self.settings)
    }

    /// The message that the inspector is open on, and its index in the open timeline.
    pub fn inspected(&self) -> Option<(usize, &Message)> {
        let Some(Popup::Inspector { item, .. }) = &self.popup else { return None };
        let open = self.open.as_ref()?;
        let place = open.selection.as_ref().filter(|place| place.key == *item)?;
        Some((place.index, open.message(place.index)?))
    }

    /// Where the user is, for the keymap and the key hints: the nearest context first.
    pub fn contexts(&self) -> &'static [Context] {
        use Context as C;
        match (&self.popup, &self.screen) {
            (Some(Popup::Confirm { .. }), _) => &[C::Confirm, C::Global],
            (Some(_), _) => &[C::Popup, C::Global],
            (None, Screen::Starting) => &[C::Global],
            (None, Screen::Login(_)) => &[C::Login, C::Edit, C::Global],
            (None, Screen::Main) if self.command_line.is_some() => &[C::CommandLine, C::Edit, C::Global],
            (None, Screen::Main) => match self.focus {
                Focus::Rooms if self.rooms.filter.is_some() => &[C::Filter, C::Edit, C::Main, C::Global],
                Focus::Rooms => &[C::Rooms, C::Browse, C::Main, C::Global],
                Focus::Timeline => &[C::Timeline, C::Browse, C::Main, C::Global],
                Focus::Composer => &[C::Composer, C::Edit, C::Main, C::Global],
            },
        }
    }

    /// Tells what was drawn. To be called after each drawing, before the next event.
    pub fn layout_was(&mut self, layout: LayoutFacts) {
        let _ = layout;
    }

    /// When [`update`] wants to be called with [`event::Event::Wake`], if nothing else happens before.
    pub fn next_wake(&self) -> Option<Ms> {
        None
    }
}

/// Takes in what happened, and returns what has to be done.
pub fn update(app: &mut App, event: event::Event, now: Ms) -> Vec<Effect> {
    let _ = (app, event, now);
    Vec::new()
}
