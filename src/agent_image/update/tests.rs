use super::super::testing::{Image, TARBALL, Tree, saved, tarball, wanted};
use super::*;
use crate::agent_image::Unusable;

fn naming(line: &[u8]) -> Tree {
    Tree::new().put(DESIRED_IMAGE_PATH, line).put(
        "/var/cache/ecs/new.ecs-update.tar",
        tarball(&saved(&[Image::agent("2")])),
    )
}

#[test]
fn the_first_line_names_a_file_in_the_cache() {
    for line in [
        "new.ecs-update.tar\n",
        "new.ecs-update.tar\nreserved for later\n",
        "  new.ecs-update.tar \r\n",
        "/var/cache/ecs/new.ecs-update.tar\n",
        "../../etc/new.ecs-update.tar\n",
    ] {
        let found = candidate(&naming(line.as_bytes()).root(), &wanted()).unwrap();
        assert_eq!(found.id, Image::agent("2").id(), "{line:?}");
        assert_eq!(found.origin, Origin::Update);
        assert_eq!(
            found.tarball.as_deref(),
            Some("/var/cache/ecs/new.ecs-update.tar")
        );
    }
}

#[test]
fn what_names_no_file_in_the_cache_is_refused() {
    let error = |line: &[u8]| candidate(&naming(line).root(), &wanted()).unwrap_err();
    for line in [&b"new.ecs-update.tar"[..], b"", b"\xff\xfe"] {
        assert!(matches!(error(line), UpdateError::Unterminated), "{line:?}");
    }
    for line in [
        &b"\n"[..],
        b" \n",
        b".\n",
        b"..\n",
        b"/\n",
        b"a/../..\n",
        b"new\0\n",
    ] {
        assert!(matches!(error(line), UpdateError::NoName(_)), "{line:?}");
    }
    // Traversal does not leave the cache.
    for line in [&b"../../etc/passwd\n"[..], b"gone.tar\n", b"\xff\xfe\n"] {
        let error = error(line).to_string();
        assert!(error.starts_with("/var/cache/ecs/"), "{error}");
        assert!(error.ends_with("there is no such file"), "{error}");
    }
    let error = candidate(&Tree::new().root(), &wanted()).unwrap_err();
    assert!(matches!(error, UpdateError::Unreadable(_)));
}

#[test]
fn a_file_that_is_no_fitting_image_is_refused() {
    let holding = |bytes: &[u8]| {
        let tree = naming(b"bad.tar\n").put("/var/cache/ecs/bad.tar", bytes);
        candidate(&tree.root(), &wanted()).unwrap_err()
    };
    assert!(matches!(
        holding(b"garbage"),
        UpdateError::Unusable(UnusableTarball {
            why: Unusable::Tarball(_),
            ..
        })
    ));
    let arm = Image {
        architecture: "arm64".to_owned(),
        ..Image::agent("2")
    };
    let error = holding(&tarball(&saved(&[arm])));
    assert!(matches!(
        &error,
        UpdateError::Unusable(UnusableTarball {
            why: Unusable::Image(_),
            ..
        })
    ));
    let sentence = error.finding().sentence();
    assert!(
        sentence.contains("/var/cache/ecs/bad.tar: it is for linux/arm64"),
        "{sentence}"
    );
    assert!(!error.finding().blocks());
}

#[test]
fn a_link_is_refused() {
    let tree = naming(b"link.tar\n").link("/var/cache/ecs/link.tar", "new.ecs-update.tar");
    let error = candidate(&tree.root(), &wanted()).unwrap_err();
    assert!(matches!(error, UpdateError::Link(_)));
}

#[test]
fn only_old_files_that_nobody_needs_are_pruned() {
    let known = |name: &str| {
        let path = format!("{CACHE_DIRECTORY}/{name}");
        Image::agent("1")
            .loaded()
            .known(Origin::Update, Some(&path))
    };
    let record = Record {
        current: Some(known("current.ecs-update.tar")),
        previous: Some(known("previous.ecs-update.tar")),
        ..Record::default()
    };
    let file = |name: &str, age: Duration| UpdateFile {
        name: name.to_owned(),
        age,
    };
    let day = Duration::from_secs(24 * 60 * 60);
    let files = [
        file("current.ecs-update.tar", day),
        file("previous.ecs-update.tar", day),
        file("staged.ecs-update.tar", day),
        file("in-download.ecs-update.tar", Duration::from_secs(600)),
        file("older.ecs-update.tar", day),
        file("ecs-agent-v1.105.1.tar", day),
    ];
    let desired = "/var/cache/ecs/staged.ecs-update.tar";
    assert_eq!(
        prunable(&files, &record, Some(desired)),
        ["older.ecs-update.tar"]
    );
}

#[test]
fn files_of_updates_are_found_with_their_age() {
    let tree = naming(b"").put(TARBALL, "");
    let hour = Duration::from_secs(3600);
    let files = update_files(&tree.root(), SystemTime::now() + hour);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["new.ecs-update.tar"]);
    assert!(files[0].age >= hour);
}
