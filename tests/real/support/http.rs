//! Plain HTTP for tests: one request, one answer, blocking, nothing kept open.
//!
//! Tests need to speak to the homeserver beside the client under test, before any runtime is there and without sharing
//! a line of code with that client. HTTP/1.0 is enough and keeps it small: no chunks, and the end of the connection is
//! the end of the answer.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

/// An answer as it came: status, head and body.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, all of it.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Sends one request to `base_url` (`http://host:port`) and returns status and JSON. A `null` body is no body.
///
/// Panics when the server cannot be reached: a status is something a test looks at, a dead server is not.
pub fn request(base_url: &str, method: &str, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!("{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\n{authorization}");
    let host = base_url.strip_prefix("http://").expect("tests speak plain http");
    let answer = exchange(host, &head, body.as_bytes()).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    (answer.status, answer.json())
}

/// Sends `head` (without `Host`, `Content-Length` and the blank line) and `body` to `host:port`, and reads the answer
/// until the server closes.
pub fn exchange(host: &str, head: &str, body: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    write!(stream, "{head}Host: {host}\r\nContent-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer"))
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = str::from_utf8(&bytes[..head_end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: bytes[head_end + 4..].to_vec() })
}
