//! What is said and done in the demo, and in answer to what: plain data.
//!
//! A key is written as the name of its action in braces, `{inspect}`, and is looked up in the table
//! of actions when the line is said: so the tour cannot tell a key that does something else.

use super::cast::{ADA, CHARLES, DemoRoom, EMMY, GRACE, LINUS, MALLORY, Part, TABLET};
use crate::app::commands;

/// What a scene answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The user's device can be written to.
    Arrived,
    /// So can it, and the society has gathered.
    Gathered,
    /// The user wrote here for the n-th time, counted from 1.
    Wrote(DemoRoom, usize),
    /// The user joined.
    Joined(DemoRoom),
}

/// Something that somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Types and says something.
    Say(DemoRoom, &'static str),
    /// Reacts to the message that the scene answers.
    React(&'static str),
    /// Comes on.
    SwitchOn,
    /// Tries to find out who is on without being seen: edits what it said, and reacts to events
    /// that do not exist.
    Probe(DemoRoom),
}

/// One thing after the other.
pub struct Beat {
    /// How many milliseconds after the one before.
    pub after: u64,
    /// Which device.
    pub who: Part,
    /// What it does.
    pub act: Act,
}

/// Beats that follow from something.
pub struct Scene {
    /// What they answer.
    pub when: When,
    /// In this order.
    pub then: &'static [Beat],
}

const fn beat(after: u64, who: Part, act: Act) -> Beat {
    Beat { after, who, act }
}

/// The whole script.
#[rustfmt::skip]
pub const SCENES: &[Scene] = &[
    Scene { when: When::Arrived, then: &[
        beat(100, ADA, Act::Say(DemoRoom::Ada, "Welcome! I am Ada, on a phone and a laptop. We are all real clients, on a homeserver inside this program. {quit} ends it, and nothing stays on your disk.")),
        beat(700, ADA, Act::Say(DemoRoom::Ada, "Write me a line and press {send}. The mark at its end has a sign for each of my devices: ○ not yet, ● has it and could decrypt it.")),
    ] },
    Scene { when: When::Arrived, then: &[
        beat(4_000, GRACE, Act::Say(DemoRoom::Grace, "Hello! Write me something: my phone is here, my tablet is in the bag.")),
        beat(4_000, LINUS, Act::Say(DemoRoom::Linus, "My laptop loses every key that it is sent. Write me something and see what that looks like.")),
    ] },
    Scene { when: When::Arrived, then: &[
        beat(2_500, MALLORY, Act::Say(DemoRoom::Train, "Hello? Is anybody awake?")),
        beat(1_000, MALLORY, Act::Probe(DemoRoom::Train)),
        beat(1_000, MALLORY, Act::Probe(DemoRoom::Train)),
        beat(2_000, ADA, Act::Say(DemoRoom::Train, "To learn when your device is on, Mallory edits that line and reacts to messages that do not exist. Nothing of it is answered: not edits and reactions (P4), and not strangers (P7), as {inspect} on that line says. What I write is acknowledged, for you know me.")),
        beat(20_000, MALLORY, Act::Probe(DemoRoom::Train)),
    ] },

    Scene { when: When::Wrote(DemoRoom::Ada, 1), then: &[
        beat(1_600, ADA, Act::React("👍")),
        beat(500, ADA, Act::Say(DemoRoom::Ada, "●●, my phone and my laptop; and ✔ once I have read it. {leave-composer}, then {select-up} to your line, then {inspect}: when did which device get it, and how fast?")),
        beat(4_000, ADA, Act::Say(DemoRoom::Ada, "{compose} and you write again. {next-room} is the next room: Grace's tablet is off, Linus's laptop cannot decrypt, and in Night train there is a stranger.")),
    ] },
    Scene { when: When::Wrote(DemoRoom::Ada, 2), then: &[
        beat(1_500, ADA, Act::Say(DemoRoom::Ada, "It goes both ways: {inspect} on a line of mine tells when your client acknowledged it. /receipts off stops that, room by room.")),
    ] },
    Scene { when: When::Wrote(DemoRoom::Ada, 3), then: &[
        beat(1_500, ADA, Act::Say(DemoRoom::Ada, "You know it all now. {help} shows every key. I shall go on acknowledging whatever you write.")),
    ] },

    Scene { when: When::Wrote(DemoRoom::Grace, 1), then: &[
        beat(1_800, GRACE, Act::Say(DemoRoom::Grace, "My phone has it: ●○. Write another line and I switch the tablet on. Or wait half a minute.")),
    ] },
    Scene { when: When::Wrote(DemoRoom::Grace, 1), then: &[
        beat(30_000, TABLET, Act::SwitchOn),
    ] },
    Scene { when: When::Wrote(DemoRoom::Grace, 2), then: &[
        beat(1_200, TABLET, Act::SwitchOn),
        beat(2_500, GRACE, Act::Say(DemoRoom::Grace, "There it is, with everything that it had missed: its key was kept for it. {inspect} on your first line shows how long that took.")),
    ] },

    Scene { when: When::Wrote(DemoRoom::Linus, 1), then: &[
        beat(2_500, LINUS, Act::Say(DemoRoom::Linus, "×: your message is here, and I cannot read it. Elsewhere you would have thought that I ignore you. {inspect} says which device it is.")),
    ] },

    Scene { when: When::Gathered, then: &[
        beat(1_500, CHARLES, Act::Say(DemoRoom::Society, "We are forty here. Write something and watch the count: some are quick, some are not, and Linus has his laptop with him.")),
    ] },
    Scene { when: When::Wrote(DemoRoom::Society, 1), then: &[
        beat(2_000, Part { person: "joan", device: "phone" }, Act::React("🎉")),
        beat(300, Part { person: "alan", device: "phone" }, Act::React("🎉")),
        beat(1_500, Part { person: "hypatia", device: "phone" }, Act::Say(DemoRoom::Society, "Welcome! Until you wrote here we were strangers, and what we said was not acknowledged. From this line on it is.")),
    ] },

    Scene { when: When::Joined(DemoRoom::Emmy), then: &[
        beat(1_000, EMMY, Act::Say(DemoRoom::Emmy, "You took my invite, so you know me: your client acknowledges what I write. Had you declined, I should have learned nothing.")),
    ] },
];

/// A line as it is said: every key by its name.
pub fn spoken(line: &str) -> String {
    let mut said = String::new();
    let mut rest = line;
    while let Some((before, action, after)) = next_key(rest) {
        said.push_str(before);
        said.push_str(&keys(action));
        rest = after;
    }
    said + rest
}

/// The text before the next `{action}`, the action's name, and the text after it.
fn next_key(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (action, after) = rest.split_once('}')?;
    Some((before, action, after))
}

/// The keys of an action where it has some first: `**k** or **Up**`.
fn keys(action: &str) -> String {
    commands::first_keys(action).iter().map(|key| format!("**{key}**")).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::{
        super::cast::{Kind, ROOMS, SOCIETY_ROOM, leads, society},
        *,
    };

    fn beats() -> impl Iterator<Item = &'static Beat> {
        SCENES.iter().flat_map(|scene| scene.then)
    }

    #[test]
    fn keys_are_those_of_the_table_of_actions() {
        assert_eq!(spoken("Press {inspect}, or {send}!"), "Press **i**, or **Enter**!");
        assert_eq!(spoken("{select-up}"), "**k** or **Up**");
        assert_eq!(spoken("no key }{"), "no key }{");
    }

    #[test]
    fn every_key_that_is_spoken_of_exists() {
        let lines = beats().filter_map(|beat| if let Act::Say(_, line) = beat.act { Some(line) } else { None });
        let mut found = 0;
        for line in lines {
            let mut rest = line;
            while let Some((_, action, after)) = next_key(rest) {
                assert_ne!(keys(action), "", "{action} in {line:?}");
                (found, rest) = (found + 1, after);
            }
        }
        assert!(found > 5, "the tour says what to press: {found}");
    }

    #[test]
    fn everybody_is_in_the_room_where_they_speak() {
        let people: Vec<_> = leads().into_iter().chain(society()).collect();
        let is_known = |part: Part| people.iter().any(|person| person.devices.iter().any(|device| device.part == part));
        let societies: Vec<_> = society().iter().map(|person| person.devices[0].part.person).collect();
        for beat in beats() {
            assert!(is_known(beat.who), "{:?}", beat.who);
            let (Act::Say(place, _) | Act::Probe(place)) = beat.act else { continue };
            let room = ROOMS.iter().chain([&SOCIETY_ROOM]).find(|room| room.place == place).unwrap();
            let member = room.members.contains(&beat.who);
            assert!(member || (place == DemoRoom::Society && societies.contains(&beat.who.person)), "{:?}", beat.who);
        }
        for room in &ROOMS {
            for (who, line) in room.past {
                assert!(room.members.contains(who), "{line}");
            }
            let encrypted = matches!(room.kind, Kind::Direct | Kind::Private { encrypted: true });
            assert!(!encrypted || room.past.is_empty(), "nobody could read what was said before they came");
        }
    }

    #[test]
    fn what_answers_nothing_reacts_to_nothing() {
        for scene in SCENES {
            let reacts = scene.then.iter().any(|beat| matches!(beat.act, Act::React(_)));
            assert!(!reacts || matches!(scene.when, When::Wrote(..)), "{:?}", scene.when);
        }
    }
}
