//! News of the agent: it runs, ended, was examined, answered.

use std::time::SystemTime;

use crate::agent_image as image;
use crate::host::introspection::{Metadata, Silence};
use crate::plan::AMAZON_UNIT;
use crate::settings::Switch;
use crate::snapshot::Timestamp;
use crate::supervise::exit_reason::{Class, ExitReason, exit_reason};
use crate::supervise::images::Told;
use crate::supervise::news::AgentRun;
use crate::supervise::state::{Answer, Ending, Event, Probe, Verdict};
use crate::supervise::tasks::Aside;
use crate::telemetry::message;

use super::Supervisor;

/// The agent's exit status that asks not to be started again (amazon-ecs-agent, `ExitTerminal`).
const TERMINAL: i64 = 5;
/// The agent's exit status that asks for the image it has downloaded (`ExitUpdate`).
const UPDATE: i64 = 42;

impl Supervisor {
    pub(super) fn agent_runs(&mut self, run: AgentRun) {
        let word = if run.adopted { "taken over" } else { "started" };
        let short = run.container_id.get(..12).unwrap_or(&run.container_id);
        tracing::info!(
            MESSAGE_ID = message::AGENT_RUNNING,
            "the agent's container is {word}: {short}"
        );
        self.crew.agent_asked = None;
        self.crew.connections = None;
        // Its first words may be older than our knowledge of it.
        let since = run.started_at.as_deref().map(humantime::parse_rfc3339);
        let since = since.and_then(Result::ok).unwrap_or_else(SystemTime::now);
        self.crew.agent = Some((run.container_id.clone(), since));
        self.crew.agent_process = run.process;
        let view = &mut self.board.agent;
        view.container_id = Some(run.container_id);
        view.image_id = Some(run.image_id);
        view.started_at = run.started_at;
        view.adopted = run.adopted;
        self.board.running = Some((run.plan_hash, run.other_image));
        self.compare_plans();
        if !run.adopted {
            self.tell_images(image::Event::Started);
            self.saved_state_is_own();
        }
        self.answer(Answer::AgentRunning {
            adopted: run.adopted,
        });
    }

    /// At a reload: has the agent run by the files as they are now.
    pub(super) fn replace_agent(&mut self) {
        let of_amazon = self.crew.left_to_amazon();
        match (self.board.agent.plan_pending, of_amazon) {
            (true, true) => {
                tracing::info!("restarting {AMAZON_UNIT}, whose agent runs by older files")
            }
            (true, false) => tracing::info!("replacing the agent's container"),
            (false, true) => {
                tracing::info!(
                    "{AMAZON_UNIT} is left alone, for no file of its agent was changed since it started; to restart it \
                     all the same: systemctl restart {AMAZON_UNIT}"
                );
                return;
            }
            (false, false) => return,
        }
        self.crew.launch_anew = true;
        self.step(Event::ReplacementAsked);
    }

    pub(super) fn agent_ended(&mut self, code: i64) {
        self.crew.last_exit = code;
        let reason = exit_reason(code, &[] as &[&str]);
        tracing::warn!(
            MESSAGE_ID = message::AGENT_ENDED,
            AGENT_EXIT_CODE = code,
            "the agent ended with status {code}: {}",
            reason.words
        );
        self.board.agent_ended(code, reason.words, Vec::new());
        self.board.agent_gone();
        self.crew.agent_process = None;
        let updates = self.crew.settings.agent.updates == Switch::On;
        let told = match code {
            _ if self.crew.left_to_amazon() => Told::default(),
            // Where updates are forbidden, asking for one is a failure like any other.
            UPDATE if !updates => self.images.tell(image::Event::Exited(1)),
            code => self.images.tell(image::Event::Exited(code)),
        };
        let for_another_image = told.actions.iter().any(|action| {
            matches!(
                action,
                image::Action::ReadDesiredImage | image::Action::Change(_)
            )
        });
        let ending = match code {
            _ if for_another_image => Ending::ForAnotherImage,
            TERMINAL => Ending::Terminal,
            _ => Ending::Failure,
        };
        self.step(Event::AgentEnded(ending));
        self.follow_images(told);
    }

    pub(super) fn examined(&mut self, reason: &ExitReason, last_lines: Vec<String>) {
        let known = self.board.agent.last_exit.as_ref();
        if known.is_none_or(|exit| exit.meaning != reason.words) {
            tracing::warn!(
                MESSAGE_ID = message::AGENT_EXPLAINED,
                "the agent's own words: {}",
                reason.words
            );
        }
        self.board
            .agent_ended(reason.code, reason.words.clone(), last_lines);
        let verdict = match reason.class {
            Class::CorruptState if !self.moved_state_aside => {
                self.moved_state_aside = true;
                self.crew.move_state_aside = Some(Aside::Unreadable);
                Verdict::Mended
            }
            Class::CorruptState | Class::Terminal { .. } => Verdict::Terminal,
            Class::Curable { .. } => Verdict::Curable,
            Class::Failure | Class::Update => Verdict::Mended,
        };
        self.answer(Answer::ExitExamined(verdict));
    }

    /// Tells the machine of images of an event, and does what it asks for.
    pub(super) fn agent_probed(&mut self, answer: Result<Metadata, Silence>) {
        let probe = match answer {
            Ok(metadata) => {
                let view = &mut self.board.agent;
                let before = view.clone();
                view.version = metadata.version.or(view.version.take());
                view.cluster = metadata.cluster.or(view.cluster.take());
                let registered = metadata.container_instance_arn.is_some();
                if registered && view.container_instance_arn.is_none() {
                    view.registered_since = Some(Timestamp::now());
                }
                view.container_instance_arn = metadata.container_instance_arn;
                if *view != before {
                    self.publish();
                }
                if registered {
                    self.crew.ask_agent();
                    Probe::Registered
                } else {
                    Probe::Unregistered
                }
            }
            Err(Silence::Agent(why)) => {
                self.board.why.agent = why;
                self.publish();
                Probe::Silent
            }
            Err(silence @ Silence::Exhausted(_)) => {
                self.board.why.nanny = silence.to_string();
                self.publish();
                Probe::Unasked
            }
        };
        self.answer(Answer::AgentProbed(probe));
        self.judge_health();
    }
}
