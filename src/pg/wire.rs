//! Messages over a stream, in both directions at once.
//!
//! Sending alone can hang for good: a server that can't get rid of its answers stops reading our
//! statements. So whoever sends also reads, and whoever reads also sends. Both can be dropped at any
//! await without losing a byte.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::incoming::{Frame, Incoming};
use super::stream::Stream;

/// Answers that may pile up while we send; beyond this the caller must receive first.
const BACKLOG: usize = 1024 * 1024;

/// Why no further message comes.
pub(super) enum WireError {
    /// The stream ended or broke.
    Gone(String),
    /// The bytes make no sense.
    Nonsense(String),
}

pub(super) struct Wire {
    stream: Stream,
    pub(super) incoming: Incoming,
    pub(super) out: BytesMut,
    /// Bytes were written and not yet flushed.
    unflushed: bool,
    /// Sending has failed; what the server said before is still to be read.
    write_broken: Option<String>,
    /// Reading has ended.
    read_ended: Option<String>,
    /// A message made no sense; nothing behind it can be trusted.
    nonsense: Option<String>,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            incoming: Incoming::new(),
            out: BytesMut::with_capacity(16 * 1024),
            unflushed: false,
            write_broken: None,
            read_ended: None,
            nonsense: None,
        }
    }

    /// The next message, sending what waits to be sent meanwhile.
    pub(super) async fn receive(&mut self) -> Result<Frame, WireError> {
        std::future::poll_fn(|cx| {
            // A failure to send isn't told before everything that the server said was read: it may
            // have said why, or that COMMIT was done.
            let _ = self.poll_send(cx);
            loop {
                if let Some(reason) = &self.nonsense {
                    return Poll::Ready(Err(WireError::Nonsense(reason.clone())));
                }
                match self.incoming.next() {
                    Ok(Some(frame)) => return Poll::Ready(Ok(frame)),
                    Ok(None) => {}
                    Err(reason) => {
                        self.nonsense = Some(reason);
                        continue;
                    }
                }
                if self.poll_fill(cx).is_pending() {
                    return Poll::Pending;
                }
                if let Some(reason) = &self.read_ended {
                    return Poll::Ready(Err(WireError::Gone(reason.clone())));
                }
            }
        })
        .await
    }

    /// Whether a message, or the beginning of one, has come: the rest of it will. It doesn't wait.
    pub(super) async fn has_answer(&mut self) -> bool {
        std::future::poll_fn(|cx| {
            if self.incoming.buffer.is_empty() {
                let _ = self.poll_fill(cx);
            }
            Poll::Ready(!self.incoming.buffer.is_empty() || self.read_ended.is_some())
        })
        .await
    }

    /// Sends what waits to be sent. Returns early, with bytes left, when so many answers wait that they
    /// must be received first; [`Wire::receive`] sends on.
    pub(super) async fn flush(&mut self) -> Result<(), WireError> {
        std::future::poll_fn(|cx| {
            loop {
                match self.poll_send(cx) {
                    Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
                    Poll::Ready(Err(())) => {
                        let reason = self.write_broken.clone().unwrap_or_default();
                        return Poll::Ready(Err(WireError::Gone(reason)));
                    }
                    Poll::Pending => {}
                }
                if self.incoming.buffer.len() >= BACKLOG {
                    return Poll::Ready(Ok(()));
                }
                if self.poll_fill(cx).is_pending() {
                    return Poll::Pending;
                }
                if let Some(reason) = &self.read_ended {
                    return Poll::Ready(Err(WireError::Gone(reason.clone())));
                }
            }
        })
        .await
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        if self.write_broken.is_some() {
            return Poll::Ready(Err(()));
        }
        let sent = loop {
            if self.out.is_empty() {
                if !self.unflushed {
                    return Poll::Ready(Ok(()));
                }
                match std::pin::Pin::new(&mut self.stream).poll_flush(cx) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) => self.unflushed = false,
                    Poll::Ready(Err(error)) => break error,
                }
                continue;
            }
            // `write_buf` takes from `out` exactly what was accepted, so dropping it loses nothing.
            match pin!(self.stream.write_buf(&mut self.out)).as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => break io::ErrorKind::WriteZero.into(),
                Poll::Ready(Ok(_)) => self.unflushed = true,
                Poll::Ready(Err(error)) => break error,
            }
        };
        self.write_broken = Some(sent.to_string());
        Poll::Ready(Err(()))
    }

    /// Reads once. The end of the stream is noted in `read_ended`.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.read_ended.is_some() {
            return Poll::Ready(());
        }
        let buffer = &mut self.incoming.buffer;
        if buffer.capacity() - buffer.len() < 8 * 1024 {
            buffer.reserve(32 * 1024);
        }
        match pin!(self.stream.read_buf(buffer)).as_mut().poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(0)) => self.read_ended = Some("the other side closed it".to_owned()),
            Poll::Ready(Ok(_)) => {}
            // rustls' word for a peer that went without saying goodbye, as PostgreSQL does.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.read_ended = Some("the other side closed it".to_owned());
            }
            Poll::Ready(Err(error)) => self.read_ended = Some(error.to_string()),
        }
        Poll::Ready(())
    }

    /// Says goodbye; nobody waits for an answer.
    pub(super) async fn shutdown(&mut self) {
        if self.flush().await.is_ok() {
            let _ = self.stream.shutdown().await;
        }
    }

    /// Waits until the other side has closed.
    pub(super) async fn closed(&mut self) {
        while self.read_ended.is_none() {
            std::future::poll_fn(|cx| self.poll_fill(cx)).await;
            self.incoming.buffer.clear();
        }
    }
}
