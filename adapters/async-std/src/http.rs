//! One request: over a connection at rest if there is one, else over a new one, and always within its time.

mod channel;
mod connect;
mod failure;
mod line;
mod pool;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use azlatch_core::effect::{Failure, Http, Method, ProxySettings, Response, Route, Sent};
use hyper::Request;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, USER_AGENT};
use rustls::pki_types::CertificateDer;
use url::{Position, Url};

use crate::runtime::within;
use channel::Whole;
use connect::Origin;
pub(crate) use tls::read_pem;

/// How this driver calls itself.
const AGENT: &str = concat!("azlatch/", env!("CARGO_PKG_VERSION"));

/// Connecting, TLS included, gets this much of the total at most.
const CONNECT: Duration = Duration::from_secs(10);

/// What the clones of a driver share.
pub(crate) struct Client {
    roots: Arc<tls::Roots>,
    proxy: ProxySettings,
    pool: pool::Pool,
}

impl Client {
    /// A client that trusts `extra` roots beside the platform's.
    pub(crate) fn new(extra: Vec<CertificateDer<'static>>, proxy: ProxySettings) -> Self {
        Self { roots: Arc::new(tls::Roots::new(extra)), proxy, pool: pool::Pool::default() }
    }

    /// Sends `ask`.
    ///
    /// A connection that was at rest may turn out to have been closed; while nothing was written over it, the request
    /// goes over the next. Nothing that was written is ever written again.
    pub(crate) async fn send(&self, ask: &Http) -> Result<Response, Failure> {
        let begun = Instant::now();
        let timeout = ask.timeout.max(Duration::from_millis(1));
        let left = || timeout.saturating_sub(begun.elapsed());
        let route = ask.route()?;
        let url = Url::parse(&ask.url).map_err(|_| unfit())?;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Err(unfit()) };
        let proxy = self.proxy.toward(host).filter(|_| route == Route::MayProxy);
        let origin = Origin { secure: url.scheme() == "https", host: host.to_owned(), port, proxied: proxy.is_some() };
        loop {
            let request = request(ask, &url)?;
            let kept = self.pool.take(&origin).await;
            let rested = kept.is_some();
            let mut channel = match kept {
                Some(channel) => channel,
                None => {
                    let span = left().min(CONNECT);
                    let opening = connect::open(&origin, proxy, &self.roots, span);
                    within(span, opening).await.unwrap_or_else(|| Err(failure::late("connect", Sent::No)))?
                }
            };
            match within(left(), channel.exchange(request, ask.limit)).await {
                Some(Ok(response)) => {
                    self.pool.put(origin, channel).await;
                    return Ok(response);
                }
                Some(Err(_)) if rested && channel.sent() == Sent::No => {}
                Some(Err(failure)) => return Err(failure),
                None => return Err(failure::late("total", channel.sent())),
            }
        }
    }
}

fn unfit() -> Failure {
    Failure::refused("the request could not be built")
}

/// `ask` as it goes over a connection.
fn request(ask: &Http, url: &Url) -> Result<Request<Whole>, Failure> {
    let method = match ask.method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
    };
    let target = &url[Position::BeforePath..Position::AfterQuery];
    let host = &url[Position::BeforeHost..Position::AfterPort];
    let mut request = Request::builder().method(method).uri(target).header(HOST, host);
    if !ask.headers.iter().any(|header| header.name == USER_AGENT.as_str()) {
        request = request.header(USER_AGENT, AGENT);
    }
    for header in &ask.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| unfit())?;
        let mut value = HeaderValue::from_str(header.value.expose_secret()).map_err(|_| unfit())?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    if let Some(body) = &ask.body {
        request = request.header(CONTENT_LENGTH, body.expose_secret().len());
    }
    request.body(Whole::new(ask.body.clone())).map_err(|_| unfit())
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
