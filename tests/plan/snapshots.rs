//! The public JSON of every fixture's plan.

use ecs_nanny::cli;
use ecs_nanny::plan::{VERSION_LABEL, masked};

use crate::fixture;

#[test]
fn every_fixture_has_its_plan() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(fixture::directory().join("expected"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let names = fixture::names();
    assert!(names.len() >= 40);
    for name in names {
        let mut plan = masked(&fixture::plan(&name));
        // The version changes with every release, and nothing else with it.
        if let Some(labels) = plan
            .agent
            .as_mut()
            .and_then(|agent| agent.create_request.labels.as_mut())
        {
            labels.insert(VERSION_LABEL.to_owned(), "[version]".to_owned());
        }
        let json = format!("{:#}", cli::plan::json(&plan));
        settings.bind(|| insta::assert_snapshot!(name.as_str(), json));
    }
}
