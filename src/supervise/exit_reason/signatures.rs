//! What the agent says before it ends, and what it means. Each text is the agent's own (aws/amazon-ecs-agent, the file
//! named beside it) or an error that ECS answers and the agent passes on.

use super::log_line::{Level, LogLine};
use super::{Class, CurableCause, TerminalCause};

use CurableCause::{Cluster, Configuration, Credentials, Metadata, Storage};
use TerminalCause as Terminal;

/// All of these texts in one line mean this.
type Signature = (&'static [&'static str], Class);

const fn curable(cause: CurableCause) -> Class {
    Class::Curable { cause }
}

const fn terminal_for(cause: TerminalCause) -> Class {
    Class::Terminal { cause }
}

/// Before exit status 5. The first that fits counts: the particular before the general.
const TERMINAL: &[Signature] = &[
    // agent/app/agent.go, setClusterInConfig
    (&["Data mismatch; saved cluster"], curable(Configuration)),
    // agent/app/agent_compatibility_linux.go
    (
        &["TaskCPUMemLimits setting is incompatible with old state"],
        curable(Configuration),
    ),
    // The operating system's words, whatever could not be written.
    (&["no space left on device"], curable(Storage)),
    (&["read-only file system"], curable(Storage)),
    // agent/app/agent.go, newTaskEngine; agent/app/data.go; agent/statemanager/state_manager.go
    (
        &["Error loading previously saved state"],
        Class::CorruptState,
    ),
    (&["failed to load previous data"], Class::CorruptState),
    (
        &["failed to save loaded data to BoltDB"],
        Class::CorruptState,
    ),
    (&["Error creating state manager"], Class::CorruptState),
    (&["Could not unmarshal"], Class::CorruptState),
    // agent/app/agent.go, doStart: with ECS_WARM_POOLS_CHECK (amazon-ecs-agent#4487, #4644)
    (
        &["Could not determine target lifecycle of instance"],
        curable(Metadata),
    ),
    // agent/app/agent.go, setVPCSubnet (amazon-ecs-agent#1857)
    (&["from instance metadata"], curable(Metadata)),
    // ecs-agent/ec2: the client of the metadata service
    (&["request to EC2 IMDS failed"], curable(Metadata)),
    // agent/config/cloudinit_check_linux.go
    (
        &["cloud-init used DataSourceNone"],
        terminal_for(Terminal::CloudInit),
    ),
    // agent/app/agent.go, verifyRequiredDockerVersion
    (
        &["Required minimum docker API"],
        terminal_for(Terminal::DockerApi),
    ),
    // agent/app/agent.go, doStart
    (
        &["Unable to initialize cgroup root"],
        terminal_for(Terminal::Cgroup),
    ),
    // agent/app/agent_unix.go, initializeTaskENIDependencies
    (
        &["agent is not started with an init system"],
        terminal_for(Terminal::Init),
    ),
    (
        &["Unable to initialize Task ENI dependencies"],
        terminal_for(Terminal::NetworkPlugins),
    ),
    // agent/app/agent.go, doStart
    (
        &["Failed to load pause container"],
        terminal_for(Terminal::PauseImage),
    ),
    // ECS, to RegisterContainerInstance
    (
        &["Referenced container instance", "not registered"],
        terminal_for(Terminal::Deregistered),
    ),
    (
        &["Container instance type changes are not supported"],
        terminal_for(Terminal::InstanceType),
    ),
    // agent/app/agent.go, reregisterContainerInstance
    (
        &["does not match the registered instance type"],
        terminal_for(Terminal::InstanceType),
    ),
    // ECS, to RegisterContainerInstance
    (&["Cluster not found"], curable(Cluster)),
    (&["ClusterNotFoundException"], curable(Cluster)),
    (&["AccessDenied"], curable(Credentials)),
    (&["is not authorized to perform"], curable(Credentials)),
    (&["UnrecognizedClientException"], curable(Credentials)),
    (&["InvalidSignatureException"], curable(Credentials)),
    (&["ExpiredToken"], curable(Credentials)),
    // aws-sdk-go and aws-sdk-go-v2, where no provider has credentials
    (&["NoCredentialProviders"], curable(Credentials)),
    (&["no EC2 IMDS role found"], curable(Credentials)),
    (
        &["failed to refresh cached credentials"],
        curable(Credentials),
    ),
    (&["failed to retrieve credentials"], curable(Credentials)),
    // agent/app/agent.go, registerContainerInstance and reregisterContainerInstance
    (
        &["registration attempt with", "invalid attribute"],
        terminal_for(Terminal::Attribute),
    ),
    (
        &["registration attempt with an invalid parameter"],
        terminal_for(Terminal::Parameter),
    ),
    (
        &["InvalidParameterException"],
        terminal_for(Terminal::Parameter),
    ),
    // agent/app/agent.go, startACSSession
    (
        &["Unretriable error starting communicating with ACS"],
        terminal_for(Terminal::Session),
    ),
    // agent/sighandlers/termination_handler.go
    (
        &["Error saving state before final shutdown"],
        terminal_for(Terminal::StateNotSaved),
    ),
    // Go's flag package
    (
        &["flag provided but not defined"],
        terminal_for(Terminal::Arguments),
    ),
];

/// What an end with exit status 5 means, and the line that tells it.
pub(super) fn terminal(lines: &[LogLine]) -> Option<(Class, &LogLine)> {
    // The critical line says what made it end; errors before it may have been overcome, or be its cause.
    let critical = lines
        .iter()
        .rev()
        .filter(|line| line.level == Some(Level::Critical));
    let others = lines
        .iter()
        .rev()
        .filter(|line| line.level == Some(Level::Error) || line.level.is_none());
    critical
        .chain(others)
        .find_map(|line| meaning(&line.message).map(|class| (class, line)))
}

fn meaning(message: &str) -> Option<Class> {
    TERMINAL
        .iter()
        .find(|(texts, _)| texts.iter().all(|text| message.contains(text)))
        .map(|(_, class)| *class)
}

/// The line that tells that the agent could not open its database; it then ends with status 1 for ever. The agent says
/// "Error creating Docker client" there too (agent/app/agent.go, newAgent); the errors are those of bbolt (errors.go).
pub(super) fn unreadable_state(lines: &[LogLine]) -> Option<&LogLine> {
    const BBOLT: [&str; 3] = ["invalid database", "version mismatch", "checksum error"];
    lines.iter().rfind(|line| {
        line.level == Some(Level::Critical)
            && BBOLT.iter().any(|error| line.message.ends_with(error))
    })
}

/// What a panic of Go says. One within bbolt, the agent's database, comes of damaged pages.
pub(super) fn panic(lines: &[LogLine]) -> Option<(Class, &LogLine)> {
    /// The goroutine that failed comes first.
    const TRACE_LINES: usize = 20;
    let at = lines.iter().position(|line| {
        ["panic: ", "fatal error: ", "unexpected fault address"]
            .iter()
            .any(|start| line.message.starts_with(start))
    })?;
    let trace = &lines[at..lines.len().min(at + TRACE_LINES)];
    let in_database = trace.iter().any(|line| line.message.contains("/bbolt"));
    let class = if in_database {
        Class::CorruptState
    } else {
        Class::Failure
    };
    Some((class, &lines[at]))
}
