//! Whole-system tests: what no single crate can prove. The tests themselves are in `tests/tests/` (Rust) and `tests/web/` (a
//! real browser); this library holds what they share: real processes, a small plant, and a gateway that follows a script.

pub mod demo;
pub mod plant;
pub mod process;
pub mod scripted_gateway;
