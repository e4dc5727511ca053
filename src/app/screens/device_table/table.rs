//! The open room's last own messages against the devices that they were for.
//!
//! A device that is broken shows as a broken column, where the timeline shows it as one glyph in
//! each of many rows. So a column is a device that counted for any of the messages, whatever became
//! of it in the others. Not all may fit on the screen: people with such a device come first.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    app::App,
    model::{Delivery, DeviceDelivery, DeviceId, DeviceState, Message, SafeText, UserId},
};

/// So many messages are in the table, at most.
const MESSAGES: usize = 40;
/// So many items of the timeline are looked through for them: a table is made for each frame.
const LOOKED_AT: usize = 5_000;

/// Messages against devices.
#[derive(Debug, Default)]
pub struct Table<'a> {
    /// The devices: of people with one in trouble first, then by person and id.
    pub columns: Vec<Column<'a>>,
    /// The messages, the newest first.
    pub rows: Vec<TableRow<'a>>,
}

/// One device in several messages.
#[derive(Debug)]
pub struct Column<'a> {
    /// Whose it is.
    pub user_id: &'a UserId,
    /// Their display name in the room, or empty.
    pub person: &'a SafeText,
    /// The device; missing for a person who counts as one.
    pub device_id: Option<&'a DeviceId>,
    /// Its public display name, or empty.
    pub name: &'a SafeText,
    /// For how many of the messages it counts.
    pub expected: usize,
    /// How many of these it has.
    pub delivered: usize,
    /// How many it could not decrypt.
    pub undecryptable: usize,
    /// How many it missed.
    pub missed: usize,
}

/// One message.
#[derive(Debug)]
pub struct TableRow<'a> {
    /// The message.
    pub message: &'a Message,
    /// What is known about its delivery.
    pub delivery: &'a Delivery,
    /// What each column's device did; `None` when it had nothing to do with this message.
    pub cells: Vec<Option<&'a DeviceState>>,
}

type DeviceRef<'a> = (&'a UserId, Option<&'a DeviceId>);

impl App {
    /// The open room's last own messages against devices.
    pub fn table(&self) -> Table<'_> {
        let Some(open) = self.timelines.shown() else { return Table::default() };
        let own = (0..open.items.len()).rev().take(LOOKED_AT).filter_map(|index| open.message(index));
        let known = own.filter(|message| message.own).filter_map(|message| {
            let delivery = open.deliveries.get(message.event_id.as_ref()?)?;
            Some((message, delivery))
        });
        Table::of(known.take(MESSAGES))
    }
}

impl<'a> Table<'a> {
    fn of(messages: impl Iterator<Item = (&'a Message, &'a Delivery)>) -> Self {
        let messages: Vec<_> = messages.collect();
        let counted =
            messages.iter().flat_map(|(_, delivery)| devices(delivery)).filter(|(.., device)| device.expected);
        let mut columns: BTreeMap<DeviceRef<'a>, Column<'a>> = BTreeMap::new();
        for (key, person, device) in counted {
            let column = columns.entry(key).or_insert_with(|| Column {
                user_id: key.0,
                person,
                device_id: key.1,
                name: &device.name,
                expected: 0,
                delivered: 0,
                undecryptable: 0,
                missed: 0,
            });
            // Names come late, and are not known for every message.
            if column.name.is_empty() {
                column.name = &device.name;
            }
            if column.person.is_empty() {
                column.person = person;
            }
            column.expected += 1;
            match device.state {
                DeviceState::Delivered { .. } => column.delivered += 1,
                DeviceState::Undecryptable { .. } => column.undecryptable += 1,
                DeviceState::Missed { .. } => column.missed += 1,
                _ => {}
            }
        }
        let mut columns: Vec<_> = columns.into_values().collect();
        let in_trouble = columns.iter().filter(|column| column.undecryptable + column.missed > 0);
        let in_trouble: BTreeSet<_> = in_trouble.map(|column| column.user_id).collect();
        columns.sort_by_key(|column| !in_trouble.contains(column.user_id));
        let rows = messages.iter().map(|(message, delivery)| {
            let states: BTreeMap<_, _> = self::devices(delivery)
                .filter(|(.., device)| device.expected || device.state != DeviceState::Unknown)
                .map(|(key, _, device)| (key, &device.state))
                .collect();
            let cells = columns.iter().map(|column| states.get(&(column.user_id, column.device_id)).copied());
            TableRow { message, delivery, cells: cells.collect() }
        });
        Self { rows: rows.collect(), columns }
    }
}

