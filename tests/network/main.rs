//! The network parts of a plan against real packet filters, each test in a network and mount namespace of its own.
//!
//! They need root, iptables-legacy, iptables-nft, iproute2 and unshare. The host's own tables, kernel
//! parameters and `/run` are never touched.

#![allow(clippy::unwrap_used)]

mod host;
mod plan;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use ecs_nanny::apply::{Applier, ApplyReport, Network, UndoError, undo_unless_running};
use ecs_nanny::host::files::Root;
use ecs_nanny::host::lock;
use ecs_nanny::host::netfilter::Netfilter;
use host::{Host, RESERVED_PORTS, ROUTE_LOCALNET, run};
use plan::Plan;

/// A test whose body runs once for each backend, on a host of its own.
macro_rules! network_test {
    ($name:ident, $body:expr) => {
        #[test]
        fn $name() {
            host::in_namespaces(stringify!($name), $body);
        }
    };
}

/// Asserts that nothing failed and how much was done.
#[track_caller]
fn assert_done(report: &ApplyReport, changed: usize, repaired: usize) {
    assert_eq!(report.findings, [], "{report:#?}");
    assert_eq!((report.changed, report.repaired), (changed, repaired));
}

/// Seven rules, two kernel parameters that exist, one route.
const ALL: usize = 10;

network_test!(
    twenty_starts_without_a_stop_leave_one_copy_and_undo_none,
    async |host: Host| {
        let plan = Plan::like_ecs_init();
        let before = host.state();
        assert_done(&host.applier().apply(&plan.network()).await, ALL, 0);
        for _ in 1..20 {
            assert_done(&host.applier().apply(&plan.network()).await, 0, 0);
        }
        host.assert_in_force(&plan);
        assert_eq!(fs::read_to_string(ROUTE_LOCALNET).unwrap(), "1\n");
        assert_eq!(
            fs::read_to_string(RESERVED_PORTS).unwrap(),
            "8080,51678-51680\n"
        );
        assert_done(&host.applier().undo().await, ALL, 0);
        assert_eq!(host.state(), before);
        assert!(!host.record().exists());
        assert_done(&host.applier().undo().await, 0, 0);
    }
);

network_test!(
    what_others_remove_is_back_after_one_call,
    async |host: Host| {
        let plan = Plan::like_ecs_init();
        let applier = host.applier();
        assert_done(&applier.apply(&plan.network()).await, ALL, 0);
        let applied = host.state();

        host.iptables("-t nat -F PREROUTING");
        host.iptables("-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER");
        host.iptables("-t filter -D INPUT -p tcp --dport 51678 ! -i lo -j DROP");
        run(&host.ipv6, &["-F", "INPUT"]);
        run(
            &host.ipv6,
            &["-A", "INPUT", "-p", "tcp", "--dport", "23", "-j", "DROP"],
        );
        fs::write(ROUTE_LOCALNET, "0\n").unwrap();
        run("ip", &["route", "del", "169.254.170.2/32"]);

        // Of IPv4 two and the one above the second, of IPv6 two.
        assert_done(&applier.apply(&plan.network()).await, 0, 5 + 2);
        assert_eq!(host.state(), applied);
        assert_done(&applier.apply(&plan.network()).await, 0, 0);
    }
);

network_test!(
    toggled_settings_are_obeyed_in_both_directions,
    async |host: Host| {
        let plan = Plan::like_ecs_init();
        let before = host.state();
        for toggled in [
            plan.clone(),
            plan.without("--ctstate"),
            plan.clone(),
            plan.without("51678"),
            plan.without("docker0"),
            plan.clone(),
        ] {
            // Each by another start, as after a crash.
            let report = host.applier().apply(&toggled.network()).await;
            assert_eq!(report.findings, []);
            host.assert_in_force(&toggled);
        }
        assert_done(&host.applier().undo().await, ALL, 0);
        assert_eq!(host.state(), before);
    }
);

network_test!(what_was_there_before_stays, async |host: Host| {
    let plan = Plan::like_ecs_init();
    for _ in 0..3 {
        host.iptables(
            "-t nat -A OUTPUT -p tcp -d 169.254.170.2 --dport 80 -j REDIRECT --to-ports 51679",
        );
        host.iptables("-t filter -I INPUT -p tcp --dport 51678 ! -i lo -j DROP");
    }
    fs::write(ROUTE_LOCALNET, "1\n").unwrap();
    run(
        "ip",
        &[
            "route",
            "add",
            "169.254.170.2/32",
            "dev",
            "lo",
            "scope",
            "link",
        ],
    );
    let before = host.state();
    // All but the two rules, the kernel parameter and the route.
    assert_done(&host.applier().apply(&plan.network()).await, ALL - 4, 0);
    assert_done(&host.applier().apply(&plan.network()).await, 0, 0);
    assert_done(&host.applier().undo().await, ALL - 4, 0);
    assert_eq!(host.state(), before);
});

