use proptest::prelude::*;

use super::super::testing::{
    Files, Image, TARBALL, Tree, saved, saved_with_layout, tarball, wanted,
};
use super::*;
use crate::agent_image::{AgentVersion, RejectedImage};

const VERSIONED: &str = "/var/cache/ecs/ecs-agent-v1.105.1.tar";
const UPDATE: &str = "/var/cache/ecs/0a1b.ecs-update.tar";

/// A cache as a package leaves it: a versioned tarball, a link to it and a state.
fn packaged(image: &Image, state: &str) -> Tree {
    Tree::new()
        .put(VERSIONED, tarball(&saved(std::slice::from_ref(image))))
        .link(TARBALL, "ecs-agent-v1.105.1.tar")
        .put(STATE_PATH, state)
}

fn decide_in(tree: &Tree, loaded: Option<&Image>, record: Record) -> Decision {
    let cache = Cache::read(&tree.root(), &wanted(), record);
    let loaded = loaded.map(Image::loaded);
    decide(&cache, loaded.as_ref(), &wanted())
}

fn updated_to(image: &Image, version: &str) -> Record {
    Record {
        current: Some(KnownImage {
            version: AgentVersion::find(version),
            ..image.loaded().known(Origin::Update, Some(UPDATE))
        }),
        ..Record::default()
    }
}

fn rejecting(image: &Image, mut record: Record) -> Record {
    record.rejected.push(RejectedImage {
        image: image.loaded().known(Origin::Update, None),
        why: "it ended 3 times".to_owned(),
    });
    record
}

