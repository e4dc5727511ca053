//! The network between a client and its homeserver, in the test's hands: it can be cut and healed,
//! it can make a homeserver look older than it is, it can put something into its answers, and it
//! can answer in its place.
//!
//! It forwards one request per connection (`Connection: close` is put into each), so that it need
//! not understand bodies: after the head, bytes are copied both ways until one side ends. Long
//! polls and parallel connections cost a pair of threads each. It runs on threads of its own, so it
//! works beside any runtime, or none.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io::{self, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use url::Url;

use self::head::{content_length, http_1_0, read_head};
use super::http;

mod head;

/// How long a test waits for a request, on a busy machine with a debug build.
const DEADLINE: Duration = Duration::from_mins(1);

const LOGIN: &str = "/_matrix/client/v3/login";
const KEYS_UPLOAD: &str = "/_matrix/client/v3/keys/upload";
const KEYS_QUERY: &str = "/_matrix/client/v3/keys/query";
const VERSIONS: &str = "/_matrix/client/versions";
const SLIDING_SYNC: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
const SLIDING_SYNC_FEATURE: &str = "org.matrix.simplified_msc3575";
/// What the SDK calls the sliding sync that rooms come by.
const ROOM_LIST: &[u8] = b"room-list";
/// Makes another token of one, since the SDK passes over an answer whose token it has; the
/// homeserver never sees it.
const LIE: &str = "-lie";

/// Whether the homeserver behind the proxy still seems to have simplified sliding sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlidingSync {
    /// As the homeserver has it.
    Kept,
    /// Not announced in `/versions`, and 404 when asked for: the client has to use `/sync`.
    Hidden,
}

/// A change of an answer.
pub type Spoil = fn(&mut Value);

/// A running proxy. It ends when this is dropped.
pub struct Proxy {
    /// What the client is given for its homeserver.
    pub base_url: String,
    address: SocketAddr,
    line: Arc<Line>,
}

