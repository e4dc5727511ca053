//! What a user keeps on the server: account data, tags, push rules, filters.

use super::http::Routes;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes
}
