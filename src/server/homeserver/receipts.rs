//! Receipts: read ones, read markers, and delivery receipts (MSC4089).

use super::http::Routes;

/// The endpoints of this module.
pub fn routes(routes: Routes) -> Routes {
    routes
}
