//! A byte stream of the runtime's as hyper reads and writes it, noting when a request begins to leave.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use futures_io::{AsyncRead, AsyncWrite};
use hyper::rt::{Read, ReadBufCursor, Write};

/// Any byte stream: a socket, TLS over one, TLS over TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// This many reads in a row give something, then others get a turn: a flood must not keep a deadline from passing.
const STREAK: u8 = 32;

/// What passed over a line since its last request began.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    wrote: AtomicBool,
    read: AtomicUsize,
}

impl Passed {
    /// Wipes the note.
    pub(crate) fn begin(&self) {
        self.wrote.store(false, Ordering::Relaxed);
        self.read.store(0, Ordering::Relaxed);
    }

    /// Whether anything was written.
    pub(crate) fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    /// How many bytes were read.
    pub(crate) fn read(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }
}

/// One connection.
pub(crate) struct Line {
    stream: Box<dyn Stream>,
    passed: Arc<Passed>,
    /// Nothing has ever been written. Until then nothing is read either: a server that hangs up on a connection that
    /// was just made may have seen the request that is on its way, and the answer must not depend on who was faster.
    silent: bool,
    reader: Option<Waker>,
    streak: u8,
    scratch: Box<[u8]>,
}

impl Line {
    /// A line over `stream`, and the note that it keeps.
    pub(crate) fn new(stream: Box<dyn Stream>) -> (Self, Arc<Passed>) {
        let passed = Arc::<Passed>::default();
        let note = Arc::clone(&passed);
        (Self { stream, passed, silent: true, reader: None, streak: 0, scratch: vec![0; 16 * 1024].into() }, note)
    }

    /// The stream again.
    pub(crate) fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }
}

impl Read for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, mut buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.silent {
            this.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if this.streak == STREAK {
            this.streak = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let room = buffer.remaining().min(this.scratch.len());
        let polled = Pin::new(&mut this.stream).poll_read(cx, &mut this.scratch[..room]);
        this.streak = if polled.is_ready() { this.streak + 1 } else { 0 };
        polled.map_ok(|read| {
            this.passed.read.fetch_add(read, Ordering::Relaxed);
            buffer.put_slice(&this.scratch[..read]);
        })
    }
}

impl Write for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.passed.wrote.store(true, Ordering::Relaxed);
        this.silent = false;
        if let Some(reader) = this.reader.take() {
            reader.wake();
        }
        Pin::new(&mut this.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_close(cx)
    }
}
