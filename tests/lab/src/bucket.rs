//! A stand-in for the bucket that the agent's image is fetched from: HTTP with ranges and versions, that can break off, and
//! that can be a proxy.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What is served, and what was asked.
#[derive(Debug, Default)]
pub struct Shelf {
    /// Path (behind a proxy the whole address), content and version.
    pub files: Vec<(String, Vec<u8>, String)>,
    /// How many bytes of the body go out before the connection ends, one number an answer, the last first.
    pub breaks: Vec<usize>,
    /// First line and `Range` of each request.
    pub asked: Vec<(String, Option<String>)>,
}

impl Shelf {
    /// One file.
    pub fn of(path: &str, content: &[u8]) -> Self {
        Shelf {
            files: vec![(path.to_owned(), content.to_vec(), "\"v1\"".to_owned())],
            ..Shelf::default()
        }
    }
}

/// The server; it ends with the process.
#[derive(Debug)]
pub struct Bucket {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
}

impl Bucket {
    /// Serves on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// There is none.
    pub fn start(shelf: Shelf) -> io::Result<Self> {
        Self::serve(TcpListener::bind("127.0.0.1:0")?, shelf)
    }

    /// Serves on a listener, which may be one of a lab host.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn serve(listener: TcpListener, shelf: Shelf) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shelf = Arc::new(Mutex::new(shelf));
        let shared = shelf.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever asked may have gone.
                let _ = answer(stream, &mut locked(&shared));
            }
        });
        Ok(Bucket { address, shelf })
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What is served from now on, and what was asked so far.
    pub fn shelf(&self) -> MutexGuard<'_, Shelf> {
        locked(&self.shelf)
    }
}

fn locked(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request a connection.
fn answer(mut stream: TcpStream, shelf: &mut Shelf) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let Some(first) = lines.next().transpose()? else {
        return Ok(());
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
    shelf.asked.push((first.clone(), range.clone()));
    let path = first.split(' ').nth(1).unwrap_or_default();
    let found = shelf.files.iter().find(|(name, ..)| name == path).cloned();
    let Some((_, content, etag)) = found else {
        return stream.write_all(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
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
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body[..length])
}
