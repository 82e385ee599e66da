//! Fetching the agent's image from a stand-in: interrupted and resumed, corrupted, behind a proxy.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ecs_nanny::agent_image::{Wanted, read_tarball};
use ecs_nanny::bake::{self, Done, FetchError, Wish};
use ecs_nanny::host::files::Root;
use ecs_nanny_lab::bucket::{Bucket, Shelf};
use ecs_nanny_lab::image::Image;

const FETCHER: &str = env!("CARGO_BIN_EXE_ecs-nanny-aws");
const TARBALL: &str = "/var/cache/ecs/ecs-agent.tar";
const PATH: &str = "/ecs-agent-v1.105.1.tar";

/// The stand-in agent's image for x86_64, large enough to break off in.
fn tarball() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("agent");
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(16, 0);
    elf.extend([3, 0, 62, 0]);
    elf.resize(300_000, 7);
    fs::write(&program, elf).unwrap();
    let mut tarball = Vec::new();
    Image::agent(program).write(&mut tarball).unwrap();
    tarball
}

fn wish(url: String) -> Wish {
    Wish {
        url,
        wanted: Wanted {
            reference: "amazon/amazon-ecs-agent:latest".to_owned(),
            digest: None,
            architecture: "amd64".to_owned(),
            tarball: TARBALL.to_owned(),
        },
        sha256: None,
        md5: false,
        timeout: Duration::from_secs(60),
    }
}

fn fetch(root: &Root, wish: &Wish) -> Result<Done, FetchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(bake::fetch(root, wish, FETCHER))
}

#[test]
fn a_transfer_that_breaks_off_goes_on_where_it_ended() {
    let content = tarball();
    let server = Bucket::start(Shelf {
        breaks: vec![50_000, 100_000],
        ..Shelf::of(PATH, &content)
    })
    .unwrap();
    let tree = tempfile::tempdir().unwrap();
    let root = Root::at(tree.path());
    let done = fetch(&root, &wish(server.url(PATH))).unwrap();
    assert!(done.first_seen);
    assert_eq!(done.path, "/var/cache/ecs/ecs-agent-v1.105.1.tar");
    assert_eq!(fs::read(root.path(TARBALL)).unwrap(), content);
    assert_eq!(
        read_tarball(&root, TARBALL).unwrap().file_name,
        "ecs-agent-v1.105.1.tar"
    );
    assert_eq!(
        fs::read(tree.path().join("var/cache/ecs/state")).unwrap(),
        b"2"
    );
    let ranges: Vec<Option<String>> = server
        .shelf()
        .asked
        .iter()
        .map(|(_, range)| range.clone())
        .collect();
    let wanted = [None, Some("bytes=100000-"), Some("bytes=150000-")];
    assert_eq!(ranges, wanted.map(|range| range.map(str::to_owned)));
    let left = Root::at(tree.path()).names("/var/cache/ecs");
    assert_eq!(
        left,
        [
            "ecs-agent-v1.105.1.tar",
            "ecs-agent.tar",
            "ecs-agent.tar.sha256",
            "state"
        ]
    );
}

#[test]
fn a_later_call_goes_on_unless_the_file_has_changed() {
    let content = tarball();
    let server = Bucket::start(Shelf::of(PATH, &content)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let partial = directory.path().join("a.partial");
    for (etag, resumed) in [("v1", 1000), ("v0", 0)] {
        let beginning = if resumed > 0 {
            &content[..1000]
        } else {
            &[9; 1000][..]
        };
        fs::write(&partial, beginning).unwrap();
        let source = serde_json::json!({"url": server.url(PATH), "etag": format!("\"{etag}\"")});
        fs::write(
            directory.path().join("a.partial.source"),
            source.to_string(),
        )
        .unwrap();
        let output = Command::new(FETCHER)
            .args(["fetch", "--url", &server.url(PATH), "--to"])
            .arg(&partial)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(fs::read(&partial).unwrap(), content, "{etag}");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["bytes"], content.len());
        assert_eq!(told["resumed_from"], resumed);
    }
}

