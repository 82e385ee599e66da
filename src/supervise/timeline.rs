//! The boot's time line, read off the machine: what each part was doing when.

use std::time::Duration;

use tokio::time::Instant;

use crate::host::boot;
use crate::host::files::Root;
use crate::snapshot::{BootView, Phase, Span, SpanName, Timestamp};

use super::state::{AgentState, EngineState, Fitness, Need, State};

#[cfg(test)]
mod tests;

/// What has to have ended before a span can begin; the one that ended last was waited for.
fn awaited(name: SpanName) -> &'static [SpanName] {
    match name {
        SpanName::Facts => &[],
        SpanName::UserData | SpanName::Identity | SpanName::Gpu | SpanName::Engine => {
            &[SpanName::Facts]
        }
        SpanName::Cluster => &[SpanName::UserData],
        SpanName::Credentials => &[SpanName::Identity],
        SpanName::Network | SpanName::Image => &[SpanName::Engine],
        SpanName::Launch => &[
            SpanName::UserData,
            SpanName::Cluster,
            SpanName::Identity,
            SpanName::Credentials,
            SpanName::Gpu,
            SpanName::Network,
            SpanName::Image,
        ],
        SpanName::Registration => &[SpanName::Launch],
    }
}

/// How far one part has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Begun,
    Done,
}

/// The time line while it is written.
#[derive(Debug, Clone)]
pub struct Timeline {
    exec: Instant,
    view: BootView,
}

impl Timeline {
    /// Begins now: to be called first of all.
    pub fn begin(root: &Root) -> Self {
        let exec_after_kernel = boot::kernel_age().unwrap_or_default();
        Timeline {
            exec: Instant::now(),
            view: BootView {
                boot_id: boot::id(root),
                exec_at: Some(Timestamp::now()),
                exec_after_kernel_ms: exec_after_kernel.as_millis() as u64,
                spans: Vec::new(),
                healthy_ms: None,
            },
        }
    }

    /// Takes over what an earlier process kept, when it is whole and of this boot.
    pub fn resume(&mut self, kept: BootView) {
        if kept.boot_id.is_some() && kept.boot_id == self.view.boot_id && kept.healthy_ms.is_some()
        {
            self.view = kept;
        }
    }

    /// What is known so far.
    pub fn view(&self) -> &BootView {
        &self.view
    }

    /// Notes where the machine stands now.
    pub fn note(&mut self, state: &State) {
        self.note_at(state, millis(self.exec.elapsed()));
    }

    fn note_at(&mut self, state: &State, now: i64) {
        if self.view.healthy_ms.is_some() {
            return;
        }
        for name in SpanName::ALL {
            self.advance(name, stage(name, state), now);
        }
        if state.phase().0 == Phase::Healthy {
            self.view.healthy_ms = Some(now);
            self.mark_critical();
        }
    }

    fn advance(&mut self, name: SpanName, stage: Stage, now: i64) {
        let found = self.view.spans.iter().position(|span| span.name == name);
        match (found, stage) {
            (None, Stage::Begun | Stage::Done) => {
                // A cluster that is there from the beginning was not waited for, nor GPUs on a host without.
                if matches!(name, SpanName::Cluster | SpanName::Gpu) && stage == Stage::Done {
                    return;
                }
                // What the first look finds was begun at exec.
                let start_ms = if name == SpanName::Facts { 0 } else { now };
                self.view.spans.push(Span {
                    name,
                    start_ms,
                    end_ms: (stage == Stage::Done).then_some(now),
                    critical: false,
                });
            }
            (Some(index), Stage::Done) => {
                self.view.spans[index].end_ms.get_or_insert(now);
            }
            _ => {}
        }
    }

    /// Goes back from the end by what was waited for each time.
    fn mark_critical(&mut self) {
        let mut next = Some(SpanName::Registration);
        while let Some(name) = next {
            for span in self.view.spans.iter_mut().filter(|span| span.name == name) {
                span.critical = true;
            }
            let spans = self.view.spans.iter();
            next = spans
                .filter(|span| awaited(name).contains(&span.name))
                .max_by_key(|span| span.end_ms)
                .map(|span| span.name);
        }
    }
}

fn stage(name: SpanName, state: &State) -> Stage {
    let checked = state.fitness != Fitness::Unknown;
    let from = |begun: bool, done: bool| match (begun, done) {
        (_, true) => Stage::Done,
        (true, false) => Stage::Begun,
        (false, false) => Stage::Open,
    };
    match name {
        SpanName::Facts => from(true, checked),
        // Until the user data has run, nobody can say that there is no cluster.
        SpanName::Cluster => {
            let told = checked && state.user_data == Need::Met;
            from(told, told && state.cluster)
        }
        SpanName::UserData => need(state.user_data),
        SpanName::Identity => need(state.identity),
        SpanName::Credentials => need(state.credentials),
        SpanName::Gpu => need(state.gpus),
        SpanName::Engine => from(
            !matches!(state.engine, EngineState::Unknown | EngineState::Sought),
            state.engine == EngineState::Up,
        ),
        SpanName::Network => need(state.network),
        SpanName::Image => need(state.image),
        SpanName::Launch => from(
            state.agent == AgentState::Launching,
            matches!(state.agent, AgentState::Running { .. }),
        ),
        SpanName::Registration => match state.agent {
            AgentState::Running { registered, .. } => from(true, registered),
            _ => Stage::Open,
        },
    }
}

fn need(need: Need) -> Stage {
    match need {
        Need::Open => Stage::Open,
        Need::Busy | Need::Missing => Stage::Begun,
        Need::Met => Stage::Done,
    }
}

/// A boot is shorter than the 292 million years that do not fit.
fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
