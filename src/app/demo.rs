//! The demo, as far as the client knows of it: somebody else prepares things, and types the login.
//!
//! From then on everything is as ever, but for two things. The room with the tour opens by itself,
//! so that the first key pressed is the first letter of a message. And there is no account to go
//! back to, so logging out is quitting.
use super::{App, Phase, effect::Effect};
use crate::{
    client::request::SessionRequest,
    model::{Entrance, Membership, RoomId, SafeText},
};

/// How far the demo has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demo {
    /// What is being prepared, or why it cannot be: a few words for the screen before the first
    /// rooms.
    pub doing: SafeText,
    /// The room to open as soon as it is there.
    tour: Option<RoomId>,
}

impl App {
    /// The same app, for the demo.
    #[must_use]
    pub fn in_demo(self) -> Self {
        Self { demo: Some(Demo::default()), ..self }
    }

    pub(super) fn on_demo_doing(&mut self, what: SafeText) {
        if let Some(demo) = &mut self.demo {
            demo.doing = what;
        }
    }

    /// Logs in, as if the user had typed it.
    pub(super) fn on_demo_ready(&mut self, entrance: Entrance, out: &mut Vec<Effect>) {
        let Some(demo) = &mut self.demo else { return };
        let Entrance { homeserver, user, password, tour } = entrance;
        demo.tour = Some(tour);
        out.push(Effect::from(SessionRequest::Login { homeserver, user, password }));
    }

    /// Opens the tour as soon as its room is there, unless the user was faster.
    pub(super) fn begin_tour(&mut self, out: &mut Vec<Effect>) {
        let Some(tour) = self.demo.as_ref().and_then(|demo| demo.tour.clone()) else { return };
        let there = self.rooms.get(&tour).is_some_and(|room| room.membership == Membership::Joined);
        if there && self.phase == Phase::Main {
            self.demo.iter_mut().for_each(|demo| demo.tour = None);
            if self.timelines.shown().is_none() {
                self.open_room(&tour, out);
            }
        }
    }
}
