//! A connection that says when an answer was written: until then the request is under way.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::oneshot;

/// Who waits for the next write on a connection. Dropped with the connection, so that nobody waits in vain.
pub type Waiting = Rc<RefCell<Option<oneshot::Sender<()>>>>;

/// A connection of Docker.
pub struct Watched {
    stream: UnixStream,
    waiting: Waiting,
}

impl Watched {
    /// Watches a connection.
    pub fn new(stream: UnixStream, waiting: Waiting) -> Self {
        Watched { stream, waiting }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        // An answer that somebody waits for is short: hyper writes head and body at once.
        if matches!(written, Poll::Ready(Ok(count)) if count > 0)
            && let Some(waiting) = self.waiting.borrow_mut().take()
        {
            // Whoever waited may have been dropped.
            let _ = waiting.send(());
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
