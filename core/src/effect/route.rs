//! Which requests may leave this machine, and which way: the same answer for every HTTP driver.

use url::{Host, Url};

use super::{Failure, Http, Method, Proxy};

/// Which way a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// Through the proxy that the settings name, if any.
    MayProxy,
    /// Straight.
    Direct,
}

impl Http {
    /// Checks this request by the rules that hold for every driver, before a socket is opened.
    ///
    /// # Errors
    ///
    /// [`FailureKind::Refused`](super::FailureKind::Refused) when the URL is not plainly written `https://host…`
    /// (or `http://` to loopback or a link-local address with [`Proxy::Never`]), when it carries a user name or
    /// password, when a GET has a body, and when a header's value could end its line.
    pub fn route(&self) -> Result<Route, Failure> {
        let url = plainly_written(&self.url).and_then(|text| Url::parse(text).ok());
        let Some(url) = url else { return Err(Failure::refused("the address is not a URL")) };
        let Some(host) = url.host() else { return Err(Failure::refused("the address names no host")) };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failure::refused("the address carries a user name or password"));
        }
        if self.method == Method::Get && self.body.is_some() {
            return Err(Failure::refused("a GET carries no body"));
        }
        if !self.headers.iter().all(|header| is_field_value(header.value.expose_secret())) {
            return Err(Failure::refused("a header value is not printable"));
        }
        let near = is_near(&host);
        match (url.scheme(), self.proxy) {
            ("https", _) => {}
            ("http", Proxy::Never) if near => {}
            _ => return Err(Failure::refused("plain http is for loopback and link-local addresses only")),
        }
        Ok(if near || self.proxy == Proxy::Never { Route::Direct } else { Route::MayProxy })
    }
}

/// `url`, unless two readers could take it for different addresses: the WHATWG parser that checks it here mends what
/// others refuse or read to the letter (RFC 3986 §2).
fn plainly_written(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let dubious =
        |b: u8| !b.is_ascii_graphic() || matches!(b, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}');
    (!rest.starts_with('/') && !url.bytes().any(dubious)).then_some(url)
}

/// Visible ASCII, spaces and tabs (RFC 9110 §5.5, without its obsolete bytes).
fn is_field_value(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic() || matches!(b, b' ' | b'\t'))
}

/// Whether `host` is this machine or its link: no proxy can answer for those.
fn is_near(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(ip) => ip.is_loopback() || ip.is_link_local(),
        Host::Ipv6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => ip.is_loopback() || ip.is_link_local(),
            None => ip.is_loopback() || ip.is_unicast_link_local(),
        },
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn route(url: &str, proxy: Proxy) -> Option<Route> {
        let mut ask = Http::get(url.into(), 1, Duration::from_secs(1));
        ask.proxy = proxy;
        ask.route().ok()
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
            ("https:/localhost/", Never, None),
            ("https:///localhost/", Never, None),
            ("https://localhost\\@evil.com/", Never, None),
            ("https://local\thost/", Never, None),
            ("https://localhost/a b", Never, None),
            ("https://localhost\u{3002}evil.com/", Never, None),
        ];
        for (url, proxy, expected) in table {
            assert_eq!(route(url, proxy), expected, "{url}");
        }
    }

    #[test]
    fn a_header_value_stays_on_its_line() {
        for (value, fits) in [("a b\tc", true), ("", true), ("a\r\nb: c", false), ("a\0", false), ("\u{e9}", false)] {
            let ask = Http::get("https://localhost/".into(), 1, Duration::from_secs(1)).header("x", value);
            assert_eq!(ask.route().is_ok(), fits, "{value:?}");
        }
    }
}
