//! The packet filter and the metadata service.

use ecs_nanny::snapshot::{Phase, Reason};

use crate::table::{Act, Agent, FAULT, FLUSHED, Fault, HANG, NEXT_TRY, Told, s};

const WELL_AGAIN: Act = Act::Metadata("[]");
/// A start while the metadata service is out of order until that is told.
const AT_START: Fault = Fault {
    act: Act::Start,
    end: WELL_AGAIN,
    told: &[Told::As(Phase::Waiting, Reason::Metadata)],
    within: HANG,
    agent: Agent::Either,
    back: NEXT_TRY,
    ..FAULT
};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "rules-flushed",
        what: "the packet filter's rules are flushed",
        act: Act::Host(
            "iptables -F INPUT; iptables -t nat -F PREROUTING; iptables -t nat -F OUTPUT",
        ),
        told: &[Told::Repaired],
        within: FLUSHED,
        ..FAULT
    },
    Fault {
        name: "metadata-refused",
        what: "a start while the metadata service refuses connections",
        prepare: Act::All(&[Act::Stop, Act::Metadata(r#"[{"what": "refuse"}]"#)]),
        smoke: true,
        ..AT_START
    },
    Fault {
        name: "metadata-hangs",
        what: "a start while the metadata service does not answer",
        prepare: Act::All(&[Act::Stop, Act::Metadata(r#"[{"what": "hang"}]"#)]),
        ..AT_START
    },
    Fault {
        name: "metadata-401",
        what: "a start while every token is refused",
        prepare: Act::All(&[
            Act::Stop,
            Act::Metadata(
                r#"[{"what": {"status": 401}, "path": "meta-data/"},
                {"what": {"status": 401}, "path": "dynamic/"}]"#,
            ),
        ]),
        ..AT_START
    },
    Fault {
        name: "metadata-403",
        what: "a start while the metadata service is switched off: no instance, an agent all the same",
        prepare: Act::All(&[Act::Stop, Act::Metadata(r#"[{"what": {"status": 403}}]"#)]),
        told: &[Told::In(Phase::Healthy)],
        hold: s(5),
        ..AT_START
    },
    Fault {
        name: "metadata-404",
        what: "a start while the instance profile has no credentials yet",
        prepare: Act::All(&[
            Act::Stop,
            Act::Metadata(r#"[{"what": {"status": 404}, "path": "meta-data/iam/"}]"#),
        ]),
        told: &[Told::As(Phase::Waiting, Reason::Credentials)],
        ..AT_START
    },
    Fault {
        name: "metadata-429",
        what: "a start while the metadata service throttles",
        prepare: Act::All(&[Act::Stop, Act::Metadata(r#"[{"what": {"status": 429}}]"#)]),
        ..AT_START
    },
    Fault {
        name: "metadata-500",
        what: "a start while the metadata service answers status 500",
        prepare: Act::All(&[Act::Stop, Act::Metadata(r#"[{"what": {"status": 500}}]"#)]),
        ..AT_START
    },
    Fault {
        name: "metadata-garbage",
        what: "a start while the metadata service answers what is no text",
        prepare: Act::All(&[Act::Stop, Act::Metadata(r#"[{"what": "garbage"}]"#)]),
        ..AT_START
    },
    Fault {
        name: "metadata-huge",
        what: "a start while the metadata service answers with 10 MB",
        prepare: Act::All(&[Act::Stop, Act::Metadata(r#"[{"what": "huge"}]"#)]),
        ..AT_START
    },
    Fault {
        name: "metadata-gone-5m",
        what: "the metadata service is gone for 5 minutes while all is well",
        act: Act::Metadata(r#"[{"what": "refuse"}]"#),
        hold: s(300),
        end: WELL_AGAIN,
        told: &[Told::Unhurt],
        ..FAULT
    },
];
