//! The agent ends, hangs, lies, and loses what it is made from.

use std::time::Duration;

use ecs_nanny::snapshot::{Phase, Reason};

use crate::table::{AGENT_HANG, Act, Agent, FAULT, Fault, From, HANG, NEXT_TRY, Told, s};

/// The agent behaves again.
pub const BEHAVES: Act = Act::Agent("{}");
/// The agent's process is killed from outside.
pub const KILL: Act = Act::Host("pkill -KILL -x agent");
/// The setting's 6 s after the first look that finds no connection; one is taken with every probe, 8 s apart.
const DISCONNECTED: Duration = s(16);
const SILENT: &[Told] = &[Told::As(Phase::Degraded, Reason::AgentSilent)];
/// The stand-in sees within a second that it shall end; started at once, it is there two later.
const ENDED_AND_BACK: Agent = Agent::Again(From::Begin, s(3));

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "agent-killed",
        what: "the agent's process is killed (137)",
        act: KILL,
        told: &[Told::Exit(137)],
        agent: Agent::Again(From::Begin, s(2)),
        smoke: true,
        ..FAULT
    },
    Fault {
        name: "agent-crashed",
        what: "the agent ends as a crash ends it (139)",
        act: Act::Agent(r#"{"exit": 139, "times": 1}"#),
        end: BEHAVES,
        told: &[Told::Exit(139)],
        agent: ENDED_AND_BACK,
        ..FAULT
    },
    Fault {
        name: "agent-exit-0",
        what: "the agent ends with status 0",
        act: Act::Agent(r#"{"exit": 0, "times": 1}"#),
        end: BEHAVES,
        told: &[Told::Exit(0)],
        agent: ENDED_AND_BACK,
        smoke: true,
        ..FAULT
    },
    Fault {
        name: "agent-exit-1",
        what: "the agent ends with status 1",
        act: Act::Agent(r#"{"exit": 1, "times": 1}"#),
        end: BEHAVES,
        told: &[Told::Exit(1)],
        agent: ENDED_AND_BACK,
        ..FAULT
    },
    Fault {
        name: "agent-exit-2",
        what: "the agent ends with status 2",
        act: Act::Agent(r#"{"exit": 2, "times": 1}"#),
        end: BEHAVES,
        told: &[Told::Exit(2)],
        agent: ENDED_AND_BACK,
        ..FAULT
    },
    Fault {
        name: "agent-exit-1-always",
        what: "the agent ends with status 1 at each start, for 20 s",
        act: Act::Agent(r#"{"exit": 1}"#),
        hold: s(20),
        end: BEHAVES,
        told: &[Told::Exit(1)],
        agent: Agent::Either,
        back: NEXT_TRY,
        ..FAULT
    },
    Fault {
        name: "agent-exit-42",
        what: "the agent ends with status 42 and there is no other image",
        act: Act::Agent(r#"{"exit": 42, "times": 1}"#),
        end: BEHAVES,
        told: &[Told::Exit(42)],
        agent: ENDED_AND_BACK,
        ..FAULT
    },
    Fault {
        name: "agent-stopped",
        what: "the agent's process is stopped (SIGSTOP) for good",
        act: Act::Host("pkill -STOP -x agent"),
        told: SILENT,
        within: HANG,
        agent: Agent::Again(From::Begin, s(30)),
        back: s(30),
        smoke: true,
        ..FAULT
    },
    Fault {
        name: "agent-stopped-continued",
        what: "the agent's process is stopped until that is told",
        act: Act::Host("pkill -STOP -x agent"),
        end: Act::Host("pkill -CONT -x agent"),
        told: SILENT,
        within: HANG,
        ..FAULT
    },
    Fault {
        name: "agent-silent",
        what: "the agent takes connections and never answers",
        act: Act::Agent(r#"{"hang": true}"#),
        end: BEHAVES,
        told: SILENT,
        within: AGENT_HANG,
        ..FAULT
    },
    Fault {
        name: "agent-answers-500",
        what: "the agent answers status 500",
        act: Act::Agent(r#"{"status": 500}"#),
        end: BEHAVES,
        told: SILENT,
        within: AGENT_HANG,
        ..FAULT
    },
    Fault {
        name: "agent-answers-garbage",
        what: "the agent answers what is not JSON",
        act: Act::Agent(r#"{"garbage": true}"#),
        end: BEHAVES,
        told: SILENT,
        within: AGENT_HANG,
        ..FAULT
    },
    Fault {
        name: "agent-never-registers",
        what: "the agent is killed and then does not register for 10 s",
        act: Act::All(&[Act::Agent(r#"{"never_register": true}"#), KILL]),
        hold: s(10),
        end: BEHAVES,
        told: &[Told::In(Phase::Registering)],
        agent: Agent::Again(From::Begin, s(2)),
        smoke: true,
        ..FAULT
    },
    Fault {
        name: "agent-never-registers-listens",
        what: "the same, and it answers without an ARN",
        act: Act::All(&[
            Act::Agent(r#"{"never_register": true, "listen_unregistered": true}"#),
            KILL,
        ]),
        hold: s(10),
        end: BEHAVES,
        told: &[Told::In(Phase::Registering)],
        agent: Agent::Again(From::Begin, s(2)),
        ..FAULT
    },
    Fault {
        name: "agent-connections-cut",
        what: "the agent's connections are reset and refused until that is told",
        act: Act::Host(
            "iptables -w 5 -I OUTPUT -p tcp --dport 10443 -j REJECT --reject-with tcp-reset",
        ),
        end: Act::Host(
            "iptables -w 5 -D OUTPUT -p tcp --dport 10443 -j REJECT --reject-with tcp-reset",
        ),
        told: &[Told::As(Phase::Degraded, Reason::AgentDisconnected)],
        within: DISCONNECTED,
        ..FAULT
    },
    Fault {
        name: "container-removed",
        what: "the agent's container is removed by hand",
        act: Act::Host("docker rm --force ecs-agent"),
        told: &[Told::Exit(137)],
        agent: Agent::Again(From::Begin, s(3)),
        smoke: true,
        ..FAULT
    },
    Fault {
        name: "image-removed",
        what: "the agent's container and image are removed by hand",
        act: REMOVE_IMAGE,
        told: &[Told::Exit(137)],
        agent: Agent::Again(From::Begin, s(10)),
        ..FAULT
    },
    Fault {
        name: "tarball-truncated",
        what: "the same, and the image's tarball is cut in half until that is told",
        prepare: Act::Host(
            "size=$(stat --format=%s /var/cache/ecs/ecs-agent.tar)
            truncate --size=$((size / 2)) /var/cache/ecs/ecs-agent.tar",
        ),
        act: REMOVE_IMAGE,
        end: Act::Host(
            "cp \"$TARBALL\" /var/cache/ecs/.next
            mv /var/cache/ecs/.next /var/cache/ecs/ecs-agent.tar",
        ),
        told: &[Told::As(Phase::Waiting, Reason::ImageInvalid)],
        agent: Agent::Either,
        back: NEXT_TRY,
        ..FAULT
    },
];

/// A container that is made anew meanwhile holds its image, or runs on without it.
pub const REMOVE_IMAGE: Act = Act::Host(
    "image=$(docker inspect --format '{{.Image}}' ecs-agent)
    for attempt in $(seq 20); do
        docker rm --force ecs-agent || true
        docker rmi --force \"$image\" || continue
        [ -n \"$(docker ps --all --quiet --filter name=ecs-agent)\" ] || break
    done",
);
