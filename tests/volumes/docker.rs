//! What Docker does with volumes, and what containers see.

use nix::sys::signal::Signal;

use super::site::{DRIVER, STORE, Site, until};

#[test]
fn containers_share_a_volume_that_is_mounted_while_one_of_them_runs() {
    let site = Site::running();
    site.create_volume("files", "fs-1:/");
    assert_eq!(site.mounted(), [] as [&str; 0]);
    site.run_container("one", "files");
    assert_eq!(site.mounted(), ["files"]);
    site.run_container("two", "files");
    assert_eq!(site.mounted(), ["files"]);
    assert_eq!(site.references("files"), 2);

    site.write_in("one", "/data/greeting", "hello");
    assert_eq!(site.read_in("two", "/data/greeting"), "hello");
    let stored = site.host.path(&format!("{STORE}/fs-1/greeting"));
    assert_eq!(std::fs::read_to_string(stored).unwrap(), "hello");

    // Both names are Docker's, one of them the agent's way to look.
    let inspected = site.docker(&["volume", "inspect", "files"]);
    assert!(inspected.contains("\"Mountpoint\": \"/var/lib/ecs/volumes/files\""));
    assert!(inspected.contains("\"References\": 2"), "{inspected}");
    assert!(site.docker(&["volume", "ls"]).contains(DRIVER));

    site.docker(&["rm", "--force", "one"]);
    assert_eq!(site.mounted(), ["files"]);
    assert_eq!(site.read_in("two", "/data/greeting"), "hello");
    site.docker(&["rm", "--force", "two"]);
    assert_eq!(site.mounted(), [] as [&str; 0]);
    site.docker(&["volume", "rm", "files"]);
    site.assert_nothing_left();
}

#[test]
fn copying_from_a_running_container_leaves_it_its_volume() {
    let site = Site::running();
    site.create_volume("files", "fs-1:/");
    site.run_container("one", "files");
    site.write_in("one", "/data/greeting", "hello");
    site.docker(&["cp", "one:/data/greeting", "/run/greeting"]);
    assert_eq!(site.mounted(), ["files"]);
    assert_eq!(site.references("files"), 1);
    site.docker(&["rm", "--force", "one"]);
    site.docker(&["volume", "rm", "files"]);
    site.assert_nothing_left();
}

#[test]
fn a_host_without_helpers_says_what_to_install() {
    let mut site = Site::without_helpers();
    site.start_plugin();
    site.start_docker();
    site.create_volume("files", "fs-1:/");
    let words = super::site::container("one", "files");
    let told = site.docker_refuses(&words.each_ref().map(String::as_str));
    let wanted = "there is no mount.efs on this host; install amazon-efs-utils";
    assert!(told.contains(wanted), "{told}");
    assert_eq!(site.references("files"), 0);
    site.docker(&["rm", "one"]);
    site.docker(&["volume", "rm", "files"]);
    site.assert_nothing_left();
}

#[test]
fn what_the_helper_says_reaches_docker() {
    let site = Site::running();
    site.create_volume("files", "fs-1:/");
    site.create_volume("empty", "fs-2:/");
    site.write(
        &format!("{STORE}/fail-fs-1"),
        "Access denied by file system policy",
    );
    site.write(&format!("{STORE}/nothing-fs-2"), "");
    for (name, volume, wanted) in [
        ("one", "files", "Access denied by file system policy"),
        (
            "two",
            "empty",
            "nothing is mounted at /var/lib/ecs/volumes/empty",
        ),
    ] {
        let words = super::site::container(name, volume);
        let told = site.docker_refuses(&words.each_ref().map(String::as_str));
        assert!(told.contains(wanted), "{told}");
        // How credentials are had is among the options.
        assert!(!told.contains("tls"), "{told}");
    }
    site.remove(&format!("{STORE}/fail-fs-1"));
    site.docker(&["start", "one"]);
    assert_eq!(site.mounted(), ["files"]);
    site.docker(&["rm", "--force", "one", "two"]);
    site.docker(&["volume", "rm", "files", "empty"]);
    site.assert_nothing_left();
}

/// The agent's own ways: S3 Files, and names and targets that lead elsewhere.
#[test]
fn other_types_are_mounted_and_other_places_refused() {
    let site = Site::running();
    let create = [
        "volume",
        "create",
        "--driver",
        DRIVER,
        "--opt",
        "device=fs-3:/",
    ];
    site.docker(&[&create[..], &["--opt", "type=s3files", "bucket"]].concat());
    site.run_container("one", "bucket");
    assert_eq!(site.mounted(), ["bucket"]);
    for (options, wanted) in [
        (
            &["--opt", "type=nfs", "x"][..],
            "the option type is one of efs, s3files",
        ),
        (
            &["--opt", "target=/etc", "x"],
            "leave out the option target",
        ),
        (&["../../../../etc/x"], "a volume's name has letters"),
        (&["a/b"], "a volume's name has letters"),
    ] {
        let told = site.docker_refuses(&[&create[..], options].concat());
        assert!(told.contains(wanted), "{told}");
    }
    site.docker(&["rm", "--force", "one"]);
    site.docker(&["volume", "rm", "bucket"]);
    site.assert_nothing_left();
}

#[test]
fn docker_and_the_plugin_may_restart_in_any_order() {
    let mut site = Site::running();
    site.create_volume("files", "fs-1:/");
    site.run_container("one", "files");
    site.start_plugin();
    assert_eq!(site.mounted(), ["files"]);
    site.run_container("two", "files");
    until("two users", || match site.references("files") {
        2 => Ok(()),
        other => Err(other),
    });
    site.docker(&["rm", "--force", "one", "two"]);
    site.docker(&["volume", "rm", "files"]);
    site.assert_nothing_left();
}

#[test]
fn a_plugin_that_is_stopped_leaves_volumes_mounted() {
    let mut site = Site::running();
    site.create_volume("files", "fs-1:/");
    site.run_container("one", "files");
    site.signal_plugin(Signal::SIGTERM);
    assert!(site.plugin_ended().success());
    assert_eq!(site.mounted(), ["files"]);
    site.start_plugin();
    assert_eq!(site.references("files"), 1);
    site.docker(&["rm", "--force", "one"]);
    site.docker(&["volume", "rm", "files"]);
    site.assert_nothing_left();
}
