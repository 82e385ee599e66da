//! What the document says for people beside phase and reason.

use std::time::Duration;

use crate::finding::{Confidence, Finding, Outcome, Severity};
use crate::snapshot::{Phase, Reason};

use super::Board;
use crate::supervise::hold::Hold;

impl Board {
    /// What was seen, for people.
    pub(super) fn detail(&self) -> String {
        match self.phase {
            (Phase::Healthy, _) => self.agent.registered(),
            (Phase::Registering, _) => self.registering(),
            (_, Some(Reason::HostUnfit)) => self.unfit_because(),
            (_, Some(Reason::Cluster)) => format!(
                "set ECS_CLUSTER in {}; joining the cluster default needs agent.allow_default_cluster = true",
                crate::agent_config::USER_PATH
            ),
            (_, Some(Reason::WarmPool)) => self.lifecycle.warm(),
            (Phase::Held, _) => self.hold.as_ref().map(Hold::to_string).unwrap_or_default(),
            (_, Some(Reason::AgentDisconnected)) => format!(
                "it is registered, answers, and has held no connection for {}; see /var/log/ecs/ecs-agent.log",
                humantime::format_duration(self.loaded.settings.agent.disconnected_after)
            ),
            (_, Some(Reason::NannyExhausted)) => format!(
                "{}; what is open: ls -l /proc/{}/fd; how much may be: LimitNOFILE= of ecs-nanny.service, fs.file-max of the host",
                self.why.nanny, self.nanny.pid
            ),
            (_, Some(Reason::Credentials)) => or(&self.why.credentials, "they are asked for"),
            (_, Some(Reason::Gpu)) => self.why.gpus.clone(),
            (_, Some(Reason::UserData)) => {
                or(&self.why.user_data, "the end of cloud-init is awaited")
            }
            (_, Some(Reason::Metadata)) => {
                or(&self.why.metadata, "it is asked which instance this is")
            }
            (_, Some(Reason::Image | Reason::ImageInvalid)) => self.why.image.clone(),
            (
                _,
                Some(
                    Reason::Engine
                    | Reason::EngineLost
                    | Reason::EngineHung
                    | Reason::EngineStoppedByOperator,
                ),
            ) => or(&self.why.engine, "it is being started"),
            (
                _,
                Some(
                    Reason::AgentExited
                    | Reason::AgentTerminal
                    | Reason::AgentSilent
                    | Reason::LaunchFailed
                    | Reason::AgentStoppedByOperator
                    | Reason::AgentConflict
                    | Reason::UpdateTakenBack,
                ),
            ) => self.why.agent.clone(),
            _ => String::new(),
        }
    }

    /// An agent that runs on a host that is not fit is left alone, and that is told.
    pub(super) fn runs_unfit(&self) -> Option<Finding> {
        let runs = self.agent.container_id.is_some();
        (runs && self.unfit()).then(|| Finding {
            rule: "run.unfit".into(),
            title: "the agent runs on a host that is fit".into(),
            severity: Severity::Required,
            outcome: Outcome::Failed,
            confidence: Confidence::Certain,
            observed: format!(
                "the agent runs, and is left running: {}",
                self.unfit_because()
            ),
            required: "a host on which no required rule fails".into(),
            remedy: "mend the host, or drain it and replace the instance".into(),
            source: "ecs-nanny(8), checks.on_unfit".into(),
            place: None,
        })
    }

    /// The agent backs off by itself, up to an hour: how long it has run says whether to look.
    fn registering(&self) -> String {
        const SOON: Duration = Duration::from_secs(60);
        let cluster = self.agent.cluster.as_deref().unwrap_or("default");
        let runs = format!("the agent runs in cluster {cluster}");
        let age = self.age();
        if age < SOON {
            return runs;
        }
        let age = humantime::format_duration(Duration::from_secs(age.as_secs()));
        format!(
            "{runs} and has not registered for {age}; it tries again by itself, at most an hour apart: see /var/log/ecs/ecs-agent.log"
        )
    }

    pub(super) fn unfit_because(&self) -> String {
        if let Some(why) = self.for_emr() {
            return format!("the host is Amazon EMR's, so nothing is started: {why}");
        }
        let blocking: Vec<String> = self
            .report
            .iter()
            .flat_map(|report| self.refused_over(report))
            .map(Finding::sentence)
            .collect();
        blocking.join("; ")
    }
}

/// The last words on something, or what is true before there are any.
fn or(words: &str, before: &str) -> String {
    if words.is_empty() { before } else { words }.to_owned()
}
