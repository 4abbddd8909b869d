//! Proxy settings as the environment's variables spell them: read once, the same for every HTTP driver.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use url::Url;

use crate::secret::Secret;

/// Which proxy https requests go through, and which hosts they do not.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxySettings {
    https: Option<ProxyAddress>,
    except: Vec<String>,
}

/// Where a proxy is, how it is spoken to, and who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyAddress {
    secure: bool,
    host: String,
    port: u16,
    login: Option<(String, Secret)>,
}

impl ProxySettings {
    /// No proxy.
    #[must_use]
    pub const fn none() -> Self {
        Self { https: None, except: Vec::new() }
    }

    /// `HTTPS_PROXY`, else `ALL_PROXY`, except for the hosts of `NO_PROXY` and what is below them (each variable
    /// also in lower case), in the environment that `variable` looks into; an empty value counts as not set.
    ///
    /// `HTTP_PROXY` does not count: authorities are asked over https, and plain http never leaves this machine.
    #[must_use]
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let value = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
        let proxy = value(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
        let except = value(&["NO_PROXY", "no_proxy"]);
        Self::new(proxy.as_deref(), except.as_deref())
    }

    /// Proxy URL `proxy`, except for the comma-separated hosts `except`; an unreadable URL means no proxy.
    ///
    /// As curl, Go and Python read it, a name among the exceptions stands for what is below it too; `.name` and
    /// `*.name` for what is below it only; `*` for everything.
    #[must_use]
    pub fn new(proxy: Option<&str>, except: Option<&str>) -> Self {
        let except = except.unwrap_or_default().split(',').map(str::trim).filter(|host| !host.is_empty());
        Self { https: proxy.and_then(ProxyAddress::read), except: except.map(str::to_ascii_lowercase).collect() }
    }

    /// The proxy that leads to `host`, if it is reached through one.
    #[must_use]
    pub fn toward(&self, host: &str) -> Option<&ProxyAddress> {
        let host = unbracketed(host).to_ascii_lowercase();
        self.https.as_ref().filter(|_| !self.except.iter().any(|pattern| covers(pattern, &host)))
    }

    /// The proxy, whatever the exceptions are.
    #[must_use]
    pub const fn https(&self) -> Option<&ProxyAddress> {
        self.https.as_ref()
    }
}

/// Whether exception `pattern` speaks of `host`, both in lower case.
fn covers(pattern: &str, host: &str) -> bool {
    if let Some(ending) = pattern.strip_prefix('*') {
        return host.ends_with(ending);
    }
    if pattern.starts_with('.') {
        return host.ends_with(pattern);
    }
    let name = unbracketed(pattern);
    host.strip_suffix(name).is_some_and(|below| below.is_empty() || below.ends_with('.'))
}

/// An IPv6 address without the brackets of a URL.
fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

impl ProxyAddress {
    /// Reads a proxy's URL; without a scheme it is a plain one's.
    fn read(text: &str) -> Option<Self> {
        let plain = || if text.contains("://") { None } else { Url::parse(&format!("http://{text}")).ok() };
        let url = Url::parse(text).ok().filter(Url::has_host).or_else(plain)?;
        let login = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let password = decoded(url.password().unwrap_or_default());
            (decoded(url.username()), Secret::from(password))
        });
        // A kind of proxy that nobody here speaks is spoken to as a plain one: failing beats going around it.
        let port = url.port_or_known_default().unwrap_or(80);
        Some(Self { secure: url.scheme() == "https", host: url.host_str()?.into(), port, login })
    }

    /// Whether the proxy itself is spoken to over TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Its host, an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// User name and password, as they are meant.
    #[must_use]
    pub fn login(&self) -> Option<(&str, &Secret)> {
        self.login.as_ref().map(|(name, password)| (name.as_str(), password))
    }

    /// The value of `Proxy-Authorization` (RFC 7617 §2), when there is a login.
    #[must_use]
    pub fn authorization(&self) -> Option<Secret> {
        let (name, password) = self.login()?;
        let pair = Secret::from(format!("{name}:{}", password.expose_secret()));
        let encoded = Secret::from(BASE64_STANDARD.encode(pair.expose_secret()));
        Some(format!("Basic {}", encoded.expose_secret()).into())
    }
}

