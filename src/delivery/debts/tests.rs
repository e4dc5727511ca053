//! Single decisions; schedules of many are in [`schedules`].

mod mortal;
mod schedules;
mod world;
