//! The one table of all keys.

use std::collections::BTreeMap;

use toml::de::DeValue;
use tracing::level_filters::LevelFilter;

use super::{Config, nearest::nearest};
use crate::{
    delivery::{
        attention::{ReadReceipts, Typing},
        policy::{Choice, NameDevice, ReceiptType, RouteChoice, Send, Timing, Who},
    },
    model::{RoomId, UserId},
    view::theme::{Glyphs, MarkStyle, Palette},
};

/// A key of `config.toml`.
pub struct Key {
    /// Its place, the tables before it included; `*` stands for the id of a room or a user.
    pub name: &'static str,
    /// What it means, in one sentence.
    pub doc: &'static str,
    /// The values that it may have, in words.
    values: fn() -> String,
    /// Takes the value over, for this id where the name has a `*`; an error is the hint.
    read: fn(&mut Config, &str, &DeValue<'_>) -> Result<(), String>,
    /// Every value of it, as TOML; with the id where the name has a `*`.
    show: fn(&Config) -> Vec<(&str, String)>,
}

/// Every key there is, in the order of `config.example.toml`.
pub const KEYS: &[Key] = &[
    Key {
        name: "delivery.send",
        doc: "In which rooms receipts are sent: `auto` is encrypted rooms that are not public, of few members",
        values: words::<Send>,
        read: |config, _, value| choice(value).map(|send| config.delivery.send = send),
        show: |config| one(config.delivery.send),
    },
    Key {
        name: "delivery.max_members",
        doc: "How many joined members a room may have for `auto`",
        values: || "a whole number, 1 or more".into(),
        read: |config, _, value| count(value).map(|count| config.delivery.max_members = count),
        show: |config| vec![("", config.delivery.max_members.to_string())],
    },
    Key {
        name: "delivery.who",
        doc: "Whose messages are acknowledged: `known` is people that you have dealt with yourself",
        values: words::<Who>,
        read: |config, _, value| choice(value).map(|who| config.delivery.who = who),
        show: |config| one(config.delivery.who),
    },
    Key {
        name: "delivery.timing",
        doc: "How long a receipt waits, so that its time does not tell when your device woke up",
        values: words::<Timing>,
        read: |config, _, value| choice(value).map(|timing| config.delivery.timing = timing),
        show: |config| one(config.delivery.timing),
    },
    Key {
        name: "delivery.name_device",
        doc: "Whom a receipt tells which of your devices it comes from; who is not told gets none over `direct`",
        values: words::<NameDevice>,
        read: |config, _, value| choice(value).map(|name_device| config.delivery.name_device = name_device),
        show: |config| one(config.delivery.name_device),
    },
    Key {
        name: "delivery.route",
        doc: "Which way receipts travel; `off` neither sends them nor asks for them",
        values: words::<RouteChoice>,
        read: |config, _, value| choice(value).map(|route| config.delivery.route = route),
        show: |config| one(config.delivery.route),
    },
    Key {
        name: "delivery.receipt_type",
        doc: "The name under which receipts go through the homeserver; `stable` falls back to the other",
        values: words::<ReceiptType>,
        read: |config, _, value| choice(value).map(|receipt_type| config.delivery.receipt_type = receipt_type),
        show: |config| one(config.delivery.receipt_type),
    },
    Key {
        name: "delivery.incognito",
        doc: "No receipts are sent for now, and none are made up for later",
        values: || "true, false".into(),
        read: |config, _, value| flag(value).map(|on| config.delivery.incognito = on),
        show: |config| vec![("", config.delivery.incognito.to_string())],
    },
    Key {
        name: "delivery.rooms.*.send",
        doc: "`delivery.send` for this room alone",
        values: words::<Send>,
        read: |config, id, value| {
            choice(value).map(|send| {
                config.delivery.rooms.insert(RoomId::new(id), send);
            })
        },
        show: |config| config.delivery.rooms.iter().map(|(room, send)| (room.as_str(), quoted(*send))).collect(),
    },
    Key {
        name: "delivery.rooms.*.incognito",
        doc: "`delivery.incognito` for this room alone",
        values: || "true, false".into(),
        read: |config, id, value| {
            flag(value).map(|on| {
                if on {
                    config.delivery.incognito_rooms.insert(RoomId::new(id));
                }
            })
        },
        show: |config| config.delivery.incognito_rooms.iter().map(|room| (room.as_str(), true.to_string())).collect(),
    },
    Key {
        name: "delivery.people.*.who",
        doc: "`delivery.who` for this person alone",
        values: words::<Who>,
        read: |config, id, value| {
            choice(value).map(|who| {
                config.delivery.people.insert(UserId::new(id), who);
            })
        },
        show: |config| config.delivery.people.iter().map(|(user, who)| (user.as_str(), quoted(*who))).collect(),
    },
    Key {
        name: "privacy.read_receipts",
        doc: "Who learns how far you have read: `auto` is people that you have dealt with, where there is nobody else",
        values: words::<ReadReceipts>,
        read: |config, _, value| choice(value).map(|word| config.delivery.attention.read_receipts.all = word),
        show: |config| one(config.delivery.attention.read_receipts.all),
    },
    Key {
        name: "privacy.typing",
        doc: "Who is told that you type: `auto` is people that you have dealt with, where there is nobody else",
        values: words::<Typing>,
        read: |config, _, value| choice(value).map(|word| config.delivery.attention.typing.all = word),
        show: |config| one(config.delivery.attention.typing.all),
    },
    Key {
        name: "privacy.rooms.*.read_receipts",
        doc: "`privacy.read_receipts` for this room alone",
        values: words::<ReadReceipts>,
        read: |config, id, value| {
            choice(value).map(|word| {
                config.delivery.attention.read_receipts.rooms.insert(RoomId::new(id), word);
            })
        },
        show: |config| each(&config.delivery.attention.read_receipts.rooms, RoomId::as_str),
    },
    Key {
        name: "privacy.rooms.*.typing",
        doc: "`privacy.typing` for this room alone",
        values: words::<Typing>,
        read: |config, id, value| {
            choice(value).map(|word| {
                config.delivery.attention.typing.rooms.insert(RoomId::new(id), word);
            })
        },
        show: |config| each(&config.delivery.attention.typing.rooms, RoomId::as_str),
    },
    Key {
        name: "privacy.people.*.read_receipts",
        doc: "`privacy.read_receipts` in rooms where this person is",
        values: words::<ReadReceipts>,
        read: |config, id, value| {
            choice(value).map(|word| {
                config.delivery.attention.read_receipts.people.insert(UserId::new(id), word);
            })
        },
        show: |config| each(&config.delivery.attention.read_receipts.people, UserId::as_str),
    },
    Key {
        name: "privacy.people.*.typing",
        doc: "`privacy.typing` in rooms where this person is",
        values: words::<Typing>,
        read: |config, id, value| {
            choice(value).map(|word| {
                config.delivery.attention.typing.people.insert(UserId::new(id), word);
            })
        },
        show: |config| each(&config.delivery.attention.typing.people, UserId::as_str),
    },
    Key {
        name: "ui.theme",
        doc: "The colours; `auto` looks at NO_COLOR and COLORFGBG",
        values: words::<Option<Palette>>,
        read: |config, _, value| choice(value).map(|palette| config.palette = palette),
        show: |config| one(config.palette),
    },
    Key {
        name: "ui.marks.style",
        doc: "How the delivery mark is drawn: a glyph for each device, a count, or ticks alone",
        values: words::<MarkStyle>,
        read: |config, _, value| choice(value).map(|style| config.mark_style = style),
        show: |config| one(config.mark_style),
    },
    Key {
        name: "ui.marks.glyphs",
        doc: "The characters of the delivery marks",
        values: words::<Glyphs>,
        read: |config, _, value| choice(value).map(|glyphs| config.glyphs = glyphs),
        show: |config| one(config.glyphs),
    },
    Key {
        name: "log.level",
        doc: "How much kvitto itself writes to its log; libraries never write more than warnings",
        values: words::<LevelFilter>,
        read: |config, _, value| choice(value).map(|level| config.log_level = level),
        show: |config| one(config.log_level),
    },
];

impl Key {
    /// The values that it may have, in words.
    pub fn values(&self) -> String {
        (self.values)()
    }

