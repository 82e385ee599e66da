//! Fetching the agent's image: into a file beside the old one, verified there, and only then put in its place.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::recorded::{record, recorded};
use super::verify::{VerifyError, verify};
use crate::agent_image::{
    AgentVersion, ArchivedImage, CACHE_DIRECTORY, STATE_MODE, STATE_PATH, Wanted,
};
use crate::host::files::{Root, replace};
use crate::host::program::{self, ProgramError};

/// The agent that is fetched where no version is named: the one that this release was tested with.
pub const PINNED_AGENT: &str = "1.105.1";

/// The state that makes ecs-init, and ecs-nanny, load the tarball over what is in Docker.
const WANTS_LOADING: &[u8] = b"2";

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Its address: `https://`, `http://` or `file:`.
    pub url: String,
    /// The image, with the tarball's path in the tree.
    pub wanted: Wanted,
    /// The SHA-256 that it must have, in hexadecimal.
    pub sha256: Option<String>,
    /// Whether a published MD5 is looked for.
    pub md5: bool,
    /// How long it may take.
    pub timeout: Duration,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The file.
    pub path: String,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// True where nothing said beforehand which digest it must have, so that it was recorded now.
    pub first_seen: bool,
    /// What the transfer said of itself, as JSON.
    pub transfer: String,
    /// The image in it.
    pub image: ArchivedImage,
}

/// Why nothing was put in place.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The program that fetches failed.
    #[error(transparent)]
    Transfer(#[from] ProgramError),
    /// What has arrived is not what is wanted. It was removed.
    #[error("refused, nothing was replaced: {0}")]
    Refused(#[from] VerifyError),
    /// A file can't be written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// The system's reason.
        error: io::Error,
    },
}

/// The address of a release in the bucket of a region; without a region in the bucket of all of them. The names are those
/// that ecs-init asks for (`ecs-init/config`).
pub fn url(version: &str, architecture: &str, region: Option<&str>) -> String {
    let infix = match architecture {
        "arm64" => "arm64-",
        _ => "",
    };
    let (bucket, region) = match region {
        Some(region) => (format!("amazon-ecs-agent-{region}"), region),
        None => ("amazon-ecs-agent".to_owned(), "us-east-1"),
    };
    let domain = match region.starts_with("cn-") {
        true => "amazonaws.com.cn",
        false => "amazonaws.com",
    };
    format!("https://{bucket}.s3.{region}.{domain}/ecs-agent-{infix}v{version}.tar")
}

/// Fetches with the program `fetcher` (`ecs-nanny-aws`), verifies and puts in place. The version in the address becomes
/// part of the file's name, with a link to it, as Amazon's packages have it.
///
/// # Errors
/// [`FetchError`]; what was there before is then still there.
pub async fn fetch(root: &Root, wish: &Wish, fetcher: &str) -> Result<Done, FetchError> {
    let path = &wish.wanted.tarball;
    let partial = format!("{path}.partial");
    let outside = root.path(&partial);
    let failed = |path: &str| {
        let path = path.to_owned();
        move |error| FetchError::Io { path, error }
    };
    if let Some(directory) = outside.parent() {
        fs::create_dir_all(directory).map_err(failed(&partial))?;
    }
    let outside_name = outside.display().to_string();
    let timeout = format!("{}s", wish.timeout.as_secs());
    let mut args = vec![
        "fetch",
        "--url",
        &wish.url,
        "--to",
        &outside_name,
        "--timeout",
        &timeout,
    ];
    if wish.md5 {
        args.push("--md5");
    }
    // It keeps the time itself; this is for one that hangs.
    let deadline = wish.timeout + Duration::from_secs(10);
    let transfer = program::run_attended(fetcher, &args, deadline).await?;

    let known = recorded(root, path, &wish.url);
    let must_be = match (&wish.sha256, &known) {
        (Some(given), _) => Some((given.as_str(), "--sha256")),
        (None, Some(known)) => Some((known.as_str(), "what was recorded of this address")),
        (None, None) => None,
    };
    let (_, image, sha256) = match verify(root, &partial, &wish.wanted, must_be) {
        Ok(verified) => verified,
        Err(refused) => {
            fs::remove_file(&outside).map_err(failed(&partial))?;
            return Err(refused.into());
        }
    };
    let placed = put(root, path, &partial, AgentVersion::find(&wish.url)).map_err(failed(path))?;
    record(root, path, &wish.url, &sha256).map_err(failed(path))?;
    if Path::new(path).starts_with(CACHE_DIRECTORY) {
        replace(&root.path(STATE_PATH), STATE_MODE, WANTS_LOADING).map_err(failed(STATE_PATH))?;
    }
    Ok(Done {
        path: placed,
        sha256,
        first_seen: must_be.is_none(),
        transfer: transfer.trim().to_owned(),
        image,
    })
}

