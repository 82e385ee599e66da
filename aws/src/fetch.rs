//! Fetching one file: `https:`, `http:` and `file:`, in several attempts that go on where the last one ended. Proxies are
//! those of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::StreamExt;
use md5::{Digest, Md5};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};
use serde::Serialize;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::FetchArgs;
use crate::partial::Partial;
use crate::progress::Progress;

/// How long a server has to take the connection.
const CONNECT: Duration = Duration::from_secs(20);
/// How long nothing may arrive.
const SILENCE: Duration = Duration::from_secs(30);
/// How often a transfer that broke off is gone on with.
const ATTEMPTS: u32 = 5;
/// The wait before the second attempt; it doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// What was done.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Fetched {
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Where the attempt that ended well began: what earlier ones had brought.
    pub resumed_from: u64,
    /// `equal`, `not published` or `not asked for`.
    pub md5: &'static str,
}

/// Fetches the file.
///
/// # Errors
/// What stopped it; what has arrived stays for the next attempt.
pub async fn fetch(args: &FetchArgs) -> anyhow::Result<Fetched> {
    if let Some(path) = local(&args.url) {
        let bytes = copy(&path, &args.to).await?;
        return Ok(Fetched {
            bytes,
            resumed_from: 0,
            md5: "not asked for",
        });
    }
    // Fails only where one is set already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .user_agent(concat!("ecs-nanny-aws/", env!("CARGO_PKG_VERSION")))
        .build()?;
    let resumed_from = attempts(&client, args).await?;
    let md5 = match args.md5 {
        true => compare_md5(&client, args).await?,
        false => "not asked for",
    };
    Ok(Fetched {
        bytes: tokio::fs::metadata(&args.to).await?.len(),
        resumed_from,
        md5,
    })
}

/// The address without a password in it.
pub fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let from = rest[..end].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[from..])
}

