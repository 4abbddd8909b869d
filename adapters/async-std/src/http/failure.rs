//! Errors of sockets, TLS and HTTP as failures, in words that are never the server's.

use std::error::Error as StdError;
use std::io;

use azlatch_core::effect::{Distrust, Failure, FailureKind, Sent};
use rustls::CertificateError;

/// An exchange with the server broke.
pub(crate) fn exchanging(error: &hyper::Error, sent: Sent) -> Failure {
    use io::ErrorKind as Io;
    let inner = error.source().and_then(|error| error.downcast_ref::<io::Error>());
    let (kind, detail) = match inner {
        _ if error.is_parse() => (FailureKind::Protocol, String::new()),
        Some(error) if tls(error).is_some() => return trusting(error, sent),
        Some(error) if matches!(error.kind(), Io::InvalidData | Io::InvalidInput) => {
            (FailureKind::Protocol, String::new())
        }
        Some(error) => (FailureKind::Broken, error.kind().to_string()),
        None => (FailureKind::Broken, String::new()),
    };
    Failure { sent, kind, detail }
}

/// A socket broke before the server was reached.
pub(crate) fn reaching(error: &io::Error, kind: FailureKind) -> Failure {
    Failure { sent: Sent::No, kind, detail: error.kind().to_string() }
}

/// A TLS handshake failed; `broken` if it was not for a lack of trust.
pub(crate) fn shaking_hands(error: &io::Error, broken: FailureKind) -> Failure {
    if tls(error).is_some() { trusting(error, Sent::No) } else { reaching(error, broken) }
}

/// Time ran out.
pub(crate) fn late(what: &str, sent: Sent) -> Failure {
    Failure { sent, kind: FailureKind::Timeout, detail: format!("{what} timeout") }
}

/// The proxy is to blame.
pub(crate) fn proxy(detail: &str) -> Failure {
    Failure { sent: Sent::No, kind: FailureKind::Proxy, detail: detail.into() }
}

fn trusting(error: &io::Error, sent: Sent) -> Failure {
    use CertificateError as C;
    let detail = match tls(error) {
        Some(rustls::Error::InvalidCertificate(flaw)) => match flaw {
            C::Expired | C::ExpiredContext { .. } => Distrust::Expired,
            C::NotValidYet | C::NotValidYetContext { .. } => Distrust::NotYetValid,
            C::NotValidForName | C::NotValidForNameContext { .. } => Distrust::OtherName,
            C::UnknownIssuer => Distrust::UnknownIssuer,
            C::Revoked => Distrust::Revoked,
            _ => Distrust::Other,
        }
        .to_string(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    Failure { sent, kind: FailureKind::Tls, detail }
}

/// What rustls said, if it was rustls.
fn tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
