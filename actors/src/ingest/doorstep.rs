//! How much of a connection is read before it has signed in.
//!
//! A frame may have 4 MiB, but who has not shown a secret gets no such room: any number of strangers would otherwise be given
//! it. What goes beyond is left in the socket, and the connection is refused by whoever waits for the hello. A gateway
//! that sends frames before it is welcomed loses nothing: they are read once the door is open.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are read before sign-in, the WebSocket handshake included. A hello has some hundred; its list of what still
/// waits in the spool grows by some ten bytes with every boot that was never acknowledged.
pub const BEFORE_SIGN_IN_MAX: usize = 64 * 1024;

/// Opens the way for the rest of a connection.
pub struct Door {
    left: AtomicUsize,
    open: AtomicBool,
    full: AtomicBool,
}

impl Door {
    /// Whoever is outside has signed in.
    pub fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    /// Whether more came than is read before sign-in.
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }
}

/// A stream of which only the beginning is read until its door is open.
pub struct Doorstep<S> {
    stream: S,
    door: Arc<Door>,
}

impl<S> Doorstep<S> {
    /// A stream whose peer has not signed in, and its door.
    pub fn new(stream: S) -> (Self, Arc<Door>) {
        let door = Arc::new(Door {
            left: AtomicUsize::new(BEFORE_SIGN_IN_MAX),
            open: AtomicBool::new(false),
            full: AtomicBool::new(false),
        });
        (Self { stream, door: door.clone() }, door)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Doorstep<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, door } = self.get_mut();
        if door.open.load(Ordering::Relaxed) {
            return Pin::new(stream).poll_read(context, into);
        }
        let left = door.left.load(Ordering::Relaxed);
        if left == 0 {
            // Nobody need be woken: whoever waits for the hello looks at the door, and reading begins anew once it is open.
            door.full.store(true, Ordering::Relaxed);
            return Poll::Pending;
        }
        let most = left.min(into.remaining());
        let mut part = ReadBuf::new(into.initialize_unfilled_to(most));
        let polled = Pin::new(stream).poll_read(context, &mut part);
        let read = part.filled().len();
        into.advance(read);
        door.left.store(left - read, Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Doorstep<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
