//! The agent's image, fetched at boot where the settings ask for it.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Once;

use ecs_nanny::snapshot::{Phase, Reason};
use ecs_nanny_lab::bucket::{Bucket, Shelf};

use super::wait::PATIENCE;
use super::world::{TARBALL, World, image_tarball};

const PATH: &str = "/ecs-agent-v1.105.1.tar";

/// The program with TLS, beside the one under test. It is another package's, so nobody has built it for these tests.
fn build_fetcher() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--package", "ecs-nanny-aws"]);
        // What `cargo test` says of this package would make build scripts, and all that hangs on them, run anew.
        for (name, _) in std::env::vars() {
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                cargo.env_remove(name);
            }
        }
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success());
    });
}

/// A host without the image, that fetches it from the bucket.
async fn world_without_image(shelf: Shelf) -> (World, Bucket) {
    build_fetcher();
    let world = World::prepared().await;
    world.remove(TARBALL);
    let listener = world.host.inside(|| TcpListener::bind("127.0.0.1:0"));
    let bucket = Bucket::serve(listener.unwrap().unwrap(), shelf).unwrap();
    world.write(
        "/etc/ecs-nanny/config.d/60-fetch.toml",
        format!(
            "[agent]\nfetch = \"missing\"\nfetch_from = \"{}\"\n",
            bucket.url(PATH)
        ),
    );
    (world, bucket)
}

#[tokio::test]
async fn a_missing_one_is_fetched_on_where_it_broke_off_and_loaded() {
    let (mut world, bucket) = world_without_image(Shelf {
        breaks: vec![1000],
        ..Shelf::of(PATH, image_tarball())
    })
    .await;
    world.start();
    world.until_healthy().await;
    let ranges: Vec<_> = bucket
        .shelf()
        .asked
        .iter()
        .map(|(_, range)| range.clone())
        .collect();
    assert_eq!(ranges, [None, Some("bytes=1000-".to_owned())]);
    assert_eq!(world.read(TARBALL), image_tarball());
    let log = world.log();
    assert!(log.contains("nothing vouched for it"), "{log}");
}

#[tokio::test]
async fn what_the_bucket_answers_is_told() {
    let (mut world, _bucket) = world_without_image(Shelf::default()).await;
    world.start();
    let snapshot = world
        .until("told", PATIENCE, |snapshot| snapshot.detail.contains("404"))
        .await;
    assert_eq!(
        (snapshot.phase, snapshot.reason),
        (Phase::Waiting, Some(Reason::Image))
    );
}

#[tokio::test]
async fn a_broken_one_is_refused_and_one_brought_by_hand_is_taken() {
    let half = &image_tarball()[..image_tarball().len() / 2];
    let (mut world, _bucket) = world_without_image(Shelf::of(PATH, half)).await;
    world.start();
    let snapshot = world
        .until("refused", PATIENCE, |snapshot| {
            snapshot.detail.contains("refused, nothing was replaced")
        })
        .await;
    assert_eq!(
        (snapshot.phase, snapshot.reason),
        (Phase::Waiting, Some(Reason::Image))
    );
    assert!(
        snapshot.detail.contains("ecs-nanny image fetch"),
        "{}",
        snapshot.detail
    );
    assert!(!world.host.path(TARBALL).exists());
    super::image::deliver(&world);
    world.until_healthy().await;
}