network_test!(
    a_crash_before_acting_is_undone_cleanly,
    async |host: Host| {
        let plan = Plan::like_ecs_init();
        let before = host.state();
        host.applier().apply(&plan.network()).await;
        let record = fs::read(host.record()).unwrap();
        host.applier().undo().await;
        // The record of the first start, and nothing of it done.
        fs::write(host.record(), &record).unwrap();
        assert_done(&host.applier().undo().await, 0, 0);
        assert_eq!(host.state(), before);
        // The same, and the next start goes on from there.
        fs::write(host.record(), &record).unwrap();
        assert_done(&host.applier().apply(&plan.network()).await, 0, ALL);
        host.assert_in_force(&plan);
        assert_done(&host.applier().undo().await, ALL, 0);
        assert_eq!(host.state(), before);
    }
);

network_test!(
    a_kernel_parameter_that_others_changed_is_left_to_them,
    async |host: Host| {
        let plan = Plan::like_ecs_init();
        host.applier().apply(&plan.network()).await;
        fs::write(RESERVED_PORTS, "9090\n").unwrap();
        assert_done(&host.applier().undo().await, ALL - 1, 0);
        assert_eq!(fs::read_to_string(RESERVED_PORTS).unwrap(), "9090\n");
        assert_eq!(fs::read_to_string(ROUTE_LOCALNET).unwrap(), "0\n");
    }
);

network_test!(
    one_refused_rule_does_not_stop_the_others,
    async |host: Host| {
        let mut plan = Plan::like_ecs_init();
        let before = host.state();
        let mut refused = plan.firewall[0].clone();
        refused.chain = "NO-SUCH-CHAIN".to_owned();
        plan.firewall.insert(0, refused);
        for _ in 0..2 {
            let report = host.applier().apply(&plan.network()).await;
            let told: Vec<_> = report.findings.iter().map(|it| &it.observed).collect();
            assert_eq!(told.len(), 1, "{told:#?}");
            assert!(told[0].contains("-A NO-SUCH-CHAIN"), "{told:#?}");
            host.assert_in_force(&Plan::like_ecs_init());
        }
        assert_eq!(host.applier().undo().await.findings, []);
        assert_eq!(host.state(), before);
    }
);

network_test!(
    missing_ip6tables_is_told_and_the_rest_is_done,
    async |host: Host| {
        let plan = Plan::like_ecs_init();
        let before = host.state();
        let ipv4 = Netfilter::new(&host.ipv4);
        let without = Netfilter::new("no-such-ip6tables");
        let applier = Applier::new(Root::host(), host.record(), ipv4, without);
        let report = applier.apply(&plan.network()).await;
        assert_eq!(report.changed, ALL - 2);
        assert_eq!(report.findings.len(), 1);
        let told = report.findings[0].sentence();
        assert!(
            told.contains("no-such-ip6tables-save is not installed"),
            "{told}"
        );
        assert!(!report.findings[0].blocks());
        assert_done(&applier.undo().await, ALL - 2, 0);
        assert_eq!(host.state(), before);
    }
);

network_test!(
    a_host_without_ipv6_has_nothing_to_filter,
    async |host: Host| {
        let plan = Plan::like_ecs_init();
        let tree = host.directory.path().join("root");
        fs::create_dir_all(tree.join("proc/sys/net")).unwrap();
        symlink("/nowhere", tree.join("proc/sys/net/ipv6")).unwrap();
        let none = Netfilter::new("no-such-ip6tables");
        let applier = Applier::new(
            Root::at(&tree),
            host.record(),
            Netfilter::new(&host.ipv4),
            none,
        );
        let network = Network {
            sysctls: &[],
            ..plan.network()
        };
        // The five rules of IPv4 and the route.
        assert_done(&applier.apply(&network).await, 5 + 1, 0);
        assert_done(&applier.undo().await, 5 + 1, 0);
    }
);

network_test!(the_lock_of_others_is_waited_for, async |host: Host| {
    let plan = Plan::like_ecs_init();
    let lock = lock::acquire(Path::new("/run/xtables.lock")).unwrap();
    let applier = host.applier();
    // On a task, as the supervisor runs it.
    let mut applying = tokio::spawn(async move { applier.apply(&plan.network()).await });
    let early = tokio::time::timeout(Duration::from_millis(300), &mut applying).await;
    // Only the legacy backend has this lock; nft has the kernel's.
    assert_eq!(early.is_err(), host.ipv4.ends_with("legacy"));
    drop(lock);
    let report = match early {
        Ok(report) => report,
        Err(_) => applying.await,
    };
    assert_done(&report.unwrap(), ALL, 0);
    assert_done(&host.applier().undo().await, ALL, 0);
});

network_test!(
    undo_is_refused_while_run_holds_the_lock,
    async |host: Host| {
        let path = host.directory.path().join("lock");
        let plan = Plan::like_ecs_init();
        host.applier().apply(&plan.network()).await;
        let running = lock::acquire(&path).unwrap();
        let error = undo_unless_running(&host.applier(), &path)
            .await
            .unwrap_err();
        assert!(matches!(error, UndoError::Running(_)));
        let holder = format!("process {}", std::process::id());
        assert!(error.to_string().contains(&holder), "{error}");
        host.assert_in_force(&plan);
        drop(running);
        let report = undo_unless_running(&host.applier(), &path).await.unwrap();
        assert_done(&report, ALL, 0);
    }
);

