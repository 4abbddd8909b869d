//! ureq's errors told apart by the one question that matters: can the server have seen the request?

use std::io;

use azlatch_core::effect::{Failure, FailureKind, Sent};
use ureq::{Error, Timeout};

/// The failure that `error` means. Only what certainly happened before the request was sent says [`Sent::No`].
pub(crate) fn from(error: &Error) -> Failure {
    let (kind, sent) = match error {
        Error::HostNotFound => (FailureKind::Name, Sent::No),
        Error::ConnectionFailed => (FailureKind::Connect, Sent::No),
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => (FailureKind::Timeout, Sent::No),
        Error::Timeout(_) => (FailureKind::Timeout, Sent::Maybe),
        Error::Tls(_) => (FailureKind::Tls, Sent::No),
        Error::Rustls(error) => of_tls(error),
        Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => (FailureKind::Proxy, Sent::No),
        Error::BodyExceedsLimit(_) | Error::LargeResponseHeader(..) => (FailureKind::TooLarge, Sent::Maybe),
        Error::Protocol(_) | Error::Http(_) => (FailureKind::Protocol, Sent::Maybe),
        Error::RequireHttpsOnly(_) | Error::BadUri(_) => (FailureKind::Refused, Sent::No),
        Error::Io(error) => of_io(error),
        _ => (FailureKind::Broken, Sent::Maybe),
    };
    Failure { sent, kind, detail: detail(error) }
}

fn of_io(error: &io::Error) -> (FailureKind, Sent) {
    use io::ErrorKind as K;
    let inner = error.get_ref();
    if let Some(tls) = inner.and_then(|e| e.downcast_ref::<rustls::Error>()) {
        return of_tls(tls);
    }
    if let Some(wrapped) = inner.and_then(|e| e.downcast_ref::<Error>()) {
        let Failure { kind, sent, .. } = from(wrapped);
        return (kind, sent);
    }
    match error.kind() {
        K::ConnectionRefused | K::HostUnreachable | K::NetworkUnreachable | K::AddrNotAvailable | K::NetworkDown => {
            (FailureKind::Connect, Sent::No)
        }
        K::TimedOut => (FailureKind::Timeout, Sent::Maybe),
        _ => (FailureKind::Broken, Sent::Maybe),
    }
}

/// A certificate is judged before anything is sent; any other TLS trouble may come later.
fn of_tls(error: &rustls::Error) -> (FailureKind, Sent) {
    use rustls::Error as T;
    match error {
        T::InvalidCertificate(_)
        | T::NoCertificatesPresented
        | T::UnsupportedNameType
        | T::PeerIncompatible(_)
        | T::General(_) => (FailureKind::Tls, Sent::No),
        _ => (FailureKind::Tls, Sent::Maybe),
    }
}

/// The driver's words: never a URL with a query, never remote text.
fn detail(error: &Error) -> String {
    match error {
        Error::Timeout(what) => format!("{what} timeout"),
        Error::Io(error) => match error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
            Some(tls) => tls.to_string(),
            None => error.kind().to_string(),
        },
        Error::Rustls(tls) => tls.to_string(),
        Error::Tls(what) => (*what).into(),
        Error::BodyExceedsLimit(limit) => format!("more than {limit} bytes"),
        Error::ConnectProxyFailed(_) => "the proxy refused to connect".into(),
        _ => String::new(),
    }
}