/// Renames the verified file to its place; with a version in the address to a name with that version, to which the path
/// becomes a link.
fn put(
    root: &Root,
    path: &str,
    partial: &str,
    version: Option<AgentVersion>,
) -> io::Result<String> {
    let from = root.path(partial);
    File::open(&from)?.sync_all()?;
    let inside = Path::new(path);
    let directory = inside.parent().unwrap_or(Path::new("/")).display();
    let stem = inside
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned());
    let (Some(version), Some(stem)) = (version, stem) else {
        fs::rename(&from, root.own_path(path))?;
        return Ok(path.to_owned());
    };
    let name = format!("{stem}-v{version}.tar");
    let versioned = format!("{directory}/{name}");
    fs::rename(&from, root.own_path(&versioned))?;
    let link = root.own_path(&format!("{directory}/{stem}.link"));
    match fs::remove_file(&link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    symlink(&name, &link)?;
    fs::rename(&link, root.own_path(path))?;
    File::open(root.path(&directory.to_string()))?.sync_all()?;
    Ok(versioned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_ecs_init_asks_for() {
        assert_eq!(
            url("1.105.1", "amd64", Some("eu-west-1")),
            "https://amazon-ecs-agent-eu-west-1.s3.eu-west-1.amazonaws.com/ecs-agent-v1.105.1.tar"
        );
        assert_eq!(
            url("1.105.1", "arm64", Some("cn-north-1")),
            "https://amazon-ecs-agent-cn-north-1.s3.cn-north-1.amazonaws.com.cn/ecs-agent-arm64-v1.105.1.tar"
        );
        assert!(
            url("1.105.1", "amd64", None).starts_with("https://amazon-ecs-agent.s3.us-east-1.")
        );
    }

    #[test]
    fn the_version_becomes_the_files_name_behind_a_link() {
        let tree = tempfile::tempdir().unwrap();
        let root = Root::at(tree.path());
        fs::create_dir_all(tree.path().join("c")).unwrap();
        let link = tree.path().join("c/ecs-agent.tar");
        symlink("ecs-agent-v1.0.0.tar", &link).unwrap();
        fs::write(tree.path().join("c/new"), "new").unwrap();
        let placed = put(
            &root,
            "/c/ecs-agent.tar",
            "/c/new",
            AgentVersion::find("v1.2.3"),
        )
        .unwrap();
        assert_eq!(placed, "/c/ecs-agent-v1.2.3.tar");
        assert_eq!(
            fs::read_link(&link).unwrap(),
            Path::new("ecs-agent-v1.2.3.tar")
        );
        assert_eq!(fs::read(&link).unwrap(), b"new");

        fs::write(tree.path().join("c/new"), "other").unwrap();
        put(&root, "/c/ecs-agent.tar", "/c/new", None).unwrap();
        assert!(!link.is_symlink());
        assert_eq!(fs::read(&link).unwrap(), b"other");
    }
}
