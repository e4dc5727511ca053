//! MSC4089 on one page: who owes whom a receipt, and what is believed.
//!
//! A delivery receipt says 'device D received and could read event E at time T'. The proposal gives
//! it to the event's sender only, for single events, and leaves open how to do so without telling
//! strangers when somebody's phone is on. This module is the part of kvitto that knows the answers;
//! it knows no network and no clock, so each rule is a function with a table of cases. Rules are
//! quoted by number, P for what is sent and L for what is believed.
//!
//! **Somebody else's message** comes in and is readable. [`policy::decide`] goes through P1 to P9
//! and P12 and says `Send`, or names the first rule against it. What happens then, step by step and
//! whatever goes wrong, is [`receipt_queue`]. A receipt that is owed is written to the [`store`],
//! then to the [`outbox`], which lets what is too much for one sender wait for its turn (P10),
//! gathers what goes to them in one room and lets it wait a little (P11). When a batch is due,
//! [`route::choose`] says by which route it goes: through the homeserver where that has MSC4089
//! ([`receipt::Native`]), else as a [`receipt::Answer`], encrypted, to those devices of the sender
//! that have sent a [`receipt::Request`]. What was sent or withheld is settled in the store and
//! never done again. While its key does not come, the sender can be told that (P1).
//!
//! **An own message** is snapshot in the store together with the devices that were given its key
//! ([`ledger::OwnEvent`]). Claims about it are checked ([`ledger::admissible`], L2), held for a
//! minute when they come before it ([`ledger::Held`], L1), and merged ([`ledger::OwnEvent::merge`],
//! L3, L4); what is not believed is counted ([`ledger::Refused`]). What a device's silence means,
//! its [`responsiveness`] tell. [`summary`] makes of both what is drawn: a state per person and
//! device, and the mark at the end of the message.

pub mod policy;

pub mod receipt;

pub mod bucket;

pub mod incognito;

pub mod attention;

pub mod outbox;

pub mod receipt_queue;

pub mod asked;

pub mod route;

pub mod ledger;

pub mod responsiveness;

pub mod summary;

pub mod store;
