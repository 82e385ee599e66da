use proptest::prelude::*;

use super::*;

fn critical(message: &str) -> String {
    format!("level=critical time=2026-06-30T01:14:00Z msg={message:?} module=agent.go")
}

fn error(message: &str, error: &str) -> String {
    format!("level=error time=2026-06-30T01:14:00Z msg={message:?} error={error:?}")
}

fn curable(cause: CurableCause) -> Class {
    Class::Curable { cause }
}

fn terminal(cause: TerminalCause) -> Class {
    Class::Terminal { cause }
}

/// The agent's lines before exit status 5, each as the source or a report has it.
#[test]
fn each_terminal_end_is_classified() {
    let registration = |answer: &str| {
        vec![
            error(
                "Unable to register as a container instance with ECS",
                answer,
            ),
            error("Error registering container instance", answer),
            critical("Agent will terminally exit, unable to register container instance"),
        ]
    };
    let cases: Vec<(Vec<String>, Class)> = vec![
        (
            vec![
                critical("Error restoring cluster: Data mismatch; saved cluster 'a' does not match configured cluster 'b'. Perhaps you want to delete the configured checkpoint file?"),
                critical("Unable to initialize new task engine: Data mismatch; saved cluster 'a' does not match configured cluster 'b'. Perhaps you want to delete the configured checkpoint file?"),
            ],
            curable(CurableCause::Configuration),
        ),
        (
            vec![critical("Error checking compatibility with previously saved state: App: unable to load old tasks because TaskCPUMemLimits setting is incompatible with old state.")],
            curable(CurableCause::Configuration),
        ),
        (
            vec![critical("Error loading previously saved state: failed to load previous data from BoltDB: failed to load task engine state: did not find the task of container")],
            Class::CorruptState,
        ),
        (
            vec![critical("Error loading previously saved state: failed to save loaded data to BoltDB: write /data/agent.db: no space left on device")],
            curable(CurableCause::Storage),
        ),
        (
            vec!["2019-04-11T01:14:00Z [CRITICAL] Error loading previously saved state: Unsupported data format: Version 21 not 13".to_owned()],
            Class::CorruptState,
        ),
        (
            vec![critical("Could not determine target lifecycle of instance: operation error ec2imds: GetMetadata, http response error StatusCode: 404, request to EC2 IMDS failed")],
            curable(CurableCause::Metadata),
        ),
        (
            vec!["2019-02-15T01:25:24Z [CRITICAL] Unable to initialize Task ENI dependencies: unable to get vpc id from instance metadata: EC2MetadataError: failed to make EC2Metadata request".to_owned()],
            curable(CurableCause::Metadata),
        ),
        (
            vec![critical("Unable to initialize Task ENI dependencies: agent is not started with an init system")],
            terminal(TerminalCause::Init),
        ),
        (
            vec![critical("Unable to initialize Task ENI dependencies: plugin 'vpc-eni' doesn't support the capability: awsvpc-network-mode")],
            terminal(TerminalCause::NetworkPlugins),
        ),
        (
            vec![error("Failed to load pause container: /images/amazon-ecs-pause.tar: no such file", "")],
            terminal(TerminalCause::PauseImage),
        ),
        (
            vec![critical("Unable to initialize cgroup root for ECS: unable to setup '/ecs' cgroup: mkdir /sys/fs/cgroup/ecs: permission denied")],
            terminal(TerminalCause::Cgroup),
        ),
        (
            vec![critical("Required minimum docker API verion 1.21 is not supported")],
            terminal(TerminalCause::DockerApi),
        ),
        (
            vec![critical("cloud-init used DataSourceNone and userdata exists on IMDS but was never executed")],
            terminal(TerminalCause::CloudInit),
        ),
        (
            registration("operation error ECS: RegisterContainerInstance, https response error StatusCode: 400, RequestID: NNN, ClientException: Cluster not found."),
            curable(CurableCause::Cluster),
        ),
        (
            registration("operation error ECS: RegisterContainerInstance, https response error StatusCode: 400, RequestID: NNN, api error AccessDeniedException: User: arn:aws:sts::1:assumed-role/r/i-0 is not authorized to perform: ecs:RegisterContainerInstance"),
            curable(CurableCause::Credentials),
        ),
        (
            registration("operation error ECS: RegisterContainerInstance, get identity: get credentials: failed to refresh cached credentials, no EC2 IMDS role found"),
            curable(CurableCause::Credentials),
        ),
        (
            registration("operation error ECS: RegisterContainerInstance, https response error StatusCode: 400, ClientException: Referenced container instance 0123 not registered."),
            terminal(TerminalCause::Deregistered),
        ),
        (
            registration("ClientException: Container instance type changes are not supported. Container instance 3807 was previously registered as m7i.large."),
            terminal(TerminalCause::InstanceType),
        ),
        (
            vec![critical("Instance registration attempt with invalid attribute(s)")],
            terminal(TerminalCause::Attribute),
        ),
        (
            vec![critical("Instance registration attempt with an invalid parameter")],
            terminal(TerminalCause::Parameter),
        ),
        (
            vec![critical("Unretriable error starting communicating with ACS: no")],
            terminal(TerminalCause::Session),
        ),
        (
            vec![critical("Error saving state before final shutdown: final save: timed out trying to save to disk")],
            terminal(TerminalCause::StateNotSaved),
        ),
        (
            vec!["flag provided but not defined: -frobnicate".to_owned()],
            terminal(TerminalCause::Arguments),
        ),
    ];
    for (lines, class) in cases {
        let reason = exit_reason(5, &lines);
        assert_eq!(reason.class, class, "{lines:#?}");
    }
}

