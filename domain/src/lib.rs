//! Pure rules and types of the supervision of hazardous-chemical enterprises.
//!
//! Nothing here reads a clock, does I/O, logs, or draws a random number: given the same inputs a rule gives the same
//! answer, so that replaying a log after a crash comes to the same alarms. Time comes in as a value.
//! A regulator's engineer should be able to open one file here and check a rule against the clause that it cites.

pub mod alarm;
pub mod alarm_book;
pub mod alarm_defaults;
pub mod alarm_health;
pub mod colour;
pub mod conditions;
pub mod detect;
pub mod disposition;
pub mod equipment_state;
pub mod ids;
pub mod life_cycle;
pub mod limits;
pub mod local_date;
pub mod log;
pub mod point;
pub mod quality;
pub mod quiet_rights;
pub mod region;
pub mod restart;
pub mod rollup;
pub mod roster;
pub mod sensor;
pub mod suppression;
pub mod time;
pub mod uplink;
pub mod warning;
