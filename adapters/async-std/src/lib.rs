//! Async HTTP for azlatch on async-std: a driver that answers [`Http`](azlatch_core::effect::Http) and
//! [`Wait`](azlatch_core::effect::Wait) with hyper and rustls.
//!
//! It keeps the promises of the blocking driver, and passes the same tests:
//!
//! | | here |
//! |---|---|
//! | redirects | never followed |
//! | time | one total timeout a request, from name resolution to the last byte; connecting gets 10 s of it at most |
//! | proxies | `HTTPS_PROXY` and `NO_PROXY` for authorities; never for loopback, link-local or [`Proxy::Never`](azlatch_core::effect::Proxy::Never) |
//! | plain http | refused, except to loopback and link-local addresses with [`Proxy::Never`](azlatch_core::effect::Proxy::Never) |
//! | size | bodies are cut off at the request's limit, headers at 64 KiB |
//! | error statuses | ordinary responses, bodies and all |
//! | compression | not offered, so nothing can unpack into memory |
//! | what was sent | noted at the socket: "nothing" only while nothing was written to the server |
//! | a dropped request | takes its connection along; the connections at rest know nothing of it |
//!
//! ```
//! use azlatch_async_std::{AsyncStd, block_on};
//! use azlatch_core::credential::{ClientSecretCredential, Credential, Surroundings, TokenRequest};
//! use azlatch_core::{Now, run_async};
//!
//! // TLS roots are loaded on first use: making the driver costs nothing.
//! let mut host = AsyncStd::builder().build()?;
//! let credential = ClientSecretCredential::new("contoso.com", "app", "s3cret")?;
//! let mut flow = credential.acquire(&TokenRequest::new(["https://vault.azure.net/.default"])?, &Surroundings::default(), None)?;
//! let token = async move { run_async(&mut flow, Now::default, &mut host).await };
//! # if false {
//! println!("{:?}", block_on(token)?.token.expires_on());
//! # }
//! # Ok::<(), azlatch_core::Error>(())
//! ```
//!
//! async-std itself is no longer developed, which advisory RUSTSEC-2025-0052 says and audits report. One file,
//! `runtime.rs`, names it; nothing of it is in the public interface.

mod http;
mod runtime;

use std::env;
use std::sync::Arc;

use azlatch_core::effect::{Effect, Reply};
use azlatch_core::{AsyncHost, Error};
use rustls::pki_types::CertificateDer;

pub use azlatch_core::effect::ProxySettings;
pub use runtime::{block_on, offload, sleep, spawn};

/// The driver; clones share connections.
#[derive(Clone, Debug)]
pub struct AsyncStd(Arc<http::Client>);

/// Settings of an [`AsyncStd`].
#[derive(Debug, Default)]
pub struct Builder {
    extra_roots: Vec<CertificateDer<'static>>,
    proxy: Option<ProxySettings>,
    fault: Option<Error>,
}

impl AsyncStd {
    /// A driver with other settings than the default.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Default for AsyncStd {
    /// The platform's roots, and proxies as the environment says.
    fn default() -> Self {
        Self(Arc::new(http::Client::new(Vec::new(), environment())))
    }
}

impl Builder {
    /// Trusts the certificates of `pem` beside the platform's roots.
    #[must_use]
    pub fn extra_roots(mut self, pem: &[u8]) -> Self {
        match http::read_pem(pem) {
            Ok(roots) => self.extra_roots.extend(roots),
            Err(fault) => self.fault = Some(fault),
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
    pub fn build(self) -> Result<AsyncStd, Error> {
        match self.fault {
            Some(fault) => Err(fault),
            None => {
                let proxy = self.proxy.unwrap_or_else(environment);
                Ok(AsyncStd(Arc::new(http::Client::new(self.extra_roots, proxy))))
            }
        }
    }
}

/// What the process environment says of proxies.
fn environment() -> ProxySettings {
    ProxySettings::from_variables(|name| env::var(name).ok())
}

impl AsyncHost for AsyncStd {
    async fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match effect {
            Effect::Http(ask) => {
                let answer = self.0.send(&ask.op).await;
                Ok(ask.answer(answer))
            }
            Effect::Wait(ask) => {
                sleep(ask.op.span).await;
                Ok(ask.answer(()))
            }
            other => Err(other),
        }
    }
}
