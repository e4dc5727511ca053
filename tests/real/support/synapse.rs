//! A real Synapse on loopback, with an empty database, open registration and no rate limits.
//!
//! It must never outlive the test process, however that ends, and never take a port that somebody else wants. So a few
//! lines of Python start it: they wait for the end of stdin, which the kernel brings about when this process is gone,
//! then remove the folder and exit. The port is the kernel's choice, and Synapse's own log line tells which.

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{http, venv};

const RUN: &str = "
import os, runpy, shutil, sys, threading
home = sys.argv[1]
def end_with_the_tests():
    sys.stdin.buffer.read()
    shutil.rmtree(home, ignore_errors=True)
    os._exit(0)
threading.Thread(target=end_with_the_tests, daemon=True).start()
sys.argv = ['synapse', '-c', os.path.join(home, 'homeserver.json')]
runpy.run_module('synapse.app.homeserver', run_name='__main__', alter_sys=True)
";

/// How long a start may take on a busy machine; 2 s is usual.
const DEADLINE: Duration = Duration::from_secs(90);

/// How many of the last log lines are kept for the message of a failure.
const TAIL: usize = 40;

/// The Synapse of this test process, started by whoever asks first.
pub fn synapse() -> &'static Synapse {
    static SYNAPSE: LazyLock<Synapse> = LazyLock::new(Synapse::start);
    &SYNAPSE
}

/// A running Synapse. It ends when this is dropped, or with the process.
pub struct Synapse {
    /// Where clients find it, such as `http://127.0.0.1:34567`.
    pub base_url: String,
    /// The part after the colon in its users' ids.
    pub server_name: String,
    registered: AtomicUsize,
    process: Child,
    stdin: Option<ChildStdin>,
}

/// A registered user that has not logged in anywhere yet.
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

impl Synapse {
    /// Starts one and waits until it listens.
    pub fn start() -> Self {
        let server_name = "kvitto.test";
        let python = venv::python();
        let home = tempfile::Builder::new().prefix("kvitto-synapse-").tempdir().expect("a temporary folder").keep();
        write_settings(&home, server_name);

        let mut process = Command::new(python)
            .args(["-c", RUN])
            .arg(&home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the environment's python runs");
        let stdin = process.stdin.take();
        let log = BufReader::new(process.stderr.take().expect("stderr is a pipe"));
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let port = port_from(log, Arc::clone(&tail)).recv_timeout(DEADLINE).unwrap_or_else(|error| {
            let tail = Vec::from(tail.lock().expect("the log's reader does not panic").clone());
            panic!("Synapse did not start ({error}). Its log ends in:\n{}", tail.join("\n"));
        });
        Self {
            base_url: format!("http://127.0.0.1:{port}"),
            server_name: server_name.to_owned(),
            registered: AtomicUsize::new(0),
            process,
            stdin,
        }
    }

    /// Registers a user whose name begins with `name` (tests share a server, so a number makes it the caller's own).
    /// No device is made.
    pub fn register(&self, name: &str) -> Account {
        let name = format!("{name}-{}", self.registered.fetch_add(1, Ordering::Relaxed) + 1);
        let password = format!("password of {name}");
        let (status, answer) = self.raw(
            "POST",
            "/_matrix/client/v3/register",
            None,
            &json!({ "username": name, "password": password, "inhibit_login": true, "auth": { "type": "m.login.dummy" } }),
        );
        assert_eq!(status, 200, "registering {name}: {answer}");
        Account { user_id: format!("@{name}:{}", self.server_name), name, password }
    }

    /// Logs `account` in as a new device that nothing but [`Synapse::raw`] uses.
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

    /// One plain request: status and JSON. A `null` body is no body.
    pub fn raw(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        http::request(&self.base_url, method, path, token, body)
    }
}

impl Drop for Synapse {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.wait();
    }
}

/// Reads the log for as long as there is one, keeps its tail, and sends the port once it is known.
fn port_from(log: impl BufRead + Send + 'static, tail: Arc<Mutex<VecDeque<String>>>) -> mpsc::Receiver<u16> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            if let Some(port) = line.split("now listening on TCP port ").nth(1).and_then(|port| port.parse().ok()) {
                let _ = sender.send(port);
            }
            let mut tail = tail.lock().expect("nobody panics with the log in hand");
            tail.push_back(line);
            if tail.len() > TAIL {
                tail.pop_front();
            }
        }
    });
    receiver
}

fn write_settings(home: &Path, server_name: &str) {
    let limit = json!({ "per_second": 10000, "burst_count": 10000 });
    let settings = json!({
        "server_name": server_name,
        "report_stats": false,
        "listeners": [{
            "port": 0,
            "type": "http",
            "bind_addresses": ["127.0.0.1"],
            "resources": [{ "names": ["client"] }],
        }],
        "database": { "name": "sqlite3", "args": { "database": home.join("homeserver.db") } },
        "log_config": home.join("log.json"),
        "media_store_path": home.join("media"),
        "signing_key_path": home.join("signing.key"),
        "macaroon_secret_key": "of no worth",
        "trusted_key_servers": [],
        "suppress_key_server_warning": true,
        "enable_registration": true,
        "enable_registration_without_verification": true,
        "bcrypt_rounds": 4,
        "rc_message": limit,
        "rc_registration": limit,
        "rc_login": { "address": limit, "account": limit, "failed_attempts": limit },
        "rc_joins": { "local": limit, "remote": limit },
        "rc_joins_per_room": limit,
        "rc_invites": { "per_room": limit, "per_user": limit, "per_issuer": limit },
        "rc_room_creation": limit,
        "rc_presence": { "per_user": limit },
    });
    let log = json!({
        "version": 1,
        "disable_existing_loggers": false,
        "formatters": { "plain": { "format": "%(asctime)s %(levelname)s %(name)s %(message)s" } },
        "handlers": { "stderr": { "class": "logging.StreamHandler", "formatter": "plain" } },
        "loggers": { "synapse.app._base": { "level": "INFO" } },
        "root": { "level": "WARNING", "handlers": ["stderr"] },
    });
    // JSON is YAML, which is what Synapse reads.
    fs::write(home.join("homeserver.json"), settings.to_string()).expect("a temporary folder can be written");
    fs::write(home.join("log.json"), log.to_string()).expect("a temporary folder can be written");
}
