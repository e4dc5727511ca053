//! The head of a request: its first line and its headers.

use std::io::{self, BufRead};

/// The request line and the headers, but for those about the connection, which the proxy decides
/// on.
pub fn read_head(from_client: &mut impl BufRead) -> io::Result<Vec<String>> {
    let mut head = Vec::new();
    for line in from_client.lines() {
        let line = line?;
        if line.is_empty() && !head.is_empty() {
            return Ok(head);
        }
        if !line.to_ascii_lowercase().starts_with("connection:") {
            head.push(line);
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// The same head for a request whose answer ends with the connection.
pub fn http_1_0(head: &[String]) -> String {
    let request_line = head[0].replace("HTTP/1.1", "HTTP/1.0");
    let headers = head[1..].iter().filter(|header| {
        let header = header.to_ascii_lowercase();
        !["host:", "content-length:", "accept-encoding:"].iter().any(|name| header.starts_with(name))
    });
    let lines: Vec<&str> = std::iter::once(&request_line).chain(headers).map(String::as_str).collect();
    lines.join("\r\n") + "\r\n"
}

/// How long the body is.
pub fn content_length(head: &[String]) -> usize {
    let length =
        head.iter().find_map(|header| header.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    length.unwrap_or_default()
}
