//! Short messages: how many parts a text takes, cutting it to what is paid for, and the senders.

pub mod aliyun;
pub mod answer;
pub mod http;
pub mod length;
pub mod modem;
mod percent;
