//! A homeserver, whichever it is: what the tests know of it is where it answers, and all they do
//! with it goes over HTTP.

use std::{
    any::Any,
    sync::atomic::{AtomicUsize, Ordering},
};

use kvitto::model::{EventId, RoomId};
use serde_json::{Value, json};

use super::http;

/// A running homeserver. It ends when this is dropped, or with the process.
pub struct Server {
    /// Where clients find it, such as `http://127.0.0.1:34567`.
    pub base_url: String,
    /// The part after the colon in its users' ids.
    pub name: String,
    numbers: AtomicUsize,
    _running: Box<dyn Any + Send + Sync>,
}

/// A registered user that has not logged in anywhere yet.
#[derive(Clone)]
pub struct Account {
    /// `@name:server`.
    pub user_id: String,
    /// What is typed into a login form.
    pub name: String,
    /// The password.
    pub password: String,
}

/// One device of an [`Account`], logged in over plain HTTP, without any encryption.
pub struct Device {
    /// The access token.
    pub token: String,
    /// The device's id.
    pub device_id: String,
}

impl Server {
    /// A homeserver that answers at `base_url` for as long as `running` is not dropped.
    pub fn new(base_url: String, name: &str, running: impl Any + Send + Sync) -> Self {
        Self { base_url, name: name.to_owned(), numbers: AtomicUsize::new(0), _running: Box::new(running) }
    }

    /// Registers a user whose name begins with `name` (tests may share a server, so a number makes
    /// it the caller's own). No device is made.
    pub fn register(&self, name: &str) -> Account {
        let name = format!("{name}-{}", self.number());
        let password = format!("password of {name}");
        let (status, answer) = self.raw(
            "POST",
            "/_matrix/client/v3/register",
            None,
            &json!({ "username": name, "password": password, "inhibit_login": true, "auth": { "type": "m.login.dummy" } }),
        );
        assert_eq!(status, 200, "registering {name}: {answer}");
        Account { user_id: format!("@{name}:{}", self.name), name, password }
    }

    /// A number that nobody else has.
    fn number(&self) -> usize {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Logs `account` in as a new device that nothing but [`Server::raw`] uses.
    pub fn login_raw(&self, account: &Account) -> Device {
        let (status, answer) = self.raw(
            "POST",
            "/_matrix/client/v3/login",
            None,
            &json!({
                "type": "m.login.password",
                "identifier": { "type": "m.id.user", "user": account.name },
                "password": account.password,
            }),
        );
        assert_eq!(status, 200, "logging {} in: {answer}", account.name);
        let text = |key: &str| answer[key].as_str().expect("a login answer has it").to_owned();
        Device { token: text("access_token"), device_id: text("device_id") }
    }

    /// Sends one event of any type into a room; returns its id.
    pub fn send(&self, token: &str, room: &RoomId, kind: &str, content: &Value) -> EventId {
        self.put_event(token, room, &format!("send/{kind}/{}", self.number()), content)
    }

    /// Redacts an event; returns the redaction's id.
    pub fn redact(&self, token: &str, room: &RoomId, event: &EventId) -> EventId {
        let event = event.as_str().replace('$', "%24");
        self.put_event(token, room, &format!("redact/{event}/{}", self.number()), &json!({}))
    }

    /// Sets a room's state, with an empty key.
    pub fn put_state(&self, token: &str, room: &RoomId, kind: &str, content: &Value) -> EventId {
        self.put_event(token, room, &format!("state/{kind}/"), content)
    }

    fn put_event(&self, token: &str, room: &RoomId, path: &str, content: &Value) -> EventId {
        let room = room.as_str().replace('!', "%21");
        let (status, answer) =
            self.raw("PUT", &format!("/_matrix/client/v3/rooms/{room}/{path}"), Some(token), content);
        assert_eq!(status, 200, "{path}: {answer}");
        EventId::new(answer["event_id"].as_str().expect("an event has an id"))
    }

    /// Makes a room; returns its id.
    pub fn create_room(&self, token: &str, request: &Value) -> RoomId {
        let (status, answer) = self.raw("POST", "/_matrix/client/v3/createRoom", Some(token), request);
        assert_eq!(status, 200, "{answer}");
        RoomId::new(answer["room_id"].as_str().expect("a new room has an id"))
    }

    /// Joins a room that everybody may join.
    pub fn join(&self, token: &str, room: &RoomId) {
        let path = format!("/_matrix/client/v3/rooms/{}/join", room.as_str().replace('!', "%21"));
        let (status, answer) = self.raw("POST", &path, Some(token), &json!({}));
        assert_eq!(status, 200, "{answer}");
    }

    /// Ends a device.
    pub fn log_out(&self, token: &str) {
        let (status, answer) = self.raw("POST", "/_matrix/client/v3/logout", Some(token), &json!({}));
        assert_eq!(status, 200, "{answer}");
    }

    /// One plain request: status and JSON. A `null` body is no body.
    pub fn raw(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        http::request(&self.base_url, method, path, token, body)
    }
}
