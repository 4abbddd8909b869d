//! HTTP as values: one request, one response or one classified failure.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::secret::Secret;

/// One HTTP request, with every limit the driver must keep.
///
/// Redirects are never followed: a 3xx is an ordinary response. `https` is required, except to loopback and
/// link-local addresses with [`Proxy::Never`] (metadata endpoints). A driver never repeats a request by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Http {
    /// GET or POST.
    pub method: Method,
    /// Absolute URL, already validated by the core; never carries a secret.
    pub url: String,
    /// Request headers, beside those that HTTP itself needs.
    pub headers: Vec<Header>,
    /// The body of a POST; a secret, since it carries credentials.
    pub body: Option<Secret<[u8]>>,
    /// Bytes of body (after decoding) that the driver may take in; more is [`FailureKind::TooLarge`].
    pub limit: usize,
    /// The whole exchange, from name resolution to the last byte, ends within this.
    pub timeout: Duration,
    /// Whether a proxy may be used.
    pub proxy: Proxy,
}

impl Http {
    /// A GET of `url`.
    #[must_use]
    pub const fn get(url: String, limit: usize, timeout: Duration) -> Self {
        Self { method: Method::Get, url, headers: Vec::new(), body: None, limit, timeout, proxy: Proxy::Environment }
    }

    /// A POST of `body` to `url`.
    #[must_use]
    pub fn post(url: String, body: Secret<[u8]>, limit: usize, timeout: Duration) -> Self {
        let get = Self::get(url, limit, timeout);
        Self { method: Method::Post, body: Some(body), ..get }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<Secret>) -> Self {
        self.headers.push(Header { name, value: value.into() });
        self
    }
}

/// The request methods of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET (RFC 9110 §9.3.1).
    Get,
    /// POST (RFC 9110 §9.3.3).
    Post,
}

/// A request header; its value may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// Field name in lower case.
    pub name: &'static str,
    /// Field value.
    pub value: Secret,
}

/// Whether a request may go through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proxy {
    /// As `HTTPS_PROXY` and `NO_PROXY` say.
    Environment,
    /// Never: metadata endpoints answer for this machine alone.
    Never,
}

/// One HTTP response, whole.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header fields, names in lower case, in the order received. Values that are not visible ASCII are left out.
    pub headers: Vec<(String, String)>,
    /// The body, decoded; a secret, since it may carry tokens.
    pub body: Secret<[u8]>,
}

impl Response {
    /// A response of these parts.
    #[must_use]
    pub fn new(status: u16, headers: Vec<(String, String)>, body: impl Into<Secret<[u8]>>) -> Self {
        Self { status, headers, body: body.into() }
    }

    /// Every value of header `name` (lower case).
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The only value of header `name` (lower case); `None` when it is absent or given twice.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() { None } else { first }
    }
}

impl fmt::Debug for Response {
    /// Status, header names and size: values may repeat secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("body_bytes", &self.body.expose_secret().len())
            .finish_non_exhaustive()
    }
}

/// The exchange did not end in a response.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// Whether the server may have seen the request. Must be truthful: a single-use token hangs on it.
    pub sent: Sent,
    /// What went wrong.
    pub kind: FailureKind,
    /// The driver's words for a log; no secret, no remote text.
    pub detail: String,
}

impl Failure {
    /// A request that its driver never began, for the reason in `detail`.
    #[must_use]
    pub fn refused(detail: &str) -> Self {
        Self { sent: Sent::No, kind: FailureKind::Refused, detail: detail.into() }
    }
}

/// Whether a failed request can have reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sent {
    /// Certainly not.
    No,
    /// Perhaps, in part or whole.
    Maybe,
}

/// Why an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The host name was not found.
    Name,
    /// No connection: refused, unreachable, reset while connecting.
    Connect,
    /// The server could not be trusted or spoke no TLS. Never retried.
    Tls,
    /// The timeout ran out.
    Timeout,
    /// The connection broke during the exchange.
    Broken,
    /// What came back was not HTTP.
    Protocol,
    /// The response was larger than the limit.
    TooLarge,
    /// The proxy refused or could not be reached.
    Proxy,
    /// The driver cannot honour the request's limits, or its rules forbid the URL.
    Refused,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the host name was not found",
            Self::Connect => "no connection could be made",
            Self::Tls => "the server's TLS could not be trusted",
            Self::Timeout => "no answer came in time",
            Self::Broken => "the connection broke during the exchange",
            Self::Protocol => "what came back was not HTTP",
            Self::TooLarge => "the answer was larger than the limit",
            Self::Proxy => "the proxy refused or could not be reached",
            Self::Refused => "the request was refused on this machine",
        })
    }
}

/// Why a certificate was not trusted. TLS stacks repeat the names in it, which are words of whoever made it: drivers
/// say this instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Distrust {
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYetValid,
    /// It is for another name or address.
    OtherName,
    /// Nobody who is trusted has signed it.
    UnknownIssuer,
    /// Its issuer took it back.
    Revoked,
    /// Anything else.
    Other,
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "the certificate has expired",
            Self::NotYetValid => "the certificate is not valid yet",
            Self::OtherName => "the certificate is for another name",
            Self::UnknownIssuer => "the certificate's issuer is not trusted",
            Self::Revoked => "the certificate has been revoked",
            Self::Other => "the certificate cannot be trusted",
        })
    }
}

impl From<&Failure> for Error {
    fn from(failure: &Failure) -> Self {
        use FailureKind as K;
        let retryable = !matches!(failure.kind, K::Tls | K::Refused | K::TooLarge);
        let mut message = String::from("the authority could not be asked: ");
        message.push_str(&failure.kind.to_string());
        if !failure.detail.is_empty() {
            message.push_str(" (");
            message.push_str(&crate::wire::text::printable(&failure.detail, 300));
            message.push(')');
        }
        let error = Self::new(ErrorKind::Network, message).with_retry(retryable, None);
        match failure.kind {
            K::Tls => error.advise("check the system's root certificates, or name the authority's own with a CA file"),
            K::Proxy => error.advise("check HTTPS_PROXY and NO_PROXY"),
            K::Timeout => error.for_want_of_time(),
            K::Name | K::Connect => error.advise("check the network, the authority host and any proxy"),
            _ => error,
        }
    }
}