#[test]
fn the_reason_is_the_line_that_decided() {
    let answer = "ClientException: Cluster not found.";
    let reason = exit_reason(
        5,
        &[
            error("Error registering container instance", answer),
            critical("Agent will terminally exit, unable to register container instance"),
            "level=info time=2026-06-30T01:14:00Z msg=\"flushing\" module=run.go".to_owned(),
        ],
    );
    assert_eq!(
        reason.words,
        "Error registering container instance: ClientException: Cluster not found."
    );
}

#[test]
fn an_unknown_terminal_end_keeps_the_agents_last_grave_line() {
    let lines = [
        critical("The sky fell"),
        error("And then", "some more"),
        "level=info time=2026-06-30T01:14:00Z msg=\"bye\" module=run.go".to_owned(),
    ];
    let reason = exit_reason(5, &lines);
    assert_eq!(reason.class, terminal(TerminalCause::Unknown));
    assert_eq!(reason.words, "The sky fell");
    assert_eq!(exit_reason(5, &lines[1..]).words, "And then: some more");
    assert_eq!(exit_reason(5, &lines[2..]).words, "bye");
    assert_eq!(exit_reason(5, &[""; 0]).words, "ended without a word");
}

#[test]
fn lines_of_an_earlier_run_do_not_count() {
    let loading =
        "level=info time=2026-06-30T01:14:00Z msg=\"Loading configuration\" module=agent.go";
    let lines = [
        loading.to_owned(),
        critical("Could not determine target lifecycle of instance: 404"),
        loading.to_owned(),
        critical("The sky fell"),
    ];
    assert_eq!(
        exit_reason(5, &lines).class,
        terminal(TerminalCause::Unknown)
    );
    assert_eq!(
        exit_reason(5, &lines[..2]).class,
        curable(CurableCause::Metadata)
    );
}

#[test]
fn every_form_of_the_log_is_read() {
    for line in [
        r#"level=critical time=2026-06-30T01:14:00Z msg="Error loading previously saved state: \"x\"" module=agent.go"#,
        r#"2026-06-30T01:14:00.123Z level=critical time=2026-06-30T01:14:00Z msg="Error loading previously saved state" error="\"x\"""#,
        r#"{"level":"critical","time":"2026-06-30T01:14:00Z","msg":"Error loading previously saved state: \"x\"","module":"agent.go"}"#,
        r#"{"level":"critical","time":"2026-06-30T01:14:00Z","msg":"Error loading previously saved state","error":"\"x\""}"#,
        r#"2019-04-11T01:14:00Z [CRITICAL] Error loading previously saved state: "x""#,
    ] {
        let reason = exit_reason(5, &[line]);
        assert_eq!(reason.class, Class::CorruptState, "{line}");
        assert_eq!(
            reason.words, "Error loading previously saved state: \"x\"",
            "{line}"
        );
    }
}

