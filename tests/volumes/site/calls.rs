//! Calls of the plugin as Docker makes them.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use ecs_nanny::volumes::SOCKET;

use super::{PATIENCE, Site};

impl Site {
    /// Status and body of a call of the plugin.
    pub fn call(&self, path: &str, body: &str) -> (u16, serde_json::Value) {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: plugin\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        exchange(&self.host.path(SOCKET), request.as_bytes())
    }

    /// A call that has to succeed.
    pub fn called(&self, path: &str, body: &str) -> serde_json::Value {
        let (status, answer) = self.call(path, body);
        assert_eq!(status, 200, "{path} {body}: {answer}");
        answer
    }
}

/// Status and body of a request in bytes, on a connection of its own.
pub fn exchange(socket: &Path, request: &[u8]) -> (u16, serde_json::Value) {
    let mut stream = UnixStream::connect(socket).unwrap();
    exchange_on(&mut stream, request)
}

/// The same on a connection that stays open.
pub fn exchange_on(stream: &mut UnixStream, request: &[u8]) -> (u16, serde_json::Value) {
    stream.set_read_timeout(Some(PATIENCE * 3)).unwrap();
    stream.write_all(request).unwrap();
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_ascii_lowercase());
    }
    let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
    let length = lines
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}
