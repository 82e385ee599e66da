//! The agent: runs, ends, backs off, answers or not.

use super::{
    Action, AgentState, BUDGET, Ending, EngineState, FORGIVEN_AFTER, Fitness, Goal, LONGEST_WAIT,
    Need, PROBE_AGAIN, PROBE_EVERY, PROBE_NEW, PROBE_UNREGISTERED, Probe, QUICK_PROBES,
    SILENT_PROBES, State, Timer, Verdict, wait_after,
};
use crate::snapshot::Reason;

impl State {
    pub(super) fn agent_running(&mut self, adopted: bool, actions: &mut Vec<Action>) {
        if !matches!(self.agent, AgentState::Sought | AgentState::Launching) {
            return;
        }
        if self.engine != EngineState::Up {
            self.agent = AgentState::Idle;
            return;
        }
        if !adopted && (self.was_healthy || self.failures > 0) {
            self.restarts = self.restarts.saturating_add(1);
        }
        self.launched = true;
        self.agent_unasked = false;
        self.forget_link(actions);
        // It may have turned out unfit while an agent was sought that runs all the same.
        self.fitness = Fitness::Fit;
        self.charged = 0;
        self.agent = AgentState::Running {
            registered: false,
            silent: 0,
            probes: 0,
        };
        actions.push(Action::FollowAgent);
        actions.push(Action::ProbeAgent);
    }

    pub(super) fn launch_failed(&mut self, actions: &mut Vec<Action>) {
        if !matches!(self.agent, AgentState::Sought | AgentState::Launching) {
            return;
        }
        if self.engine != EngineState::Up {
            self.agent = AgentState::Idle;
            return;
        }
        self.loss = Reason::LaunchFailed;
        // A failed start may mean that the image or a rule has gone.
        self.image = Need::Open;
        self.back_off(actions);
    }

    /// Another agent runs: nothing of it is touched, and it is looked again.
    pub(super) fn agent_refused(&mut self, actions: &mut Vec<Action>) {
        if self.agent != AgentState::Launching {
            return;
        }
        self.agent = AgentState::Refused;
        if self.goal == Goal::Run {
            actions.push(Action::arm(Timer::Agent, LONGEST_WAIT));
        }
    }

    /// Its unit was stopped by somebody: that is no fault, and it stays down until somebody starts it.
    pub(super) fn agent_unit_stopped(&mut self, actions: &mut Vec<Action>) {
        if self.goal != Goal::Run || !matches!(self.agent, AgentState::Running { .. }) {
            return;
        }
        for timer in [Timer::Probe, Timer::Forgive, Timer::Silent] {
            actions.push(Action::Disarm(timer));
        }
        self.agent = AgentState::StoppedByOperator;
        actions.push(Action::AwaitAgent);
    }

    pub(super) fn agent_ended(&mut self, ending: Ending, actions: &mut Vec<Action>) {
        if !matches!(self.agent, AgentState::Running { .. }) {
            return;
        }
        self.loss = Reason::AgentExited;
        self.forget_link(actions);
        actions.push(Action::Disarm(Timer::Probe));
        actions.push(Action::Disarm(Timer::Forgive));
        actions.push(Action::Disarm(Timer::Silent));
        match ending {
            Ending::Terminal => {
                self.agent = AgentState::Examining;
                actions.push(Action::ExamineExit);
            }
            Ending::Failure => {
                actions.push(Action::ExamineExit);
                self.back_off(actions);
            }
            Ending::ForAnotherImage => {
                actions.push(Action::ExamineExit);
                self.agent = AgentState::Idle;
                self.image_changing();
            }
        }
    }

    pub(super) fn examined(&mut self, verdict: Verdict, actions: &mut Vec<Action>) {
        if self.agent != AgentState::Examining {
            return;
        }
        if self.goal != Goal::Run {
            self.agent = AgentState::Stopped;
            return;
        }
        match verdict {
            Verdict::Mended => return self.back_off(actions),
            Verdict::Curable => {
                self.failures = self.failures.max(BUDGET);
                return self.back_off(actions);
            }
            Verdict::Terminal => self.agent = AgentState::Failed,
        }
        if self.policy.exit_on_failed {
            actions.push(Action::Exit);
        } else {
            actions.push(Action::arm(Timer::Agent, self.policy.slow_retry));
        }
    }

    pub(super) fn back_off(&mut self, actions: &mut Vec<Action>) {
        self.failures = self.failures.saturating_add(1);
        self.charged = self.charged.saturating_add(1);
        if self.goal != Goal::Run {
            return;
        }
        // The first restart begins at once: `advance` sees an idle agent.
        if self.failures <= 1 {
            self.agent = AgentState::Idle;
            return;
        }
        self.agent = AgentState::BackingOff;
        actions.push(Action::arm(
            Timer::Agent,
            wait_after(self.failures, self.policy.slow_retry),
        ));
    }

    pub(super) fn replace(&mut self, actions: &mut Vec<Action>) {
        if matches!(self.agent, AgentState::Running { .. }) {
            actions.push(Action::Disarm(Timer::Probe));
            actions.push(Action::Disarm(Timer::Forgive));
            self.agent = AgentState::Idle;
        }
    }

    pub(super) fn probed(&mut self, probe: Probe, actions: &mut Vec<Action>) {
        let AgentState::Running {
            registered,
            silent,
            probes,
        } = &mut self.agent
        else {
            return;
        };
        // They are counted while it is not registered.
        *probes = match *registered {
            true => 0,
            false => probes.saturating_add(1),
        };
        self.agent_unasked = probe == Probe::Unasked;
        let next = match probe {
            // That says nothing of the agent.
            Probe::Unasked => PROBE_AGAIN,
            Probe::Registered => {
                if !*registered {
                    *registered = true;
                    self.was_healthy = true;
                    actions.push(Action::arm(Timer::Forgive, FORGIVEN_AFTER));
                }
                *silent = 0;
                actions.push(Action::Disarm(Timer::Silent));
                PROBE_EVERY
            }
            Probe::Unregistered | Probe::Silent if !*registered => {
                if probe == Probe::Unregistered {
                    *silent = 0;
                } else {
                    *silent = silent.saturating_add(1);
                }
                if *probes < QUICK_PROBES {
                    PROBE_NEW
                } else {
                    PROBE_UNREGISTERED
                }
            }
            // It was registered, and answers without a registration: it starts anew inside.
            Probe::Unregistered => {
                *registered = false;
                *silent = 0;
                actions.push(Action::Disarm(Timer::Forgive));
                PROBE_NEW
            }
            Probe::Silent => {
                *silent = silent.saturating_add(1);
                if let (SILENT_PROBES, Some(after)) = (*silent, self.policy.restart_silent_agent) {
                    actions.push(Action::arm(Timer::Silent, after));
                }
                PROBE_AGAIN
            }
        };
        if self.goal == Goal::Run {
            actions.push(Action::arm(Timer::Probe, next));
        }
    }

    /// A hang that lasts: the agent is ended, and then started like one that failed.
    pub(super) fn end_silent_agent(&mut self, actions: &mut Vec<Action>) {
        let AgentState::Running { silent, .. } = self.agent else {
            return;
        };
        if silent < SILENT_PROBES {
            return;
        }
        // Ending it may fail; then again.
        if let Some(after) = self.policy.restart_silent_agent {
            actions.push(Action::arm(Timer::Silent, after));
        }
        if !self.held && self.engine == EngineState::Up {
            actions.push(Action::EndAgent);
        }
    }
}
