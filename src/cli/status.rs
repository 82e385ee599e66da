//! `ecs-nanny status`: the document for people, one screen, what is wrong first.

use std::fmt::Write;
use std::time::Duration;

use anstyle::Style;

use crate::finding::{Finding, Outcome, Severity};
use crate::snapshot::{BootView, Phase, RetryView, Snapshot, Timestamp, VolumeView, VolumesView};

use super::page::{BOLD, GREEN, Page, RED, YELLOW};
use super::plot::seconds;

#[cfg(test)]
mod tests;

/// How many of the agent's last lines are shown while it is down.
const LAST_LINES: usize = 3;

/// One screen, in lines of at most `width` columns. An expired document is called unknown, whatever it says.
pub fn screen(snapshot: &Snapshot, now: Timestamp, width: usize, colour: bool) -> String {
    let screen = Screen {
        page: Page::new(width, colour),
        snapshot,
        now,
    };
    let mut text = String::new();
    screen.headline(&mut text);
    screen.wrong(&mut text);
    text.push('\n');
    screen.parts(&mut text);
    text
}

struct Screen<'a> {
    page: Page,
    snapshot: &'a Snapshot,
    now: Timestamp,
}

impl Screen<'_> {
    /// How the host is, since when, and what comes next.
    fn headline(&self, text: &mut String) {
        let snapshot = self.snapshot;
        let mut style = phase_style(snapshot.phase);
        let mut said = "";
        if snapshot.expired(self.now) {
            self.line(
                text,
                RED,
                &format!(
                    "unknown: the document expired {} ago; is ecs-nanny running? (systemctl status ecs-nanny)",
                    self.ago(snapshot.valid_until)
                ),
            );
            style = Style::new();
            said = "it said: ";
        }
        self.line(text, style, &format!("{said}{}", snapshot.line()));
        self.row(
            text,
            "since",
            &format!("{} ({} ago)", snapshot.since, self.ago(snapshot.since)),
        );
        if let Some(retry) = &snapshot.retry {
            let next = retry.next_try_at.0.duration_since(self.now.0);
            let when = match next {
                Ok(left) => format!("in {}", span(left)),
                Err(_) => "now".to_owned(),
            };
            self.row(
                text,
                "next try",
                &format!("{when}{}: {}", attempts(retry), retry.why),
            );
        }
    }

    /// What failed and weighs, each with its mend; the agent's own words while it is down.
    fn wrong(&self, text: &mut String) {
        let failed: Vec<&Finding> = self
            .snapshot
            .findings
            .iter()
            .filter(|finding| finding.outcome == Outcome::Failed)
            .collect();
        let (weighing, noted): (Vec<&Finding>, Vec<&Finding>) = failed
            .into_iter()
            .partition(|finding| finding.severity != Severity::Informational);
        if !weighing.is_empty() {
            text.push('\n');
        }
        for finding in weighing {
            self.page.failure(text, finding);
        }
        if !noted.is_empty() {
            let notes = counted(noted.len() as u32, "note");
            self.row(
                text,
                "",
                &format!("and {notes}: ecs-nanny check, ecs-nanny config lint"),
            );
        }
        let exit = self.snapshot.agent.last_exit.as_ref();
        if let Some(exit) = exit.filter(|_| !self.snapshot.ready()) {
            let skipped = exit.last_lines.len().saturating_sub(LAST_LINES);
            for line in &exit.last_lines[skipped..] {
                self.row(text, "it said", line);
            }
        }
    }

    /// The parts, well or not.
    fn parts(&self, text: &mut String) {
        self.row(text, "agent", &self.agent());
        self.row(text, "engine", &self.engine());
        if let Some(instance) = &self.snapshot.instance {
            let zone = instance.availability_zone.as_deref().unwrap_or("?");
            let ami = instance.ami_id.as_deref().unwrap_or("?");
            let line = format!(
                "{}, {} in {zone}, from {ami}",
                instance.instance_id, instance.instance_type
            );
            self.row(text, "instance", &line);
        }
        self.lifecycle(text);
        self.row(text, "host", &self.host());
        if let Some(line) = volumes(&self.snapshot.volumes) {
            self.row(text, "volumes", &line);
        }
        if self.snapshot.repairs.total > 0 {
            let last = self.snapshot.repairs.last_at;
            let ago = last.map_or("?".to_owned(), |at| self.ago(at));
            let line = format!(
                "{} had gone and were put back, the last one {ago} ago",
                counted_u64(self.snapshot.repairs.total, "network setting")
            );
            self.row(text, "repairs", &line);
        }
        if let Some(line) = boot(&self.snapshot.boot) {
            self.row(text, "boot", &line);
        }
    }

    /// What EC2 and Auto Scaling say, where they say something.
    fn lifecycle(&self, text: &mut String) {
        let lifecycle = &self.snapshot.lifecycle;
        for notice in &lifecycle.notices {
            let line = match notice.at {
                None => notice.detail.clone(),
                Some(at) => match at.0.duration_since(self.now.0) {
                    Ok(left) => format!("{}, in {} ({at})", notice.detail, span(left)),
                    Err(_) => format!("{}, since {at}", notice.detail),
                },
            };
            self.row(text, "announced", &line);
        }
        if let Some(state) = &lifecycle.target_state {
            self.row(text, "group", &format!("wants {state}"));
        }
        if let Some(why) = &lifecycle.actions_off {
            self.row(text, "acting", &format!("off: {why}"));
        }
    }

    fn agent(&self) -> String {
        let agent = &self.snapshot.agent;
        let mut words = state(&agent.state);
        if let Some(version) = &agent.version {
            let _ = write!(words, ", {version}");
        }
        if let Some(cluster) = &agent.cluster {
            let _ = write!(words, ", cluster {cluster}");
        }
        if let Some(since) = agent.registered_since {
            let _ = write!(words, ", registered {} ago", self.ago(since));
        }
        if let Some(tasks) = agent.tasks_running {
            let _ = write!(words, ", {} running", counted_u64(tasks, "task"));
        }
        if agent.connections == Some(0) {
            words.push_str(", no connection");
        }
        if agent.restarts > 0 {
            let _ = write!(words, ", started again {}", times(agent.restarts));
        }
        if agent.plan_pending {
            words.push_str(", made anew when it next ends");
        }
        if let Some(exit) = &agent.last_exit {
            let ago = self.ago(exit.at);
            let _ = write!(words, "; last ended {ago} ago: {}", exit.meaning);
        }
        words
    }

    fn engine(&self) -> String {
        let engine = &self.snapshot.engine;
        let mut words = state(&engine.state);
        if let Some(since) = engine.since {
            let _ = write!(words, " for {}", self.ago(since));
        }
        if let Some(version) = &engine.version {
            let _ = write!(words, ", Docker {version}");
        }
        if !engine.backend.is_empty() {
            let _ = write!(words, " ({})", engine.backend);
        }
        if let Some(why) = &engine.why {
            let _ = write!(words, "; {why}");
        }
        words
    }

    fn host(&self) -> String {
        let host = &self.snapshot.host;
        let mut words = format!(
            "{}, kernel {}, {}, {}; fit: {} ({})",
            host.os.as_deref().unwrap_or("unknown system"),
            host.kernel.as_deref().unwrap_or("?"),
            host.machine.as_deref().unwrap_or("?"),
            host.platform.as_deref().unwrap_or("unknown platform"),
            host.fit.as_deref().unwrap_or("not checked yet"),
            host.profiles.join(", "),
        );
        if let Some(release) = &host.image_release
            && let Some(name) = &release.image_name
        {
            let version = release.image_version.as_deref().unwrap_or_default();
            let _ = write!(words, "; image {name} {version}");
        }
        words
    }

    fn row(&self, text: &mut String, label: &str, line: &str) {
        self.page.paragraph(text, label, BOLD, line);
    }

    fn line(&self, text: &mut String, style: Style, line: &str) {
        for line in textwrap::wrap(&super::page::printable(line), self.page.width) {
            let _ = writeln!(text, "{}", self.page.styled(style, &line));
        }
    }

    fn ago(&self, moment: Timestamp) -> String {
        span(self.now.0.duration_since(moment.0).unwrap_or_default())
    }
}

