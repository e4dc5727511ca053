//! Who plays, and where: the demo's people, their devices and their rooms, as plain data.

/// The homeserver's name.
pub const SERVER_NAME: &str = "kvitto.demo";
/// The user's own name on it.
pub const YOU: &str = "you";

/// One device of one person: whose, and what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    /// The person's name on the homeserver.
    pub person: &'static str,
    /// What the device is called.
    pub device: &'static str,
}

const fn part(person: &'static str, device: &'static str) -> Part {
    Part { person, device }
}

/// Ada's phone, which leads through the tour.
pub const ADA: Part = part("ada", "phone");
/// Grace's phone.
pub const GRACE: Part = part("grace", "phone");
/// Grace's tablet, which is off to begin with.
pub const TABLET: Part = part("grace", "tablet");
/// Linus's laptop, which is never given a key.
pub const LINUS: Part = part("linus", "laptop");
/// Somebody whom the user has never dealt with.
pub const MALLORY: Part = part("mallory", "phone");
/// Somebody who invites the user.
pub const EMMY: Part = part("emmy", "phone");
/// Whoever speaks for the society.
pub const CHARLES: Part = part("charles", "phone");

/// How long something takes a person or a device, in milliseconds: from the shortest to
/// the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace(pub u64, pub u64);

/// A device, and how it behaves.
#[derive(Clone, Debug)]
pub struct Device {
    /// Which.
    pub part: Part,
    /// How long until it acknowledges what came.
    pub answers: Pace,
    /// How long until the user of this device has read what came, if they ever do.
    pub reads: Option<Pace>,
    /// Whether it is on from the beginning.
    pub on: bool,
}

/// A person.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name that others see.
    pub name: &'static str,
    /// At least one; they speak by the first.
    pub devices: Vec<Device>,
}

impl Person {
    /// What they are called by those who know them.
    pub fn first_name(&self) -> &'static str {
        self.name.split(' ').next().unwrap_or(self.name)
    }
}

const fn device(part: Part, answers: Pace, reads: Option<Pace>) -> Device {
    Device { part, answers, reads, on: true }
}

/// The people that the user talks to.
pub fn leads() -> Vec<Person> {
    let person = |name, devices: Vec<Device>| Person { name, devices };
    vec![
        person(
            "Ada Lovelace",
            vec![
                device(ADA, Pace(150, 500), Some(Pace(1_200, 2_200))),
                device(part("ada", "laptop"), Pace(400, 1_000), None),
            ],
        ),
        person(
            "Grace Hopper",
            vec![
                device(GRACE, Pace(400, 1_200), Some(Pace(1_500, 3_000))),
                Device { on: false, ..device(TABLET, Pace(300, 900), None) },
            ],
        ),
        person("Linus", vec![device(LINUS, Pace(600, 1_500), None)]),
        person("Mallory", vec![device(MALLORY, Pace(200, 600), None)]),
        person("Emmy Noether", vec![device(EMMY, Pace(500, 1_500), Some(Pace(1_500, 3_000)))]),
    ]
}

/// The others in the society, each with a phone, the later the slower; every third one reads what
/// comes.
pub fn society() -> Vec<Person> {
    let member = |(index, (id, name)): (usize, &(&'static str, &'static str))| {
        let pace = u64::try_from(index).unwrap_or_default() * 200;
        let reads = index.is_multiple_of(3).then_some(Pace(1_500 + pace, 4_000 + 2 * pace));
        Person { name, devices: vec![device(part(id, "phone"), Pace(300 + pace / 2, 800 + pace), reads)] }
    };
    SOCIETY.iter().enumerate().map(member).collect()
}

