//! What news means: data for the board, an event for the machine.

use std::sync::Arc;

use crate::agent_image as image;
use crate::facts::{Fact, InstanceFacts};
use crate::finding::Finding;
use crate::plan::AMAZON_UNIT;
use crate::settings::{Loaded, OnUserDataFailed, SettingsError};
use crate::snapshot::Timestamp;
use crate::supervise::engine::NotUp;
use crate::supervise::hold::Hold;
use crate::supervise::news::{Identity, ImageProblem, News, UserData};
use crate::supervise::state::{Answer, Event, Goal, Timer};
use crate::supervise::tasks::not_ec2;
use crate::telemetry::message;

use super::Supervisor;

impl Supervisor {
    pub(super) fn hear(&mut self, news: News) {
        // Whoever takes in an answer of each few seconds sees for itself whether it tells anything new.
        if !news.is_routine() {
            self.publish();
        }
        match news {
            News::Plain(event) => self.plain(event),
            News::HostRead {
                host,
                settings,
                lint,
                hold,
                agent_files_changed,
            } => {
                self.take_hold(hold);
                self.board.agent_files_changed = agent_files_changed;
                self.board.facts.host = *host;
                self.board.facts.schema = crate::facts::SCHEMA;
                self.remember_instance();
                self.crew.look_at_volumes();
                self.take_settings(settings, lint);
                self.crew.not_ec2 =
                    not_ec2(self.crew.settings.metadata.ec2, &self.board.facts.host);
                self.recomputed();
                self.step(Event::ConfigurationRead);
                if std::mem::take(&mut self.reload_asked) {
                    self.replace_agent();
                }
            }
            News::EngineUp { docker, facts } => {
                tracing::info!(
                    MESSAGE_ID = message::ENGINE_UP,
                    "the Docker daemon answers: version {}, API {}",
                    facts.version,
                    facts.api_version
                );
                self.board.engine.version = Some(facts.version.clone());
                self.board.engine.api_version = Some(facts.api_version.clone());
                self.crew.live_restore = facts.live_restore;
                self.board.facts.engine = Fact::Known(*facts);
                self.board.why.engine.clear();
                self.crew.docker = Some(docker);
                self.crew.engine_was_up = true;
                self.recomputed();
                if !std::mem::replace(&mut self.images_resumed, true) {
                    self.tell_images(image::Event::Resumed);
                }
                self.answer(Answer::EngineUp);
            }
            News::EngineNotUp(not_up) => self.engine_not_up(not_up),
            News::NoEngineRuns => self.answer(Answer::NoEngineRuns),
            News::EnginePinged(Ok(())) => self.answer(Answer::EngineAnswers),
            News::EnginePinged(Err(why)) => {
                self.board.why.engine = why;
                self.answer(Answer::EngineSilent);
            }
            News::EngineUnasked(why) => {
                self.board.why.nanny = why;
                self.answer(Answer::EngineUnasked);
            }
            News::MetadataAwaited(why) => self.board.why.metadata = why,
            News::Identity(identity) => self.identified(identity),
            News::Credentials(Ok(profile)) => {
                if let Some(attached) = profile {
                    self.board.instance_profile(attached);
                    self.recomputed();
                }
                self.answer(Answer::CredentialsReady);
            }
            News::Credentials(Err(why)) => {
                self.board.why.credentials = why;
                self.answer(Answer::CredentialsMissing);
            }
            News::HealthPort(finding) => {
                self.board.health_port_finding = finding;
                self.record_findings();
            }
            News::GpusAwaited(why) => {
                self.board.why.gpus = why;
                self.answer(Answer::GpusAwaited);
            }
            News::Gpus(gpus) => self.gpus(*gpus),
            News::UserData(user_data) => self.user_data(user_data),
            News::PlanApplied { findings, repaired } => {
                if repaired > 0 {
                    tracing::warn!(
                        MESSAGE_ID = message::REPAIRED,
                        "{repaired} network settings had gone and were put back"
                    );
                    self.board.repaired(repaired);
                }
                self.board.apply_findings = findings;
                self.record_findings();
                self.answer(Answer::PlanApplied);
            }
            News::ImageReady { image, noticed } => {
                self.board.why.image.clear();
                self.images.findings.extend(noticed);
                self.tell_images(image::Event::Using(*image));
                self.answer(Answer::ImageReady);
            }
            News::UpdateWanted(image) => {
                tracing::info!(
                    MESSAGE_ID = message::UPDATE_WANTED,
                    "the agent wants to run {}",
                    image.name()
                );
                self.tell_images(image::Event::UpdateWanted(*image));
            }
            News::NoUpdate(finding) => {
                self.images.findings.push(*finding);
                self.show_image_findings();
                self.step(Event::UpdateRefused);
            }
            News::ImageChanged(Ok(image)) => self.tell_images(image::Event::Changed(*image)),
            News::ImageChanged(Err(why)) => self.tell_images(image::Event::ChangeFailed(why)),
            News::ImageMissing { problem, why } => {
                if problem == ImageProblem::Absent {
                    self.crew.fetch_missing();
                }
                self.board.why.image = self.crew.image_awaited(&why);
                self.answer(Answer::ImageMissing {
                    invalid: problem == ImageProblem::Invalid,
                });
            }
            News::ImageFetched(result) => self.image_fetched(result),
            News::NothingToAdopt => self.answer(Answer::NothingToAdopt),
            News::AgentRunning(run) => self.agent_runs(run),
            News::LaunchFailed(why) => {
                tracing::warn!(
                    MESSAGE_ID = message::AGENT_NOT_STARTED,
                    "the agent's container could not be started: {why}"
                );
                self.board.why.agent = why;
                // A start that Docker refuses counts as one that ended at once.
                const REFUSED: i64 = 127;
                self.tell_images(image::Event::Started);
                self.tell_images(image::Event::Exited(REFUSED));
                self.answer(Answer::LaunchFailed);
            }
            News::AgentRefused(why) => {
                tracing::error!("{why}");
                self.board.why.agent = why;
                self.answer(Answer::AgentRefused);
            }
            News::AgentEnded { code } => self.agent_ended(code),
            News::AgentProbed(answer) => self.agent_probed(answer),
            News::TasksCounted(counted) => self.board.agent.tasks_running = counted.ok(),
            News::ConnectionsCounted(found) => {
                let held = found.as_ref().map(|found| found.count);
                self.crew.connections = found;
                self.board.agent.connections = held;
                self.answer(Answer::AgentConnected(held != Some(0)));
            }
            News::ExitExamined { reason, last_lines } => self.examined(&reason, last_lines),
            News::AgentStopped {
                stopped,
                engine_silent,
            } => {
                self.crew.silent_at_stop = engine_silent;
                match stopped {
                    Ok(()) => tracing::info!("the agent is stopped"),
                    Err(why) => tracing::warn!("the agent could not be stopped: {why}"),
                }
                self.answer(Answer::AgentStopped);
            }
            News::Volumes { plugin, volumes } => self.volumes(plugin, volumes),
            News::PlanUndone { findings } => {
                for finding in &findings {
                    tracing::warn!("{}", finding.sentence());
                }
                self.answer(Answer::PlanUndone);
            }
            News::Announced(view) => self.announced(view),
            News::EngineStopped => {
                tracing::info!("the Docker daemon is stopped");
                self.answer(Answer::EngineStopped);
            }
        }
    }

