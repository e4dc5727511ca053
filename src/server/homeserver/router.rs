//! Every endpoint of every subject.

use std::sync::Arc;

use axum::{Router, http::StatusCode};
use ruma::api::error::ErrorKind;

use super::{
    account_data, accounts, backup, devices,
    error::{error, unrecognized},
    history,
    http::{Routes, Shared, refusal},
    keys, media, profiles, receipts, rooms, sliding, sync, to_device, typing,
};

/// Every endpoint there is.
pub fn router(shared: &Arc<Shared>) -> Router {
    let subjects = [
        accounts::routes,
        devices::routes,
        profiles::routes,
        account_data::routes,
        rooms::routes,
        history::routes,
        receipts::routes,
        typing::routes,
        keys::routes,
        to_device::routes,
        backup::routes,
        media::routes,
        sync::routes,
        sliding::routes,
    ];
    let routes = subjects.into_iter().fold(Routes::default(), |routes, subject| subject(routes));
    let unknown = || async { refusal(unrecognized()) };
    let no_such_method =
        || async { refusal(error(StatusCode::METHOD_NOT_ALLOWED, ErrorKind::Unrecognized, "Not with this method")) };
    let all = routes.into_router().fallback(unknown).method_not_allowed_fallback(no_such_method);
    all.with_state(Arc::clone(shared))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
    };

    use super::{
        super::{Homeserver, Options},
        *,
    };

    /// axum panics where they do.
    #[test]
    fn no_two_endpoints_share_path_and_method() {
        let _ = router(&Arc::new(Shared::new(Options::default())));
    }

    #[test]
    fn a_path_that_is_no_text_is_refused_as_the_specification_has_it() {
        let homeserver = Homeserver::start(Options::default()).unwrap();
        let mut stream = TcpStream::connect(homeserver.url().strip_prefix("http://").unwrap()).unwrap();
        stream.write_all(b"GET /_matrix/client/v3/profile/%FF HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 400 ") && answer.contains("M_INVALID_PARAM"), "{answer}");
    }
}
