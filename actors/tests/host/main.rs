//! What a host makes of its log: live lane, data path, back-fill, failures of hosted sensors, replays.

mod backfill;
mod isolation;
mod live;
mod path;
mod plant;
mod replay;