#[track_caller]
fn assert_ready(decision: Decision, image: &Image) -> (bool, Option<Finding>) {
    match decision {
        Decision::Ready {
            image: ready,
            mark_cached,
            noticed,
        } => {
            assert_eq!(ready.id, image.id());
            (mark_cached, noticed)
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_load(decision: Decision, from: &str, image: &Image) -> String {
    match decision {
        Decision::Load {
            tarball,
            expected,
            why,
            ..
        } => {
            assert_eq!(tarball, from);
            assert_eq!(expected.ids[0], image.id());
            why
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn states_are_read_as_ecs_init_reads_them() {
    for (content, state) in [
        ("0", CacheState::Uncached),
        ("1", CacheState::Cached),
        ("2\n", CacheState::ReloadNeeded),
        (" 2", CacheState::ReloadNeeded),
        ("1abc", CacheState::Cached),
        ("", CacheState::Uncached),
        ("cached", CacheState::Uncached),
        ("-1", CacheState::Uncached),
        ("3", CacheState::Uncached),
        ("99999999999999", CacheState::Uncached),
    ] {
        assert_eq!(CacheState::parse(content.as_bytes()), state, "{content:?}");
    }
    assert_eq!(CacheState::parse(STATE_AFTER_LOAD), CacheState::Cached);
}

#[test]
fn an_image_in_docker_is_used_in_every_state_but_reload() {
    let [here, brought] = ["1", "2"].map(Image::agent);
    for state in ["0", "1", "garbage"] {
        let decision = decide_in(&packaged(&brought, state), Some(&here), Record::default());
        assert_eq!(assert_ready(decision, &here), (false, None), "{state}");
    }
    let decision = decide_in(&Tree::new(), Some(&here), Record::default());
    assert_eq!(assert_ready(decision, &here), (false, None));
}

#[test]
fn an_image_that_is_not_in_docker_is_loaded_in_every_state() {
    let image = Image::agent("1");
    for state in ["0", "1", "2", "garbage"] {
        let decision = decide_in(&packaged(&image, state), None, Record::default());
        let why = assert_load(decision, TARBALL, &image);
        assert_eq!(why, "amazon/amazon-ecs-agent:latest is not in Docker");
    }
}

#[test]
fn a_package_s_image_is_loaded_over_another_one_once() {
    let [old, new] = ["1", "2"].map(Image::agent);
    let decision = decide_in(&packaged(&new, "2"), Some(&old), Record::default());
    let why = assert_load(decision, TARBALL, &new);
    assert_eq!(why, "a package brought version 1.105.1 and wants it loaded");

    let decision = decide_in(&packaged(&new, "2"), Some(&new), Record::default());
    assert_eq!(assert_ready(decision, &new), (true, None));
}

#[test]
fn a_newer_self_update_is_not_downgraded() {
    let [updated, brought] = ["2", "1"].map(Image::agent);
    let tree = packaged(&brought, "2");
    let decision = decide_in(&tree, Some(&updated), updated_to(&updated, "v1.106.0"));
    let (_, noticed) = assert_ready(decision, &updated);
    let sentence = noticed.unwrap().sentence();
    assert!(
        sentence.contains("version 1.105.1 loaded, but it is older; version 1.106.0 stays"),
        "{sentence}"
    );

    let decision = decide_in(&tree, Some(&updated), updated_to(&updated, "v1.104.0"));
    assert_load(decision, TARBALL, &brought);
}

#[test]
fn dates_decide_where_a_version_is_unknown() {
    let updated = Image::agent("2");
    let brought = Image {
        created: "2026-06-01T00:00:00.5Z".to_owned(),
        ..Image::agent("1")
    };
    let tree = packaged(&brought, "2");
    let decision = decide_in(&tree, Some(&updated), updated_to(&updated, "unknown"));
    assert!(assert_ready(decision, &updated).1.is_some());
}

#[test]
fn a_self_update_that_docker_lost_is_loaded_again() {
    let [updated, brought] = ["2", "1"].map(Image::agent);
    let record = || updated_to(&updated, "v1.106.0");
    let tree = packaged(&brought, "1").put(UPDATE, tarball(&saved(std::slice::from_ref(&updated))));
    assert_load(decide_in(&tree, None, record()), UPDATE, &updated);

    // Its tarball is gone too: a downgrade, but not a silent one.
    let why = assert_load(
        decide_in(&packaged(&brought, "1"), None, record()),
        TARBALL,
        &brought,
    );
    assert!(
        why.ends_with("this is version 1.105.1, older than version 1.106.0, which was in use"),
        "{why}"
    );
}

#[test]
fn a_rejected_image_is_used_only_where_there_is_no_other() {
    let [bad, good] = ["2", "1"].map(Image::agent);
    let record = || rejecting(&bad, Record::default());
    let why = assert_load(
        decide_in(&packaged(&good, "1"), Some(&bad), record()),
        TARBALL,
        &good,
    );
    assert!(why.contains("was rejected: it ended 3 times"), "{why}");
    let (_, noticed) = assert_ready(
        decide_in(&packaged(&bad, "2"), Some(&good), record()),
        &good,
    );
    assert!(noticed.unwrap().observed.contains("it was rejected before"));

    for tree in [packaged(&bad, "1"), Tree::new()] {
        let (_, noticed) = assert_ready(decide_in(&tree, Some(&bad), record()), &bad);
        assert!(noticed.unwrap().observed.contains("there is no other"));
    }
    assert_load(
        decide_in(&packaged(&bad, "1"), None, record()),
        TARBALL,
        &bad,
    );
}

#[test]
fn without_a_tarball_the_command_is_told() {
    for tree in [Tree::new(), Tree::new().link(TARBALL, "gone.tar")] {
        let decision = decide_in(&tree, None, Record::default());
        let Decision::Missing { why, command } = decision else {
            panic!("{decision:?}");
        };
        assert_eq!(
            command,
            "ecs-nanny image fetch --architecture amd64 --to /var/cache/ecs/ecs-agent.tar"
        );
        assert!(
            why.starts_with("amazon/amazon-ecs-agent:latest is not in Docker; "),
            "{why}"
        );
    }
}

#[test]
fn a_truncated_tarball_is_refused_but_does_not_stop_what_is_loaded() {
    let image = Image::agent("1");
    let bytes = tarball(&saved(std::slice::from_ref(&image)));
    let tree = packaged(&image, "2").put(VERSIONED, &bytes[..bytes.len() / 2]);
    let Decision::Refused(finding) = decide_in(&tree, None, Record::default()) else {
        panic!("not refused");
    };
    let sentence = finding.sentence();
    assert!(finding.blocks());
    for part in [
        "/var/cache/ecs/ecs-agent.tar: ",
        "it is truncated",
        "to mend: ecs-nanny image fetch",
    ] {
        assert!(sentence.contains(part), "{part:?} is not in {sentence}");
    }
    let (_, noticed) = assert_ready(decide_in(&tree, Some(&image), Record::default()), &image);
    let noticed = noticed.unwrap();
    assert!(noticed.observed.contains("it is truncated"));
    assert!(!noticed.blocks());
}

#[test]
fn an_image_for_other_processors_is_neither_used_nor_loaded() {
    let arm = Image {
        architecture: "arm64".to_owned(),
        ..Image::agent("1")
    };
    let Decision::Refused(finding) = decide_in(&packaged(&arm, "2"), None, Record::default())
    else {
        panic!("not refused");
    };
    assert!(
        finding
            .observed
            .contains("it is for linux/arm64, this host is linux/amd64")
    );

    let right = Image::agent("2");
    let decision = decide_in(&packaged(&right, "1"), Some(&arm), Record::default());
    assert_load(decision, TARBALL, &right);
}

#[test]
fn a_pinned_id_must_match() {
    let [pinned, other] = ["1", "2"].map(Image::agent);
    let wanted = Wanted {
        digest: Some(pinned.id()),
        ..wanted()
    };
    let decide_pinned = |tree: &Tree, loaded: &LoadedImage| {
        let cache = Cache::read(&tree.root(), &wanted, Record::default());
        decide(&cache, Some(loaded), &wanted)
    };
    assert_load(
        decide_pinned(&packaged(&pinned, "1"), &other.loaded()),
        TARBALL,
        &pinned,
    );
    assert!(matches!(
        decide_pinned(&packaged(&other, "1"), &other.loaded()),
        Decision::Refused(_)
    ));
    assert_ready(
        decide_pinned(&packaged(&other, "1"), &pinned.loaded()),
        &pinned,
    );

    // Docker's containerd store calls the same image by its manifest's digest.
    let by_manifest = LoadedImage {
        id: pinned.manifest_id(),
        ..pinned.loaded()
    };
    assert!(matches!(
        decide_pinned(&packaged(&pinned, "1"), &by_manifest),
        Decision::Ready { .. }
    ));
}

#[test]
fn a_state_file_speaks_only_of_its_own_directory() {
    let [here, elsewhere] = ["1", "2"].map(Image::agent);
    let tree = Tree::new()
        .put("/opt/agent.tar", tarball(&saved(&[elsewhere])))
        .put(STATE_PATH, "2");
    let wanted = Wanted {
        tarball: "/opt/agent.tar".to_owned(),
        ..wanted()
    };
    let cache = Cache::read(&tree.root(), &wanted, Record::default());
    assert_ready(decide(&cache, Some(&here.loaded()), &wanted), &here);
}

#[test]
fn what_docker_made_of_a_tarball_is_verified() {
    let image = Image::agent("1");
    let expected = |files: Files| {
        let tree = Tree::new().put(TARBALL, tarball(&files));
        read_tarball(&tree.root(), TARBALL)
            .unwrap()
            .images
            .remove(0)
    };
    let classic = expected(saved(std::slice::from_ref(&image)));
    let with_layout = expected(saved_with_layout(std::slice::from_ref(&image)));
    assert_eq!(verify(&image.loaded(), &classic, &wanted()), Ok(()));
    let by_manifest = LoadedImage {
        id: image.manifest_id(),
        ..image.loaded()
    };
    assert_eq!(verify(&by_manifest, &with_layout, &wanted()), Ok(()));
    // Loaded from a classic archive, the containerd store names it by a manifest of its own making.
    assert_eq!(verify(&by_manifest, &classic, &wanted()), Ok(()));

    for (wrong, told) in [
        (Image::agent("2").loaded(), "the tarball promised"),
        (
            LoadedImage {
                tags: vec!["other:1".to_owned()],
                ..image.loaded()
            },
            "it is tagged other:1",
        ),
        (
            Image {
                architecture: "arm64".to_owned(),
                ..image.clone()
            }
            .loaded(),
            "linux/arm64",
        ),
    ] {
        let error = verify(&wrong, &classic, &wanted()).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

proptest! {
    #[test]
    fn a_cut_tarball_is_never_loaded_as_another_image(cut in 0.0..1.0, state in "[012]") {
        let image = Image::agent("1");
        let bytes = tarball(&saved(std::slice::from_ref(&image)));
        let kept = (bytes.len() as f64 * cut) as usize;
        let tree = packaged(&image, &state).put(VERSIONED, &bytes[..kept]);
        match decide_in(&tree, None, Record::default()) {
            Decision::Load { expected, .. } => {
                prop_assert_eq!(verify(&image.loaded(), &expected, &wanted()), Ok(()));
                prop_assert!(verify(&Image::agent("2").loaded(), &expected, &wanted()).is_err());
            }
            Decision::Refused(_) => {}
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
