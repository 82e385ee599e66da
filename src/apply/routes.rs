//! Routes of the host's main table.

use std::io;

use super::report::{ApplyReport, problem};
use crate::finding::{Finding, Severity};
use crate::host::routes::Route;
use crate::plan::PlannedRoute;

/// Routes on their way.
pub(super) struct Routes<'a> {
    /// The wanted ones.
    pub wanted: &'a [PlannedRoute],
}

impl Routes<'_> {
    /// The record while they are being added: those recorded before, and those that are missing now.
    pub async fn look(
        &self,
        recorded: &[PlannedRoute],
        report: &mut ApplyReport,
    ) -> Vec<PlannedRoute> {
        let mut record = recorded.to_vec();
        for wanted in self.wanted {
            if record.contains(wanted) {
                continue;
            }
            match is_present(wanted).await {
                Ok(true) => {}
                Ok(false) => record.push(wanted.clone()),
                Err(error) => report.findings.push(not_as_planned(wanted, &error)),
            }
        }
        record
    }

    /// Removes those that are no longer wanted and adds those that are missing. Returns the record that is then true.
    pub async fn act(
        &self,
        record: Vec<PlannedRoute>,
        recorded: &[PlannedRoute],
        report: &mut ApplyReport,
    ) -> Vec<PlannedRoute> {
        let mut done = Vec::new();
        for route in record {
            let wanted = self.wanted.contains(&route);
            let result = match host_route(&route) {
                Ok(host_route) if wanted => host_route.add().await,
                Ok(host_route) => host_route.remove().await,
                Err(error) => Err(error),
            };
            match result {
                Ok(false) => {}
                Ok(true) if wanted && recorded.contains(&route) => report.repaired += 1,
                Ok(true) => report.changed += 1,
                Err(ref error) => report.findings.push(not_as_planned(&route, error)),
            }
            if wanted || result.is_err() {
                done.push(route);
            }
        }
        done
    }
}

fn host_route(planned: &PlannedRoute) -> io::Result<Route> {
    Route::new(&planned.destination, &planned.device, &planned.scope)
}

async fn is_present(planned: &PlannedRoute) -> io::Result<bool> {
    host_route(planned)?.is_present().await
}

fn not_as_planned(route: &PlannedRoute, error: &io::Error) -> Finding {
    problem(
        "network.route",
        "the ECS agent's routes are as planned",
        Severity::Required,
        format!(
            "the route to {} over {}: {error}",
            route.destination, route.device
        ),
        "each planned route once, and none that is no longer planned",
        "see `ip route show table main`",
    )
}
