//! Plain HTTP for tests: one request, one answer, blocking.
//!
//! Tests need to speak to the homeserver beside the client under test, before any runtime is there
//! and without sharing a line of code with that client. HTTP/1.0 is enough and keeps it small: no
//! chunks, and the end of the connection is the end of the answer. Where a connection is to be
//! kept, [`KeptOpen`] speaks as much HTTP/1.1 as that takes.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

/// An answer as it came: status, head and body.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    /// The body, all of it.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Sends one request to `base_url` (`http://host:port`) and returns status and JSON. A `null` body
/// is no body.
///
/// Panics when the server cannot be reached: a status is something a test looks at, a dead server
/// is not.
pub fn request(base_url: &str, method: &str, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!("{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\n{authorization}");
    let host = base_url.strip_prefix("http://").expect("tests speak plain http");
    let answer = exchange(host, &head, body.as_bytes()).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    (answer.status, answer.json())
}

/// Sends `head` (without `Host`, `Content-Length` and the blank line) and `body` to `host:port`,
/// and reads the answer until the server closes.
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
    Some(Answer { status, head: head.to_owned(), body: bytes[head_end + 4..].to_vec() })
}

/// A connection that carries one request after the other.
pub struct KeptOpen {
    host: String,
    stream: Option<BufReader<TcpStream>>,
}

impl KeptOpen {
    /// Connects to `base_url` with the first request.
    pub fn new(base_url: &str) -> Self {
        Self { host: base_url.strip_prefix("http://").expect("tests speak plain http").to_owned(), stream: None }
    }

    /// Sends `head` (without `Host`, `Content-Length` and the blank line) and `body`, and reads the
    /// answer. A server may end a connection between two requests; whichever meets that is sent
    /// again on a new one.
    pub fn exchange(&mut self, head: &str, body: &[u8]) -> io::Result<Answer> {
        if let Some(stream) = self.stream.take()
            && let Ok(answer) = self.exchange_on(stream, head, body)
        {
            return Ok(answer);
        }
        self.exchange_on(BufReader::new(TcpStream::connect(&self.host)?), head, body)
    }

    fn exchange_on(&mut self, mut stream: BufReader<TcpStream>, head: &str, body: &[u8]) -> io::Result<Answer> {
        let inner = stream.get_mut();
        inner.set_nodelay(true)?;
        inner.set_read_timeout(Some(Duration::from_mins(1)))?;
        let head_end = format!("Host: {}\r\nContent-Length: {}\r\n\r\n", self.host, body.len());
        inner.write_all(&[head.as_bytes(), head_end.as_bytes(), body].concat())?;

        let mut lines = String::new();
        while !lines.ends_with("\r\n\r\n") {
            if stream.read_line(&mut lines)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let mut answer = parse(lines.as_bytes()).ok_or(io::ErrorKind::InvalidData)?;
        let has_body = !head.starts_with("HEAD ") && answer.status != 204;
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = read_chunks(&mut stream)?;
        } else {
            let length = answer.header("content-length").and_then(|length| length.parse().ok()).filter(|_| has_body);
            answer.body = vec![0; length.unwrap_or_default()];
            stream.read_exact(&mut answer.body)?;
        }
        if answer.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

/// A body whose length nobody knew when it began.
fn read_chunks(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
        let start = body.len();
        body.resize(start + length + 2, 0);
        stream.read_exact(&mut body[start..])?;
        body.truncate(start + length);
        if length == 0 {
            return Ok(body);
        }
    }
}