/// All devices of a message, each with its name in the table and what its owner is called.
fn devices(delivery: &Delivery) -> impl Iterator<Item = (DeviceRef<'_>, &SafeText, &DeviceDelivery)> {
    // Where there is a tally, the few people who are listed are a sample.
    let people = delivery.people.iter().filter(|_| delivery.tally.is_none());
    people.flat_map(|person| {
        let devices = person.devices.iter();
        devices.map(|device| ((&person.user_id, device.device_id.as_ref()), &person.name, device))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::testing::{delivery, device, own},
        model::{SendState, Tally, TimelineItemKind, Timestamp},
    };

    const HAS_IT: DeviceState = DeviceState::Delivered { at: None };
    const PENDING: DeviceState = DeviceState::Pending;

    fn check(deliveries: &[Delivery], columns: &[(&str, usize, usize)], cells: &[&str]) {
        let items: Vec<_> =
            deliveries.iter().map(|delivery| own(delivery.event_id.as_str(), SendState::Sent)).collect();
        let messages = items.iter().zip(deliveries).map(|(item, delivery)| match &item.kind {
            TimelineItemKind::Message(message) => (&**message, delivery),
            other => panic!("{other:?}"),
        });
        let table = Table::of(messages);
        let id = |column: &Column<'_>| {
            format!("{} {}", column.user_id.as_str(), column.device_id.map_or("-", DeviceId::as_str))
        };
        let found: Vec<_> =
            table.columns.iter().map(|column| (id(column), column.delivered, column.expected)).collect();
        let expected: Vec<_> = columns.iter().map(|(id, has, all)| ((*id).to_owned(), *has, *all)).collect();
        assert_eq!(found, expected);
        let sign = |cell: Option<&DeviceState>| match cell {
            None => ' ',
            Some(DeviceState::Delivered { .. }) => '#',
            Some(DeviceState::Pending) => 'o',
            Some(_) => '-',
        };
        let drawn: Vec<String> =
            table.rows.iter().map(|row| row.cells.iter().map(|cell| sign(*cell)).collect()).collect();
        assert_eq!(drawn, cells);
    }

    #[test]
    fn a_column_is_a_device_that_counted_for_any_message() {
        let excluded = DeviceState::Excluded { why: SafeText::default() };
        let new = delivery("$2", &[("@ada:x", &[device("A1", HAS_IT), device("A2", PENDING)])]);
        let uncounted = DeviceDelivery { expected: false, ..device("OLD", excluded.clone()) };
        let left_out = DeviceDelivery { expected: false, ..device("A2", excluded) };
        let old = delivery("$1", &[("@ada:x", &[device("A1", HAS_IT), left_out, uncounted])]);
        check(&[new, old], &[("@ada:x A1", 2, 2), ("@ada:x A2", 0, 1)], &["#o", "#-"]);
    }

    #[test]
    fn a_person_who_counts_as_one_has_one_column() {
        let one = DeviceDelivery { device_id: None, ..device("", HAS_IT) };
        let listed = DeviceDelivery { expected: false, ..device("A1", DeviceState::Unknown) };
        let bob = device("B1", PENDING);
        let counted = delivery("$2", &[("@ada:x", &[one, listed]), ("@bob:x", &[bob])]);
        let named = delivery("$1", &[("@ada:x", &[device("A1", HAS_IT)])]);
        let columns = [("@ada:x -", 1, 1), ("@ada:x A1", 1, 1), ("@bob:x B1", 0, 1)];
        check(&[counted, named], &columns, &["# o", " # "]);
    }

    #[test]
    fn people_with_a_device_in_trouble_come_first() {
        let broken = DeviceState::Undecryptable { at: None };
        let people: [(&str, &[DeviceDelivery]); 3] = [
            ("@ada:x", &[device("A1", HAS_IT)]),
            ("@bob:x", &[device("B1", HAS_IT), device("B2", broken)]),
            ("@eve:x", &[device("E1", DeviceState::Missed { later: Timestamp::from_millis(1) })]),
        ];
        let columns = [("@bob:x B1", 1, 1), ("@bob:x B2", 0, 1), ("@eve:x E1", 0, 1), ("@ada:x A1", 1, 1)];
        check(&[delivery("$1", &people)], &columns, &["#--#"]);
    }

    #[test]
    fn a_tally_is_a_row_without_cells() {
        let mut counted = delivery("$1", &[("@ada:x", &[device("A1", HAS_IT)])]);
        counted.tally = Some(Tally { delivered: 1, ..Tally::default() });
        check(&[counted], &[], &[""]);
    }
}
