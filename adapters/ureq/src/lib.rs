//! Blocking HTTP for azlatch: a driver that answers [`Http`] and [`Wait`](azlatch_core::effect::Wait) with ureq and
//! rustls.
//!
//! ureq's defaults are for browsing; tokens want other ones, and this driver sets them all:
//!
//! | | here |
//! |---|---|
//! | redirects | never followed |
//! | time | one total timeout a request, from name resolution to the last byte |
//! | proxies | `HTTPS_PROXY` and `NO_PROXY` for authorities; never for loopback, link-local or [`Proxy::Never`](azlatch_core::effect::Proxy::Never) |
//! | plain http | refused, except to loopback and link-local addresses with [`Proxy::Never`](azlatch_core::effect::Proxy::Never) |
//! | size | bodies are cut off at the request's limit, headers at 64 KiB |
//! | error statuses | ordinary responses, bodies and all |
//! | compression | not offered, so nothing can unpack into memory |
//! | names | looked up once in 15 s, and again when no connection comes of it |
//! | what was sent | noted at the socket: "nothing" only while nothing was written to the server |
//!
//! ```
//! use azlatch_ureq::Ureq;
//!
//! // TLS roots are loaded on first use: making the driver costs nothing.
//! let http = Ureq::builder().build()?;
//! # Ok::<(), azlatch_core::Error>(())
//! ```

mod failure;
mod proxy;
mod way;

use std::env;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use azlatch_core::effect::{Effect, Failure, FailureKind, Http, Method, ProxyAddress, Reply, Response, Route, Sent};
use azlatch_core::{Error, ErrorKind, Host};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, http};

pub use azlatch_core::effect::ProxySettings;

/// The driver; clones share connections.
#[derive(Clone, Debug)]
pub struct Ureq(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    extra_roots: Vec<Certificate<'static>>,
    proxy: ProxySettings,
    proxied: OnceLock<Option<Agent>>,
    direct: OnceLock<Agent>,
    names: way::Names,
}

/// Settings of a [`Ureq`].
#[derive(Debug, Default)]
pub struct Builder {
    extra_roots: Vec<Certificate<'static>>,
    proxy: Option<ProxySettings>,
    fault: Option<Error>,
}

impl Ureq {
    /// A driver with other settings than the default.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn agent(&self, proxy: Option<&ProxyAddress>) -> Result<&Agent, Failure> {
        let shared = &self.0;
        let Some(address) = proxy else {
            return Ok(shared.direct.get_or_init(|| agent(&shared.extra_roots, None, &shared.names)));
        };
        let unusable =
            || Failure { kind: FailureKind::Proxy, ..Failure::refused("the proxy's address cannot be used") };
        let made =
            shared.proxied.get_or_init(|| Some(agent(&shared.extra_roots, Some(proxy::of(address)?), &shared.names)));
        made.as_ref().ok_or_else(unusable)
    }

    fn send(&self, ask: &Http) -> Result<Response, Failure> {
        let route = ask.route()?;
        let mut request = http::Request::builder().uri(&ask.url).method(match ask.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
        });
        let unfit = || Failure::refused("the request could not be built");
        for header in &ask.headers {
            let mut value = http::HeaderValue::from_str(header.value.expose_secret()).map_err(|_| unfit())?;
            value.set_sensitive(true);
            request = request.header(header.name, value);
        }
        let body = ask.body.as_ref().map(|body| body.expose_secret()).unwrap_or_default();
        let request = request.body(body).map_err(|_| unfit())?;
        let proxy = match (route, request.uri().host()) {
            (Route::MayProxy, Some(host)) => self.0.proxy.toward(host),
            _ => None,
        };
        let agent = self.agent(proxy)?;
        let timeout = ask.timeout.max(Duration::from_millis(1));
        way::start(proxy.is_some(), timeout);
        let configured =
            agent.configure_request(request).timeout_global(Some(timeout)).timeout_connect(Some(timeout.min(CONNECT)));
        let response = agent.run(configured.build()).map_err(|error| {
            let failure = failure::from(&error);
            if failure.sent == Sent::No {
                self.0.names.forget();
            }
            failure
        })?;
        self.receive(ask, response)
    }

    fn receive(&self, ask: &Http, response: http::Response<ureq::Body>) -> Result<Response, Failure> {
        let (parts, body) = response.into_parts();
        let headers = parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let limit = u64::try_from(ask.limit).unwrap_or(u64::MAX);
        let body = body.into_with_config().limit(limit).read_to_vec().map_err(|error| failure::from(&error))?;
        Ok(Response::new(parts.status.as_u16(), headers.collect(), body))
    }
}