/// With Ada, Grace and Linus they are forty.
const SOCIETY: [(&str, &str); 37] = [
    ("charles", "Charles Babbage"),
    ("alan", "Alan Turing"),
    ("joan", "Joan Clarke"),
    ("alonzo", "Alonzo Church"),
    ("augustus", "Augustus De Morgan"),
    ("betty", "Betty Holberton"),
    ("blaise", "Blaise Pascal"),
    ("carl", "Carl Friedrich Gauss"),
    ("claude", "Claude Shannon"),
    ("dorothy", "Dorothy Vaughan"),
    ("edsger", "Edsger Dijkstra"),
    ("evariste", "Évariste Galois"),
    ("evelyn", "Evelyn Boyd Granville"),
    ("frances", "Frances Allen"),
    ("george", "George Boole"),
    ("gertrude", "Gertrude Blanch"),
    ("gottfried", "Gottfried Leibniz"),
    ("haskell", "Haskell Curry"),
    ("hedy", "Hedy Lamarr"),
    ("hypatia", "Hypatia"),
    ("ida", "Ida Rhodes"),
    ("jean", "Jean Bartik"),
    ("john", "John von Neumann"),
    ("katherine", "Katherine Johnson"),
    ("kathleen", "Kathleen Booth"),
    ("kay", "Kay McNulty"),
    ("konrad", "Konrad Zuse"),
    ("kurt", "Kurt Gödel"),
    ("leonhard", "Leonhard Euler"),
    ("maria", "Maria Gaetana Agnesi"),
    ("marlyn", "Marlyn Meltzer"),
    ("mary", "Mary Somerville"),
    ("muhammad", "Muhammad al-Khwarizmi"),
    ("rozsa", "Rózsa Péter"),
    ("ruth", "Ruth Teitelbaum"),
    ("sophie", "Sophie Germain"),
    ("srinivasa", "Srinivasa Ramanujan"),
];

/// A room of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DemoRoom {
    /// Not encrypted, with a past.
    Lunch,
    /// Public.
    Square,
    /// Encrypted, with a stranger in it.
    Train,
    /// A direct chat.
    Linus,
    /// A direct chat.
    Grace,
    /// A direct chat, and the tour.
    Ada,
    /// A direct chat that the user is invited to.
    Emmy,
    /// The group of forty.
    Society,
}

/// What kind of room it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An encrypted chat of two.
    Direct,
    /// By invitation.
    Private {
        /// Whether it is encrypted.
        encrypted: bool,
    },
    /// Everybody may join, by this alias; not encrypted.
    Public(&'static str),
}

/// How a room is before the user comes.
pub struct Room {
    /// Which.
    pub place: DemoRoom,
    /// What kind.
    pub kind: Kind,
    /// Its name; empty for a direct chat.
    pub name: &'static str,
    /// What it is about.
    pub topic: &'static str,
    /// Who is in it, and who made it first; besides the user.
    pub members: &'static [Part],
    /// What was said there.
    pub past: &'static [(Part, &'static str)],
}

/// The rooms but the society's, the one that stands first in the room list last. The user is in all
/// of them but Emmy's.
#[rustfmt::skip]
pub const ROOMS: [Room; 7] = [
    Room {
        place: DemoRoom::Emmy,
        kind: Kind::Direct,
        name: "",
        topic: "",
        members: &[EMMY],
        past: &[],
    },
    Room {
        place: DemoRoom::Lunch,
        kind: Kind::Private { encrypted: false },
        name: "Lunch",
        topic: "Not encrypted, so nothing is acknowledged",
        members: &[GRACE, ADA],
        past: &[
            (GRACE, "Noon at the harbour?"),
            (ADA, "Yes, if the engine lets me go."),
            (GRACE, "It will not. I keep a nanosecond of cable for you."),
            (ADA, "See you there then!"),
        ],
    },
    Room {
        place: DemoRoom::Square,
        kind: Kind::Public("square"),
        name: "Town square",
        topic: "Public: everybody may read and join",
        members: &[ADA, GRACE, MALLORY],
        past: &[
            (GRACE, "Somebody found a moth in relay 70 of panel F."),
            (MALLORY, "Who of you is at home tonight?"),
            (ADA, "Nobody says that in public, and no client should: in public rooms nothing is acknowledged."),
        ],
    },
    Room {
        place: DemoRoom::Train,
        kind: Kind::Private { encrypted: true },
        name: "Night train",
        topic: "A stranger is on it",
        members: &[ADA, MALLORY],
        past: &[],
    },
    Room {
        place: DemoRoom::Linus,
        kind: Kind::Direct,
        name: "",
        topic: "",
        members: &[LINUS],
        past: &[],
    },
    Room {
        place: DemoRoom::Grace,
        kind: Kind::Direct,
        name: "",
        topic: "",
        members: &[GRACE],
        past: &[],
    },
    Room {
        place: DemoRoom::Ada,
        kind: Kind::Direct,
        name: "",
        topic: "",
        members: &[ADA],
        past: &[],
    },
];

/// The group of forty.
pub const SOCIETY_ROOM: Room = Room {
    place: DemoRoom::Society,
    kind: Kind::Private { encrypted: true },
    name: "Analytical Society",
    topic: "Forty people, each at their own pace",
    members: &[CHARLES, ADA, GRACE, LINUS],
    past: &[],
};
