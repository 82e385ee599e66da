//! The supervision of the engine and the agent.

pub mod exit_reason;
