//! Rooms: making them, who is in them, their state, and what is sent into them.

use super::http::Routes;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes
}
