//! What values of settings have to be: each check takes what was written and gives what is meant, or complains.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::load::{NOTICES, PROFILES};
use super::storage::DOCKER_PLACE;

/// Why a value is refused.
pub(super) struct Complaint {
    /// What was found, quoted.
    pub found: String,
    /// What is wanted.
    pub wanted: &'static str,
    /// How to mend it.
    pub mend: &'static str,
}

pub(super) fn complain<T>(
    found: &str,
    wanted: &'static str,
    mend: &'static str,
) -> Result<T, Complaint> {
    Err(Complaint {
        found: format!("{found:?}"),
        wanted,
        mend,
    })
}

pub(super) fn not_empty(value: String) -> Result<String, Complaint> {
    if value.trim().is_empty() {
        return complain(&value, "some text", "write the value, or remove the line");
    }
    Ok(value)
}

pub(super) fn absolute(value: String) -> Result<String, Complaint> {
    if !value.starts_with('/') {
        return complain(&value, "an absolute path", "begin the path with /");
    }
    Ok(value)
}

pub(super) fn some_absolute(value: String) -> Result<Option<String>, Complaint> {
    absolute(value).map(Some)
}

pub(super) fn address(value: String) -> Result<Option<String>, Complaint> {
    if !["https://", "http://", "file:/"]
        .iter()
        .any(|scheme| value.starts_with(scheme))
    {
        return complain(
            &value,
            "an address",
            "begin it with https://, http:// or file:/",
        );
    }
    Ok(Some(value))
}

pub(super) fn unit(value: String) -> Result<String, Complaint> {
    if !value.ends_with(".service") || value.contains('/') {
        return complain(
            &value,
            "the name of a service unit",
            "for example docker.service",
        );
    }
    Ok(value)
}

pub(super) fn digest(value: String) -> Result<Option<String>, Complaint> {
    let hex = value.strip_prefix("sha256:").unwrap_or_default();
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return complain(
            &value,
            "sha256: and 64 hexadecimal digits",
            "take the image id that `docker image inspect --format {{.Id}}` prints",
        );
    }
    Ok(Some(value.to_ascii_lowercase()))
}

pub(super) fn names(
    value: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Complaint> {
    let usable = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'=')
    };
    if let Some(name) = value.keys().find(|name| !usable(name)) {
        return complain(name, "names of variables", "use letters, digits and _");
    }
    if let Some(name) = value
        .iter()
        .find_map(|(name, value)| value.contains(['\0', '\n']).then_some(name))
    {
        return complain(
            name,
            "values of one line",
            "remove the line end from the value",
        );
    }
    Ok(value)
}

pub(super) fn profiles(value: Vec<String>) -> Result<Vec<String>, Complaint> {
    if let Some(unknown) = value.iter().find(|name| !PROFILES.contains(&name.as_str())) {
        return complain(
            unknown,
            "names of profiles: ecs, batch, emr, gpu, generic",
            "correct or remove the name",
        );
    }
    if value.is_empty() {
        return complain(
            "[]",
            "at least one profile",
            "write [\"ecs\"], or remove the line",
        );
    }
    Ok(value)
}