/// Connecting, TLS included, gets this much of the total at most.
const CONNECT: Duration = Duration::from_secs(10);

impl Default for Ureq {
    /// The platform's roots, and proxies as the environment says.
    fn default() -> Self {
        Self::with(Vec::new(), environment())
    }
}

impl Ureq {
    fn with(extra_roots: Vec<Certificate<'static>>, proxy: ProxySettings) -> Self {
        Self(Arc::new(Shared {
            extra_roots,
            proxy,
            proxied: OnceLock::new(),
            direct: OnceLock::new(),
            names: way::Names::default(),
        }))
    }
}

impl Builder {
    /// Trusts the certificates of `pem` beside the platform's roots.
    #[must_use]
    pub fn extra_roots(mut self, pem: &[u8]) -> Self {
        let before = self.extra_roots.len();
        for item in parse_pem(pem) {
            match item {
                Ok(PemItem::Certificate(certificate)) if is_root(&certificate) => self.extra_roots.push(certificate),
                Ok(PemItem::Certificate(_)) | Err(_) => self.fault = Some(not_pem()),
                Ok(_) => {}
            }
        }
        if self.extra_roots.len() == before {
            self.fault = Some(not_pem());
        }
        self
    }

    /// Uses these proxies instead of the environment's.
    #[must_use]
    pub fn proxy(mut self, settings: ProxySettings) -> Self {
        self.proxy = Some(settings);
        self
    }

    /// The driver.
    ///
    /// # Errors
    ///
    /// `Configuration` when an extra root could not be read.
    pub fn build(self) -> Result<Ureq, Error> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(Ureq::with(self.extra_roots, self.proxy.unwrap_or_else(environment))),
        }
    }
}

/// Whether rustls can trust `certificate`: it would pass over an unreadable one in silence.
fn is_root(certificate: &Certificate<'_>) -> bool {
    rustls::RootCertStore::empty().add(certificate.der().into()).is_ok()
}

/// What the process environment says of proxies.
fn environment() -> ProxySettings {
    ProxySettings::from_variables(|name| env::var(name).ok())
}

fn not_pem() -> Error {
    Error::new(ErrorKind::Configuration, "the extra root certificates could not be read")
        .advise("give PEM: one or more BEGIN CERTIFICATE blocks")
}

fn agent(extra_roots: &[Certificate<'static>], proxy: Option<ureq::Proxy>, names: &way::Names) -> Agent {
    let roots = if extra_roots.is_empty() {
        RootCerts::PlatformVerifier
    } else {
        // Unreadable platform stores leave the extra roots alone to decide, which only ever trusts less.
        let platform = rustls_native_certs::load_native_certs().certs;
        let platform = platform.iter().map(|der| Certificate::from_der(der.as_ref()).to_owned());
        RootCerts::Specific(Arc::new(platform.chain(extra_roots.iter().cloned()).collect()))
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(proxy)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_response_header_size(64 * 1024)
        .user_agent(concat!("azlatch/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::with_parts(config, way::Lines::default(), names.clone())
}

impl Host for Ureq {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match effect {
            Effect::Http(ask) => {
                let answer = self.send(&ask.op);
                Ok(ask.answer(answer))
            }
            Effect::Wait(ask) => {
                thread::sleep(ask.op.span);
                Ok(ask.answer(()))
            }
            other => Err(other),
        }
    }
}
