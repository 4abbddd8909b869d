//! One HTTP/1.1 connection, driven by whoever asks over it: no task of its own runs, so a request that is dropped takes
//! its connection along and leaves nothing behind.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use azlatch_core::effect::{Failure, FailureKind, Response, Sent};
use azlatch_core::secret::Secret;
use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1::{Builder, Connection, Parts, SendRequest};

use super::failure;
use super::line::{Line, Passed, Stream};

/// The most that the head of a response may be large, in bytes.
const HEAD: usize = 64 * 1024;

/// A connection to a server.
pub(crate) struct Channel {
    sender: SendRequest<Whole>,
    connection: Connection<Line, Whole>,
    passed: Arc<Passed>,
    over: bool,
}

impl Channel {
    /// Speaks HTTP over `stream`, which has not been written to.
    pub(crate) async fn over(stream: Box<dyn Stream>) -> Result<Self, hyper::Error> {
        let (line, passed) = Line::new(stream);
        let (sender, connection) = Builder::new().max_buf_size(HEAD).handshake(line).await?;
        Ok(Self { sender, connection, passed, over: false })
    }

    /// Whether another request can go over it. Bytes that nobody asked for, or a farewell, have closed it.
    pub(crate) async fn is_open(&mut self) -> bool {
        poll_fn(|cx| {
            self.advance(cx);
            Poll::Ready(())
        })
        .await;
        !self.over && self.sender.is_ready()
    }

    /// Whether the server may have seen some of the last request.
    pub(crate) fn sent(&self) -> Sent {
        if self.passed.wrote() { Sent::Maybe } else { Sent::No }
    }

    /// Sends `request` and takes in the response, whose body may be `limit` bytes.
    pub(crate) async fn exchange(&mut self, request: Request<Whole>, limit: usize) -> Result<Response, Failure> {
        self.passed.begin();
        let response = self.sender.send_request(request);
        let (parts, mut body) = match self.drive(response).await {
            Ok(response) => response.into_parts(),
            // hyper does not tell a head that is too long from one that is wrong.
            Err(error) if error.is_parse() && self.passed.read() >= HEAD => return Err(too_large(HEAD)),
            Err(error) => return Err(failure::exchanging(&error, self.sent())),
        };
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if announced > limit {
            return Err(too_large(limit));
        }
        let mut taken = Vec::with_capacity(announced);
        while let Some(frame) = self.drive(poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await {
            let frame = frame.map_err(|error| failure::exchanging(&error, Sent::Maybe))?;
            let Ok(data) = frame.into_data() else { continue };
            if data.len() > limit - taken.len() {
                return Err(too_large(limit));
            }
            taken.extend_from_slice(&data);
        }
        let headers = parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        Ok(Response::new(parts.status.as_u16(), headers.collect(), taken))
    }

    /// Sends a CONNECT request (RFC 9110 §9.3.6): the stream beyond it, or the status of the refusal.
    pub(crate) async fn tunnel(mut self, request: Request<Whole>) -> Result<Tunnel, hyper::Error> {
        let mut answer = pin!(self.sender.send_request(request));
        let answered = poll_fn(|cx| {
            if !self.over {
                self.over = self.connection.poll_without_shutdown(cx).is_ready();
            }
            answer.as_mut().poll(cx)
        });
        let status = answered.await?.status();
        if !status.is_success() {
            return Ok(Tunnel::Refused);
        }
        drop(self.sender);
        if !self.over {
            poll_fn(|cx| self.connection.poll_without_shutdown(cx)).await?;
        }
        let Parts { io, read_buf, .. } = self.connection.into_parts();
        Ok(if read_buf.is_empty() { Tunnel::Open(io.into_stream()) } else { Tunnel::Chatty })
    }

    /// Runs `future` and the connection that it waits for, together.
    async fn drive<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|cx| {
            self.advance(cx);
            future.as_mut().poll(cx)
        })
        .await
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        if !self.over {
            // Its errors reach whoever waits for an answer; when nobody does they only mean that it is over.
            self.over = Pin::new(&mut self.connection).poll(cx).is_ready();
        }
    }
}

fn too_large(limit: usize) -> Failure {
    Failure { sent: Sent::Maybe, kind: FailureKind::TooLarge, detail: format!("more than {limit} bytes") }
}

/// What a proxy answered to CONNECT.
pub(crate) enum Tunnel {
    /// The server is at the other end.
    Open(Box<dyn Stream>),
    /// No.
    Refused,
    /// Yes, and then it spoke before it was spoken to, which no TLS server does.
    Chatty,
}

/// A request body, sent in one piece and wiped afterwards.
pub(crate) struct Whole(Option<Bytes>);

struct Wiped(Secret<[u8]>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl Whole {
    /// `body`, or nothing.
    pub(crate) fn new(body: Option<Secret<[u8]>>) -> Self {
        Self(body.filter(|body| !body.expose_secret().is_empty()).map(|body| Bytes::from_owner(Wiped(body))))
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.get_mut().0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
