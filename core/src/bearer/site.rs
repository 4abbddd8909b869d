//! Where a request goes: the host of a URL, believed only when it is what was typed.

use alloc::format;
use alloc::string::String;
use core::fmt;

use url::{Host, Url};

/// Scheme, host and port of a URL.
///
/// Whoever sends the request parses its URL again, perhaps by other rules. So the host must read the same by all of
/// them: no user name, no backslash, no blank, no number that turns into an address, no letter that turns into another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Site {
    secure: bool,
    host: String,
    /// `None` is the scheme's own.
    port: Option<u16>,
    address: bool,
    loopback: bool,
}

impl Site {
    /// The site of `url`; `None` unless it is an http or https URL whose host is what it says.
    pub(super) fn new(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let secure = scheme.eq_ignore_ascii_case("https");
        if !secure && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let typed = rest.split(['/', '?', '#']).next()?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
        if typed.is_empty() || typed.len() > 262 || typed.ends_with(':') || !typed.bytes().all(plain) {
            return None;
        }
        let url = Url::parse(&format!("{scheme}://{typed}/")).ok()?;
        let host = url.host_str()?;
        let typed_host = match typed.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            _ => typed,
        };
        if !typed_host.eq_ignore_ascii_case(host) {
            return None;
        }
        let (address, loopback) = match url.host()? {
            Host::Domain(name) => (false, name == "localhost"),
            Host::Ipv4(address) => (true, address.is_loopback()),
            Host::Ipv6(address) => (true, address.is_loopback()),
        };
        Some(Self { secure, host: String::from(host), port: url.port(), address, loopback })
    }

    pub(super) const fn is_secure(&self) -> bool {
        self.secure
    }

    pub(super) const fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether this is a host of the https resource `resource`: the same, or a name below it. Ports do not count.
    ///
    /// An address is below nothing, a top-level domain has nothing below it, and a name with an empty label (a dot at
    /// the end, two in a row) is no name.
    pub(super) fn belongs_to(&self, resource: &Self) -> bool {
        if !resource.secure || !self.is_well_formed() || !resource.is_well_formed() {
            return false;
        }
        let below = !self.address
            && !resource.address
            && resource.host.contains('.')
            && self.host.strip_suffix(resource.host.as_str()).is_some_and(|name| name.ends_with('.'));
        below || self.host == resource.host
    }

    fn is_well_formed(&self) -> bool {
        self.address || self.host.split('.').all(|label| !label.is_empty())
    }
}

impl fmt::Display for Site {
    /// The host alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}