/// How often something was tried, and what it may still cost before it slows down.
fn attempts(retry: &RetryView) -> String {
    let what = match retry.what.as_str() {
        "" => String::new(),
        what => format!(" ({})", what.replace('_', " ")),
    };
    let failures = counted(retry.attempts, "failure");
    let left = match retry.budget {
        Some(budget) if retry.attempts > budget => {
            format!(", more than {budget}, so slowly from now on")
        }
        Some(budget) => format!(" of {budget}"),
        None => String::new(),
    };
    format!("{what}, after {failures}{left}")
}

/// What the boot's time was spent on, in a line.
fn boot(boot: &BootView) -> Option<String> {
    let healthy = boot.healthy_ms?;
    let longest = boot
        .spans
        .iter()
        .filter(|span| span.critical)
        .max_by_key(|span| span.end_ms.unwrap_or(span.start_ms) - span.start_ms)?;
    let length = longest.end_ms? - longest.start_ms;
    Some(format!(
        "healthy {} after exec, which was {} after the kernel's start; longest wait: {}, {} (ecs-nanny plot)",
        seconds(healthy),
        seconds(boot.exec_after_kernel_ms as i64),
        longest.name.words(),
        seconds(length),
    ))
}

/// The volumes that are mounted, or that there is nobody to mount them, in a line; nothing where no task has any.
fn volumes(volumes: &VolumesView) -> Option<String> {
    if let Some(why) = &volumes.why {
        return Some(format!("the volume plugin does not answer: {why}"));
    }
    if volumes.volumes.is_empty() {
        return None;
    }
    let (mounted, idle): (Vec<&VolumeView>, Vec<&VolumeView>) =
        volumes.volumes.iter().partition(|volume| volume.mounted);
    let mut words = format!("{} mounted", mounted.len());
    let mut between = ": ";
    for volume in mounted {
        let uses = counted(volume.references, "use");
        let _ = write!(
            words,
            "{between}{} ({}, {uses})",
            volume.name, volume.fs_type
        );
        between = ", ";
    }
    if !idle.is_empty() {
        let _ = write!(words, "; {} not mounted", idle.len());
    }
    if volumes.plugin == "absent" {
        words.push_str("; there is no volume plugin");
    }
    Some(words)
}

