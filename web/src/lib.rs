//! HTTP and WebSocket for people and their pages: sign-in, the API of `docs/protocols/http.md`, the live stream of
//! `docs/protocols/live.md`, and the embedded front end.
//!
//! The thought behind it: one table of endpoints (`routes`), one gate that every request passes (`gate`), and handlers (`api`)
//! that can reach data only through what the gate hands them, which carries the person's scope. What a plant or an alarm
//! is, is decided elsewhere; nothing here computes a state.

mod api;
mod cursor;
mod gate;
mod live;
pub mod openapi;
pub mod options;
pub mod password;
mod problem;
pub mod routes;
mod server;
mod sheet;
mod simulator;
mod ui;
mod verdict;
mod views;

pub use options::{Clock, Limits, MetricsText, OVERDUE_MINUTES, Parts, ServeOptions};
pub use server::{ServeError, Server, serve};
