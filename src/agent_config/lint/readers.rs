//! The three grammars side by side.

use std::ops::Range;

use crate::agent_config::ecs_init::{self, Passed};
use crate::agent_config::env_file::{self, Taken};
use crate::agent_config::lines::{self, BYTE_ORDER_MARK, Line};
use crate::agent_config::report::shown;
use crate::agent_config::secret::mask_value;
use crate::agent_config::systemd::{self, Assignment, Refused};

/// What each reader makes of a file.
pub(super) struct Readers<'a> {
    file: &'a [u8],
    systemd: Result<Vec<Assignment>, Refused>,
    ecs_init: Vec<Passed>,
    env_file: Vec<(Range<usize>, Taken)>,
}

impl<'a> Readers<'a> {
    pub(super) fn of(file: &'a [u8]) -> Self {
        Readers {
            file,
            systemd: systemd::environment(file).and_then(|_| systemd::assignments(file)),
            ecs_init: ecs_init::variables(file),
            env_file: env_file::lines(file),
        }
    }

    /// Why systemd takes nothing of the file.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.systemd.as_ref().err().copied()
    }

    /// The assignment that systemd sees in a line: one that begins there, or one above that goes on through it.
    pub(super) fn systemd_at(&self, line: Line<'_>) -> Option<&Assignment> {
        let assignments = self.systemd.as_ref().ok()?;
        let end = line.start + line.bytes.len();
        let last = last_of(assignments, |assignment| assignment.start <= end)?;
        (last.value.end > line.start).then_some(last)
    }

    /// True when what begins at an offset begins in a line, a byte order mark in front of it aside.
    pub(super) fn begins_in(&self, start: usize, line: Line<'_>) -> bool {
        start >= line.start
            || self.file[start..line.start]
                .chunks(BYTE_ORDER_MARK.len())
                .all(|bytes| bytes == BYTE_ORDER_MARK)
    }

    /// What each makes of a line: `systemd …; ecs-init …; docker --env-file …`.
    pub(super) fn at(&self, line: Line<'_>) -> String {
        format!(
            "systemd {}; ecs-init {}; docker --env-file {}",
            self.systemd_tells(line),
            self.ecs_init_tells(line),
            self.env_file_tells(line),
        )
    }

    fn systemd_tells(&self, line: Line<'_>) -> String {
        if self.systemd.is_err() {
            return "drops the whole file".to_owned();
        }
        let Some(assignment) = self.systemd_at(line) else {
            return PASSES.to_owned();
        };
        let name = lines::text(&assignment.name);
        if !self.begins_in(assignment.start, line) {
            return part_of(&name);
        }
        if !systemd::is_name(&name) {
            return format!("refuses the name `{}`", shown(&name));
        }
        let value = lines::text(&assignment.value.bytes);
        format!("reads {}", variable(&name, &value))
    }

    fn ecs_init_tells(&self, line: Line<'_>) -> String {
        match last_of(&self.ecs_init, |passed| passed.start <= line.start) {
            Some(Passed { end, .. }) if *end <= line.start => PASSES.to_owned(),
            Some(Passed { start, name, .. }) if !self.begins_in(*start, line) => part_of(name),
            Some(Passed { name, value, .. }) => format!("passes {}", variable(name, value)),
            None => PASSES.to_owned(),
        }
    }

    fn env_file_tells(&self, line: Line<'_>) -> String {
        match last_of(&self.env_file, |(span, _)| span.start <= line.start) {
            Some((span, _)) if span.end <= line.start => PASSES.to_owned(),
            Some((span, Taken::Variable { name, .. })) if !self.begins_in(span.start, line) => {
                part_of(name)
            }
            Some((_, Taken::Variable { name, value })) => {
                format!("passes {}", variable(name, value))
            }
            Some((_, Taken::FromCaller(name))) => format!("takes {} from its caller", shown(name)),
            Some((_, Taken::Refused(why))) => format!("refuses the file ({why})"),
            None => PASSES.to_owned(),
        }
    }
}

const PASSES: &str = "passes over it";

fn part_of(name: &str) -> String {
    format!("takes it for a part of {}", shown(name))
}

/// A variable as a message may show it.
pub(super) fn variable(name: &str, value: &str) -> String {
    format!("`{}={}`", shown(name), shown(&mask_value(name, value)))
}

fn last_of<T>(sorted: &[T], is_not_behind: impl Fn(&T) -> bool) -> Option<&T> {
    sorted.get(sorted.partition_point(is_not_behind).checked_sub(1)?)
}
