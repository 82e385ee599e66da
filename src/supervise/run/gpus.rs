//! GPUs that the agent is to offer.

use crate::facts::HostFacts;
use crate::supervise::news::Gpus;
use crate::supervise::state::{Answer, Event};

use super::Supervisor;

impl Supervisor {
    /// Once, as soon as the plan has them: on a host without GPUs nothing is added to the start.
    pub(super) fn want_gpus(&mut self) {
        let plan = self.board.plan.as_ref();
        let wanted = plan.is_some_and(|plan| plan.preparation.gpu.is_some());
        if wanted && !std::mem::replace(&mut self.gpus_asked, true) {
            self.step(Event::GpusWanted);
        }
    }

    pub(super) fn gpus(&mut self, gpus: Gpus) {
        let (host, finding, missing) = match gpus {
            Gpus::Ready(host) => (host, None, None),
            Gpus::GoneWithout(host, finding) => (host, Some(finding), None),
            Gpus::Missing(host, why, finding) => (host, Some(finding), Some(why)),
        };
        self.board.gpu_finding = finding;
        self.follow(host);
        match missing {
            None => {
                self.board.why.gpus.clear();
                self.answer(Answer::GpusReady);
            }
            Some(why) => {
                self.board.why.gpus = why;
                self.answer(Answer::GpusMissing);
            }
        }
    }

    /// The plan follows the device files that have come.
    fn follow(&mut self, host: Option<Box<HostFacts>>) {
        if let Some(host) = host {
            self.board.facts.host = *host;
        }
        self.recomputed();
    }
}
