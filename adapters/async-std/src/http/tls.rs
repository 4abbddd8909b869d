//! Whom to trust: the platform's roots, and those that the application adds.

use std::io;
use std::sync::{Arc, OnceLock};

use azlatch_core::effect::{Failure, FailureKind, Sent};
use azlatch_core::{Error, ErrorKind};
use futures_rustls::TlsConnector;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::failure;
use super::line::Stream;
use crate::runtime::offload;

/// The roots, read from the platform when they are first needed.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    extra: Vec<CertificateDer<'static>>,
    config: OnceLock<Result<Arc<ClientConfig>, rustls::Error>>,
}

impl Roots {
    /// The platform's and these.
    pub(crate) fn new(extra: Vec<CertificateDer<'static>>) -> Self {
        Self { extra, config: OnceLock::new() }
    }

    /// TLS with `host` over `stream`; a failure of other than trust is of kind `broken`.
    pub(crate) async fn secure(
        self: &Arc<Self>,
        stream: Box<dyn Stream>,
        host: &str,
        broken: FailureKind,
    ) -> Result<Box<dyn Stream>, Failure> {
        let Ok(name) = ServerName::try_from(host.to_owned()) else {
            return Err(Failure { sent: Sent::No, kind: FailureKind::Name, detail: "not the name of a host".into() });
        };
        let config = match self.config.get() {
            Some(config) => config.clone(),
            None => {
                let roots = Arc::clone(self);
                offload(move || roots.config.get_or_init(|| roots.read()).clone()).await
            }
        };
        let config = config.map_err(|error| failure::shaking_hands(&io::Error::other(error), FailureKind::Tls))?;
        let stream = TlsConnector::from(config).connect(name, stream).await;
        Ok(Box::new(stream.map_err(|error| failure::shaking_hands(&error, broken))?))
    }

    fn read(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new_with_extra_roots(self.extra.iter().cloned(), Arc::clone(&provider))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous() // rustls' word for any verifier but its own; this is the platform's.
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

/// The certificates of `pem`, every one fit to be a root.
pub(crate) fn read_pem(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unreadable = || {
        Error::new(ErrorKind::Configuration, "the extra root certificates could not be read")
            .advise("give PEM: one or more BEGIN CERTIFICATE blocks")
    };
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let roots = read.map_err(|_| unreadable())?;
    let fit = |root: &CertificateDer<'static>| RootCertStore::empty().add(root.clone()).is_ok();
    if roots.is_empty() || !roots.iter().all(fit) { Err(unreadable()) } else { Ok(roots) }
}
