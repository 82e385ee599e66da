//! The commands of `image`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::span;

/// `image`.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Fetch the agent's image into the cache, verify it and only then put it in place
    #[command(
        after_help = "The SHA-256 is what --sha256 says; without it that of the first fetch is recorded beside the \
file, and later fetches of the same address must have it. A fetch that broke off goes on where it ended. Proxies are \
those of HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
    )]
    Fetch(ImageFetchArgs),
    /// Say whether the tarball in the cache is the agent's image for this host
    Verify(ImageVerifyArgs),
    /// Remove what an image should not hand to its instances: identities, state, keys, logs
    Seal(ImageSealArgs),
    /// Describe the image with the keys of the ECS-optimized AMI
    Describe(ImageDescribeArgs),
}

/// Which image, and where it goes.
#[derive(Debug, Args)]
pub struct ImageWantedArgs {
    /// amd64 or arm64; without it that of the host or the tree
    #[arg(long, value_name = "ARCHITECTURE", value_parser = ["amd64", "arm64", "x86_64", "aarch64"])]
    pub architecture: Option<String>,
    /// The tarball, a path of the host or the tree; without it agent.tarball
    #[arg(long, value_name = "PATH")]
    pub to: Option<String>,
    /// The SHA-256 that the tarball must have
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    pub sha256: Option<String>,
    /// Another tree than /: the root of an image that is being made
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// `image fetch`.
#[derive(Debug, Args)]
pub struct ImageFetchArgs {
    /// Which image, and where it goes
    #[command(flatten)]
    pub wanted: ImageWantedArgs,
    /// The agent's release
    #[arg(long, default_value = crate::bake::PINNED_AGENT, conflicts_with = "url")]
    pub version: String,
    /// The region whose bucket is asked; without it that of AWS_REGION or of the instance
    #[arg(long, conflicts_with = "url")]
    pub region: Option<String>,
    /// Any other address: https://, http:// or file:
    #[arg(long)]
    pub url: Option<String>,
    /// How long it may take
    #[arg(long, value_name = "SPAN", default_value = "30m", value_parser = span)]
    pub timeout: Duration,
}

/// `image verify`.
#[derive(Debug, Args)]
pub struct ImageVerifyArgs {
    /// Which image, and where it is
    #[command(flatten)]
    pub wanted: ImageWantedArgs,
}

/// `image seal`.
#[derive(Debug, Args)]
pub struct ImageSealArgs {
    /// Another tree than /: the root of an image that is being made
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Seal the running host: stop ecs-nanny, the agent and its container, and remove their identities and keys
    #[arg(long)]
    pub yes: bool,
}

/// `image describe`.
#[derive(Debug, Args)]
pub struct ImageDescribeArgs {
    /// Another tree than /: the root of an image that is being made
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// The AMI's name
    #[arg(long)]
    pub name: Option<String>,
    /// The AMI's version
    #[arg(long)]
    pub version: Option<String>,
    /// The AMI that it is made from
    #[arg(long)]
    pub source: Option<String>,
    /// The engine's version, where it does not run
    #[arg(long)]
    pub runtime: Option<String>,
    /// Write it to /etc/ecs-nanny/image-release.json
    #[arg(long)]
    pub write: bool,
}

fn sha256(text: &str) -> Result<String, String> {
    let plain = text.strip_prefix("sha256:").unwrap_or(text);
    match plain.len() == 64 && plain.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(plain.to_ascii_lowercase()),
        false => Err("64 hexadecimal digits".to_owned()),
    }
}