pub(super) fn disks(value: Vec<String>) -> Result<Vec<String>, Complaint> {
    let usable = |name: &&String| {
        let name = name.trim_start_matches("/dev/");
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match value.iter().find(|name| !usable(name)) {
        Some(name) => complain(
            name,
            "names of whole disks, or all",
            "for example [\"all\"] or [\"nvme1n1\"]",
        ),
        None => Ok(value),
    }
}

pub(super) fn places(value: Vec<String>) -> Result<Vec<String>, Complaint> {
    let usable = |place: &&String| *place == DOCKER_PLACE || below_root(place);
    let mut seen = BTreeSet::new();
    match value
        .iter()
        .find(|place| !usable(place) || !seen.insert(*place))
    {
        Some(place) => complain(
            place,
            "docker or absolute paths, each once",
            "for example [\"docker\", \"/scratch\"]",
        ),
        None => Ok(value),
    }
}

/// An absolute path that is not the root directory.
fn below_root(path: &str) -> bool {
    path.starts_with('/') && !path.trim_end_matches('/').is_empty()
}

pub(super) fn data_volumes(value: Vec<String>) -> Result<Vec<String>, Complaint> {
    match value.iter().find(|place| !below_root(place)) {
        Some(place) => complain(
            place,
            "mount points of data volumes",
            "for example [\"/data\"]; the root file system is grown by cloud-init",
        ),
        None => Ok(value),
    }
}

pub(super) fn some_name(value: String) -> Result<Option<String>, Complaint> {
    not_empty(value).map(Some)
}

pub(super) fn notices(value: Vec<String>) -> Result<Vec<String>, Complaint> {
    match value.iter().find(|name| !NOTICES.contains(&name.as_str())) {
        None => Ok(value),
        Some(unknown) => complain(
            unknown,
            "names of notices: spot_interruption, rebalance, maintenance, termination",
            "correct or remove the name",
        ),
    }
}

/// A program by its absolute path, and its arguments.
pub(super) fn command(value: Vec<String>) -> Result<Vec<String>, Complaint> {
    match value.first() {
        Some(program) if !program.starts_with('/') => complain(
            program,
            "a program by its absolute path, then its arguments",
            "for example [\"/usr/local/bin/on-phase\", \"--quiet\"]",
        ),
        _ => Ok(value),
    }
}

/// Numbers with dots between them.
pub(super) fn release(value: String) -> Result<Option<String>, Complaint> {
    let parts: Vec<&str> = value.split('.').collect();
    let is_number = |part: &&str| part.parse::<u32>().is_ok();
    if !(2..=3).contains(&parts.len()) || !parts.iter().all(is_number) {
        return complain(
            &value,
            "two or three numbers with dots between them",
            "for example 7.1.0",
        );
    }
    Ok(Some(value))
}

pub(super) fn loopback(value: String) -> Result<Option<SocketAddr>, Complaint> {
    const WANTED: &str = "a loopback address with a port, or \"off\"";
    const MEND: &str = "for example 127.0.0.1:51682";
    if value == "off" {
        return Ok(None);
    }
    match value.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(Some(address)),
        _ => complain(&value, WANTED, MEND),
    }
}

pub(super) fn endpoints(value: Vec<String>) -> Result<Vec<String>, Complaint> {
    if value.is_empty() {
        return complain(
            "[]",
            "at least one address",
            "remove the line to take the defaults",
        );
    }
    if let Some(bad) = value
        .iter()
        .find(|endpoint| !endpoint.starts_with("http://") || endpoint.ends_with('/'))
    {
        return complain(
            bad,
            "http:// and an address, with no / at the end",
            "for example http://169.254.169.254",
        );
    }
    Ok(value)
}

pub(super) fn duration(value: String) -> Result<Duration, Complaint> {
    match humantime::parse_duration(&value) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => complain(
            &value,
            "a time span longer than 0",
            "for example 30s, 5m or 1h 30m",
        ),
    }
}

pub(super) fn off_or_duration(value: String) -> Result<Option<Duration>, Complaint> {
    if value == "off" {
        return Ok(None);
    }
    duration(value).map(Some).map_err(|complaint| Complaint {
        wanted: "a time span longer than 0, or \"off\"",
        ..complaint
    })
}

/// A regional outage must not restart a fleet.
pub(super) fn off_or_long(value: String) -> Result<Option<Duration>, Complaint> {
    const LEAST: Duration = Duration::from_secs(15 * 60);
    match off_or_duration(value.clone())? {
        Some(short) if short < LEAST => complain(
            &value,
            "15m or longer, or \"off\"",
            "connections to ECS come back by themselves; a restart costs the registration",
        ),
        allowed => Ok(allowed),
    }
}
