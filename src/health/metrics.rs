//! The snapshot as metrics, in the text format that Prometheus, the CloudWatch agent and promtool read.

use prometheus::{CounterVec, GaugeVec, Opts, Registry, TextEncoder};

use crate::finding::{Outcome, Severity};
use crate::snapshot::{NoticeName, Phase, Reason, Snapshot, Timestamp};

#[cfg(test)]
mod tests;

/// Of the exposition format, version 0.0.4.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows while the process lives.
    Counter,
}

/// A metric: its name, what it means, and its values now.
struct Metric {
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
    values: Vec<(Vec<String>, f64)>,
}

/// All metrics of a snapshot. What is not known has no value.
///
/// # Errors
/// Those of the encoder; none for the names and labels that are used here, as a test shows.
pub fn text(snapshot: &Snapshot) -> Result<String, prometheus::Error> {
    let registry = Registry::new();
    for metric in metrics(snapshot) {
        let options = Opts::new(metric.name, metric.help);
        match metric.kind {
            Kind::Gauge => {
                let gauge = GaugeVec::new(options, metric.labels)?;
                for (labels, value) in &metric.values {
                    gauge.get_metric_with_label_values(labels)?.set(*value);
                }
                registry.register(Box::new(gauge))?;
            }
            Kind::Counter => {
                let counter = CounterVec::new(options, metric.labels)?;
                for (labels, value) in &metric.values {
                    counter.get_metric_with_label_values(labels)?.inc_by(*value);
                }
                registry.register(Box::new(counter))?;
            }
        }
    }
    TextEncoder::new().encode_to_string(&registry.gather())
}

