use super::*;
use crate::snapshot::sample;

#[test]
fn every_document_can_be_written() {
    for snapshot in sample::all() {
        let text = text(&snapshot).unwrap();
        let here = format!("ecs_nanny_phase{{phase=\"{}\"}} 1\n", snapshot.phase);
        assert!(text.contains(&here), "{text}");
        let truths = text
            .lines()
            .filter(|line| line.starts_with("ecs_nanny_phase{") && line.ends_with(" 1"));
        assert_eq!(truths.count(), 1);
    }
}

#[test]
fn numbers_are_those_of_the_document() {
    let text = text(&sample::full()).unwrap();
    for line in [
        "# TYPE ecs_nanny_agent_restarts_total counter",
        "ecs_nanny_agent_restarts_total 1",
        "ecs_nanny_agent_tasks_running 4",
        "ecs_nanny_agent_last_exit_code 1",
        "ecs_nanny_repairs_total 2",
        "ecs_nanny_ready 1",
        "ecs_nanny_host_fit 1",
        "ecs_nanny_findings_failed{severity=\"required\"} 1",
        "ecs_nanny_boot_exec_seconds 6.2",
        "ecs_nanny_boot_healthy_seconds 5.2",
        "ecs_nanny_boot_span_seconds{span=\"image\"} 2.2",
        "ecs_nanny_valid_until_timestamp_seconds 1800000045.123",
        "ecs_nanny_build_info{version=\"0.1.0\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
    }
}

#[test]
fn what_is_not_known_has_no_value() {
    let text = text(&sample::empty()).unwrap();
    for name in [
        "ecs_nanny_instance_info",
        "ecs_nanny_host_fit",
        "ecs_nanny_agent_tasks_running",
        "ecs_nanny_boot_exec_seconds",
    ] {
        assert!(!text.contains(name), "{name}:\n{text}");
    }
}

#[test]
fn every_metric_is_documented_as_it_is() {
    const FILE: &str = "docs/metrics.md";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let page = std::fs::read_to_string(&path).unwrap();
    let rows: Vec<String> = metrics(&sample::full()).iter().map(row).collect();
    let (before, table) = page.split_once("|---|").unwrap_or((&page, ""));
    let rule = table.lines().next().unwrap_or_default();
    let found: Vec<&str> = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .collect();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let after: Vec<&str> = table.lines().skip(1 + found.len()).collect();
        let table = rows.join("\n");
        let page = format!("{before}|---|{rule}\n{table}\n{}\n", after.join("\n"));
        std::fs::write(&path, page).unwrap();
        return;
    }
    assert_eq!(
        found, rows,
        "to make {FILE} anew: UPDATE_DOCS=1 cargo test --lib metrics::"
    );
}

fn row(metric: &Metric) -> String {
    let kind = match metric.kind {
        Kind::Gauge => "gauge",
        Kind::Counter => "counter",
    };
    let labels: Vec<String> = metric
        .labels
        .iter()
        .map(|label| format!("`{label}`"))
        .collect();
    format!(
        "| `{}` | {kind} | {} | {} |",
        metric.name,
        labels.join(", "),
        metric.help
    )
}

/// For `scripts/check-metrics`, which has promtool judge them.
#[test]
fn samples_are_written() {
    let samples = [("full", sample::full()), ("empty", sample::empty())];
    for (name, snapshot) in samples {
        let text = text(&snapshot).unwrap();
        assert!(text.ends_with('\n'), "{name}");
        if let Some(directory) = std::env::var_os("METRICS_SAMPLES") {
            std::fs::write(std::path::Path::new(&directory).join(name), text).unwrap();
        }
    }
}
