//! The app as a whole: events in, effects and state out.

mod anything;
mod commands;
mod demo;
mod drafts;
mod editing;
mod endings;
mod login;
mod overview;
mod people;
mod reactions;
mod reading;
mod replying;
mod settings;
mod timelines;
