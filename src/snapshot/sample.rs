//! Documents for tests: everything set, and nothing known.

use std::time::{Duration, SystemTime};

use crate::checks::ImageRelease;
use crate::facts::InstanceFacts;
use crate::finding::{Confidence, Finding, Outcome, Place, Severity};

use super::*;

/// The moment at which the samples were made.
pub fn now() -> Timestamp {
    Timestamp(SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123))
}

fn ago(seconds: u64) -> Timestamp {
    Timestamp(now().0 - Duration::from_secs(seconds))
}

/// A finding on a line of a file.
pub fn finding(rule: &'static str, outcome: Outcome, severity: Severity) -> Finding {
    Finding {
        rule: rule.into(),
        title: "a title".into(),
        severity,
        outcome,
        confidence: Confidence::Certain,
        observed: "what is, with / and \"quotes\"".into(),
        required: "what is wanted".into(),
        remedy: "how to mend it".into(),
        source: "https://docs.example/".into(),
        place: Some(Place {
            text: Some("ECS_CLUSTER==blue".to_owned()),
            column: Some(13),
            length: Some(1),
            ..Place::line("/etc/ecs/ecs.config", 3)
        }),
    }
}

/// A healthy host of which everything is known.
pub fn full() -> Snapshot {
    Snapshot {
        phase: Phase::Healthy,
        reason: None,
        detail: "v1.105.1 is registered in cluster blue".to_owned(),
        instance: Some(instance()),
        engine: EngineView {
            state: "up".to_owned(),
            backend: "unit".to_owned(),
            version: Some("29.3.1".to_owned()),
            api_version: Some("1.53".to_owned()),
            since: Some(ago(95)),
            why: None,
        },
        agent: agent(),
        retry: Some(RetryView {
            what: "agent".to_owned(),
            attempts: 3,
            budget: Some(10),
            next_try_at: now().after(Duration::from_secs(7)),
            why: "the agent ended".to_owned(),
        }),
        repairs: RepairsView {
            total: 2,
            last_at: Some(ago(30)),
        },
        lifecycle: lifecycle(),
        volumes: VolumesView {
            plugin: "answers".to_owned(),
            why: None,
            directory: "/var/lib/ecs/volumes".to_owned(),
            volumes: vec![volume("web-files", 2), volume("old-files", 0)],
        },
        boot: boot(),
        findings: vec![
            finding("kernel.modern", Outcome::Failed, Severity::Recommended),
            finding("config.value", Outcome::Failed, Severity::Required),
            finding("config.value", Outcome::Failed, Severity::Informational),
            finding("arch.64bit", Outcome::Passed, Severity::Required),
        ],
        host: HostView {
            kernel: Some("6.12.40".to_owned()),
            machine: Some("x86_64".to_owned()),
            os: Some("Debian GNU/Linux 12".to_owned()),
            platform: Some("nitro".to_owned()),
            profiles: vec!["ecs".to_owned(), "batch".to_owned()],
            fit: Some("yes".to_owned()),
            image_release: Some(ImageRelease {
                image_name: Some("blue-batch".to_owned()),
                image_version: Some("2026.11.1".to_owned()),
                ..ImageRelease::default()
            }),
        },
        ..empty()
    }
}

fn volume(name: &str, references: u32) -> VolumeView {
    VolumeView {
        name: name.to_owned(),
        fs_type: "efs".to_owned(),
        device: Some("fs-0123456789abcdef0:/".to_owned()),
        path: format!("/var/lib/ecs/volumes/{name}"),
        mounted: references > 0,
        references,
    }
}

fn instance() -> InstanceFacts {
    InstanceFacts {
        ancestor_ami_ids: vec!["ami-1".to_owned(), "ami-2".to_owned()],
        life_cycle: Some("spot".to_owned()),
        launch_time: Some("2026-11-20T10:00:00Z".to_owned()),
        target_lifecycle_state: Some("InService".to_owned()),
        auto_scaling_group: Some("blue-group".to_owned()),
        block_devices: vec![("root".to_owned(), "/dev/xvda".to_owned())],
        ..InstanceFacts::ordinary()
    }
}

