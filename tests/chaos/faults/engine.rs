//! dockerd ends, hangs, lies, and does not come back.

use ecs_nanny::snapshot::{Phase, Reason};

use super::agent::KILL;
use crate::act::PUT_BACK;
use crate::table::{Act, Agent, FAULT, FakeEngine, Fault, From, HANG, NEXT_TRY, Told, s};

const LOST: &[Told] = &[Told::As(Phase::Degraded, Reason::EngineLost)];
const HUNG: &[Told] = &[Told::As(Phase::Degraded, Reason::EngineHung)];
/// Whatever is in the socket's place, dockerd is not reached.
const UNREACHED: &[Told] = &[
    Told::As(Phase::Degraded, Reason::EngineLost),
    Told::As(Phase::Degraded, Reason::EngineHung),
];
const KILL_AND_HOLD: Act =
    Act::Host("touch \"$HOLD_DOCKERD\"; kill -KILL \"$(cat /run/docker.pid)\"");
const LET_START: Act = Act::Host("rm -f \"$HOLD_DOCKERD\"");
const STOP: Act = Act::Host("kill -STOP \"$(cat /run/docker.pid)\"");
const CONTINUE: Act = Act::Host("kill -CONT \"$(cat /run/docker.pid)\"");
const SOCKET_BACK: Act = Act::Host(PUT_BACK);

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "dockerd-killed",
        what: "dockerd is killed",
        act: Act::Host("kill -KILL \"$(cat /run/docker.pid)\""),
        told: LOST,
        agent: Agent::Again(From::Engine, s(1)),
        ..FAULT
    },
    Fault {
        name: "dockerd-killed-3s",
        what: "dockerd is killed and is back after 3 s",
        act: KILL_AND_HOLD,
        hold: s(3),
        end: LET_START,
        told: LOST,
        agent: Agent::Again(From::Engine, s(1)),
        smoke: true,
        ..FAULT
    },
    Fault {
        name: "dockerd-killed-40s",
        what: "dockerd is killed and is back after 40 s",
        act: KILL_AND_HOLD,
        hold: s(40),
        end: LET_START,
        told: LOST,
        agent: Agent::Again(From::Engine, s(1)),
        ..FAULT
    },
    Fault {
        name: "dockerd-stopped-60s",
        what: "dockerd is stopped (SIGSTOP) for 60 s beside a task; nobody restarts it",
        prepare: Act::Host(
            "docker run --detach --network none --name bystander \
                --entrypoint /agent amazon/amazon-ecs-agent:latest --sleep",
        ),
        act: STOP,
        hold: s(60),
        end: Act::All(&[CONTINUE, Act::Host("docker rm --force bystander")]),
        told: HUNG,
        within: HANG,
        ..FAULT
    },
    Fault {
        name: "dockerd-stopped",
        what: "dockerd is stopped (SIGSTOP) for good, and nothing but the agent runs",
        act: STOP,
        told: HUNG,
        within: HANG,
        agent: Agent::Again(From::Engine, s(1)),
        back: s(45),
        smoke: true,
        ..FAULT
    },
    Fault {
        name: "dockerd-stopped-agent-killed",
        what: "dockerd is stopped (SIGSTOP) for 20 s, and the agent is killed",
        act: Act::All(&[STOP, KILL]),
        hold: s(20),
        end: Act::Host("kill -CONT \"$(cat /run/docker.pid)\" || true"),
        told: &[Told::Exit(137)],
        agent: Agent::Either,
        ..FAULT
    },
    Fault {
        name: "daemon-json-bad",
        what: "dockerd is killed and refuses its daemon.json for 10 s",
        prepare: Act::Host("echo '{\"no-such-option\": true}' >/etc/docker/daemon.json"),
        act: Act::Host("kill -KILL \"$(cat /run/docker.pid)\""),
        hold: s(10),
        end: Act::Host("rm /etc/docker/daemon.json"),
        told: LOST,
        agent: Agent::Again(From::Engine, s(1)),
        back: NEXT_TRY,
        ..FAULT
    },
    Fault {
        name: "pid-file-stale",
        what: "dockerd is killed and finds a pid file that names another process",
        act: Act::All(&[
            KILL_AND_HOLD,
            Act::Host(
                "until pgrep -f '^/bin/sh [^ ]*/dockerd( |$)'; do sleep 0.05; done
                echo 1 >/run/docker.pid",
            ),
            LET_START,
        ]),
        told: LOST,
        agent: Agent::Again(From::Engine, s(1)),
        back: s(30),
        smoke: true,
        ..FAULT
    },
    Fault {
        name: "socket-missing",
        what: "dockerd's socket is gone for 10 s",
        act: Act::Host("mv /run/docker.sock /run/docker.sock.aside"),
        hold: s(10),
        end: SOCKET_BACK,
        told: UNREACHED,
        within: HANG,
        ..FAULT
    },
    Fault {
        name: "socket-stale",
        what: "a file is in the place of dockerd's socket for 10 s",
        act: Act::Host("mv /run/docker.sock /run/docker.sock.aside; echo >/run/docker.sock"),
        hold: s(10),
        end: SOCKET_BACK,
        told: UNREACHED,
        within: HANG,
        ..FAULT
    },
    Fault {
        name: "socket-directory",
        what: "a directory is in the place of dockerd's socket for 10 s",
        act: Act::Host("mv /run/docker.sock /run/docker.sock.aside; mkdir /run/docker.sock"),
        hold: s(10),
        end: SOCKET_BACK,
        told: UNREACHED,
        within: HANG,
        ..FAULT
    },
    Fault {
        name: "engine-answers-500",
        what: "the Engine API answers status 500",
        act: Act::FakeEngine(FakeEngine::Errors),
        end: Act::RealEngine,
        told: UNREACHED,
        within: HANG,
        ..FAULT
    },
    Fault {
        name: "engine-answers-halves",
        what: "the Engine API gives half answers",
        act: Act::FakeEngine(FakeEngine::Halves),
        end: Act::RealEngine,
        told: UNREACHED,
        within: HANG,
        ..FAULT
    },
    Fault {
        name: "engine-answers-endlessly",
        what: "the Engine API gives answers without an end",
        act: Act::FakeEngine(FakeEngine::Endless),
        end: Act::RealEngine,
        told: UNREACHED,
        within: HANG,
        ..FAULT
    },
    Fault {
        name: "containerd-killed",
        what: "containerd is killed",
        act: Act::Host("kill -KILL \"$(cat /run/docker/containerd/containerd.pid)\""),
        hold: s(5),
        told: &[Told::Unhurt],
        ..FAULT
    },
];
