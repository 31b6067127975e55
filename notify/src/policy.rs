//! When to try again, what to join, whom to leave asleep: pure decisions. Time comes in as a value, the state belongs to
//! the caller, who keeps it where it survives a restart, and the same inputs give the same answer.

pub mod flow;
pub mod health;
pub mod join;
pub mod quiet;
pub mod retry;
