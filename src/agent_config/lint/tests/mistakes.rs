//! Each row of "three grammars for the same file" whose readers do not agree, and each mistake seen in the field, with
//! what must be said of it.

use crate::finding::Severity;

const ERROR: Severity = Severity::Required;
const WARNING: Severity = Severity::Recommended;
const NOTE: Severity = Severity::Informational;

/// One finding that a file must give.
pub(super) struct Mistake {
    pub(super) file: &'static [u8],
    pub(super) severity: Severity,
    /// The rule without `agent_config.`, line and column.
    pub(super) rule_at: (&'static str, &'static str),
    /// A part of what was observed, and of the mend.
    pub(super) cause_and_mend: (&'static str, &'static str),
}

const fn told(
    file: &'static [u8],
    severity: Severity,
    rule_at: (&'static str, &'static str),
    cause_and_mend: (&'static str, &'static str),
) -> Mistake {
    Mistake {
        file,
        severity,
        rule_at,
        cause_and_mend,
    }
}

#[rustfmt::skip] // A table is read by rows.
pub(super) const MISTAKES: &[Mistake] = &[
    told(b"\nECS_CLUSTER=\"v\"\n", WARNING, ("quotes", "2:13"), (
        "systemd reads `ECS_CLUSTER=v`; ecs-init passes `ECS_CLUSTER=\"v\"`; docker --env-file passes `ECS_CLUSTER=\"v\"`",
        "write ECS_CLUSTER=v",
    )),
    told(b"ECS_AVAILABLE_LOGGING_DRIVERS='[\"awslogs\"]'\n", WARNING, ("quotes", "1:31"), (
        "systemd reads `ECS_AVAILABLE_LOGGING_DRIVERS=[\"awslogs\"]`; ecs-init passes `ECS_AVAILABLE_LOGGING_DRIVERS='[\"awslogs\"]'`",
        "write ECS_AVAILABLE_LOGGING_DRIVERS=[\"awslogs\"]",
    )),
    told(b"# ECS_CLUSTER=v\n", NOTE, ("comment", "1:1"), ("reach the agent under ecs-init", "")),
    told(b"ECS_CLUSTER=v # note\n", ERROR, ("trailing_comment", "1:15"), ("what follows # belongs to the value", "write ECS_CLUSTER=v")),
    told(b"ECS_BACKEND_HOST=v # note\n", WARNING, ("trailing_comment", "1:20"), ("what follows # belongs to the value", "line of its own")),
    told(b"export ECS_CLUSTER=v\n", ERROR, ("name", "1:1"), (
        "lost for every reader; systemd refuses the name `export ECS_CLUSTER`; ecs-init passes `export ECS_CLUSTER=v`; docker --env-file refuses the file (the name contains blanks)",
        "remove export",
    )),
    told(b"ECS_CLUSTER = v\n", WARNING, ("blanks", "1:12"), (
        "systemd reads `ECS_CLUSTER=v`; ecs-init passes `ECS_CLUSTER = v`; docker --env-file refuses the file",
        "remove the blanks",
    )),
    told(b"ECS_CLUSTER= v\n", WARNING, ("blanks", "1:13"), ("systemd reads `ECS_CLUSTER=v`; ecs-init passes `ECS_CLUSTER= v`", "remove the blanks")),
    told(b"ECS_CLUSTER=v  \n", NOTE, ("trailing_blanks", "1:14"), ("docker --env-file", "remove the blanks")),
    told(b"ECS_CLUSTER=v\r\n", NOTE, ("line_ends", "1:14"), ("CR LF", "sed -i")),
    told(b"ECS_CLUSTER=v\rECS_LOGLEVEL=info\n", WARNING, ("line_ends", "1:14"), ("CR alone", "sed -i")),
    told(b"\xef\xbb\xbfECS_CLUSTER=v\n", WARNING, ("byte_order_mark", "1:1"), (
        "systemd refuses the name `\\u{feff}ECS_CLUSTER`; ecs-init passes `\\u{feff}ECS_CLUSTER=v`; docker --env-file passes `ECS_CLUSTER=v`",
        "without BOM",
    )),
    told(b"ECS_CLUSTER=v\\\nECS_LOGLEVEL=info\n", ERROR, ("backslash", "1:14"), (
        "systemd reads `ECS_CLUSTER=vECS_LOGLEVEL=info`; ecs-init passes `ECS_CLUSTER=v\\`", "in one line",
    )),
    told(b"ECS_CLUSTER\n", ERROR, ("no_assignment", "1:1"), ("pass over it", "write ECS_CLUSTER=value")),
    told(b"some words\n", WARNING, ("no_assignment", "1:1"), ("without =", "put # in front")),
    told(b"ECS_CLUSTER=v", WARNING, ("final_newline", "1:14"), (">> becomes a part of this line", "echo >> FILE")),
    told(b"ECS_CLUSTER=a\nECS_CLUSTER=b\n", WARNING, ("duplicate", "1:1"), ("set again in line 2", "remove one")),
    told(b"=foo\n", ERROR, ("no_name", "1:1"), ("no name in front of =", "write the name")),
    told(b"ECS_CLUSTER=a\0b\n", ERROR, ("nul", "1:14"), ("a NUL byte", "UTF-16")),
    told(b"ECS_CLUSTER=a\n\nECS_LOGFILE=/a\xff\n", ERROR, ("utf8", "3:15"), ("systemd drops the whole file", "iconv")),
    told(b"ECS_LOGFILE=/a\xef\xbf\xbe\n", ERROR, ("utf8", "1:1"), ("noncharacter", "")),
    told(b"# caf\xe9\n", NOTE, ("utf8", "1:6"), ("a comment with a byte", "")),
    told(b"ECS_BACKEND_HOST=a\x1bb\n", WARNING, ("control", "1:18"), ("\\u{1b}", "anew")),
    told(b"PATH=\n", ERROR, ("path", "1:1"), ("finds sysctl", "remove the line")),
    told(b"ECS_CLUTER=v\n", ERROR, ("spelling", "1:1"), ("not a variable of the agent", "did you mean ECS_CLUSTER?")),
    told(b"ECS_PRIVILEGED_DISABLED=true\n", ERROR, ("spelling", "1:1"), ("nothing reads it", "did you mean ECS_DISABLE_PRIVILEGED?")),
    told(b"ECS_FROBNICATE=v\n", WARNING, ("unknown", "1:1"), ("not a variable of the agent", "remove the line")),
    told(b"MY_OWN=v\n", NOTE, ("unknown", "1:1"), ("not a variable of the agent", "")),
    told(b"ECS_AVAILABLE_LOGGING_DRIVERS=fluentd\n", ERROR, ("log_drivers", "1:31"), (
        "fluentd is no JSON list", "write ECS_AVAILABLE_LOGGING_DRIVERS=[\"fluentd\",\"awslogs\"]",
    )),
    told("ECS_AVAILABLE_LOGGING_DRIVERS=[“awslogs”]\n".as_bytes(), ERROR, ("curly_quotes", "1:31"), ("typographic quotes", "replace “ and ”")),
    told(b"ECS_AVAILABLE_LOGGING_DRIVERS=[\"lokki\"]\n", ERROR, ("log_drivers", "1:31"), ("does not know lokki: it would exit at each start", "\"awslogs\"")),
    told(b"ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\"]\n", WARNING, ("log_drivers", "1:31"), ("has no awslogs", "[\"json-file\",\"awslogs\"]")),
    told(b"ECS_INSTANCE_ATTRIBUTES={\"a\":1}\n", ERROR, ("value", "1:25"), ("exits with 1 at each start", "goes wrong at its character 6")),
    told(b"ECS_POLL_METRICS=yes\n", ERROR, ("value", "1:18"), ("false holds in its place", "write true")),
    told(b"ECS_CONTAINER_STOP_TIMEOUT=10\n", ERROR, ("value", "1:28"), ("30s holds in its place", "30s, 10m")),
    told(b"ECS_CONTAINER_STOP_TIMEOUT=10ms\n", WARNING, ("value", "1:28"), ("does not count as it stands", "within the limit")),
    told(b"ECS_RESERVED_MEMORY=70000\n", ERROR, ("value", "1:21"), ("0 holds in its place", "digits only")),
    told(b"ECS_IMAGE_PULL_BEHAVIOR=cached\n", ERROR, ("value", "1:25"), ("without a warning", "one of them")),
    told(b"ECS_CLUSTER=my cluster\n", ERROR, ("value", "1:13"), ("exit status 5", "list-clusters")),
    told(b"ECS_CLUSTER=\n", WARNING, ("cluster", "1:1"), ("named default", "write the name")),
    told(b"ECS_ENABLE_GPU_SUPPORT=True\n", WARNING, ("value", "1:24"), ("does not count", "write true")),
    told(b"ECS_RESERVED_PORTS=[22]\n", WARNING, ("reserved_ports", "1:20"), ("lacks 2375", "51679")),
    told(b"ECS_LOG_OPTS={}\n", WARNING, ("log_opts", "1:14"), ("until the disk is full", "max-size")),
    told(b"ECS_EBSTA_SUPPORTED=true\n", WARNING, ("managed", "1:1"), ("finds that out", "remove the line")),
    told(b"ECS_FSX_WINDOWS_FILE_SERVER_SUPPORTED=true\n", WARNING, ("windows_only", "1:1"), ("nothing on Linux", "remove the line")),
    told(b"ECS_OFFHOST_INTROSPECTION_INTERFACE_NAME=ens5\n", WARNING, ("unread", "1:1"), ("any more", "remove the line")),
    told(b"HTTP_PROXY=http://proxy:3128\n", ERROR, ("no_proxy", "1:1"), ("169.254.169.254, 169.254.170.2, /var/run/docker.sock", "to NO_PROXY")),
    told(b"HTTP_PROXY=p:1\nNO_PROXY=169.254.0.0/16\n", WARNING, ("no_proxy", "1:1"), ("asks the proxy for /var/run/docker.sock", "to NO_PROXY")),
    told(b"# note \\\nECS_LOGFILE=/a\n", WARNING, ("comment_continues", "1:8"), ("hides the next line, ECS_LOGFILE", "remove the backslash")),
    told(b"ECS_BACKEND_HOST=\"v\nECS_EXTERNAL=true\n", ERROR, ("open_quote", "1:18"), ("not closed", "remove the quote")),
    told(b"ECS_BACKEND_HOST=\"v\nECS_EXTERNAL=true\n", ERROR, ("readers_differ", "2:1"), (
        "systemd takes it for a part of ECS_BACKEND_HOST; ecs-init passes `ECS_EXTERNAL=true`", "end the quote or the comment above",
    )),
    told(b"ECS_LOG_OPTS={\"tag\":\"a\\\"b\",\"max-size\":\"1m\"}\n", ERROR, ("readers_differ", "1:1"), (
        "systemd reads `ECS_LOG_OPTS={\"tag\":\"a\"b\",\"max-size\":\"1m\"}`", "without quotes and backslashes",
    )),
];
