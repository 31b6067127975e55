//! A relay in front of a field server that can be told to misbehave.
//!
//! Clients know only the relay's address. Without a fault it passes bytes both ways; with one it resets connections,
//! takes requests without answering, answers late, or answers rubbish. Frozen values are not a matter of bytes and are
//! made where values are published.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How a field server misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ServerFault {
    /// Connections are reset: the device has no power or no network.
    Refuse,
    /// Connections are taken and requests read, but nothing is ever answered.
    Silent,
    /// Answers come this much later.
    Slow {
        /// Milliseconds.
        delay_ms: u32,
    },
    /// Answers are rubbish of the right length.
    Garbage,
    /// Values stand still although everything answers.
    Freeze,
}

/// The relay of one server.
#[derive(Debug)]
pub struct Front {
    /// Where clients connect.
    pub address: SocketAddr,
    fault: watch::Sender<Option<ServerFault>>,
}

impl Front {
    /// Listens on loopback, on a free port.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn bind() -> io::Result<(Self, TcpListener)> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        Ok((Self { address, fault: watch::Sender::new(None) }, listener))
    }

    /// Relays connections to `upstream` until `stop`.
    pub fn relay(&self, listener: TcpListener, upstream: SocketAddr, stop: CancellationToken) {
        tokio::spawn(accept(listener, upstream, self.fault.subscribe(), stop));
    }

    /// The fault now.
    #[must_use]
    pub fn fault(&self) -> Option<ServerFault> {
        *self.fault.borrow()
    }

    /// Lets the server misbehave, or behave with `None`.
    pub fn set_fault(&self, fault: Option<ServerFault>) {
        self.fault.send_replace(fault);
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    fault: watch::Receiver<Option<ServerFault>>,
    stop: CancellationToken,
) {
    loop {
        let client = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => client,
                Err(error) => {
                    // Out of descriptors, most likely: it passes.
                    tracing::warn!(%error, %upstream, "a field server could not take a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let (fault, stop) = (fault.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                result = pass(client, upstream, fault) => {
                    if let Err(error) = result {
                        tracing::debug!(%error, %upstream, "a field connection ended");
                    }
                }
            }
        });
    }
}

async fn pass(
    client: TcpStream,
    upstream: SocketAddr,
    mut fault: watch::Receiver<Option<ServerFault>>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    if *fault.borrow() == Some(ServerFault::Refuse) {
        return reset(&client);
    }
    let server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let (from_server, to_server) = server.into_split();
    let (from_client, to_client) = client.into_split();
    let (requests, answers) = (fault.clone(), fault.clone());
    tokio::select! {
        result = carry(from_client, to_server, requests, Way::Request) => result,
        result = carry(from_server, to_client, answers, Way::Answer) => result,
        // Power lost: what is open breaks at once.
        changed = fault.wait_for(|f| *f == Some(ServerFault::Refuse)) => {
            drop(changed);
            Ok(())
        }
    }
}

fn reset(client: &TcpStream) -> io::Result<()> {
    client.set_zero_linger()
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Request,
    Answer,
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    fault: watch::Receiver<Option<ServerFault>>,
    way: Way,
) -> io::Result<()> {
    let mut buffer = vec![0u8; 16 * 1024];
    // A small generator is enough for rubbish, and the same rubbish every time.
    let mut rubbish: u32 = 0x9E37_79B9;
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        let bytes = &mut buffer[..read];
        let now = *fault.borrow();
        match (way, now) {
            (Way::Answer, Some(ServerFault::Silent)) => continue,
            (Way::Answer, Some(ServerFault::Slow { delay_ms })) => {
                tokio::time::sleep(Duration::from_millis(u64::from(delay_ms))).await;
            }
            (Way::Answer, Some(ServerFault::Garbage)) => {
                for byte in bytes.iter_mut() {
                    rubbish = rubbish.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *byte = rubbish.to_be_bytes()[0];
                }
            }
            _ => {}
        }
        to.write_all(bytes).await?;
    }
}
