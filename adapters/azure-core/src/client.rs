//! The transport of our own: reqwest, told what tokens need.

use std::sync::Arc;
use std::time::Duration;

use azlatch::{Adapters, Error, ErrorKind};
use azlatch_core::effect::ProxySettings;
use azure_core::http::Transport;
use reqwest::header::HeaderValue;
use reqwest::{Client, ClientBuilder, Proxy};
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use crate::runtime::AzureCore;

/// Connecting, TLS included, gets this much of a request's time at most.
const CONNECT: Duration = Duration::from_secs(10);

impl AzureCore {
    /// A client with the roots and proxies of `adapters`, and TLS by ring; a driver that they name is not heard.
    ///
    /// # Errors
    ///
    /// `Configuration` when root certificates cannot be read.
    pub fn new(adapters: &Adapters) -> Result<Self, Error> {
        let tls = tls(adapters.roots())?;
        Self::with_client(|| proxied(Client::builder().tls_backend_preconfigured(tls.clone()), adapters.proxies()))
    }

    /// Roots, proxies, addresses and TLS of your own: `settings` is asked twice, for the client that may use a proxy and
    /// for the one that may not. Redirects, repetition and compression are switched off whatever it says.
    ///
    /// ```
    /// use azlatch_azure_core::AzureCore;
    /// use reqwest::{Client, Proxy};
    ///
    /// # rustls::crypto::ring::default_provider().install_default().ok();
    /// let proxy = Proxy::https("http://proxy.contoso.example:8080")?;
    /// let core = AzureCore::with_client(|| Client::builder().proxy(proxy.clone()))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Configuration` when the client cannot be built so.
    pub fn with_client(settings: impl Fn() -> ClientBuilder) -> Result<Self, Error> {
        let finish = |settings: ClientBuilder| {
            let client = restricted(settings).build();
            client.map(|client| Transport::new(Arc::new(client))).map_err(|error| {
                Error::new(ErrorKind::Configuration, format!("the HTTP client cannot be built: {error}"))
                    .advise("with TLS of reqwest's own, a rustls crypto provider must be installed first")
            })
        };
        Ok(Self::over(finish(settings())?).direct(finish(settings().no_proxy())?))
    }
}

/// The same client, with these proxies and no others.
fn proxied(client: ClientBuilder, settings: &ProxySettings) -> ClientBuilder {
    let Some(address) = settings.https() else { return client.no_proxy() };
    let settings = settings.clone();
    let proxy = Proxy::custom(move |url| {
        let address = settings.toward(url.host_str()?)?;
        let scheme = if address.is_secure() { "https" } else { "http" };
        Some(format!("{scheme}://{}:{}", address.host(), address.port()))
    });
    let login = address.authorization().and_then(|login| HeaderValue::from_str(login.expose_secret()).ok());
    client.proxy(match login {
        Some(mut login) => {
            login.set_sensitive(true);
            proxy.custom_http_auth(login)
        }
        None => proxy,
    })
}

fn restricted(settings: ClientBuilder) -> ClientBuilder {
    settings
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT)
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
}

fn tls(extra: &[u8]) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone());
    let config = config.with_safe_default_protocol_versions().map_err(|_| unusable())?;
    let extra: Vec<_> = CertificateDer::pem_slice_iter(extra).collect::<Result<_, _>>().map_err(|_| unreadable())?;
    let verifier = if extra.is_empty() {
        Verifier::new(provider).map_err(|_| unusable())?
    } else {
        Verifier::new_with_extra_roots(extra, provider).map_err(|_| unreadable())?
    };
    // Not less careful: the platform's verifier takes the place of rustls's own, here as in reqwest itself.
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Configuration, "the extra root certificates could not be read")
        .advise("give PEM: one or more BEGIN CERTIFICATE blocks")
}

fn unusable() -> Error {
    Error::new(ErrorKind::Configuration, "the platform's root certificates cannot be used")
        .advise("install them (on Debian: ca-certificates), or give a client with roots of its own")
}