    /// Takes the value over, for this id where the name has a `*`; an error is the hint.
    pub(super) fn read(&self, config: &mut Config, id: &str, value: &DeValue<'_>) -> Result<(), String> {
        (self.read)(config, id, value)
    }

    /// Every value of it, as TOML; with the id where the name has a `*`.
    pub(super) fn show<'a>(&self, config: &'a Config) -> Vec<(&'a str, String)> {
        (self.show)(config)
    }

    /// The table that it stands in, for this id, and its name there.
    pub(super) fn place(&self, id: &str) -> (String, &'static str) {
        let (table, name) = self.name.rsplit_once('.').unwrap_or(("", self.name));
        (table.replace('*', &quote(id)), name)
    }
}

/// A key as it is written: in quotes where TOML wants them.
pub(super) fn quote(key: &str) -> String {
    toml_edit::Key::new(key).to_string()
}

fn quoted(choice: impl Choice) -> String {
    format!("\"{}\"", choice.word())
}

fn one<'a>(choice: impl Choice) -> Vec<(&'a str, String)> {
    vec![("", quoted(choice))]
}

/// What is set for single rooms or people.
fn each<I, T: Choice>(set: &BTreeMap<I, T>, id: fn(&I) -> &str) -> Vec<(&str, String)> {
    set.iter().map(|(of, choice)| (id(of), quoted(*choice))).collect()
}

fn words<T: Choice>() -> String {
    T::WORDS.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

fn choice<T: Choice>(value: &DeValue<'_>) -> Result<T, String> {
    let hint = || format!("use one of {}", words::<T>());
    let word = value.as_str().ok_or_else(hint)?;
    T::named(word).ok_or_else(|| match nearest(word, T::WORDS.iter().map(|(word, _)| *word)) {
        Some(near) => format!("did you mean \"{near}\"? It can be {}", words::<T>()),
        None => hint(),
    })
}

fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "use true or false".into())
}

fn count(value: &DeValue<'_>) -> Result<u64, String> {
    let number = value.as_integer().and_then(|int| u64::from_str_radix(int.as_str(), int.radix()).ok());
    number.filter(|count| *count > 0).ok_or_else(|| "use a whole number, 1 or more".into())
}
