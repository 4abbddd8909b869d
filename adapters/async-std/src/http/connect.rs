//! The way to a server: names, addresses, proxies, TLS. Whatever goes wrong on it, the server has seen no request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use azlatch_core::effect::{Failure, FailureKind, ProxyAddress, Sent};
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
    Channel::over(stream).await.map_err(|error| failure::exchanging(&error, Sent::No))
}

/// A stream to `host`, at the first of its addresses that answers, within `span`.
async fn reach(host: &str, port: u16, span: Duration) -> Result<Box<dyn Stream>, Failure> {
    let begun = Instant::now();
    let addresses = match unbracketed(host).parse() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => runtime::resolve(host.to_owned(), port)
            .await
            .map_err(|error| failure::reaching(&error, FailureKind::Name))?,
    };
    Ok(Box::new(first_of(&addresses, span.saturating_sub(begun.elapsed())).await?))
}

/// A connection to the first of `addresses` that answers. Each may take its share of `span`, so that one that is silent
/// leaves time for the next.
async fn first_of(addresses: &[SocketAddr], span: Duration) -> Result<runtime::Tcp, Failure> {
    let begun = Instant::now();
    let mut last = Failure { sent: Sent::No, kind: FailureKind::Name, detail: "the name has no address".into() };
    for (address, waiting) in addresses.iter().zip((1..=u32::try_from(addresses.len()).unwrap_or(u32::MAX)).rev()) {
        let share = span.saturating_sub(begun.elapsed()) / waiting;
        match runtime::within(share, runtime::connect(*address)).await {
            Some(Ok(tcp)) => return Ok(tcp),
            Some(Err(error)) => last = failure::reaching(&error, FailureKind::Connect),
            None => last = failure::late("connect", Sent::No),
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
        Err(error) => Err(to_blame(failure::exchanging(&error, Sent::No))),
    }
}

/// An IPv6 address without the brackets of a URL.
fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn n_01_the_next_address_is_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (here, nobody) = (listener.local_addr().expect("an address"), SocketAddr::from(([127, 0, 0, 1], 1)));
        let span = Duration::from_secs(10);
        let table: [(&[SocketAddr], Option<FailureKind>); 4] = [
            (&[nobody, nobody, here], None),
            (&[here, nobody], None),
            (&[nobody, nobody], Some(FailureKind::Connect)),
            (&[], Some(FailureKind::Name)),
        ];
        for (addresses, fails) in table {
            let reached = runtime::block_on(first_of(addresses, span));
            assert_eq!(reached.err().map(|failure| failure.kind), fails, "{addresses:?}");
        }
    }
}
