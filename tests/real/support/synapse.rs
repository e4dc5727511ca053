//! A real Synapse on loopback, with an empty database, open registration and no rate limits.
//!
//! It must never outlive the test process, however that ends, and never take a port that somebody
//! else wants. So a few lines of Python start it: they wait for the end of stdin, which the kernel
//! brings about when this process is gone, then remove the folder and exit. The port is the
//! kernel's choice, and Synapse's own log line tells which.

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, LazyLock, Mutex, mpsc},
    thread,
    time::Duration,
};

use serde_json::json;

use super::{server::Server, venv};

const RUN: &str = "
import os, runpy, shutil, sys, threading
home = sys.argv[1]
def end_with_the_tests():
    while os.read(0, 1): pass
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

/// The part after the colon in its users' ids.
const SERVER_NAME: &str = "kvitto.test";

/// The Synapse of this test process, started by whoever asks first.
pub fn shared() -> Arc<Server> {
    static SYNAPSE: LazyLock<Arc<Server>> = LazyLock::new(|| Arc::new(start()));
    Arc::clone(&SYNAPSE)
}

/// Starts one and waits until it listens.
pub fn start() -> Server {
    let python = venv::python();
    let home = tempfile::Builder::new().prefix("kvitto-synapse-").tempdir().expect("a temporary folder").keep();
    write_settings(&home);

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
    Server::new(format!("http://127.0.0.1:{port}"), SERVER_NAME, Running { process, stdin })
}

/// Ends Synapse when it is dropped.
struct Running {
    process: Child,
    stdin: Option<ChildStdin>,
}

impl Drop for Running {
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

fn write_settings(home: &Path) {
    let limit = json!({ "per_second": 10000, "burst_count": 10000 });
    let settings = json!({
        "server_name": SERVER_NAME,
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
