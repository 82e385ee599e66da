//! What an exit status of the agent means.

/// The agent's exit status that asks not to be started again (amazon-ecs-agent, `ExitTerminal`).
pub const TERMINAL: i64 = 5;
/// The agent's exit status that asks for the image it has downloaded (`ExitUpdate`).
pub const UPDATE: i64 = 42;

/// What was made of an exit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// In words.
    pub meaning: String,
    /// May pass by itself.
    pub curable: bool,
}

/// Judges an exit by its status and the agent's last lines.
pub fn classify(code: i64, _lines: &[String]) -> Meaning {
    let meaning = match code {
        0 => "it ended (status 0) though nobody asked it to".to_owned(),
        1 => "it failed (status 1)".to_owned(),
        2 => "it crashed (status 2)".to_owned(),
        TERMINAL => "it asks not to be started again (status 5)".to_owned(),
        UPDATE => "it asks for its update (status 42)".to_owned(),
        signal if signal > 128 => format!("it was killed by signal {}", signal - 128),
        other => format!("it ended with status {other}"),
    };
    Meaning {
        meaning,
        curable: code != TERMINAL,
    }
}
