//! The way to a server: names, addresses, proxies, TLS. Whatever goes wrong on it, the server has seen no request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use azlatch_core::effect::{Failure, FailureKind, ProxyAddress};
use hyper::Request;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION, USER_AGENT};

use super::channel::{Channel, Tunnel, Whole};
use super::line::Stream;
use super::tls::Roots;
use super::{AGENT, failure};
use crate::runtime;

/// Whom connections lead to, and how: what two requests share when they may share a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// https.
    pub(crate) secure: bool,
    /// The host, an IPv6 address in brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// Through the driver's proxy.
    pub(crate) proxied: bool,
}

/// Opens a connection to `origin`, through `proxy` if there is one, within `span`.
pub(crate) async fn open(
    origin: &Origin,
    proxy: Option<&ProxyAddress>,
    roots: &Arc<Roots>,
    span: Duration,
) -> Result<Channel, Failure> {
    let (stream, broken) = match proxy {
        None => (reach(&origin.host, origin.port, span).await?, FailureKind::Connect),
        Some(proxy) => (pass(origin, proxy, roots, span).await?, FailureKind::Proxy),
    };
    let stream = match origin.secure {
        true => roots.secure(stream, unbracketed(&origin.host), broken).await?,
        false => stream,
    };
    Channel::over(stream).await.map_err(|error| failure::exchanging(&error, azlatch_core::effect::Sent::No))
}

/// A stream to `host`, at the first of its addresses that answers. Each may take its share of `span`, so that one that
/// is silent leaves time for the next.
async fn reach(host: &str, port: u16, span: Duration) -> Result<Box<dyn Stream>, Failure> {
    let begun = Instant::now();
    let addresses = match unbracketed(host).parse() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => runtime::resolve(host.to_owned(), port)
            .await
            .map_err(|error| failure::reaching(&error, FailureKind::Name))?,
    };
    let mut last = Failure { kind: FailureKind::Name, ..failure::proxy("the name has no address") };
    for (tried, address) in (0_u32..).zip(&addresses) {
        let waiting = u32::try_from(addresses.len()).unwrap_or(u32::MAX).saturating_sub(tried).max(1);
        let share = span.saturating_sub(begun.elapsed()) / waiting;
        match runtime::within(share, runtime::connect(*address)).await {
            Some(Ok(tcp)) => return Ok(Box::new(tcp)),
            Some(Err(error)) => last = failure::reaching(&error, FailureKind::Connect),
            None => last = failure::late("connect", last.sent),
        }
    }
    Err(last)
}

/// A stream to `origin` through `proxy`, which learns its name and nothing else.
async fn pass(
    origin: &Origin,
    proxy: &ProxyAddress,
    roots: &Arc<Roots>,
    span: Duration,
) -> Result<Box<dyn Stream>, Failure> {
    let to_blame = |failure: Failure| match failure.kind {
        FailureKind::Timeout => failure,
        _ => Failure { kind: FailureKind::Proxy, ..failure },
    };
    let mut stream = reach(proxy.host(), proxy.port(), span).await.map_err(to_blame)?;
    if proxy.is_secure() {
        stream = roots.secure(stream, unbracketed(proxy.host()), FailureKind::Proxy).await.map_err(to_blame)?;
    }
    let unfit = |_| Failure::refused("the request could not be built");
    let target = format!("{}:{}", origin.host, origin.port);
    let mut request = Request::connect(&target).header(HOST, &target).header(USER_AGENT, AGENT);
    if let Some(login) = proxy.authorization() {
        let mut value = HeaderValue::from_str(login.expose_secret()).map_err(|_| failure::proxy("an unfit login"))?;
        value.set_sensitive(true);
        request = request.header(PROXY_AUTHORIZATION, value);
    }
    let request = request.body(Whole::new(None)).map_err(unfit)?;
    let asked = async { Channel::over(stream).await?.tunnel(request).await };
    match asked.await {
        Ok(Tunnel::Open(stream)) => Ok(stream),
        Ok(Tunnel::Refused) => Err(failure::proxy("the proxy refused to connect")),
        Ok(Tunnel::Chatty) => Err(failure::proxy("the proxy spoke in the server's place")),
        Err(error) => Err(to_blame(failure::exchanging(&error, azlatch_core::effect::Sent::No))),
    }
}

/// An IPv6 address without the brackets of a URL.
fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}
