//! ecs-nanny itself ends, hangs, and is stopped in every phase.

use ecs_nanny::snapshot::{Phase, Reason};
use nix::sys::signal::Signal;

use super::agent::{BEHAVES, KILL, REMOVE_IMAGE};
use crate::table::{Act, Agent, FAULT, Fault, From, HANG, NEXT_TRY, START, Told, s};

/// It is stopped, and started again when that is over.
const STOPPED: Fault = Fault {
    act: Act::Stop,
    end: Act::Start,
    told: &[Told::Stopped],
    within: s(12),
    agent: Agent::Either,
    back: NEXT_TRY,
    own: true,
    ..FAULT
};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "nanny-killed",
        what: "ecs-nanny is killed",
        act: Act::Signal(Signal::SIGKILL),
        told: &[Told::AnotherProcess],
        smoke: true,
        own: true,
        ..FAULT
    },
    Fault {
        name: "nanny-stopped",
        what: "ecs-nanny is stopped (SIGSTOP) until the watchdog ends it",
        act: Act::Signal(Signal::SIGSTOP),
        told: &[Told::AnotherProcess],
        within: HANG,
        own: true,
        ..FAULT
    },
    Fault {
        name: "nanny-and-agent-killed",
        what: "ecs-nanny and the agent are killed",
        act: Act::All(&[Act::Signal(Signal::SIGKILL), KILL]),
        told: &[Told::AnotherProcess],
        agent: Agent::Again(From::Begin, s(5)),
        own: true,
        ..FAULT
    },
    Fault {
        name: "stop-healthy",
        what: "SIGTERM while all is well",
        agent: Agent::Again(From::End, START),
        back: START,
        smoke: true,
        own: false,
        ..STOPPED
    },
    Fault {
        name: "stop-starting",
        what: "SIGTERM at once after the start",
        prepare: Act::All(&[Act::Stop, Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-after-500ms",
        what: "SIGTERM half a second after the start",
        prepare: Act::All(&[Act::Stop, Act::Start, Act::Host("sleep 0.5")]),
        ..STOPPED
    },
    Fault {
        name: "stop-after-1s",
        what: "SIGTERM a second after the start",
        prepare: Act::All(&[Act::Stop, Act::Start, Act::Host("sleep 1")]),
        ..STOPPED
    },
    Fault {
        name: "stop-waiting-engine",
        what: "SIGTERM while dockerd starts",
        prepare: Act::All(&[
            Act::Stop,
            Act::Host("touch \"$HOLD_DOCKERD\""),
            Act::Start,
            Act::Await(Phase::Waiting, Some(Reason::Engine)),
        ]),
        end: Act::All(&[Act::Host("rm \"$HOLD_DOCKERD\""), Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-waiting-metadata",
        what: "SIGTERM while the metadata service is awaited",
        prepare: Act::All(&[
            Act::Stop,
            Act::Metadata(r#"[{"what": "hang"}]"#),
            Act::Start,
            Act::Await(Phase::Waiting, Some(Reason::Metadata)),
        ]),
        end: Act::All(&[Act::Metadata("[]"), Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-waiting-cluster",
        what: "SIGTERM while no cluster is configured",
        prepare: Act::All(&[
            Act::Stop,
            Act::Host("mv /etc/ecs/ecs.config /etc/ecs/.aside"),
            Act::Start,
            Act::Await(Phase::Waiting, Some(Reason::Cluster)),
        ]),
        end: Act::All(&[
            Act::Host("mv /etc/ecs/.aside /etc/ecs/ecs.config"),
            Act::Start,
        ]),
        ..STOPPED
    },
    Fault {
        name: "stop-waiting-image",
        what: "SIGTERM while the agent's image is missing",
        prepare: Act::All(&[
            Act::Host("mv /var/cache/ecs/ecs-agent.tar /var/cache/ecs/.aside"),
            REMOVE_IMAGE,
            Act::Await(Phase::Waiting, Some(Reason::Image)),
        ]),
        end: Act::All(&[
            Act::Host("mv /var/cache/ecs/.aside /var/cache/ecs/ecs-agent.tar"),
            Act::Start,
        ]),
        ..STOPPED
    },
    Fault {
        name: "stop-waiting-credentials",
        what: "SIGTERM while the instance profile has no credentials",
        prepare: Act::All(&[
            Act::Stop,
            Act::Metadata(r#"[{"what": {"status": 404}, "path": "meta-data/iam/"}]"#),
            Act::Start,
            Act::Await(Phase::Waiting, Some(Reason::Credentials)),
        ]),
        end: Act::All(&[Act::Metadata("[]"), Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-waiting-user-data",
        what: "SIGTERM while cloud-init runs the user data",
        prepare: Act::All(&[
            Act::Stop,
            Act::Host("mkdir /run/cloud-init"),
            Act::Start,
            Act::Await(Phase::Waiting, Some(Reason::UserData)),
        ]),
        end: Act::All(&[Act::Host("rmdir /run/cloud-init"), Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-launching",
        what: "SIGTERM while the agent's container is being started",
        prepare: Act::All(&[
            Act::Stop,
            Act::Host("touch \"$HOLD_CONTAINERS\""),
            Act::Start,
            Act::Host("until pgrep -f '/bin/runc .* create '; do sleep 0.05; done"),
            Act::Await(Phase::Launching, None),
        ]),
        end: Act::All(&[Act::Host("rm \"$HOLD_CONTAINERS\""), Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-held",
        what: "SIGTERM while an operator holds it",
        prepare: Act::All(&[
            Act::Host("\"$ECS_NANNY\" hold --for 1h --why chaos"),
            Act::Await(Phase::Held, None),
        ]),
        end: Act::All(&[Act::Host("\"$ECS_NANNY\" release"), Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-twice",
        what: "a second SIGTERM, which hurries, while the agent ignores the first",
        prepare: Act::All(&[
            Act::Agent(r#"{"ignore_sigterm": true}"#),
            Act::Host("sleep 1.5"),
            Act::Signal(Signal::SIGTERM),
            Act::Await(Phase::Draining, None),
        ]),
        within: s(7),
        end: Act::All(&[BEHAVES, Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-registering",
        what: "SIGTERM while the agent has not registered",
        prepare: Act::All(&[
            Act::Agent(r#"{"never_register": true}"#),
            KILL,
            Act::Await(Phase::Registering, None),
        ]),
        end: Act::All(&[BEHAVES, Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-degraded",
        what: "SIGTERM while an agent that ends is waited for",
        prepare: Act::All(&[
            Act::Agent(r#"{"exit": 1}"#),
            Act::Host("sleep 5"),
            Act::Await(Phase::Degraded, Some(Reason::AgentExited)),
        ]),
        end: Act::All(&[BEHAVES, Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-silent",
        what: "SIGTERM while the agent does not answer",
        prepare: Act::All(&[
            Act::Agent(r#"{"hang": true}"#),
            Act::Await(Phase::Degraded, Some(Reason::AgentSilent)),
        ]),
        end: Act::All(&[BEHAVES, Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-failed",
        what: "SIGTERM after the agent ended terminally",
        prepare: Act::All(&[
            Act::Agent(
                r#"{"exit": 5, "stderr": "level=critical msg=\"InvalidParameterException\""}"#,
            ),
            Act::Await(Phase::Failed, Some(Reason::AgentTerminal)),
        ]),
        end: Act::All(&[BEHAVES, Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-dockerd-killed",
        what: "SIGTERM while dockerd is gone",
        prepare: Act::All(&[
            Act::Host("touch \"$HOLD_DOCKERD\"; kill -KILL \"$(cat /run/docker.pid)\""),
            Act::Await(Phase::Degraded, Some(Reason::EngineLost)),
        ]),
        end: Act::All(&[Act::Host("rm \"$HOLD_DOCKERD\""), Act::Start]),
        ..STOPPED
    },
    Fault {
        name: "stop-dockerd-stopped",
        what: "SIGTERM while dockerd is stopped (SIGSTOP)",
        prepare: Act::Host("kill -STOP \"$(cat /run/docker.pid)\""),
        smoke: true,
        ..STOPPED
    },
    Fault {
        name: "stop-ignored",
        what: "SIGTERM, which the agent ignores",
        prepare: Act::All(&[
            Act::Agent(r#"{"ignore_sigterm": true}"#),
            Act::Host("sleep 1.5"),
        ]),
        end: Act::All(&[BEHAVES, Act::Start]),
        ..STOPPED
    },
];