network_test!(an_unreadable_record_is_told, async |host: Host| {
    fs::write(host.record(), "{").unwrap();
    let report = host.applier().undo().await;
    assert!(report.findings[0].observed.ends_with("nothing was removed"));
    let report = host.applier().apply(&Plan::like_ecs_init().network()).await;
    assert_eq!((report.findings.len(), report.changed), (1, ALL));
    assert_done(&host.applier().undo().await, ALL, 0);
});

network_test!(one_save_tells_and_one_restore_mends, async |host: Host| {
    let plan = Plan::like_ecs_init();
    let applier = host.noting_applier();
    applier.apply(&plan.network()).await;
    host.calls();
    assert_done(&applier.apply(&plan.network()).await, 0, 0);
    let saves = [&host.ipv6, &host.ipv4].map(|name| format!("{name}-save"));
    assert_eq!(host.calls(), saves);

    for name in [&host.ipv4, &host.ipv6] {
        run(name, &["-F", "INPUT"]);
    }
    host.iptables("-t nat -F OUTPUT");
    assert_done(&applier.apply(&plan.network()).await, 0, 6);
    let restores = [&host.ipv4, &host.ipv6].map(|name| format!("{name}-restore"));
    let mut expected = [saves, restores].concat();
    expected.sort();
    assert_eq!(host.calls(), expected);
});

network_test!(
    no_program_is_called_while_the_kernel_says_that_no_rule_changed,
    async |host: Host| {
        let plan = Plan::like_ecs_init();
        let applier = host.noting_applier();
        applier.apply(&plan.network()).await;
        assert_done(&applier.apply(&plan.network()).await, 0, 0);
        host.calls();
        let looked = [&host.ipv6, &host.ipv4].map(|name| format!("{name}-save"));
        // Only nftables counts the changes of its rules.
        let stands: &[String] = match host.ipv4.ends_with("nft") {
            true => &[],
            false => &looked,
        };
        assert_done(&applier.apply(&plan.network()).await, 0, 0);
        assert_eq!(host.calls(), stands);

        // Somebody's rule that is none of the plan's.
        host.iptables("-t filter -A INPUT -p tcp --dport 24 -j DROP");
        assert_done(&applier.apply(&plan.network()).await, 0, 0);
        assert_eq!(host.calls(), looked);
        assert_done(&applier.apply(&plan.network()).await, 0, 0);
        assert_eq!(host.calls(), stands);

        // Another plan, on the same rules.
        let plan = plan.without("51678");
        let report = applier.apply(&plan.network()).await;
        assert_eq!(report.findings, []);
        host.assert_in_force(&plan);
    }
);

/// Asserts that both families' programs failed with these words, and nothing else did.
#[track_caller]
fn assert_both_families_told(report: &ApplyReport, words: &str) {
    let told: Vec<_> = report.findings.iter().map(|it| &it.observed).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told.iter().all(|line| line.contains(words)), "{told:#?}");
}

network_test!(
    a_lock_that_is_never_free_is_told_once,
    async |host: Host| {
        let plan = Plan::like_ecs_init();
        host.script("busy-save", "true");
        host.script("busy-restore", "echo holding the xtables lock >&2; exit 4");
        // There is no program `busy` for single rules: each would wait again.
        let busy = host.scripted_applier("busy", "busy");
        let report = busy.apply(&plan.network()).await;
        assert_both_families_told(&report, "exit status: 4: holding the xtables lock");
        // What was not put is put by the next call.
        assert_eq!(host.applier().apply(&plan.network()).await.findings, []);
        host.assert_in_force(&plan);
    }
);

network_test!(a_hung_program_is_ended, async |host: Host| {
    let plan = Plan::like_ecs_init();
    host.script("hung-save", "exec sleep 1000");
    let hung = host.scripted_applier("hung", "hung");
    tokio::time::pause();
    let report = hung.apply(&plan.network()).await;
    assert_both_families_told(&report, "hung-save had not ended after 10 s and was killed");
    // The route and the kernel parameters do not wait for the packet filter.
    assert_eq!(report.changed, 3);
});

network_test!(
    an_unknown_spelling_does_not_pile_up_copies,
    async |host: Host| {
        let plan = Plan::like_ecs_init();
        let before = host.state();
        let names = [("strange", &host.ipv4), ("strange6", &host.ipv6)];
        for (strange, real) in names {
            host.script(strange, &format!("exec {real} \"$@\""));
            host.script(
                &format!("{strange}-restore"),
                &format!("exec {real}-restore \"$@\""),
            );
            host.script(
                &format!("{strange}-save"),
                &format!("{real}-save | sed 's/-p tcp/-p 6/'"),
            );
        }
        let applier = host.scripted_applier("strange", "strange6");
        assert_done(&applier.apply(&plan.network()).await, ALL, 0);
        assert_done(&applier.apply(&plan.network()).await, 0, 0);
        host.assert_in_force(&plan);
        assert_done(&applier.undo().await, ALL, 0);
        assert_eq!(host.state(), before);
    }
);
