//! ureq's errors told apart by the one question that matters: can the server have seen the request?

use azlatch_core::effect::{Distrust, Failure, FailureKind, Sent};
use rustls::CertificateError;
use ureq::Error;

use crate::way::{Stage, stage};

/// The failure that `error` means to the request that this thread is performing.
pub(crate) fn from(error: &Error) -> Failure {
    let stage = stage();
    let sent = if stage == Stage::Sending { Sent::Maybe } else { Sent::No };
    Failure { sent, kind: kind(error, stage), detail: detail(error) }
}

fn kind(error: &Error, stage: Stage) -> FailureKind {
    use FailureKind as K;
    match (error, stage) {
        (Error::Timeout(_), _) => K::Timeout,
        (Error::RequireHttpsOnly(_) | Error::BadUri(_), _) => K::Refused,
        // Nobody is there yet who could have said something: ureq dislikes the request.
        (Error::Protocol(_) | Error::Http(_), Stage::ToServer | Stage::ToProxy) => K::Refused,
        (_, Stage::ToProxy) => K::Proxy,
        (error, _) if tls(error).is_some() || matches!(error, Error::Tls(_)) => K::Tls,
        (_, Stage::BehindProxy) => K::Proxy,
        (Error::HostNotFound, Stage::ToServer) => K::Name,
        (_, Stage::ToServer) => K::Connect,
        (Error::BodyExceedsLimit(_) | Error::LargeResponseHeader(..), _) => K::TooLarge,
        (Error::Protocol(_) | Error::Http(_), _) => K::Protocol,
        _ => K::Broken,
    }
}

/// What rustls said, if it was rustls.
fn tls(error: &Error) -> Option<&rustls::Error> {
    match error {
        Error::Rustls(tls) => Some(tls),
        Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// The driver's words: never a URL with a query, never remote text.
fn detail(error: &Error) -> String {
    if let Some(tls) = tls(error) {
        return tls_detail(tls);
    }
    match error {
        Error::Timeout(what) => format!("{what} timeout"),
        Error::Io(error) => error.kind().to_string(),
        Error::Tls(what) => (*what).into(),
        Error::BodyExceedsLimit(limit) => format!("more than {limit} bytes"),
        Error::ConnectProxyFailed(_) => "the proxy refused to connect".into(),
        _ => String::new(),
    }
}

fn tls_detail(error: &rustls::Error) -> String {
    use CertificateError as C;
    let rustls::Error::InvalidCertificate(flaw) = error else { return error.to_string() };
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
