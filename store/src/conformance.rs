//! What every engine of a port must do, as functions that an engine's test calls. A second engine joins by one line.
//!
//! They fail by panicking, as tests do, and need nothing but the port. Faults that only one engine can have (a torn
//! file, a lost node) are tested beside that engine.

mod journal;
mod state;

pub use journal::journal;
pub use state::state;
