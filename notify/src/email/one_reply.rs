//! Reads no further than it has to before TLS begins.
//!
//! Whoever sits on the way can send lines behind the answer to `STARTTLS`. A reader that has buffered them takes them later
//! for answers that came protected, up to "message accepted" for one that never arrived (CVE-2011-0411 and its kin). Here
//! every octet before TLS is fetched only when it is wanted, so that such lines stay in the socket, where TLS meets them and
//! fails. It costs a system call for each of some hundred octets.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// First octet of a TLS handshake (RFC 8446, 5.1). No SMTP command begins with it.
const TLS_HANDSHAKE: u8 = 22;

/// A connection that begins without protection.
#[derive(Debug)]
pub(super) struct OneReply {
    tcp: TcpStream,
    in_tls: bool,
}

impl OneReply {
    pub fn new(tcp: TcpStream) -> Self {
        Self { tcp, in_tls: false }
    }
}

impl AsyncRead for OneReply {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.in_tls || buffer.remaining() == 0 {
            return Pin::new(&mut self.tcp).poll_read(context, buffer);
        }
        let mut octet = [0];
        let mut one = ReadBuf::new(&mut octet);
        ready!(Pin::new(&mut self.tcp).poll_read(context, &mut one))?;
        buffer.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for OneReply {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.in_tls |= octets.first() == Some(&TLS_HANDSHAKE);
        Pin::new(&mut self.tcp).poll_write(context, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

impl AsyncTokioStream for OneReply {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}