/// The path of a `file:` address, in each of its spellings (RFC 8089).
fn local(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("file:")?;
    let path = path.strip_prefix("//localhost").unwrap_or(path);
    Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

async fn copy(from: &Path, to: &Path) -> anyhow::Result<u64> {
    let mut source = File::open(from)
        .await
        .with_context(|| from.display().to_string())?;
    let mut file = File::create(to)
        .await
        .with_context(|| to.display().to_string())?;
    let bytes = tokio::io::copy(&mut source, &mut file).await?;
    file.sync_all().await?;
    Ok(bytes)
}

/// Attempts until the file is whole. Returns where the last one began.
async fn attempts(client: &Client, args: &FetchArgs) -> anyhow::Result<u64> {
    let mut pause = PAUSE;
    let mut attempt = 1;
    loop {
        let partial = Partial::at(&args.to);
        let known = partial.of(&args.url);
        match attempted(client, args, &partial, known).await {
            Ok(from) => return Ok(from),
            Err(Broken::Refused(error)) => return Err(error),
            Err(Broken::Off(error)) if attempt == ATTEMPTS => {
                return Err(error.context(format!(
                    "{} broke off {ATTEMPTS} times; what has arrived is kept, call it again",
                    shown(&args.url)
                )));
            }
            Err(Broken::Off(error)) => eprintln!("{error:#}; going on in {pause:?}"),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
        attempt += 1;
    }
}

/// Why an attempt ended early.
enum Broken {
    /// Another attempt would end the same way.
    Refused(anyhow::Error),
    /// Another attempt may go on.
    Off(anyhow::Error),
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Broken::Refused(error.into())
    }
}

async fn attempted(
    client: &Client,
    args: &FetchArgs,
    partial: &Partial,
    known: Option<(u64, String)>,
) -> Result<u64, Broken> {
    let mut request = client.get(&args.url).header(ACCEPT_ENCODING, "identity");
    if let Some((length, etag)) = &known {
        request = request
            .header(RANGE, format!("bytes={length}-"))
            .header(IF_RANGE, etag);
    }
    let response = request
        .send()
        .await
        .map_err(|error| Broken::Off(error.without_url().into()))?;
    let (mut file, from) = match (response.status(), known) {
        (StatusCode::PARTIAL_CONTENT, Some((length, _))) if begins_at(&response, length) => {
            let file = OpenOptions::new().append(true).open(&args.to).await?;
            (file, length)
        }
        (StatusCode::OK, _) => (begin(args, partial, response.headers()).await?, 0),
        (StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT, _) => {
            partial.forget().map_err(Broken::Refused)?;
            return Err(Broken::Off(anyhow::anyhow!(
                "what was kept is not its beginning"
            )));
        }
        (status, _) => {
            let error = anyhow::anyhow!("{}: the server answers {status}", shown(&args.url));
            let may_pass = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
            return Err(match may_pass {
                true => Broken::Off(error),
                false => Broken::Refused(error),
            });
        }
    };
    let wanted = response.content_length().map(|rest| from + rest);
    let arrived = receive(response, &mut file, from, wanted).await;
    file.sync_all().await?;
    let length = arrived?;
    if wanted.is_some_and(|wanted| wanted != length) {
        let error = anyhow::anyhow!("{length} bytes arrived, {wanted:?} were announced");
        return Err(Broken::Off(error));
    }
    partial.forget().map_err(Broken::Refused)?;
    Ok(from)
}

/// Whether the answer begins where what is kept ends: `Content-Range: bytes 100-999/1000`.
fn begins_at(response: &Response, length: u64) -> bool {
    response
        .headers()
        .get(CONTENT_RANGE)
        .and_then(|range| range.to_str().ok())
        .is_some_and(|range| range.starts_with(&format!("bytes {length}-")))
}

async fn begin(args: &FetchArgs, partial: &Partial, headers: &HeaderMap) -> Result<File, Broken> {
    let file = File::create(&args.to).await.map_err(|error| {
        let error = anyhow::Error::from(error);
        Broken::Refused(error.context(args.to.display().to_string()))
    })?;
    let etag = headers.get(ETAG).and_then(|etag| etag.to_str().ok());
    // A weak one does not promise equal bytes (RFC 9110, 8.8.1).
    let etag = etag.filter(|etag| !etag.starts_with("W/"));
    partial.begin(&args.url, etag).map_err(Broken::Refused)?;
    Ok(file)
}

async fn receive(
    response: Response,
    file: &mut File,
    from: u64,
    wanted: Option<u64>,
) -> Result<u64, Broken> {
    let mut progress = Progress::new(from, wanted);
    let mut length = from;
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Broken::Off(error.without_url().into()))?;
        file.write_all(&chunk).await?;
        length += chunk.len() as u64;
        progress.more(chunk.len() as u64);
    }
    Ok(length)
}

/// Compares with the published MD5 (32 hexadecimal digits), where one is published.
async fn compare_md5(client: &Client, args: &FetchArgs) -> anyhow::Result<&'static str> {
    let response = client.get(format!("{}.md5", args.url)).send().await;
    let response = response.map_err(reqwest::Error::without_url)?;
    if matches!(
        response.status(),
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN
    ) {
        return Ok("not published");
    }
    let published = response
        .error_for_status()
        .map_err(reqwest::Error::without_url)?;
    let published = published.text().await?;
    let published = published.split_whitespace().next().unwrap_or_default();
    let mut file = File::open(&args.to).await?;
    let mut digest = Md5::new();
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
    }
    let found: String = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if !published.eq_ignore_ascii_case(&found) {
        tokio::fs::remove_file(&args.to).await?;
        bail!("the file was damaged on its way: its MD5 is {found}, published is {published}");
    }
    Ok("equal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_addresses() {
        for (url, path) in [
            ("file:/a/b", Some("/a/b")),
            ("file:///a/b", Some("/a/b")),
            ("file://localhost/a/b", Some("/a/b")),
            ("http://a/b", None),
        ] {
            assert_eq!(local(url).as_deref(), path.map(Path::new), "{url}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("https://me:hush@host/a"), "https://host/a");
        assert_eq!(shown("https://host/a@b"), "https://host/a@b");
    }
}
