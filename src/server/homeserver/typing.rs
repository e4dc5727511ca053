//! Who is typing.

use super::http::Routes;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes
}
