//! The connection to a mail server: it waits for an answer as long as RFC 5321 (4.5.3.2) says, and holds the final dot back until it is let
//! go, since a message cannot be taken before.

use super::{ANSWER_DEADLINE, COMMAND_DEADLINE};
use crate::system::lock;
use lettre::transport::smtp::client::AsyncTokioStream;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep};

/// Where the final dot waits until it is known on disk that it goes out.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    held: Mutex<Held>,
    reached: Notify,
}

#[derive(Debug, Default)]
struct Held {
    phase: Phase,
    writer: Option<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// What is written cannot be taken yet.
    #[default]
    Before,
    /// The final dot is next, and waits.
    Closed,
    /// The final dot may go out.
    Open,
}

impl Gate {
    /// All of the message but its final dot was written: nothing more goes out.
    pub(super) fn close(&self) {
        lock(&self.0.held).phase = Phase::Closed;
        self.0.reached.notify_one();
    }

    /// Waits until the final dot is next.
    pub(super) async fn reached(&self) {
        self.0.reached.notified().await;
    }

    /// Lets the final dot go.
    pub(super) fn open(&self) {
        let mut held = lock(&self.0.held);
        held.phase = Phase::Open;
        if let Some(writer) = held.writer.take() {
            writer.wake();
        }
    }

    /// The next message can be begun: the one before was answered.
    pub(super) fn reset(&self) {
        lock(&self.0.held).phase = Phase::Before;
    }

    fn poll_pass(&self, cx: &Context<'_>) -> Poll<Phase> {
        let mut held = lock(&self.0.held);
        if held.phase == Phase::Closed {
            held.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(held.phase)
    }

    fn phase(&self) -> Phase {
        lock(&self.0.held).phase
    }
}

/// A connection with the patience of RFC 5321: an answer is waited for from the last byte that was written.
#[derive(Debug)]
pub(super) struct PatientStream {
    stream: TcpStream,
    gate: Gate,
    patience: Pin<Box<Sleep>>,
    /// Nothing is written any more, no goodbye either: its answer would be waited for too.
    is_over: bool,
}

impl PatientStream {
    pub(super) fn new(stream: TcpStream, gate: Gate) -> Self {
        Self {
            stream,
            gate,
            patience: Box::pin(sleep(COMMAND_DEADLINE)),
            is_over: false,
        }
    }

    /// Something is over where the stream has no news and patience has ended.
    fn poll_patience<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.patience.as_mut().poll(cx));
        self.is_over = true;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => self.poll_patience(cx),
            read @ Poll::Ready(_) => read,
        }
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_over {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let phase = ready!(self.gate.poll_pass(cx));
        match Pin::new(&mut self.stream).poll_write(cx, buf) {
            Poll::Pending => self.poll_patience(cx),
            written @ Poll::Ready(_) => {
                let patience = match phase {
                    Phase::Before | Phase::Closed => COMMAND_DEADLINE,
                    Phase::Open => ANSWER_DEADLINE,
                };
                self.patience.as_mut().reset(Instant::now() + patience);
                written
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gate.phase() == Phase::Closed {
            // What was held back never goes out.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for PatientStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}
