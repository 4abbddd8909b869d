//! What ureq makes of a request, found out without sending it.
//!
//! Settings of one request and the length of its body are ureq's secret until it connects. So the agent that the
//! application holds has no network: its connections take down what they were asked for, and fail with it. The real
//! requests go by the agent underneath, with settings and lengths known.

use std::fmt;
use std::time::Duration;

use http::{Request, Uri};
use ureq::config::Config;
use ureq::middleware::MiddlewareNext;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};
use ureq::{Agent, Error, SendBody};

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) status_as_error: bool,
    pub(super) redirects: u32,
    pub(super) too_many_is_error: bool,
    pub(super) within: Option<Duration>,
    pub(super) body: Length,
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// There is none.
    Absent,
    /// So many bytes.
    Known(u64),
    /// It ends when it ends.
    Unknown,
}

/// Whatever `request` would be sent as, found out by the agent that [`agent`] made.
///
/// # Errors
///
/// What ureq says to a request that cannot be sent.
pub(super) fn sound(next: MiddlewareNext<'_>, request: Request<SendBody<'_>>) -> Result<Terms, Error> {
    match next.handle(request) {
        Err(Error::Other(error)) => error.downcast::<Terms>().map(|terms| *terms).map_err(Error::Other),
        Err(error) => Err(error),
        Ok(_) => Err(Error::ConnectionFailed),
    }
}

/// An agent with no way out but its middleware.
pub(super) fn agent(config: Config) -> Agent {
    Agent::with_parts(config, Sounder, Nowhere)
}

#[derive(Debug)]
struct Sounder;

impl Connector for Sounder {
    type Out = Ear;

    fn connect(&self, details: &ConnectionDetails<'_>, _chained: Option<()>) -> Result<Option<Ear>, Error> {
        let config = details.config;
        let terms = Terms {
            status_as_error: config.http_status_as_error(),
            redirects: config.max_redirects(),
            too_many_is_error: config.max_redirects_will_error(),
            within: config.timeouts().global,
            body: Length::Absent,
        };
        let buffers = LazyBuffers::new(1, config.output_buffer_size().max(1));
        Ok(Some(Ear { terms, head: Vec::new(), buffers }))
    }
}

/// A connection that hears the head of a request, and no more.
struct Ear {
    terms: Terms,
    head: Vec<u8>,
    buffers: LazyBuffers,
}

impl Transport for Ear {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _timeout: NextTimeout) -> Result<(), Error> {
        let written = self.buffers.output();
        self.head.extend_from_slice(written.get(..amount).unwrap_or(written));
        match self.head.windows(4).position(|end| end == b"\r\n\r\n") {
            Some(end) => Err(Error::Other(Box::new(Terms { body: length(&self.head[..end]), ..self.terms }))),
            None => Ok(()),
        }
    }

    fn await_input(&mut self, _timeout: NextTimeout) -> Result<bool, Error> {
        Err(Error::ConnectionFailed)
    }

    fn is_open(&mut self) -> bool {
        false
    }

    /// There is nobody to keep a secret from.
    fn is_tls(&self) -> bool {
        true
    }
}

/// The length that a request's head announces.
fn length(head: &[u8]) -> Length {
    let mut length = Length::Absent;
    for line in head.split(|&byte| byte == b'\n') {
        let (name, value) = line.split_at(line.iter().position(|&byte| byte == b':').unwrap_or(line.len()));
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Length::Unknown;
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let value = std::str::from_utf8(value).ok().and_then(|value| value.strip_prefix(':')?.trim().parse().ok());
            length = value.map_or(Length::Unknown, Length::Known);
        }
    }
    length
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ear")
    }
}

/// Names are not looked up.
#[derive(Debug)]
struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(&self, _uri: &Uri, _config: &Config, _timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was not to be sent")
    }
}

impl std::error::Error for Terms {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_from_the_head() {
        for (head, expected) in [
            ("GET / HTTP/1.1\r\nhost: a", Length::Absent),
            ("POST / HTTP/1.1\r\nContent-Length: 0", Length::Known(0)),
            ("POST / HTTP/1.1\r\nx: content-length\r\ncontent-length:12\r\ny: z", Length::Known(12)),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked", Length::Unknown),
            ("POST / HTTP/1.1\r\ncontent-length: many", Length::Unknown),
        ] {
            assert_eq!(length(head.as_bytes()), expected, "{head}");
        }
    }
}
