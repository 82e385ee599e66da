use std::io::Cursor;

use proptest::prelude::*;

use super::super::testing::{
    Files, Image, TARBALL, Tree, layout, saved, saved_with_layout, tarball, wanted,
};
use super::*;

fn read_bytes(bytes: &[u8]) -> Result<Vec<ArchivedImage>, TarballError> {
    read(Cursor::new(bytes))
}

fn forms(images: &[Image]) -> [(&'static str, Files); 3] {
    [
        ("docker save before 25", saved(images)),
        ("docker save since 25", saved_with_layout(images)),
        ("OCI layout", layout(images)),
    ]
}

#[test]
fn every_form_tells_the_same() {
    let image = Image::agent("1");
    for (form, files) in forms(std::slice::from_ref(&image)) {
        let images = read_bytes(&tarball(&files)).unwrap();
        assert_eq!(images.len(), 1, "{form}");
        assert_eq!(images[0].ids[0], image.id(), "{form}");
        assert_eq!(images[0].tags, image.tags, "{form}");
        assert_eq!(images[0].contents, image.loaded().contents, "{form}");
        assert_eq!(images[0].created, image.created, "{form}");
        let manifest_told = images[0].ids.contains(&image.manifest_id());
        assert_eq!(manifest_told, form != "docker save before 25", "{form}");
    }
}

#[test]
fn the_wanted_image_is_found_among_several() {
    let other = Image {
        tags: vec!["busybox:1".to_owned(), "busybox:2".to_owned()],
        ..Image::agent("0")
    };
    let untagged = Image {
        tags: Vec::new(),
        ..Image::agent("2")
    };
    let agent = Image::agent("1");
    let images = [other, untagged, agent.clone()];
    for (form, files) in [&forms(&images)[0], &forms(&images)[1]] {
        let tree = Tree::new().put(TARBALL, tarball(files));
        let tarball = read_tarball(&tree.root(), TARBALL).unwrap();
        assert_eq!(tarball.images.len(), 3, "{form}");
        let found = tarball.image(&wanted()).unwrap();
        assert_eq!(found.ids[0], agent.id(), "{form}");
    }
}

#[test]
fn an_image_that_is_not_wanted_is_told_apart() {
    let read = |image: Image| Tarball {
        path: TARBALL.to_owned(),
        file_name: String::new(),
        images: read_bytes(&tarball(&saved(&[image]))).unwrap(),
    };
    let arm = read(Image {
        architecture: "arm64".to_owned(),
        ..Image::agent("1")
    });
    assert_eq!(
        arm.image(&wanted()).unwrap_err().to_string(),
        "it is for linux/arm64, this host is linux/amd64"
    );
    let untagged = read(Image {
        tags: Vec::new(),
        ..Image::agent("1")
    });
    assert_eq!(
        untagged.image(&wanted()).unwrap_err().to_string(),
        "it is tagged nothing, not amazon/amazon-ecs-agent:latest"
    );
    let pinned = Wanted {
        digest: Some("sha256:0".to_owned()),
        ..wanted()
    };
    assert!(matches!(
        read(Image::agent("1")).image(&pinned),
        Err(Unsuitable::Digest { .. })
    ));
}

#[test]
fn the_version_comes_from_the_file_behind_the_link_or_from_the_image() {
    let labelled = Image {
        labels: serde_json::json!({"org.opencontainers.image.version": "v1.99.0"}),
        ..Image::agent("1")
    };
    let bytes = tarball(&saved(&[labelled]));
    for (file, version) in [
        ("ecs-agent-v1.105.1.tar", "1.105.1"),
        ("fetched.tar", "1.99.0"),
    ] {
        let tree = Tree::new()
            .put(&format!("/var/cache/ecs/{file}"), &bytes)
            .link(TARBALL, file);
        let tarball = read_tarball(&tree.root(), TARBALL).unwrap();
        let known = tarball.known(&tarball.images[0], Origin::Package);
        assert_eq!(known.version.unwrap().to_string(), version);
        assert_eq!(known.tarball.as_deref(), Some(TARBALL));
    }
}

#[test]
fn what_can_t_be_read_is_told_apart() {
    let read = |tree: Tree| read_tarball(&tree.root(), TARBALL).unwrap_err();
    assert_eq!(read(Tree::new()), TarballError::Absent);
    assert_eq!(
        read(Tree::new().link(TARBALL, "ecs-agent-v1.105.1.tar")),
        TarballError::DanglingLink {
            target: "ecs-agent-v1.105.1.tar".to_owned()
        }
    );
    assert_eq!(
        read(Tree::new().put(&format!("{TARBALL}/file"), "")),
        TarballError::NotAFile
    );
    assert_eq!(read(Tree::new().put(TARBALL, "")), TarballError::Empty);
    for garbage in [&b"<html>404</html>"[..], &[7; 4096]] {
        assert_eq!(
            read(Tree::new().put(TARBALL, garbage)),
            TarballError::NotATar
        );
    }
    assert_eq!(
        read(Tree::new().put(TARBALL, [0x1f, 0x8b, 8, 0, 0, 0])),
        TarballError::Compressed("gzip")
    );
    assert_eq!(
        read(Tree::new().put(TARBALL, [0; 1024])),
        TarballError::NoImage
    );
    let other = tarball(&[("etc/passwd".to_owned(), b"root".to_vec())]);
    assert_eq!(read(Tree::new().put(TARBALL, other)), TarballError::NoImage);
}

#[test]
fn a_truncated_tarball_says_where_it_ends() {
    let bytes = tarball(&saved(&[Image::agent("1")]));
    let error = read_bytes(&bytes[..2000]).unwrap_err();
    let TarballError::Truncated { length, within } = error else {
        panic!("{error}");
    };
    assert_eq!(length, 2000);
    assert!(within.ends_with("layer.tar"), "{within}");
}

#[test]
fn files_that_contradict_each_other_are_damage() {
    let intact = saved(&[Image::agent("1")]);
    let lacking = |name: &str| -> TarballError {
        let mut files = intact.clone();
        files.retain(|(path, _)| !path.ends_with(name));
        read_bytes(&tarball(&files)).unwrap_err()
    };
    assert!(matches!(
        lacking("layer.tar"),
        TarballError::Incomplete { .. }
    ));
    assert!(matches!(lacking(".json"), TarballError::NoImage));

    let replaced = |at: usize, bytes: &[u8]| {
        let mut files = intact.clone();
        files[at].1 = bytes.to_vec();
        read_bytes(&tarball(&files)).unwrap_err().to_string()
    };
    assert!(replaced(0, b"{}").contains("has the digest"));
    assert!(replaced(2, b"[{").contains("manifest.json can't be read"));
    assert_eq!(replaced(2, b"[]"), TarballError::NoImage.to_string());
}

#[test]
fn what_is_read_is_bounded() {
    let mut files = saved(&[Image::agent("1")]);
    files[2].1 = vec![b' '; 5 * 1024 * 1024];
    assert_eq!(
        read_bytes(&tarball(&files)),
        Err(TarballError::TooLarge {
            what: "manifest.json".to_owned(),
            size: 5 * 1024 * 1024,
            limit: 4 * 1024 * 1024,
        })
    );

    // A header that promises more than there is must not be believed.
    let mut header = tar::Header::new_gnu();
    header.set_path("manifest.json").unwrap();
    header.set_size(1 << 62);
    header.set_cksum();
    assert!(matches!(
        read_bytes(header.as_bytes()),
        Err(TarballError::Truncated { .. })
    ));

    // An index that names itself.
    let name = "index.json".to_owned();
    let deep = br#"{"manifests": [{"digest": "sha256:../../index.json"}]}"#.to_vec();
    assert!(read_bytes(&tarball(&[(name, deep)])).is_err());

    let many: Vec<_> = (0..10_001).map(|n| (format!("{n}"), Vec::new())).collect();
    assert!(matches!(
        read_bytes(&tarball(&many)),
        Err(TarballError::TooLarge { .. })
    ));
}

/// What a load would give, whatever else is in the tarball.
fn essence(images: Vec<ArchivedImage>) -> Vec<(String, Vec<String>, Contents)> {
    images
        .into_iter()
        .map(|mut image| (image.ids.remove(0), image.tags, image.contents))
        .collect()
}

proptest! {
    #[test]
    fn a_cut_tarball_is_refused_or_lacks_nothing_that_matters(cut in 0.0..1.0) {
        for (_, files) in forms(&[Image::agent("1")]) {
            let bytes = tarball(&files);
            let whole = essence(read_bytes(&bytes).unwrap());
            let kept = (bytes.len() as f64 * cut) as usize;
            if let Ok(images) = read_bytes(&bytes[..kept]) {
                prop_assert_eq!(essence(images), whole);
            }
        }
    }

    #[test]
    fn changed_bytes_never_give_another_image(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        for (_, files) in forms(&[Image::agent("1")]) {
            let mut bytes = tarball(&files);
            let whole = essence(read_bytes(&bytes).unwrap());
            let at = at.index(bytes.len());
            bytes[at] = to;
            for (id, _, contents) in read_bytes(&bytes).map(essence).unwrap_or_default() {
                prop_assert_eq!(&id, &whole[0].0);
                prop_assert_eq!(&contents, &whole[0].2);
            }
        }
    }

    #[test]
    fn random_bytes_are_no_tarball(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert!(read_bytes(&bytes).is_err());
    }
}
