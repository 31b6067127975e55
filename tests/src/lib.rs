//! Whole-system tests: what no single crate can prove. The tests themselves are in `tests/tests/` (Rust) and `tests/web/` (a
//! real browser); this library holds what they share.
