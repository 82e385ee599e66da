//! Whether a value is one that its reader takes.

mod go;
mod json;

use std::borrow::Cow;
use std::net::IpAddr;

use super::log_drivers;
use super::schema::{Kind, Known, Limits};

/// Why a value is not taken as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// How bad it is.
    pub(super) weight: Weight,
    /// What would be taken.
    pub(super) wanted: Cow<'static, str>,
    /// What to write.
    pub(super) mend: Cow<'static, str>,
}

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// It cannot be read; the schema says what that does.
    Misread,
    /// It can be read, but not all of it counts, or a limit is taken in its place.
    Bent,
}

impl Fault {
    fn new(
        weight: Weight,
        wanted: impl Into<Cow<'static, str>>,
        mend: impl Into<Cow<'static, str>>,
    ) -> Self {
        Fault {
            weight,
            wanted: wanted.into(),
            mend: mend.into(),
        }
    }

    fn misread(wanted: impl Into<Cow<'static, str>>, mend: impl Into<Cow<'static, str>>) -> Self {
        Fault::new(Weight::Misread, wanted, mend)
    }

    fn bent(wanted: impl Into<Cow<'static, str>>, mend: impl Into<Cow<'static, str>>) -> Self {
        Fault::new(Weight::Bent, wanted, mend)
    }
}

/// Holds a value against the type and the limits of its variable. An empty value counts as not set.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(known: &Known, value: &str) -> Result<(), Fault> {
    if value.is_empty() {
        return Ok(());
    }
    match known.kind {
        Kind::Text | Kind::Words => Ok(()),
        Kind::Path => ensure(
            value.starts_with('/'),
            "an absolute path",
            "begin it with /",
        ),
        Kind::UnixSocket => ensure(
            value.starts_with("unix:///"),
            "unix:// and the path of Docker's socket",
            "for example unix:///var/run/docker.sock; ecs-init binds no other kind of address",
        ),
        Kind::Cluster => cluster(value.trim()),
        Kind::Boolean => boolean(value).map(|_| ()),
        Kind::LiteralTrue => match boolean(value)? {
            true if value != "true" => Err(Fault::bent(
                "exactly true: ecs-init compares the text",
                "write true",
            )),
            _ => Ok(()),
        },
        Kind::Duration(limits) => {
            let told = |duration| humantime::format_duration(duration).to_string();
            let Some(duration) = go::duration(value) else {
                return Err(Fault::misread(
                    "a number with its unit: ns, us, ms, s, m or h",
                    "for example 30s, 10m or 1h30m",
                ));
            };
            within(duration, limits, told)
        }
        Kind::Integer(limits) => {
            let number = value.parse::<i64>().map_err(|_| {
                Fault::misread("a whole number", "write digits only, without a unit")
            })?;
            within(number, limits, |number| number.to_string())
        }
        Kind::U16 => ensure(
            value.bytes().all(|byte| byte.is_ascii_digit()) && value.parse::<u16>().is_ok(),
            "a whole number from 0 to 65535",
            "write digits only, without a unit",
        ),
        Kind::OneOf(words) => ensure(words.contains(&value), one_of(words), "write one of them"),
        Kind::Level(words) => ensure(
            words.contains(&value.to_ascii_lowercase().as_str()),
            one_of(words),
            "write one of them",
        ),
        Kind::Ports => json::list::<u16>(value, "a JSON list of ports", "[22,51678]"),
        Kind::LogDrivers => match log_drivers::with_awslogs(Some(value)).repaired {
            None => Ok(()),
            Some(_) => Err(Fault::misread(
                "a JSON list of log drivers",
                "[\"awslogs\"]",
            )),
        },
        Kind::Networks => {
            json::whole::<Vec<String>>(value, NETWORKS, NETWORKS_MEND).and_then(|networks| {
                ensure(
                    networks.iter().all(|network| is_network(network)),
                    NETWORKS,
                    NETWORKS_MEND,
                )
            })
        }
        Kind::Strings => json::list::<String>(value, "a JSON list of strings", "[\"efsAuth\"]"),
        Kind::Object(limits) => json::object(value, limits),
        Kind::AnyObject => json::first::<serde_json::Map<String, serde_json::Value>>(
            value,
            json::OBJECT,
            json::OBJECT_MEND,
        )
        .map(|_| ()),
        Kind::RateAndBurst => {
            let parts: Vec<_> = value
                .split(',')
                .map(|part| part.trim().parse::<i32>())
                .collect();
            ensure(
                matches!(parts[..], [Ok(1..), Ok(1..)]),
                "two whole numbers above 0, rate and burst, with a comma between them",
                "for example 40,60",
            )
        }
        Kind::PortRange => {
            let ports: Vec<_> = value.split('-').map(str::parse::<u16>).collect();
            ensure(
                matches!(ports[..], [Ok(low @ 1..), Ok(high)] if low <= high),
                "two ports from 1 to 65535 with a dash between them, the lower one first",
                "for example 49153-65535",
            )
        }
    }
}

