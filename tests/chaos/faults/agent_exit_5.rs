//! The agent ends terminally, for each of the causes that it names. What can be cured is tried again slowly, a broken
//! state is moved aside at once, and what a restart will not cure is tried again slowly all the same.

use ecs_nanny::snapshot::{Phase, Reason};

use super::agent::BEHAVES;
use crate::table::{Act, Agent, FAULT, Fault, From, NEXT_TRY, Told, s};

/// A cause that may go away.
const CURABLE: Fault = Fault {
    end: BEHAVES,
    told: &[Told::As(Phase::Degraded, Reason::AgentExited)],
    agent: Agent::Either,
    back: NEXT_TRY,
    ..FAULT
};

/// A cause that asks for a person.
const TERMINAL: Fault = Fault {
    told: &[Told::As(Phase::Failed, Reason::AgentTerminal)],
    ..CURABLE
};

/// The agent ends once with status 5 and these words.
macro_rules! says {
    ($words:literal) => {
        Act::Agent(concat!(
            r#"{"exit": 5, "times": 1, "stderr": "level=critical msg=\""#,
            $words,
            r#"\""}"#
        ))
    };
}

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "agent-exit-5-cluster",
        what: "the agent ends with status 5: its cluster does not exist",
        act: says!("ClusterNotFoundException: Cluster not found."),
        ..CURABLE
    },
    Fault {
        name: "agent-exit-5-credentials",
        what: "the agent ends with status 5: it has no credentials",
        act: says!("NoCredentialProviders: no valid providers in chain"),
        ..CURABLE
    },
    Fault {
        name: "agent-exit-5-metadata",
        what: "the agent ends with status 5: it got nothing from the metadata service",
        act: says!("Unable to retrieve VPC ID from instance metadata"),
        ..CURABLE
    },
    Fault {
        name: "agent-exit-5-configuration",
        what: "the agent ends with status 5: its saved state is of another cluster",
        act: says!("Data mismatch; saved cluster 'green' does not match configured cluster 'blue'"),
        ..CURABLE
    },
    Fault {
        name: "agent-exit-5-storage",
        what: "the agent ends with status 5: it can't write its state",
        act: says!("could not write: no space left on device"),
        ..CURABLE
    },
    Fault {
        name: "agent-exit-5-state",
        what: "the agent ends with status 5: its saved state is broken",
        act: says!("Error loading previously saved state: unexpected end"),
        told: &[Told::Exit(5)],
        agent: Agent::Again(From::Begin, s(5)),
        ..CURABLE
    },
    Fault {
        name: "agent-exit-5-cloud-init",
        what: "the agent ends with status 5: cloud-init did not run the user data",
        act: says!("cloud-init used DataSourceNone"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-docker-api",
        what: "the agent ends with status 5: Docker is too old",
        act: says!("Required minimum docker API version 1.21 is not supported"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-cgroup",
        what: "the agent ends with status 5: it has no control groups",
        act: says!("Unable to initialize cgroup root"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-init",
        what: "the agent ends with status 5: it is process 1",
        act: says!("agent is not started with an init system"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-network-plugins",
        what: "the agent ends with status 5: its network plugins do not work",
        act: says!("Unable to initialize Task ENI dependencies"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-pause-image",
        what: "the agent ends with status 5: its pause image is missing",
        act: says!("Failed to load pause container"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-deregistered",
        what: "the agent ends with status 5: the container instance was deregistered",
        act: says!("Referenced container instance is not registered"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-instance-type",
        what: "the agent ends with status 5: the instance's type was changed",
        act: says!("Container instance type changes are not supported"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-attribute",
        what: "the agent ends with status 5: ECS refuses an attribute",
        act: says!("registration attempt with an invalid attribute"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-parameter",
        what: "the agent ends with status 5: ECS refuses a parameter",
        act: says!("InvalidParameterException: it is over"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-session",
        what: "the agent ends with status 5: ECS refuses the session",
        act: says!("Unretriable error starting communicating with ACS"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-state-not-saved",
        what: "the agent ends with status 5: it could not save its state",
        act: says!("Error saving state before final shutdown"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-arguments",
        what: "the agent ends with status 5: its command line is wrong",
        act: says!("flag provided but not defined: -no"),
        ..TERMINAL
    },
    Fault {
        name: "agent-exit-5-unknown",
        what: "the agent ends with status 5 for a cause that nobody knows",
        act: says!("something else"),
        ..TERMINAL
    },
];