#[test]
fn a_panic_is_told_and_one_of_the_database_is_corrupt_state() {
    let ordinary = [
        "level=info time=2026-06-30T01:14:00Z msg=\"Loading state!\" module=agent.go",
        "panic: runtime error: invalid memory address or nil pointer dereference",
        "[signal SIGSEGV: segmentation violation code=0x1 addr=0x20 pc=0xbb32fd]",
        "",
        "goroutine 209 [running]:",
        "github.com/aws/amazon-ecs-agent/agent/api/eni.(*ENIAttachment).StopAckTimer(0xc000400ab0)",
    ];
    let reason = exit_reason(2, &ordinary);
    assert_eq!(reason.class, Class::Failure);
    assert_eq!(
        reason.words,
        "panic: runtime error: invalid memory address or nil pointer dereference"
    );
    let database = [
        "panic: invalid freelist page: 4993685194905580649, page type is unknown<4944>",
        "",
        "goroutine 1 [running]:",
        "go.etcd.io/bbolt/internal/freelist.(*shared).Read(0x4af18dd?, 0x0?)",
    ];
    assert_eq!(exit_reason(2, &database).class, Class::CorruptState);
    assert_eq!(exit_reason(2, &ordinary[..1]).class, Class::Failure);
}

#[test]
fn a_database_that_does_not_open_is_corrupt_state() {
    let line =
        "level=critical time=2026-06-30T01:14:00Z msg=\"Error creating Docker client\" error=";
    let reason = exit_reason(1, &[format!("{line}\"invalid database\"")]);
    assert_eq!(reason.class, Class::CorruptState);
    let reason = exit_reason(1, &[format!("{line}\"connection refused\"")]);
    assert_eq!(reason.class, Class::Failure);
    assert_eq!(
        reason.words,
        "Error creating Docker client: connection refused"
    );
}

#[test]
fn statuses_without_words_are_told_plainly() {
    let none: [&str; 0] = [];
    for (code, signal, class, words) in [
        (0, None, Class::Failure, "ended without being asked to"),
        (1, None, Class::Failure, "ended without a word"),
        (42, None, Class::Update, "asked for an update"),
        (137, Some(9), Class::Failure, "ended by SIGKILL"),
        (139, Some(11), Class::Failure, "ended by SIGSEGV"),
        (143, Some(15), Class::Failure, "ended by SIGTERM"),
        (255, None, Class::Failure, "ended without a word"),
        (-1, None, Class::Failure, "ended without a word"),
    ] {
        let reason = exit_reason(code, &none);
        assert_eq!(reason.signal, signal, "{code}");
        assert_eq!(reason.class, class, "{code}");
        assert_eq!(reason.words, words, "{code}");
    }
}

#[test]
fn secrets_are_not_repeated() {
    for (told, words) in [
        (
            "Error getting valid credentials: no EC2 IMDS role found",
            "Error getting valid credentials: no EC2 IMDS role found",
        ),
        (
            "proxyconnect tcp: http://user:pass@proxy:3128 refused",
            "proxyconnect tcp: http://***@proxy:3128 refused",
        ),
        ("key AKIAIOSFODNN7EXAMPLE is unknown", "key *** is unknown"),
        (
            "GET https://s3/x?X-Amz-Credential=a%2Fb&X-Amz-Date=1&X-Amz-Signature=ff",
            "GET https://s3/x?X-Amz-Credential=***&X-Amz-Date=1&X-Amz-Signature=***",
        ),
        (
            r#"bad auth data {"https://r":{"username":"u","password":"p\"q w","auth": "b64"}}"#,
            r#"bad auth data {"https://r":{"username":"u","password":"***","auth": "***"}}"#,
        ),
        (
            "SecretAccessKey=abc token=def",
            "SecretAccessKey=*** token=***",
        ),
    ] {
        assert_eq!(exit_reason(5, &[critical(told)]).words, words);
    }
}

#[test]
fn words_are_one_short_line() {
    let reason = exit_reason(5, &[critical(&"two\nlines ".repeat(200))]);
    assert!(!reason.words.contains('\n'));
    assert_eq!(reason.words.chars().count(), MAX_WORDS + 1);
}

proptest! {
    #[test]
    fn any_lines_give_a_reason(code in any::<i64>(), lines in prop::collection::vec(".*", 0..8)) {
        let reason = exit_reason(code, &lines);
        prop_assert!(!reason.words.is_empty());
    }

    #[test]
    fn any_message_is_read_back(message in ".*", error in ".*") {
        let line = format!("level=error time=now msg={} error={}", go_quoted(&message), go_quoted(&error));
        let whole = if error.is_empty() { message } else { format!("{message}: {error}") };
        let read = log_line::LogLine::parse(&line);
        prop_assert_eq!(read.message, whole.replace(['\n', '\t', '\r'], " "));
    }
}

/// As Go's `%q` writes it, but for letters that can't be printed.
fn go_quoted(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('\t', "\\t")
        .replace('\r', "\\r");
    format!("\"{escaped}\"")
}
