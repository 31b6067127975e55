//! One TCP connection to a Modbus peer: one request at a time, each with its time limit.
//!
//! A Modbus reply is matched to its request by a transaction number alone, and a device that is late may still answer. So a
//! connection on which anything went wrong (silence, a wrong number, a wrong length) is never used again: the caller opens
//! a new one, and no late answer can be taken for another's.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_modbus::client::{Client, Context, tcp};
use tokio_modbus::slave::SlaveContext;
use tokio_modbus::{ExceptionCode, Request, Response, Slave};

use super::plan::Block;
use super::register::RegisterKind;

/// Why a request brought no data.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    /// The peer answered that it will not.
    #[error("exception {:#04x}", u8::from(*.0))]
    Refused(ExceptionCode),
    /// Silence. The connection is gone.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// The connection broke or carried nonsense. It is gone.
    #[error("{0}")]
    Broken(String),
}

/// Registers or bits of a block.
pub(super) enum Data {
    Words(Vec<u16>),
    Bits(Vec<bool>),
}

/// An open connection.
pub(super) struct Link {
    context: Context,
    /// Whether it has answered yet: one that has may have been closed for idling, one that has not is of no use.
    pub answered: bool,
}

impl Link {
    pub async fn open(address: &str, limit: Duration) -> Result<Self, String> {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // A request is a dozen bytes and is waited for: never hold it back.
                stream
                    .set_nodelay(true)
                    .map_err(|e| format!("cannot set up the connection to {address}: {e}"))?;
                Ok(Self::over(stream))
            }
            Ok(Err(e)) => Err(format!("cannot connect to {address}: {e}")),
            Err(_) => Err(format!("cannot connect to {address}: no answer within {limit:?}")),
        }
    }

    fn over(stream: TcpStream) -> Self {
        Self { context: tcp::attach(stream), answered: false }
    }

    /// Reads one block. After [`NoAnswer::Silent`] or [`NoAnswer::Broken`] the link must be dropped.
    pub async fn read(
        &mut self,
        unit: u8,
        block: &Block,
        limit: Duration,
    ) -> Result<Data, NoAnswer> {
        self.context.set_slave(Slave(unit));
        let request = match block.kind {
            RegisterKind::Holding => Request::ReadHoldingRegisters(block.first, block.count),
            RegisterKind::Input => Request::ReadInputRegisters(block.first, block.count),
            RegisterKind::Coil => Request::ReadCoils(block.first, block.count),
            RegisterKind::Discrete => Request::ReadDiscreteInputs(block.first, block.count),
        };
        let count = usize::from(block.count);
        let answer = timeout(limit, self.context.call(request))
            .await
            .map_err(|_| NoAnswer::Silent(limit))?;
        let data =
            match answer {
                Err(e) => return Err(NoAnswer::Broken(format!("{e}"))),
                Ok(Err(exception)) => {
                    self.answered = true;
                    return Err(NoAnswer::Refused(exception));
                }
                Ok(Ok(
                    Response::ReadHoldingRegisters(words) | Response::ReadInputRegisters(words),
                )) if words.len() == count => Data::Words(words),
                // Bits come in whole bytes; what pads the last one is not asked about.
                Ok(Ok(Response::ReadCoils(bits) | Response::ReadDiscreteInputs(bits)))
                    if bits.len() == count.div_ceil(8) * 8 =>
                {
                    Data::Bits(bits)
                }
                Ok(Ok(_)) => {
                    return Err(NoAnswer::Broken(format!(
                        "the answer does not hold the {count} registers asked for"
                    )));
                }
            };
        self.answered = true;
        Ok(data)
    }
}
