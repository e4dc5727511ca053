//! Everything that needs the world outside: the real binary in a real pseudo-terminal, and the
//! library's client code against a real Synapse and against the embedded homeserver. One test
//! binary, so that the support code is compiled once and every part of it is used.
//!
//! Nothing here sleeps: a test waits for what it expects, with a deadline that only a failure
//! meets.

mod ages;
mod attention;
mod bridges;
mod content;
mod delivery;
mod demo;
mod departures;
mod direct_chats;
mod direct_chats_again;
mod editing;
mod edits;
mod ending;
mod endings;
mod faults;
mod harness;
mod hostile;
mod ignoring;
mod kill_campaign;
mod kills;
mod large;
mod liars;
mod login;
mod lost_keys;
mod main_flow;
mod marks;
mod misfortunes;
mod nonsense;
mod own_devices;
mod paging;
mod person;
mod probes;
mod reactions;
mod replies;
mod rogue;
mod rubbish;
mod sending;
mod session;
mod session_campaign;
mod smoke;
mod source;
mod state;
mod storage;
mod storms;
mod support;
mod terminal;
mod timelines;
mod typed;
mod unread;
mod vouched;
mod waking;
mod world;
