//! Keeps the engine and the agent up: a pure machine decides, a loop performs.

pub mod state;