    pub(super) fn plain(&mut self, event: Event) {
        match event {
            Event::StopRequested if self.state.goal == Goal::Run => {
                tracing::info!("stopping");
            }
            Event::StopRequested => tracing::info!("hurrying"),
            Event::LeaveRequested => tracing::info!("leaving; the agent runs on"),
            Event::ConfigurationChanged => tracing::debug!("a configuration file changed"),
            Event::ReloadAsked => {
                tracing::info!("reading the configuration again");
                self.reload_asked = true;
            }
            Event::AgentUnitStopped => {
                tracing::info!("{AMAZON_UNIT} was stopped by somebody");
                self.board.why.agent = format!("start it with: systemctl start {AMAZON_UNIT}");
                self.board.agent_gone();
                self.crew.agent_process = None;
            }
            Event::AgentUnitStarted => {
                self.board.why.agent = format!("{AMAZON_UNIT} was stopped, and is started again");
            }
            Event::EngineLost => {
                tracing::warn!(
                    MESSAGE_ID = message::ENGINE_LOST,
                    "the Docker daemon went away"
                );
                self.crew.docker = None;
                self.board.agent_gone();
            }
            _ => {}
        }
        self.step(event);
    }

    pub(super) fn take_settings(
        &mut self,
        settings: Result<Box<Loaded>, SettingsError>,
        lint: Vec<Finding>,
    ) {
        self.board.read_findings = lint;
        match settings {
            Ok(loaded) => {
                if loaded.settings.agent != self.crew.settings.agent {
                    self.crew.fetched(Ok(()));
                }
                self.crew.settings = Arc::new(loaded.settings.clone());
                self.in_force.send_replace(self.crew.settings.clone());
                let owns_engine = self.state.policy.owns_engine;
                self.state.policy = super::policy(&loaded.settings, owns_engine);
                self.board.loaded = *loaded;
            }
            Err(error) => {
                if !error.problems.is_empty() {
                    tracing::error!(
                        MESSAGE_ID = message::SETTINGS_BAD,
                        "the settings in force stay: {error}"
                    );
                }
                self.board.read_findings.extend(error.problems);
            }
        }
    }

