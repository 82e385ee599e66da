//! The agent's configuration, disks, and file descriptors.

use ecs_nanny::snapshot::{Phase, Reason};

use super::agent::KILL;
use crate::table::{Act, Agent, FAULT, Fault, From, HANG, NEXT_TRY, Told, s};

const TAKE_AWAY: &str = "mv /etc/ecs/ecs.config /etc/ecs/.aside";
const GIVE_BACK: Act = Act::Host("mv -T /etc/ecs/.aside /etc/ecs/ecs.config");

/// While all is well: what runs is not hurt.
const MEANWHILE: Fault = Fault {
    hold: s(5),
    told: &[Told::Unhurt],
    ..FAULT
};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "config-removed",
        what: "ecs.config is gone for 5 s",
        act: Act::Host(TAKE_AWAY),
        end: GIVE_BACK,
        smoke: true,
        ..MEANWHILE
    },
    Fault {
        name: "config-replaced",
        what: "another ecs.config is there for 5 s",
        act: Act::Host(
            "cp -a /etc/ecs/ecs.config /etc/ecs/.aside
            echo ECS_CLUSTER=green >/etc/ecs/.next
            mv /etc/ecs/.next /etc/ecs/ecs.config",
        ),
        end: GIVE_BACK,
        ..MEANWHILE
    },
    Fault {
        name: "config-unreadable",
        what: "ecs.config can't be read for 5 s (a link to itself)",
        act: Act::Host(
            "mv /etc/ecs/ecs.config /etc/ecs/.aside
            ln -s ecs.config /etc/ecs/ecs.config",
        ),
        end: GIVE_BACK,
        ..MEANWHILE
    },
    Fault {
        name: "config-growing",
        what: "ecs.config grows for 5 s while it is read",
        prepare: Act::Host("cp -a /etc/ecs/ecs.config /etc/ecs/.aside"),
        act: Act::Meanwhile(
            "while :; do
                head --bytes=100000 /dev/zero | tr '\\0' '#' >>/etc/ecs/ecs.config
                sleep 0.01
            done",
        ),
        end: GIVE_BACK,
        ..MEANWHILE
    },
    Fault {
        name: "config-removed-at-start",
        what: "a start without ecs.config",
        prepare: Act::All(&[Act::Stop, Act::Host(TAKE_AWAY)]),
        act: Act::Start,
        end: GIVE_BACK,
        told: &[
            Told::As(Phase::Waiting, Reason::Cluster),
            Told::In(Phase::Healthy),
        ],
        within: s(15),
        agent: Agent::Either,
        ..FAULT
    },
    Fault {
        name: "disk-full-var-lib-ecs",
        what: "the disk under /var/lib/ecs is full for 5 s, and the agent is killed",
        act: Act::All(&[
            Act::Host("dd if=/dev/zero of=/var/lib/ecs/filler bs=1M 2>/dev/null || true"),
            KILL,
        ]),
        end: Act::Host("rm /var/lib/ecs/filler"),
        told: &[Told::Exit(137)],
        agent: Agent::Again(From::Begin, s(3)),
        back: NEXT_TRY,
        ..MEANWHILE
    },
    Fault {
        name: "disk-read-only-var-lib-ecs",
        what: "the disk under /var/lib/ecs is read-only for 5 s, and the agent is killed",
        act: Act::All(&[Act::Host("mount -o remount,ro /var/lib/ecs"), KILL]),
        end: Act::Host("mount -o remount,rw /var/lib/ecs"),
        told: &[Told::Exit(137)],
        agent: Agent::Again(From::Begin, s(3)),
        back: NEXT_TRY,
        ..MEANWHILE
    },
    Fault {
        name: "disk-full-run",
        what: "/run is full for 5 s",
        act: Act::Host("dd if=/dev/zero of=/run/filler bs=1M count=1 2>/dev/null
            mount -o \"remount,nr_blocks=$(stat --file-system --format='%b %f' /run | awk '{print $1 - $2}')\" /run"),
        end: Act::Host("mount -o remount,size=50% /run; rm /run/filler"),
        ..MEANWHILE
    },
    Fault {
        name: "disk-read-only-run",
        what: "/run is read-only for 5 s",
        act: Act::Host("mount --bind /run /run; mount -o remount,bind,ro /run"),
        end: Act::Host("umount --lazy /run"),
        ..MEANWHILE
    },
    Fault {
        name: "disk-full-var-log",
        what: "the disk under /var/log is full for 5 s",
        act: Act::Host("dd if=/dev/zero of=/var/log/ecs/filler bs=1M 2>/dev/null || true"),
        end: Act::Host("rm /var/log/ecs/filler"),
        ..MEANWHILE
    },
    Fault {
        name: "disk-read-only-var-log",
        what: "the disk under /var/log is read-only for 5 s, and dockerd is killed",
        act: Act::Host(
            "mount --bind /var/log/ecs /var/log/ecs
            mount -o remount,bind,ro /var/log/ecs
            kill -KILL \"$(cat /run/docker.pid)\"",
        ),
        end: Act::Host("umount --lazy /var/log/ecs"),
        told: &[Told::As(Phase::Degraded, Reason::EngineLost)],
        agent: Agent::Either,
        back: NEXT_TRY,
        ..MEANWHILE
    },
    Fault {
        name: "descriptors-exhausted",
        what: "ecs-nanny can open no file for 20 s",
        // The first number that it does not use all the time.
        act: Act::Host(
            "free() {
                number=0
                while [ -e /proc/$NANNY/fd/$number ]; do number=$((number + 1)); done
                echo $number
            }
            descriptors=$(for look in $(seq 20); do free; sleep 0.02; done | sort -n | head -n 1)
            prlimit --pid \"$NANNY\" --nofile=\"$descriptors:\"",
        ),
        hold: s(20),
        end: Act::Host("prlimit --pid \"$NANNY\" --nofile=1024:"),
        // It can't ask anybody, and starts nothing anew for that.
        told: &[Told::As(Phase::Degraded, Reason::NannyExhausted)],
        within: HANG,
        own: true,
        ..FAULT
    },
];