/// `text` without its percent-encoding (RFC 3986 §2.1); a plus is a plus.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let pair = match (first, after) {
            (b'%', [high, low, after @ ..]) => digit(*high).zip(digit(*low)).map(|digits| (digits, after)),
            _ => None,
        };
        match pair {
            Some(((high, low), after)) => {
                bytes.push(high << 4 | low);
                rest = after;
            }
            None => bytes.push(first),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.into())
}

fn digit(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

impl fmt::Debug for ProxySettings {
    /// Whether there is one: a proxy's URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings").field("https", &self.https.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Debug for ProxyAddress {
    /// Where it is; not who asks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyAddress").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_11_addresses_as_a_table() {
        let table = [
            ("http://proxy:8080", Some((false, "proxy", 8080))),
            ("proxy:8080", Some((false, "proxy", 8080))),
            ("proxy.example", Some((false, "proxy.example", 80))),
            ("127.0.0.1:3128", Some((false, "127.0.0.1", 3128))),
            ("https://proxy/", Some((true, "proxy", 443))),
            ("http://[::1]:1/", Some((false, "[::1]", 1))),
            ("socks5://proxy:1080", Some((false, "proxy", 1080))),
            ("", None),
            ("http://", None),
            ("not a host", None),
        ];
        for (text, expected) in table {
            let read = ProxyAddress::read(text);
            let parts = read.as_ref().map(|proxy| (proxy.is_secure(), proxy.host(), proxy.port()));
            assert_eq!(parts, expected, "{text}");
        }
    }

    #[test]
    fn n_11_logins_as_a_table() {
        let table = [
            ("user:word", Some("Basic dXNlcjp3b3Jk")),
            ("user", Some("Basic dXNlcjo=")),
            ("u%3A:%25%zz+", Some("Basic dTo6JSV6eis=")),
            ("", None),
        ];
        for (login, expected) in table {
            let proxy = ProxyAddress::read(&format!("http://{login}@proxy")).expect(login);
            let value = proxy.authorization();
            assert_eq!(value.as_ref().map(|value| value.expose_secret()), expected, "{login}");
            assert!(!format!("{proxy:?}").contains("word"));
        }
    }

    #[test]
    fn n_11_exceptions_as_a_table() {
        let table = [
            ("", "a.example", true),
            ("a.example", "A.example", false),
            ("A.EXAMPLE", "b.a.example", false),
            ("a.example", "ba.example", true),
            (".example", "a.example", false),
            (".a.example", "a.example", true),
            ("*.example", "a.example", false),
            ("*", "anything", false),
            ("other , a.example", "a.example", false),
            ("10.0.0.1", "10.0.0.1", false),
            ("10.0.0.1", "110.0.0.1", true),
            ("fd00::1", "[fd00::1]", false),
            ("[fd00::1]", "[fd00::1]", false),
        ];
        for (except, host, proxied) in table {
            let settings = ProxySettings::new(Some("proxy:1"), Some(except));
            assert_eq!(settings.toward(host).is_some(), proxied, "{except} {host}");
        }
        assert_eq!(ProxySettings::none().toward("a"), None);
    }

    #[test]
    fn n_11_variables_as_a_table() {
        type Variables = &'static [(&'static str, &'static str)];
        let table: [(Variables, Option<&str>); 6] = [
            (&[("HTTPS_PROXY", "one"), ("https_proxy", "two")], Some("one")),
            (&[("HTTPS_PROXY", ""), ("https_proxy", "two")], Some("two")),
            (&[("ALL_PROXY", "three")], Some("three")),
            (&[("HTTP_PROXY", "four"), ("http_proxy", "four")], None),
            (&[("all_proxy", "five"), ("NO_PROXY", "host")], None),
            (&[("all_proxy", "five"), ("no_proxy", "")], Some("five")),
        ];
        for (set, expected) in table {
            let value = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).into());
            let settings = ProxySettings::from_variables(value);
            assert_eq!(settings.toward("host").map(ProxyAddress::host), expected, "{set:?}");
        }
    }
}
