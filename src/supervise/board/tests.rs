use super::*;
use crate::host::files::Root;
use crate::settings::AgentBackend;

#[test]
fn an_agent_of_amazons_unit_runs_by_older_files_until_it_is_restarted() {
    let mut loaded = Loaded::default();
    loaded.settings.agent.backend = AgentBackend::EcsService;
    let directory = tempfile::tempdir().unwrap();
    let mut board = Board::new(loaded, "unit", Timeline::begin(&Root::at(directory.path())));
    board.recompute();
    assert!(!board.runs_otherwise(), "no agent runs");
    board.agent.started_at = Some("2026-11-20T10:00:07.5Z".to_owned());
    assert!(!board.runs_otherwise(), "nothing is known of its files");
    let at = |time| humantime::parse_rfc3339(time).ok();
    board.agent_files_changed = at("2026-11-20T10:00:07.4Z");
    assert!(!board.runs_otherwise());
    board.agent_files_changed = at("2026-11-20T10:00:07.6Z");
    assert!(board.runs_otherwise());
    board.agent.started_at = Some("2026-11-20T10:00:09Z".to_owned());
    assert!(!board.runs_otherwise());
}
