//! Certificates good and bad, all made in memory when the tests start.

use std::sync::{Arc, OnceLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use crate::http::REMOTE_WORD;

/// The name that no resolver knows: only a proxy can lead to it.
pub(crate) const AUTHORITY: &str = "authority.example";

/// Who a TLS server says it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Identity {
    /// `localhost`, 127.0.0.1 and [`AUTHORITY`], signed by the authority that drivers are told to trust.
    Good,
    /// Somebody else, though signed by that authority.
    OtherName,
    /// The right names, signed by nobody.
    SelfSigned,
    /// The right names, signed by an authority that nobody trusts.
    OtherIssuer,
    /// Good until 2020.
    Expired,
    /// Good from 2090 on.
    NotYet,
    /// Good, but it insists on a certificate of the client's.
    WantsClients,
}

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// The roots that drivers are told to trust, as PEM.
pub(crate) fn roots() -> &'static [u8] {
    static PEM: OnceLock<String> = OnceLock::new();
    PEM.get_or_init(|| trusted().pem()).as_bytes()
}

fn trusted() -> &'static Issuer {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    ISSUER.get_or_init(issuer)
}

fn issuer() -> Issuer {
    let mut params = params(&[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    CertifiedIssuer::self_signed(params, key()).expect("an authority")
}

impl Identity {
    /// What a server needs to speak TLS under this identity.
    pub(crate) fn config(self) -> Arc<ServerConfig> {
        let (key, other_name) = (key(), format!("{REMOTE_WORD}.example"));
        let mut params = match self {
            Self::OtherName => params(&[&other_name]),
            _ => params(&["localhost", "127.0.0.1", AUTHORITY]),
        };
        match self {
            Self::Expired => params.not_after = date_time_ymd(2020, 1, 1),
            Self::NotYet => params.not_before = date_time_ymd(2090, 1, 1),
            _ => {}
        }
        let certificate = match self {
            Self::SelfSigned => params.self_signed(&key),
            Self::OtherIssuer => params.signed_by(&key, &issuer()),
            _ => params.signed_by(&key, trusted()),
        };
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions of the provider");
        let config = match self {
            Self::WantsClients => {
                let mut roots = RootCertStore::empty();
                roots.add(trusted().as_ref().der().clone()).expect("a root");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                config.with_client_cert_verifier(verifier.expect("a verifier"))
            }
            _ => config.with_no_client_auth(),
        }
        .with_single_cert(vec![certificate.expect("a certificate").der().clone()], key);
        Arc::new(config.expect("a key for its certificate"))
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}
