//! azure_core's errors told apart by the one question that matters: can the server have seen the request?

use std::error::Error as StdError;
use std::{io, iter};

use azlatch_core::effect::{Failure, FailureKind, Sent};
use azure_core::error::ErrorKind;

/// What `error` means to a request whose answer has not begun.
///
/// azure_core promises of [`ErrorKind::Connection`] that the request was never sent. Nothing else is certain.
pub(crate) fn from(error: &azure_core::Error) -> Failure {
    let connecting = *error.kind() == ErrorKind::Connection;
    let chain = chain(error);
    let otherwise = if connecting { FailureKind::Connect } else { FailureKind::Broken };
    let (kind, detail) = known(&chain).unwrap_or((otherwise, String::new()));
    Failure { sent: if connecting { Sent::No } else { Sent::Maybe }, kind, detail }
}

/// `error`, its cause, the cause of that. An I/O error passes for what it holds and shows only what is behind, so it is
/// opened.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |error| match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(held) => Some(held),
        None => <dyn StdError>::source(*error),
    })
    .collect()
}

/// What the HTTP client says, in our words: its own repeat addresses, and those of TLS the names in a certificate.
#[cfg(feature = "reqwest")]
fn known(chain: &[&(dyn StdError + 'static)]) -> Option<(FailureKind, String)> {
    if let Some(tls) = chain.iter().find_map(|error| error.downcast_ref()) {
        return Some((FailureKind::Tls, distrust(tls)));
    }
    let client = chain.iter().find_map(|error| error.downcast_ref::<reqwest::Error>())?;
    let unusable_name = chain.iter().any(|error| error.is::<rustls::pki_types::InvalidDnsNameError>());
    let through_proxy = chain.iter().any(|error| error.to_string().starts_with("tunnel error"));
    let unreadable = chain.iter().any(|error| error.downcast_ref().is_some_and(hyper::Error::is_parse));
    let kind = match client {
        client if client.is_timeout() => FailureKind::Timeout,
        _ if unreadable => FailureKind::Protocol,
        _ if through_proxy => FailureKind::Proxy,
        client if client.is_dns() || unusable_name => FailureKind::Name,
        _ => return None,
    };
    Some((kind, String::new()))
}

#[cfg(not(feature = "reqwest"))]
fn known(_: &[&(dyn StdError + 'static)]) -> Option<(FailureKind, String)> {
    None
}

#[cfg(feature = "reqwest")]
fn distrust(error: &rustls::Error) -> String {
    use azlatch_core::effect::Distrust;
    use rustls::CertificateError as C;
    let rustls::Error::InvalidCertificate(flaw) = error else { return "the TLS handshake failed".into() };
    match flaw {
        C::Expired | C::ExpiredContext { .. } => Distrust::Expired,
        C::NotValidYet | C::NotValidYetContext { .. } => Distrust::NotYetValid,
        C::NotValidForName | C::NotValidForNameContext { .. } => Distrust::OtherName,
        C::UnknownIssuer => Distrust::UnknownIssuer,
        C::Revoked => Distrust::Revoked,
        _ => Distrust::Other,
    }
    .to_string()
}
