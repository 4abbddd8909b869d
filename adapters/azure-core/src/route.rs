//! Which requests may leave this machine, and which way.

use azlatch_core::effect::{Failure, FailureKind, Http, Proxy, Sent};

/// Which way a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Through a proxy, if the transport has one.
    MayProxy,
    /// Straight.
    Direct,
}

/// Checks `ask` before anything is sent: https only.
pub(crate) fn of(ask: &Http) -> Result<Route, Failure> {
    if !ask.url.starts_with("https://") {
        return Err(refused("plain http is not for secrets"));
    }
    Ok(if ask.proxy == Proxy::Never { Route::Direct } else { Route::MayProxy })
}

/// The request stays here.
pub(crate) fn refused(detail: &str) -> Failure {
    Failure { sent: Sent::No, kind: FailureKind::Refused, detail: detail.into() }
}