impl Proxy {
    /// Starts a proxy in front of `upstream` (`http://host:port`).
    pub fn start(upstream: &str, sliding_sync: SlidingSync) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let upstream = upstream.strip_prefix("http://").expect("tests speak plain http").to_owned();
        let line = Arc::new(Line { upstream, sliding_sync, state: Mutex::default(), changed: Condvar::new() });
        let accepting = Arc::clone(&line);
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.state().stopped {
                    return;
                }
                let line = Arc::clone(&accepting);
                // An error here is a connection that ended early: the client sees it, and that is
                // all there is to do.
                thread::spawn(move || client.and_then(|client| line.serve(&client)));
            }
        });
        Self { base_url: format!("http://{address}"), address, line }
    }

    /// Breaks every connection at once, and every new one until [`Proxy::heal`].
    pub fn cut(&self) {
        let mut state = self.line.state();
        state.cut = true;
        for stream in state.open.values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub fn heal(&self) {
        self.line.state().cut = false;
    }

    /// Breaks every request whose path contains `part`, until [`Proxy::allow`].
    pub fn refuse(&self, part: &str) {
        self.line.state().refused = Some(part.to_owned());
    }

    /// Leaves every sliding sync for rooms waiting, until [`Proxy::allow`]; the one for keys and
    /// to-device messages goes on.
    pub fn hold_rooms(&self) {
        self.line.state().rooms_held = true;
    }

    /// Leaves the next request whose path contains `part` waiting, also when it is made again, and
    /// no other one, until [`Proxy::allow`].
    pub fn hold_next(&self, part: &str) {
        self.line.state().hold = Some(Hold::Next(part.to_owned()));
    }

    /// Answers every request whose path contains `part` in the homeserver's place, until
    /// [`Proxy::allow`].
    pub fn answer(&self, part: &str, status: &'static str, content: &Value) {
        self.line.state().answered = Some((part.to_owned(), status, content.clone()));
    }

    /// As a homeserver that does not know anybody: 401 to everything that comes with a token and to
    /// every refresh, until [`Proxy::allow`].
    pub fn know_nobody(&self, soft_logout: bool) {
        self.line.state().nobody = Some(unknown_token(soft_logout));
    }

    /// Every access token that was used until now has expired: 401, also after [`Proxy::allow`].
    pub fn expire(&self) {
        let mut state = self.line.state();
        let used = std::mem::take(&mut state.used);
        state.expired.extend(used);
    }

    /// Lets through what was refused, kept back, held or answered here, from now on.
    pub fn allow(&self) {
        let mut state = self.line.state();
        state.answered = None;
        state.nobody = None;
        state.refused = None;
        state.kept_back = None;
        state.rooms_held = false;
        state.hold = None;
        self.line.changed.notify_all();
    }

    /// Says 200 to every request whose path contains `part`, and keeps it, until [`Proxy::allow`]:
    /// the client believes that it was done.
    pub fn keep_back(&self, part: &str) {
        self.line.state().kept_back = Some(part.to_owned());
    }

    /// Changes every answer to a request whose path contains `part`, from now on.
    pub fn spoil(&self, part: &str, spoil: Spoil) {
        self.line.state().spoiled = Some((part.to_owned(), spoil));
    }

    /// The bodies of what was kept back so far.
    pub fn kept(&self) -> Vec<String> {
        self.line.state().kept.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }

    /// Waits until something is kept back.
    #[track_caller]
    pub fn wait_until_kept(&self) {
        let (state, in_time) = self.line.wait(|state| !state.kept.is_empty());
        assert!(in_time, "waited for what is kept back, but there came only\n{}", state.requests.join("\n"));
    }

    /// Hands what was kept back to the homeserver after all, and returns how many requests that
    /// were.
    pub fn deliver(&self) -> usize {
        let kept = std::mem::take(&mut self.line.state().kept);
        for (head, body) in &kept {
            let answer = http::exchange(&self.line.upstream, head, body).expect("the homeserver answers").json();
            assert_eq!(answer, json!({}), "the homeserver took what was kept back");
        }
        kept.len()
    }

    /// Answers a sync in the homeserver's place, and nothing else is in that answer: an `m.receipt`
    /// with this content came for a room. It is the next sync that is begun; one under way is not
    /// disturbed.
    pub fn lie(&self, room: &str, receipts: Value) {
        self.line.state().lies.push_back((room.to_owned(), receipts));
    }

    /// Method and path of every request so far, in order of arrival, such as `GET
    /// /_matrix/client/versions`.
    pub fn requests(&self) -> Vec<String> {
        self.line.state().requests.clone()
    }

    /// Waits until `condition` holds for [`Proxy::requests`]; `what` says in the failure's message
    /// what that would be.
    #[track_caller]
    pub fn wait_for_requests(&self, what: &str, condition: impl Fn(&[String]) -> bool) {
        let (state, in_time) = self.line.wait(|state| condition(&state.requests));
        assert!(in_time, "waited for {what}, but there came only\n{}", state.requests.join("\n"));
    }

    /// Nobody counts as told of this device's keys until they are told again.
    pub fn forget_keys(&self, of: &str) {
        self.line.state().told.retain(|(_, device)| device != of);
    }

    /// Waits until a device that logged in here has been told the keys of another one: what it
    /// sends from now on is encrypted for that one too. A homeserver tells of new devices in its
    /// own time. A device knows its own keys when it has uploaded them.
    #[track_caller]
    pub fn wait_for_keys(&self, of: &str, told_to: &str) {
        let told = (told_to.to_owned(), of.to_owned());
        let (state, in_time) = self.line.wait(|state| state.told.contains(&told));
        assert!(in_time, "waited for the keys of {of} to come to {told_to}; there came\n{:#?}", state.told);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.line.state().stopped = true;
        self.line.changed.notify_all();
        // Wakes the listener, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

struct Line {
    upstream: String,
    sliding_sync: SlidingSync,
    state: Mutex<State>,
    /// Something was requested, or is not held any more.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cut: bool,
    stopped: bool,
    /// Both ends of what goes through now, to be shut from outside.
    open: HashMap<u64, TcpStream>,
    opened: u64,
    requests: Vec<String>,
    /// The device of each access token.
    devices: HashMap<String, String>,
    /// Who was told whose keys, as ids of devices.
    told: HashSet<(String, String)>,
    refused: Option<String>,
    kept_back: Option<String>,
    rooms_held: bool,
    hold: Option<Hold>,
    /// Heads and bodies of what was kept back.
    kept: Vec<(String, Vec<u8>)>,
    /// Rooms and contents of receipts that are to come.
    lies: VecDeque<(String, Value)>,
    spoiled: Option<(String, Spoil)>,
    answered: Option<(String, &'static str, Value)>,
    /// What everybody is told who comes with a token.
    nobody: Option<Value>,
    /// Access tokens, and those that are not any more.
    used: HashSet<String>,
    expired: HashSet<String>,
}

impl State {
    /// Notes who is told whose keys by a login, an upload or a query with this answer.
    fn note(&mut self, head: &[String], body: &[u8], answer: &Value) {
        if let (Some(token), Some(device)) = (answer["access_token"].as_str(), answer["device_id"].as_str()) {
            self.devices.insert(token.to_owned(), device.to_owned());
        }
        let mut tokens = head.iter().filter_map(|header| header.split_once(": Bearer "));
        let Some(asker) = tokens.next().and_then(|(_, token)| self.devices.get(token)) else { return };
        if !serde_json::from_slice::<Value>(body).unwrap_or_default()["device_keys"]["device_id"].is_null() {
            self.told.insert((asker.clone(), asker.clone()));
        }
        let users = answer["device_keys"].as_object().into_iter().flat_map(serde_json::Map::values);
        let devices = users.filter_map(Value::as_object).flat_map(serde_json::Map::keys);
        self.told.extend(devices.map(|device| (asker.clone(), device.clone())));
    }
}

/// One request that waits.
enum Hold {
    /// The next one whose path contains this.
    Next(String),
    /// It has come, to this path.
    Waits(String),
}

fn unknown_token(soft_logout: bool) -> Value {
    json!({ "errcode": "M_UNKNOWN_TOKEN", "error": "Nobody is known by this token", "soft_logout": soft_logout })
}

impl Line {
    /// What is answered in the homeserver's place.
    fn in_its_place(&self, path: &str, head: &[String]) -> Option<(&'static str, Value)> {
        const UNAUTHORIZED: &str = "401 Unauthorized";
        let mut state = self.state();
        let token = head.iter().find_map(|header| Some(header.split_once(": Bearer ")?.1.to_owned()));
        if let Some(token) = &token {
            if state.expired.contains(token) {
                return Some((UNAUTHORIZED, unknown_token(true)));
            }
            state.used.insert(token.clone());
        }
        if let Some((part, status, content)) = &state.answered
            && path.contains(part)
        {
            return Some((status, content.clone()));
        }
        let nobody = state.nobody.clone().filter(|_| token.is_some() || path.ends_with("/refresh"));
        nobody.map(|content| (UNAUTHORIZED, content))
    }

    /// Also after a test has failed with it in hand: others, and the proxy's own threads, go on.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this holds; whether it does.
    fn wait(&self, condition: impl Fn(&State) -> bool) -> (MutexGuard<'_, State>, bool) {
        let waited = self.changed.wait_timeout_while(self.state(), DEADLINE, |state| !condition(state));
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        (state, !timeout.timed_out())
    }

    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        let _client_is_open = self.open(client)?;
        let mut from_client = BufReader::new(client.try_clone()?);
        let mut head = read_head(&mut from_client)?;
        let request = head[0].clone();
        head[0] = request.replace(LIE, "");
        let mut words = request.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();
        let is_in = |part: &Option<String>| part.as_ref().is_some_and(|part| path.contains(part));
        let is_next = |hold: &mut Option<Hold>| {
            if matches!(hold, Some(Hold::Next(part)) if path.contains(&**part)) {
                *hold = Some(Hold::Waits(path.to_owned()));
            }
            matches!(hold, Some(Hold::Waits(waiting)) if waiting == path)
        };
        // Whoever waits for a request can change what is done with the next one, and with no
        // earlier one.
        let (refused, kept_back, waits_alone) = {
            let mut state = self.state();
            state.requests.push(format!("{method} {path}"));
            (is_in(&state.refused), is_in(&state.kept_back), is_next(&mut state.hold))
        };
        self.changed.notify_all();
        if waits_alone {
            drop(
                self.changed
                    .wait_while(self.state(), |state| matches!(state.hold, Some(Hold::Waits(_))) && !state.stopped),
            );
        }

        if self.sliding_sync == SlidingSync::Hidden && path == SLIDING_SYNC {
            let unknown = json!({ "errcode": "M_UNRECOGNIZED", "error": "Unrecognized request" });
            return answer(client, &mut from_client, "404 Not Found", &unknown);
        }
        if self.sliding_sync == SlidingSync::Hidden && path == VERSIONS {
            let mut versions = http::exchange(&self.upstream, &http_1_0(&head), b"")?.json();
            versions["unstable_features"][SLIDING_SYNC_FEATURE] = Value::Bool(false);
            return answer(client, &mut from_client, "200 OK", &versions);
        }

        if let Some((status, content)) = self.in_its_place(path, &head) {
            return answer(client, &mut from_client, status, &content);
        }
        if refused {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        if kept_back {
            let mut body = vec![0; content_length(&head)];
            from_client.read_exact(&mut body)?;
            self.state().kept.push((http_1_0(&head), body));
            return answer(client, &mut from_client, "200 OK", &json!({}));
        }

        let lies = path.ends_with("/sync") && !self.state().lies.is_empty();
        let spoiled = self.state().spoiled.as_ref().filter(|(part, _)| path.contains(part)).map(|(_, spoil)| *spoil);
        let waits = path == SLIDING_SYNC && self.state().rooms_held;
        let noted = method == "POST" && [LOGIN, KEYS_UPLOAD, KEYS_QUERY].contains(&path);
        let mut body = Vec::new();
        if lies || waits || noted || spoiled.is_some() {
            body.resize(content_length(&head), 0);
            from_client.read_exact(&mut body)?;
        }
        if waits && is_for_rooms(&body) {
            drop(self.changed.wait_while(self.state(), |state| state.rooms_held && !state.stopped));
        }
        if lies && let Some(lie) = self.tell_lie(target, &body) {
            return answer(client, &mut from_client, "200 OK", &lie);
        }
        if noted || spoiled.is_some() {
            let answered = http::exchange(&self.upstream, &http_1_0(&head), &body)?;
            let status =
                answered.head.lines().next().and_then(|line| line.split_once(' ')).map_or("", |(_, status)| status);
            let mut content = answered.json();
            if let Some(spoil) = spoiled {
                spoil(&mut content);
            }
            if noted {
                self.state().note(&head, &body, &content);
                self.changed.notify_all();
            }
            return answer(client, &mut from_client, status, &content);
        }

        let mut server = TcpStream::connect(&self.upstream)?;
        let _server_is_open = self.open(&server)?;
        let mut from_server = server.try_clone()?;
        write!(server, "{}\r\nConnection: close\r\n\r\n", head.join("\r\n"))?;
        server.write_all(&body)?;
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ = io::copy(&mut from_server, &mut &*client);
                let _ = client.shutdown(Shutdown::Both);
            });
            let _ = io::copy(&mut from_client, &mut server);
            let _ = server.shutdown(Shutdown::Both);
        });
        Ok(())
    }

    /// The answer to a sync that begins where the last one ended and brings receipts, if some are
    /// to come. A sync that begins anew, or is not for rooms, is left alone.
    fn tell_lie(&self, target: &str, body: &[u8]) -> Option<Value> {
        let url = Url::parse(&format!("http://{}{target}", self.upstream)).ok()?;
        let sliding = url.path() == SLIDING_SYNC;
        if sliding && !is_for_rooms(body) {
            return None;
        }
        let name = if sliding { "pos" } else { "since" };
        let token = url.query_pairs().find(|(key, _)| key == name)?.1 + LIE;
        let (room, receipts) = self.state().lies.pop_front()?;
        let receipts = json!({ "type": "m.receipt", "content": receipts });
        Some(if sliding {
            json!({ "pos": token, "extensions": { "receipts": { "rooms": { room: receipts } } } })
        } else {
            json!({ "next_batch": token, "rooms": { "join": { room: { "ephemeral": { "events": [receipts] } } } } })
        })
    }

    /// Notes that `stream` is open until the guard goes, or refuses it while the line is cut.
    fn open(&self, stream: &TcpStream) -> io::Result<Open<'_>> {
        let stream = stream.try_clone()?;
        let mut state = self.state();
        if state.cut {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        state.opened += 1;
        let id = state.opened;
        state.open.insert(id, stream);
        Ok(Open { line: self, id })
    }
}

struct Open<'a> {
    line: &'a Line,
    id: u64,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.line.state().open.remove(&self.id);
    }
}

/// How many of these requests have this in their path.
pub fn count(requests: &[String], part: &str) -> usize {
    requests.iter().filter(|request| request.contains(part)).count()
}

/// Whether a sliding sync is the one that rooms come by.
fn is_for_rooms(body: &[u8]) -> bool {
    body.windows(ROOM_LIST.len()).any(|part| part == ROOM_LIST)
}

/// Answers in the homeserver's place. What the client still sends is read to its end, since closing
/// on unread bytes would reset the connection under the answer.
fn answer(mut client: &TcpStream, from_client: &mut impl Read, status: &str, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n");
    write!(client, "{head}Content-Length: {}\r\n\r\n{body}", body.len())?;
    client.shutdown(Shutdown::Write)?;
    io::copy(from_client, &mut io::sink()).map(|_| ())
}
