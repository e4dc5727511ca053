//! kvitto: a terminal Matrix client that shows, device by device, who has received and decrypted
//! your message.
//!
//! This file is the map. Read the modules in this order; each one may import only from those named
//! beside it (`tests/tidy.rs` checks the table):
//!
//! | module | what it is | may import from the crate |
//! | --- | --- | --- |
//! | [`model`] | plain data that all layers share | nothing |
//! | [`clock`] | the time of day | `model` |
//! | [`files`] | what is on disk for the user alone | nothing |
//! | [`delivery`] | MSC4089: who owes whom a receipt, and what is believed | `model` |
//! | [`settings`] | every setting: what it may be, what it means, what it is | `model`, `delivery` |
//! | [`client`] | everything that knows matrix-sdk: requests in, updates out | `model`, `clock`, `files`, `delivery` |
//! | [`input`] | key in, name of a command out | `model` |
//! | [`app`] | the state and its one `update` | `model`, `delivery`, `client::request`, `client::reply`, `client::update`, `input`, `settings` |
//! | [`view`] | draws the state, and only looks | `app`, `model`, `input`, `settings` |
//! | [`config`] | `config.toml` read, checked, written back | `files`, `settings` |
//! | [`server`] | the server half of MSC4089, and a homeserver for the demo | `model`, `clock`, `delivery::receipt`, `delivery::bucket` |
//! | [`server::demo`] | that homeserver, and people on it to talk to | `model`, `clock`, `app::commands`, `client` |
//! | [`runtime`] | the one loop: select, update, run effects, draw | `model`, `clock`, `files`, `delivery`, `settings`, `app`, `view`, `input`, `config`, `client` |
//! | [`cli`] | the command line | everything |
//!
//! Data takes one way through the house: sync → `client` → [`client::update::Update`] →
//! [`app::update`] → [`client::request::Request`] → `client`.

#![recursion_limit = "256"]

pub mod model;

pub mod clock;

pub mod files;

pub mod delivery;

pub mod settings;

pub mod client;

pub mod input;

pub mod app;

pub mod view;

pub mod config;

pub mod server;

pub mod runtime;

pub mod cli;
