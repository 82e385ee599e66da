//! The plan's files, directories and network parts, put on the host and taken off.

use crate::apply::{self, Network};
use crate::supervise::news::News;

use super::units::load_profile;
use super::{Crew, Kind};

impl Crew {
    pub(super) fn apply_plan(&mut self) {
        let Some(plan) = self.plan.clone() else {
            return;
        };
        let applier = self.applier.clone();
        let root = self.root.clone();
        self.spawn(Kind::Plan, async move {
            let files = {
                let plan = plan.clone();
                tokio::task::spawn_blocking(move || apply::files(&plan)).await
            };
            let network = applier.apply(&Network::from(&*plan)).await;
            let mut findings = files.unwrap_or_default();
            findings.extend(network.findings);
            if let Some(agent) = &plan.agent {
                findings.extend(load_profile(&root, &agent.create_request).await);
            }
            News::PlanApplied {
                findings,
                repaired: network.repaired,
            }
        });
    }

    pub(super) fn undo_plan(&mut self) {
        let applier = self.applier.clone();
        self.spawn(Kind::Plan, async move {
            News::PlanUndone {
                findings: applier.undo().await.findings,
            }
        });
    }
}
