//! `ecs-nanny image`: what whoever makes the AMI calls.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;

use crate::agent_image::{Wanted, docker_architecture};
use crate::bake::{self, PINNED_AGENT, Sealed, Told, VerifyError, Wish};
use crate::checks::ImageRelease;
use crate::cli::args::{
    FactsArgs, ImageCommand, ImageDescribeArgs, ImageFetchArgs, ImageSealArgs, ImageVerifyArgs,
    ImageWantedArgs,
};
use crate::exit::Exit;
use crate::facts::{self, Fact, IMAGE_RELEASE};
use crate::host::docker::Docker;
use crate::host::files::{Kind, Root, replace};
use crate::host::imds::Imds;
use crate::host::program;
use crate::host::systemd;
use crate::plan::CONTAINER_NAME;
use crate::settings::Settings;

use super::facts::{gather, root};
use super::{print, runtime};

/// The program that fetches, beside ours or in `PATH`.
const FETCHER: &str = "ecs-nanny-aws";

/// How long the metadata service is asked for the region.
const REGION: Duration = Duration::from_secs(3);

/// How long a unit may take to stop.
const STOP: Duration = Duration::from_secs(120);

pub(super) fn image(command: ImageCommand) -> anyhow::Result<Exit> {
    match command {
        ImageCommand::Fetch(args) => fetch(args),
        ImageCommand::Verify(args) => verify(&args),
        ImageCommand::Seal(args) => seal(&args),
        ImageCommand::Describe(args) => describe(args),
    }
}

/// The tree, its settings and the image that is wanted there.
fn wanted(args: &ImageWantedArgs) -> anyhow::Result<(Root, Settings, Wanted)> {
    let root = root(args.root.as_ref())?;
    let settings = super::settings(&root)?.settings;
    let machine = match (&args.architecture, facts::host(&root).machine) {
        (Some(given), _) => given.clone(),
        (None, Fact::Known(machine)) => machine,
        (None, unknown) => anyhow::bail!(
            "the tree does not tell its architecture ({}); give --architecture",
            unknown.why_unknown()
        ),
    };
    let mut wanted = Wanted::new(&settings.agent, docker_architecture(&machine));
    if let Some(to) = &args.to {
        anyhow::ensure!(to.starts_with('/'), "--to {to}: not an absolute path");
        wanted.tarball.clone_from(to);
    }
    Ok((root, settings, wanted))
}

pub(super) fn fetch(args: ImageFetchArgs) -> anyhow::Result<Exit> {
    let (root, settings, wanted) = wanted(&args.wanted)?;
    let of_bucket = args.version.is_some() || args.region.is_some();
    let set = settings.agent.fetch_from.clone().filter(|_| !of_bucket);
    let (url, md5) = match args.url.or(set) {
        Some(url) => (address(&url)?, false),
        None => {
            let region = args.region.or_else(|| region(&settings));
            let version = args.version.as_deref().unwrap_or(PINNED_AGENT);
            let version = version.trim_start_matches('v');
            let url = bake::url(version, &wanted.architecture, region.as_deref());
            (url, true)
        }
    };
    let wish = Wish {
        url,
        wanted,
        sha256: args.wanted.sha256,
        md5,
        timeout: args.timeout,
    };
    let done = runtime()?.block_on(bake::fetch(&root, &wish, &fetcher()))?;
    print(&format!("{}: {}", done.path, done.image.tags.join(", ")));
    print(&format!("sha256:{}", done.sha256));
    if done.first_seen {
        eprintln!(
            "ecs-nanny: NOTHING VOUCHED FOR THIS FILE. Its SHA-256 is recorded in {}; later fetches of the same address \
must have it. To be sure of the first one, call again with: --sha256 {}",
            bake::record_path(&wish.wanted.tarball),
            done.sha256
        );
    }
    Ok(Exit::Done)
}

/// A path without a scheme is that of a file.
fn address(url: &str) -> anyhow::Result<String> {
    if ["https://", "http://", "file:"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Ok(url.to_owned());
    }
    let path = std::path::absolute(url)?;
    anyhow::ensure!(
        path.is_file(),
        "--url {url}: neither https://, http:// or file:, nor a file"
    );
    Ok(format!("file:{}", path.display()))
}

fn fetcher() -> String {
    let beside = std::env::current_exe()
        .ok()
        .map(|own| own.with_file_name(FETCHER));
    let beside = beside.filter(|path| path.is_file());
    beside
        .unwrap_or_else(|| PathBuf::from(FETCHER))
        .display()
        .to_string()
}

