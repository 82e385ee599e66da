//! A stand-in for a bucket: HTTP with ranges and versions, that can break off, and that can be a proxy.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is served, and what was asked.
#[derive(Default)]
pub struct Shelf {
    /// Path (behind a proxy the whole address), content and version.
    pub files: Vec<(String, Vec<u8>, String)>,
    /// How many bytes of the body go out before the connection ends, one number an answer, the last first.
    pub breaks: Vec<usize>,
    /// First line and `Range` of each request.
    pub asked: Vec<(String, Option<String>)>,
}

/// The server; it ends with the process.
pub struct Server {
    pub address: SocketAddr,
    pub shelf: Arc<Mutex<Shelf>>,
}

impl Server {
    pub fn start(shelf: Shelf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shelf = Arc::new(Mutex::new(shelf));
        let shared = shelf.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &shared);
            }
        });
        Server { address, shelf }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// One request a connection.
fn answer(mut stream: TcpStream, shelf: &Mutex<Shelf>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else {
        return;
    };
    let mut range = None;
    let mut version = None;
    for line in lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
    {
        let (name, value) = line.split_once(": ").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "range" => range = Some(value.to_owned()),
            "if-range" => version = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut shelf = shelf.lock().unwrap();
    shelf.asked.push((first.clone(), range.clone()));
    let path = first.split(' ').nth(1).unwrap_or_default();
    let found = shelf.files.iter().find(|(name, ..)| name == path).cloned();
    let Some((_, content, etag)) = found else {
        let _ = stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    };
    let from = range
        .filter(|_| version.as_ref() == Some(&etag))
        .and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse()
                .ok()
        });
    let (status, extra, body) = match from {
        Some(from) => {
            let last = content.len() - 1;
            let extra = format!("Content-Range: bytes {from}-{last}/{}\r\n", content.len());
            ("206 Partial Content", extra, &content[from..])
        }
        None => ("200 OK", String::new(), &content[..]),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: {etag}\r\n{extra}Connection: close\r\n\r\n",
        body.len()
    );
    let length = shelf.breaks.pop().unwrap_or(body.len()).min(body.len());
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(&body[..length]);
}
