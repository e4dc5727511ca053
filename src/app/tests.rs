//! The app as a whole: events in, effects and state out.

mod anything;
mod commands;
mod drafts;
mod login;
mod reading;