const NETWORKS: &str = "a JSON list of networks in CIDR notation, and nothing behind it";
const NETWORKS_MEND: &str = "for example [\"10.0.0.0/16\"]";

fn ensure(
    holds: bool,
    wanted: impl Into<Cow<'static, str>>,
    mend: &'static str,
) -> Result<(), Fault> {
    if holds {
        Ok(())
    } else {
        Err(Fault::misread(wanted, mend))
    }
}

fn within<T: PartialOrd + Copy>(
    value: T,
    limits: Limits<T>,
    told: impl Fn(T) -> String,
) -> Result<(), Fault> {
    let wanted = match (limits.least, limits.most) {
        (Some(least), _) if value < least => format!("{} or more", told(least)),
        (_, Some(most)) if value > most => format!("{} or less", told(most)),
        _ => return Ok(()),
    };
    Err(Fault::bent(
        wanted,
        "choose a value within the limit; the agent takes the limit or its default in place of this one",
    ))
}

fn one_of(words: &[&str]) -> String {
    format!("one of: {}", words.join(", "))
}

fn boolean(value: &str) -> Result<bool, Fault> {
    go::boolean(value.trim()).ok_or_else(|| {
        let mend = match value.trim().to_ascii_lowercase().as_str() {
            "yes" | "y" | "on" | "enabled" | "enable" | "true" => "write true",
            "no" | "n" | "off" | "disabled" | "disable" | "false" => "write false",
            _ => "write true or false",
        };
        Fault::misread(
            "true or false (also 1, t, T, TRUE, True, 0, f, F, FALSE, False)",
            mend,
        )
    })
}

/// A name as CreateCluster takes it, or the ARN of a cluster.
fn cluster(value: &str) -> Result<(), Fault> {
    const WANTED: &str = "a cluster's name of at most 255 letters, digits, _ and -, or its ARN";
    let name = match value.strip_prefix("arn:") {
        None => value,
        Some(arn) => {
            let parts: Vec<_> = arn.splitn(5, ':').collect();
            match parts[..] {
                [partition, "ecs", region, account, resource]
                    if !partition.is_empty()
                        && !region.is_empty()
                        && account.len() == 12
                        && account.bytes().all(|byte| byte.is_ascii_digit()) =>
                {
                    resource.strip_prefix("cluster/").unwrap_or_default()
                }
                _ => "",
            }
        }
    };
    ensure(
        (1..=255).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')),
        WANTED,
        "take the name that `aws ecs list-clusters` shows behind cluster/",
    )
}

/// True for an address with the length of its prefix.
pub(super) fn is_network(text: &str) -> bool {
    network(text).is_some()
}

/// A network as its address and the length of its prefix.
pub(super) fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let length: u32 = length.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    (length <= bits).then_some((address, length))
}

#[cfg(test)]
mod tests;
