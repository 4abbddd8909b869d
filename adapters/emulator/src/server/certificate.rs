//! The certificates of one start: an authority that signs one server certificate and is then forgotten.
//!
//! Keys are made in memory and stay there; the authority's is dropped before the first client connects, so that what
//! a developer trusts for a test can never vouch for anything else. The extensions are those of RFC 5280 that strict
//! verifiers ask for: basic constraints and key usage on both, subject and authority key identifiers.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::model::Date;

const DAY: i64 = 86_400;
/// Long enough for any test run, short enough to be worthless when found later.
const DAYS: i64 = 30;

/// What a server needs to speak TLS, and its clients to trust it.
pub(super) struct Credentials {
    pub(super) ca_pem: String,
    pub(super) config: Arc<ServerConfig>,
}

/// Makes the credentials for `localhost`, 127.0.0.1 and ::1, good from the day before `now` on.
pub(super) fn issue(port: u16, now: i64) -> io::Result<Credentials> {
    let authority_key = KeyPair::generate().map_err(io::Error::other)?;
    // The port tells apart the authorities of emulators that run at the same time.
    let mut authority = params(&format!("azlatch emulator authority {port}"), &[], now)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, authority_key).map_err(io::Error::other)?;

    let key = KeyPair::generate().map_err(io::Error::other)?;
    let mut server = params("localhost", &["localhost", "127.0.0.1", "::1"], now)?;
    server.is_ca = IsCa::ExplicitNoCa;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let server = server.signed_by(&key, &authority).map_err(io::Error::other)?;

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![server.der().clone()], key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec(), b"http/1.0".to_vec()];
    Ok(Credentials { ca_pem: authority.pem(), config: Arc::new(config) })
}

fn params(name: &str, hosts: &[&str], now: i64) -> io::Result<CertificateParams> {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).map_err(io::Error::other)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let (first, last) = (Date::from_unix(now - DAY), Date::from_unix(now + DAYS * DAY));
    params.not_before = date_time_ymd(first.year, first.month, first.day);
    params.not_after = date_time_ymd(last.year, last.month, last.day);
    Ok(params)
}
