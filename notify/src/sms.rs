//! Short messages: how many parts a text takes, and cutting it to what is paid for. The senders lie below.

pub mod length;