fn agent() -> AgentView {
    AgentView {
        state: "running".to_owned(),
        container_id: Some("c0ffee".to_owned()),
        image_id: Some("sha256:1234".to_owned()),
        started_at: Some("2026-11-20T10:00:07Z".to_owned()),
        version: Some("Amazon ECS Agent - v1.105.1 (deadbeef)".to_owned()),
        cluster: Some("blue".to_owned()),
        container_instance_arn: Some(
            "arn:aws:ecs:us-east-1:123456789012:container-instance/blue/0123".to_owned(),
        ),
        registered_since: Some(ago(90)),
        connections: Some(2),
        tasks_running: Some(4),
        restarts: 1,
        adopted: false,
        plan_pending: false,
        last_exit: Some(LastExit {
            code: 1,
            at: ago(60),
            meaning: "the agent failed".to_owned(),
            last_lines: vec!["level=error msg=\"oh\"".to_owned(), "bye".to_owned()],
        }),
    }
}

fn lifecycle() -> LifecycleView {
    LifecycleView {
        target_state: Some("InService".to_owned()),
        notices: vec![
            Notice {
                name: NoticeName::SpotInterruption,
                detail: "EC2 terminates this Spot instance".to_owned(),
                at: Some(now().after(Duration::from_secs(110))),
                seen_at: ago(10),
            },
            Notice {
                name: NoticeName::Rebalance,
                detail: "this Spot instance is at an elevated risk of interruption".to_owned(),
                at: None,
                seen_at: ago(70),
            },
        ],
        actions: vec![ActionView {
            name: "drain".to_owned(),
            state: "done".to_owned(),
            detail: "4 tasks still run".to_owned(),
            at: ago(9),
            remedy: String::new(),
        }],
        actions_off: None,
    }
}

/// A boot that waited for its image.
pub fn boot() -> BootView {
    let span = |name, start_ms, end_ms, critical| Span {
        name,
        start_ms,
        end_ms: Some(end_ms),
        critical,
    };
    BootView {
        boot_id: Some("11111111-2222-3333-4444-555555555555".to_owned()),
        exec_at: Some(ago(100)),
        exec_after_kernel_ms: 6200,
        spans: vec![
            span(SpanName::Facts, 0, 60, true),
            span(SpanName::UserData, 60, 3100, false),
            span(SpanName::Identity, 60, 300, false),
            span(SpanName::Engine, 60, 1900, true),
            span(SpanName::Network, 1900, 2000, false),
            span(SpanName::Image, 1900, 4100, true),
            span(SpanName::Launch, 4100, 4500, true),
            span(SpanName::Registration, 4500, 5200, true),
        ],
        healthy_ms: Some(5200),
    }
}

/// The document before anything is known.
pub fn empty() -> Snapshot {
    Snapshot {
        schema: SCHEMA,
        phase: Phase::Starting,
        reason: None,
        detail: String::new(),
        since: ago(90),
        updated_at: now(),
        valid_until: now().after(Duration::from_secs(45)),
        nanny: NannyView {
            version: "0.1.0".to_owned(),
            pid: 17,
            started_at: ago(100),
        },
        instance: None,
        host: HostView::default(),
        engine: EngineView::default(),
        agent: AgentView::default(),
        retry: None,
        repairs: RepairsView::default(),
        lifecycle: LifecycleView::default(),
        volumes: VolumesView::default(),
        boot: BootView::default(),
        findings: Vec::new(),
    }
}

/// Both, in every phase and with every reason.
pub fn all() -> Vec<Snapshot> {
    let mut samples = Vec::new();
    for phase in Phase::ALL {
        for reason in Reason::ALL.map(Some).into_iter().chain([None]) {
            for sample in [full(), empty()] {
                samples.push(Snapshot {
                    phase,
                    reason,
                    ..sample
                });
            }
        }
    }
    samples
}