#[test]
fn what_is_corrupted_is_refused_and_nothing_is_replaced() {
    let content = tarball();
    let server = Bucket::start(Shelf::of(PATH, &content)).unwrap();
    let tree = tempfile::tempdir().unwrap();
    let root = Root::at(tree.path());
    let first = fetch(&root, &wish(server.url(PATH))).unwrap();

    let refused = |server: &Bucket, sha256: Option<&str>| {
        let error = fetch(
            &root,
            &Wish {
                sha256: sha256.map(str::to_owned),
                ..wish(server.url(PATH))
            },
        );
        let error = error.unwrap_err().to_string();
        assert_eq!(fs::read(root.path(TARBALL)).unwrap(), content);
        assert!(!Path::new(&root.path(&format!("{TARBALL}.partial"))).exists());
        error
    };
    // A byte of a layer: the archive is still whole, and only its digest tells.
    let mut damaged = content.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    server.shelf().files[0].1 = damaged.clone();
    assert!(refused(&server, None).contains("what was recorded of this address"));
    assert!(refused(&server, Some(&first.sha256)).contains("--sha256"));

    server.shelf().files[0].1 = b"no archive".to_vec();
    assert!(refused(&server, None).contains("not a tar archive"));

    // Whoever gives the new digest means it.
    server.shelf().files[0].1 = content.clone();
    assert!(!fetch(&root, &wish(server.url(PATH))).unwrap().first_seen);
}

#[test]
fn an_image_for_other_processors_is_refused() {
    let server = Bucket::start(Shelf::of(PATH, &tarball())).unwrap();
    let tree = tempfile::tempdir().unwrap();
    let mut wish = wish(server.url(PATH));
    wish.wanted.architecture = "arm64".to_owned();
    let error = fetch(&Root::at(tree.path()), &wish)
        .unwrap_err()
        .to_string();
    assert!(error.contains("linux/amd64"), "{error}");
}

#[test]
fn a_published_md5_is_compared() {
    let content = tarball();
    let mut with_md5 = Shelf::of(PATH, &content);
    let md5 = b"00000000000000000000000000000000\n".to_vec();
    with_md5
        .files
        .push((format!("{PATH}.md5"), md5, "\"m\"".to_owned()));
    let server = Bucket::start(with_md5).unwrap();
    let tree = tempfile::tempdir().unwrap();
    let root = Root::at(tree.path());
    let wish = Wish {
        md5: true,
        ..wish(server.url(PATH))
    };
    assert!(matches!(fetch(&root, &wish), Err(FetchError::Transfer(_))));
    assert!(!root.path(TARBALL).exists());

    server.shelf().files.pop();
    let done = fetch(&root, &wish).unwrap();
    assert!(done.transfer.contains("not published"), "{}", done.transfer);
}

#[test]
fn a_proxy_of_the_environment_is_asked() {
    let content = tarball();
    let address = "http://bucket.invalid/ecs-agent-v1.105.1.tar";
    let proxy = Bucket::start(Shelf {
        ..Shelf::of(address, &content)
    })
    .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("a.partial");
    let mut command = Command::new(FETCHER);
    command.args(["fetch", "--url", address, "--to"]).arg(&to);
    command
        .env("http_proxy", proxy.url(""))
        .env_remove("no_proxy")
        .env_remove("NO_PROXY");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read(&to).unwrap(), content);
    let asked = &proxy.shelf().asked;
    assert!(
        asked[0].0.starts_with(&format!("GET {address} ")),
        "{asked:?}"
    );
}

#[test]
fn a_file_of_the_host_is_fetched_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.tar");
    fs::write(&file, tarball()).unwrap();
    let tree = tempfile::tempdir().unwrap();
    let root = Root::at(tree.path());
    let done = fetch(&root, &wish(format!("file:{}", file.display()))).unwrap();
    assert_eq!(done.path, TARBALL);
}
