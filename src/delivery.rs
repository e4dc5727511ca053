//! MSC4089 on one page (to be written by its module's owner).

pub mod ledger;
pub mod outbox;
pub mod policy;
pub mod receipt;
pub mod route;
pub mod store;
pub mod summary;
