//! The one table of actions.
pub struct Action;
pub struct ActionInfo;
pub struct Context;
pub const ACTIONS: &[ActionInfo] = &[];