fn metrics(snapshot: &Snapshot) -> Vec<Metric> {
    [
        identity(snapshot),
        health(snapshot),
        findings(snapshot),
        engine_and_agent(snapshot),
        boot(snapshot),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn identity(snapshot: &Snapshot) -> Vec<Metric> {
    let instance = snapshot.instance.as_ref().map(|instance| {
        let or_none = |value: &Option<String>| value.clone().unwrap_or_default();
        let labels = vec![
            instance.instance_id.clone(),
            instance.instance_type.clone(),
            or_none(&instance.availability_zone),
            or_none(&instance.ami_id),
        ];
        (labels, 1.0)
    });
    vec![
        Metric {
            name: "ecs_nanny_build_info",
            kind: Kind::Gauge,
            labels: &["version"],
            help: "Always 1; the version of ecs-nanny is a label.",
            values: vec![(vec![snapshot.nanny.version.clone()], 1.0)],
        },
        Metric {
            name: "ecs_nanny_instance_info",
            kind: Kind::Gauge,
            labels: &[
                "instance_id",
                "instance_type",
                "availability_zone",
                "ami_id",
            ],
            help: "Always 1; the instance's identity is in the labels. Absent until the metadata service has told it.",
            values: instance.into_iter().collect(),
        },
        gauge(
            "ecs_nanny_start_time_seconds",
            "When this process started, in seconds since 1970.",
            Some(seconds(snapshot.nanny.started_at)),
        ),
    ]
}

fn health(snapshot: &Snapshot) -> Vec<Metric> {
    let phases = Phase::ALL.map(|phase| {
        let is = truth(phase == snapshot.phase);
        (vec![phase.word().to_owned()], is)
    });
    let reasons = Reason::ALL.map(|reason| {
        let is = truth(Some(reason) == snapshot.reason);
        (vec![reason.to_string()], is)
    });
    let notices = NoticeName::ALL.map(|name| {
        let mut announced = snapshot.lifecycle.notices.iter();
        let is = truth(announced.any(|notice| notice.name == name));
        (vec![name.word().to_owned()], is)
    });
    vec![
        Metric {
            name: "ecs_nanny_notice",
            kind: Kind::Gauge,
            labels: &["notice"],
            help: "1 for what EC2 or Auto Scaling has announced for the instance, 0 for what it has not.",
            values: notices.to_vec(),
        },
        Metric {
            name: "ecs_nanny_phase",
            kind: Kind::Gauge,
            labels: &["phase"],
            help: "1 for the phase that the host is in, 0 for the others.",
            values: phases.to_vec(),
        },
        Metric {
            name: "ecs_nanny_reason",
            kind: Kind::Gauge,
            labels: &["reason"],
            help: "1 for the reason of the phase, 0 for the others; all are 0 where the phase says it all.",
            values: reasons.to_vec(),
        },
        gauge(
            "ecs_nanny_phase_start_timestamp_seconds",
            "Since when phase and reason are what they are, in seconds since 1970.",
            Some(seconds(snapshot.since)),
        ),
        gauge(
            "ecs_nanny_ready",
            "1 when the agent runs and is registered, else 0.",
            Some(truth(snapshot.ready())),
        ),
        gauge(
            "ecs_nanny_valid_until_timestamp_seconds",
            "After this moment, in seconds since 1970, the other metrics must not be believed: the supervision is stuck.",
            Some(seconds(snapshot.valid_until)),
        ),
    ]
}

fn findings(snapshot: &Snapshot) -> Vec<Metric> {
    let severities = [
        Severity::Required,
        Severity::Recommended,
        Severity::Informational,
    ];
    let failed = |severity: Severity| {
        let found = snapshot.findings.iter();
        found
            .filter(|it| it.outcome == Outcome::Failed && it.severity == severity)
            .count() as f64
    };
    let fit = match snapshot.host.fit.as_deref() {
        Some("yes") => Some(1.0),
        Some("no") => Some(0.0),
        _ => None,
    };
    vec![
        Metric {
            name: "ecs_nanny_findings_failed",
            kind: Kind::Gauge,
            labels: &["severity"],
            help: "Failed findings of rules, lint and plan by their severity.",
            values: severities
                .map(|severity| (vec![severity.to_string()], failed(severity)))
                .to_vec(),
        },
        gauge(
            "ecs_nanny_host_fit",
            "1 when the host is fit by the rules of its profiles, 0 when it is not. Absent while that is not known.",
            fit,
        ),
        Metric {
            name: "ecs_nanny_repairs_total",
            kind: Kind::Counter,
            labels: &[],
            help: "Parts of the plan (packet filter, kernel parameters, routes) that had gone and were put back.",
            values: vec![(Vec::new(), snapshot.repairs.total as f64)],
        },
    ]
}

fn engine_and_agent(snapshot: &Snapshot) -> Vec<Metric> {
    let agent = &snapshot.agent;
    let exit = agent.last_exit.as_ref();
    let retry = snapshot.retry.as_ref();
    vec![
        gauge(
            "ecs_nanny_engine_up",
            "1 when the Docker daemon answers, else 0.",
            Some(truth(snapshot.engine.state == "up")),
        ),
        gauge(
            "ecs_nanny_agent_running",
            "1 when the agent's container runs, else 0.",
            Some(truth(agent.state == "running")),
        ),
        gauge(
            "ecs_nanny_agent_registered",
            "1 when the agent is registered in its cluster by its own word, else 0.",
            Some(truth(agent.container_instance_arn.is_some())),
        ),
        gauge(
            "ecs_nanny_agent_tasks_running",
            "Tasks that run by the agent's word; at most a minute old. Absent while that is not known.",
            agent.tasks_running.map(|count| count as f64),
        ),
        Metric {
            name: "ecs_nanny_agent_restarts_total",
            kind: Kind::Counter,
            labels: &[],
            help: "How often the agent was started again.",
            values: vec![(Vec::new(), f64::from(agent.restarts))],
        },
        gauge(
            "ecs_nanny_agent_last_exit_code",
            "Exit status with which the agent ended the last time. Absent until it has ended.",
            exit.map(|exit| exit.code as f64),
        ),
        gauge(
            "ecs_nanny_agent_last_exit_timestamp_seconds",
            "When the agent ended the last time, in seconds since 1970. Absent until it has ended.",
            exit.map(|exit| seconds(exit.at)),
        ),
        gauge(
            "ecs_nanny_retry_attempts",
            "Failures since the last reset of what is tried again. Absent when nothing is.",
            retry.map(|retry| f64::from(retry.attempts)),
        ),
        gauge(
            "ecs_nanny_retry_next_timestamp_seconds",
            "When it is tried again, in seconds since 1970. Absent when nothing is.",
            retry.map(|retry| seconds(retry.next_try_at)),
        ),
    ]
}

fn boot(snapshot: &Snapshot) -> Vec<Metric> {
    let boot = &snapshot.boot;
    let spans = boot.spans.iter().filter_map(|span| {
        let length = span.end_ms? - span.start_ms;
        Some((vec![span.name.word().to_owned()], length as f64 / 1000.0))
    });
    vec![
        gauge(
            "ecs_nanny_boot_exec_seconds",
            "How long after the kernel's start ecs-nanny was executed for the first time in this boot.",
            boot.exec_at
                .map(|_| boot.exec_after_kernel_ms as f64 / 1000.0),
        ),
        gauge(
            "ecs_nanny_boot_healthy_seconds",
            "How long after that the host was healthy for the first time. Absent until it was.",
            boot.healthy_ms.map(|millis| millis as f64 / 1000.0),
        ),
        Metric {
            name: "ecs_nanny_boot_span_seconds",
            kind: Kind::Gauge,
            labels: &["span"],
            help: "How long a part of the boot took; parts overlap.",
            values: spans.collect(),
        },
    ]
}

fn gauge(name: &'static str, help: &'static str, value: Option<f64>) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        labels: &[],
        help,
        values: value.map(|value| (Vec::new(), value)).into_iter().collect(),
    }
}

fn truth(is: bool) -> f64 {
    if is { 1.0 } else { 0.0 }
}

fn seconds(moment: Timestamp) -> f64 {
    let since_1970 = moment.0.duration_since(std::time::UNIX_EPOCH);
    since_1970.unwrap_or_default().as_millis() as f64 / 1000.0
}