/// The region of the environment or of the instance; `None` where nobody tells.
fn region(settings: &Settings) -> Option<String> {
    let of_environment = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    of_environment.or_else(|| {
        let asking = async {
            let imds = Imds::new(&settings.metadata.endpoints).ok()?;
            imds.get("meta-data/placement/region").await.ok()?
        };
        let limited = async { tokio::time::timeout(REGION, asking).await.ok().flatten() };
        runtime().ok()?.block_on(limited)
    })
}

fn verify(args: &ImageVerifyArgs) -> anyhow::Result<Exit> {
    let (root, _, wanted) = wanted(&args.wanted)?;
    let given = args
        .wanted
        .sha256
        .as_deref()
        .map(|given| (given, "--sha256"));
    match bake::verify(&root, &wanted.tarball, &wanted, given) {
        Ok((tarball, image, digest)) => {
            print(&format!("{}: {}", tarball.file_name, image.tags.join(", ")));
            print(&format!("sha256:{digest}"));
            Ok(Exit::Done)
        }
        Err(error @ VerifyError::Io { .. }) => Err(error.into()),
        Err(error) => {
            eprintln!("ecs-nanny: {error}; to mend: {}", wanted.fetch_command());
            Ok(Exit::Failed)
        }
    }
}

fn seal(args: &ImageSealArgs) -> anyhow::Result<Exit> {
    let root = root(args.root.as_ref())?;
    if args.dry_run {
        for leftover in bake::targets(&root) {
            print(&format!(
                "would remove {} ({})",
                leftover.path,
                leftover.kind.words()
            ));
        }
        return Ok(Exit::Done);
    }
    anyhow::ensure!(
        root.kind("/etc") == Kind::Directory,
        "there is no directory etc in {}: name the top of an image",
        root.path("/").display()
    );
    if root.is_host() {
        anyhow::ensure!(
            args.yes,
            "this would stop the agent and remove the identity and the keys of the running host; \
say --yes if that is meant, --dry-run to see what would go, or --root DIR for another tree"
        );
        runtime()?.block_on(stop_everything())?;
    }
    let sealed = bake::remove(&root, bake::targets(&root))
        .with_context(|| format!("{} can't be emptied", facts::MACHINE_ID))?;
    let mut exit = Exit::Done;
    for Sealed { leftover, result } in &sealed {
        match result {
            Ok(()) => print(&format!(
                "removed {} ({})",
                leftover.path,
                leftover.kind.words()
            )),
            Err(error) => {
                eprintln!("ecs-nanny: {} could not be removed: {error}", leftover.path);
                exit = Exit::Failed;
            }
        }
    }
    print(&format!(
        "{} is empty; the image is sealed",
        facts::MACHINE_ID
    ));
    Ok(exit)
}

/// Units first, for they would write anew what is removed; then the container, while Docker still knows it.
async fn stop_everything() -> anyhow::Result<()> {
    if systemd::is_here(&Root::host()) {
        for unit in ["ecs-nanny.service", "ecs.service"] {
            let known = facts::host(&Root::host()).units.remove(unit);
            if known.is_some_and(|unit| unit.known().is_some_and(|unit| unit.installed)) {
                program::run("systemctl", &["stop", unit], "", STOP).await?;
                print(&format!("stopped {unit}"));
            }
        }
    }
    let socket = Settings::default().engine.socket;
    if Root::host().kind(&socket) == Kind::Socket {
        let docker = Docker::connect(&socket).await?;
        if docker.container(CONTAINER_NAME).await?.is_some() {
            docker.remove(CONTAINER_NAME).await?;
            print(&format!("removed the container {CONTAINER_NAME}"));
        }
    }
    Ok(())
}

fn describe(args: ImageDescribeArgs) -> anyhow::Result<Exit> {
    let facts_args = FactsArgs {
        root: args.root.clone(),
        facts: None,
    };
    let root = root(args.root.as_ref())?;
    let found = gather(&facts_args, &super::settings(&root)?.settings)?;
    let told = Told {
        name: args.name,
        version: args.version,
        source: args.source,
        runtime: args.runtime,
    };
    if let Err(why) = ImageRelease::of(&found.host) {
        eprintln!(
            "ecs-nanny: what is kept is left out: {why}; to mend: describe the image anew, with --write"
        );
    }
    let mut release = bake::describe(&found, told);
    if args.write {
        anyhow::ensure!(
            release.image_name.is_some() && release.image_version.is_some(),
            "an image needs a name and a version: give --name and --version"
        );
        // The instance that the image is made on is not of this image.
        release.image_id = None;
    }
    let text = format!("{}\n", serde_json::to_string_pretty(&release)?);
    if args.write {
        replace(&root.path(IMAGE_RELEASE), 0o644, text.as_bytes())?;
    }
    print(&text);
    Ok(Exit::Done)
}