    /// Rules and plan follow the facts; then the machine hears of it.
    pub(super) fn recomputed(&mut self) {
        self.board.recompute();
        self.judge_saved_state();
        self.crew.plan = self.board.plan.clone().map(Arc::new);
        self.compare_plans();
        self.record_findings();
        self.want_gpus();
        self.answer(Answer::Checked {
            unfit: self.board.unfit(),
            cluster: self.board.has_cluster(),
        });
    }

    /// Notes whether the agent that runs was made from the plan in force.
    pub(super) fn compare_plans(&mut self) {
        let pending = self.board.runs_otherwise();
        if !std::mem::replace(&mut self.board.agent.plan_pending, pending) && pending {
            tracing::info!(
                "the agent runs by another plan; its container is replaced when it next ends, or at: \
                 systemctl reload ecs-nanny"
            );
        }
    }

    pub(super) fn engine_not_up(&mut self, not_up: NotUp) {
        match not_up {
            NotUp::StoppedByOperator => {
                self.board.why.engine = format!(
                    "start it with: systemctl start {}",
                    self.crew.settings.engine.unit
                );
                self.answer(Answer::EngineStoppedByOperator);
            }
            NotUp::Failed(why) => {
                tracing::warn!(
                    MESSAGE_ID = message::ENGINE_NOT_UP,
                    "the Docker daemon is not up: {why}"
                );
                self.board.why.engine = why;
                self.answer(Answer::EngineFailed);
            }
        }
    }

    pub(super) fn identified(&mut self, identity: Identity) {
        match identity {
            Identity::Known(instance) => {
                tracing::info!(
                    MESSAGE_ID = message::INSTANCE_KNOWN,
                    "this is {}, a {} in {}",
                    instance.instance_id,
                    instance.instance_type,
                    instance.availability_zone.as_deref().unwrap_or("?"),
                );
                self.crew.instance = Some(InstanceFacts::clone(&instance));
                self.group_wants(instance.target_lifecycle_state.clone());
                self.board.instance(Fact::Known(*instance));
                self.recomputed();
                self.answer(Answer::IdentityKnown);
            }
            Identity::None(why) => {
                tracing::info!("going on without instance metadata: {why}");
                self.board.instance(Fact::Unreadable(why));
                self.recomputed();
                self.answer(Answer::IdentityKnown);
            }
            Identity::Missing(why) => {
                self.board.why.metadata = why;
                self.answer(Answer::IdentityMissing);
            }
        }
    }

    fn user_data(&mut self, user_data: UserData) {
        let policy = self.crew.settings.user_data.on_failed;
        match user_data {
            UserData::Ended(how) => {
                tracing::info!("{how}");
                self.answer(Answer::UserDataEnded);
            }
            UserData::Failed(why) if policy == OnUserDataFailed::Proceed => {
                tracing::warn!("starting the agent although the user data did not run: {why}");
                self.answer(Answer::UserDataEnded);
            }
            UserData::Failed(why) => {
                self.board.why.user_data = why;
                self.answer(Answer::UserDataFailed {
                    refused: policy == OnUserDataFailed::Refuse,
                });
            }
        }
    }

    fn take_hold(&mut self, hold: Option<Hold>) {
        let hold = hold.filter(|hold| !hold.over(Timestamp::now()));
        if hold != self.board.hold {
            match &hold {
                Some(hold) => tracing::warn!("{hold}"),
                None => tracing::info!("the hold is over"),
            }
        }
        let held = hold.is_some();
        if let Some(until) = hold.as_ref().and_then(|hold| hold.until) {
            self.timer(Timer::Hold, until.left());
        }
        self.board.hold = hold;
        self.step(Event::Held(held));
    }
}
