//! Which requests may leave this machine, and which way.

use std::net::IpAddr;

use azlatch_core::effect::{Failure, FailureKind, Http, Method, Proxy, Sent};
use url::{Host, Url};

/// Which way a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Through the proxy that the settings name, if any.
    MayProxy,
    /// Straight.
    Direct,
}

/// Checks a request before anything is sent.
pub(crate) fn check(ask: &Http) -> Result<Route, Failure> {
    let refused = |detail: &str| Err(Failure { sent: Sent::No, kind: FailureKind::Refused, detail: detail.into() });
    let Ok(url) = Url::parse(&ask.url) else { return refused("the address is not a URL") };
    let Some(host) = url.host() else { return refused("the address names no host") };
    if !url.username().is_empty() || url.password().is_some() {
        return refused("the address carries a user name or password");
    }
    if ask.method == Method::Get && ask.body.is_some() {
        return refused("a GET carries no body");
    }
    let near = is_near(&host);
    match (url.scheme(), ask.proxy) {
        ("https", _) => {}
        ("http", Proxy::Never) if near => {}
        _ => return refused("plain http is for loopback and link-local addresses only"),
    }
    Ok(if near || ask.proxy == Proxy::Never { Route::Direct } else { Route::MayProxy })
}

/// Whether `host` is this machine or its link: no proxy can answer for those.
fn is_near(host: &Host<&str>) -> bool {
    let ip: IpAddr = match host {
        Host::Domain(name) => return name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(ip) => (*ip).into(),
        Host::Ipv6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(*ip), IpAddr::V4),
    };
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn route(url: &str, proxy: Proxy) -> Option<Route> {
        let mut ask = Http::get(url.into(), 1, Duration::from_secs(1));
        ask.proxy = proxy;
        check(&ask).ok()
    }

    #[test]
    fn n_11_n_33_routes_as_a_table() {
        use Proxy::{Environment, Never};
        let table = [
            ("https://login.microsoftonline.com/", Environment, Some(Route::MayProxy)),
            ("https://login.microsoftonline.com/", Never, Some(Route::Direct)),
            ("https://localhost:1/", Environment, Some(Route::Direct)),
            ("https://[fe80::1]/", Environment, Some(Route::Direct)),
            ("http://169.254.169.254/metadata", Never, Some(Route::Direct)),
            ("http://[fe80::1]/", Never, Some(Route::Direct)),
            ("http://[::ffff:169.254.169.254]/", Never, Some(Route::Direct)),
            ("http://169.254.169.254/metadata", Environment, None),
            ("http://localhost.evil.com/", Never, None),
            ("http://login.microsoftonline.com/", Never, None),
            ("http://10.0.0.1/", Never, None),
            ("ftp://localhost/", Never, None),
            ("https://user@localhost/", Never, None),
        ];
        for (url, proxy, expected) in table {
            assert_eq!(route(url, proxy), expected, "{url}");
        }
    }
}