fn phase_style(phase: Phase) -> Style {
    match phase {
        Phase::Healthy => GREEN.bold(),
        Phase::Failed => RED,
        Phase::Degraded | Phase::Waiting | Phase::Held => YELLOW.bold(),
        Phase::Starting
        | Phase::Checking
        | Phase::Launching
        | Phase::Registering
        | Phase::Draining
        | Phase::Stopped => BOLD,
    }
}

fn state(word: &str) -> String {
    match word {
        "" => "not known yet".to_owned(),
        word => word.replace('_', " "),
    }
}

/// A span of time in its two largest units.
fn span(span: Duration) -> String {
    let whole = humantime::format_duration(Duration::from_secs(span.as_secs())).to_string();
    let units: Vec<&str> = whole.split(' ').take(2).collect();
    units.join(" ")
}

fn counted(count: u32, what: &str) -> String {
    counted_u64(u64::from(count), what)
}

fn counted_u64(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

fn times(count: u32) -> String {
    if count == 1 {
        "once".to_owned()
    } else {
        format!("{count} times")
    }
}

/// A screen in place of the one before, without flicker: each line is written over and cut at the terminal's end, and
/// what is left of the old screen is taken away last.
pub fn frame(screen: &str, height: usize) -> String {
    let mut frame = String::from("\x1b[H");
    for line in screen.lines().take(height.saturating_sub(1)) {
        let _ = write!(frame, "{line}\x1b[K\r\n");
    }
    frame.push_str("\x1b[J");
    frame
}
