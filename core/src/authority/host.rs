//! The authority's host, taken apart once and compared with what was typed.

use alloc::format;
use alloc::string::String;
use core::fmt;

use url::{Host, Url};

use super::cloud;
use crate::error::{Error, ErrorKind};
use crate::wire::text::printable;

/// An authority's host and port, https always: `login.microsoftonline.com`, `localhost:8443`.
///
/// What was typed must be what the URL parser understood: user names, backslashes, percent signs, tabs, trailing
/// dots, numbers that turn into addresses and names that only look like others are all refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuthorityHost {
    host: String,
    port: Option<u16>,
}

impl Default for AuthorityHost {
    /// The public cloud.
    fn default() -> Self {
        Self { host: cloud::PUBLIC.into(), port: None }
    }
}

impl AuthorityHost {
    /// Reads `https://host[:port][/]` or `host[:port]`.
    ///
    /// # Errors
    ///
    /// `Configuration` when it is anything but an https host.
    pub fn new(text: &str) -> Result<Self, Error> {
        let trimmed = text.trim_matches(' ');
        let refused = |why: &str| {
            let shown = printable(text, 120);
            Err(Error::new(ErrorKind::Configuration, format!("`{shown}` cannot be an authority host: {why}"))
                .advise("give the host alone, such as login.microsoftonline.com"))
        };
        let bare = match trimmed.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some(_) => return refused("only https is allowed"),
            None => trimmed,
        };
        let bare = bare.trim_end_matches('/');
        let typed_ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
        if bare.is_empty() || bare.ends_with(':') || bare.len() > 262 || !bare.bytes().all(typed_ok) {
            return refused("it has characters that no host name has");
        }
        let Ok(url) = Url::parse(&format!("https://{bare}/")) else { return refused("it is not a host name") };
        let (Some(host), Some(understood)) = (url.host_str(), url.host()) else {
            return refused("it is not a host name");
        };
        let typed_host = match bare.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            _ => bare,
        };
        if !typed_host.eq_ignore_ascii_case(host) {
            return refused("it means another host than it says");
        }
        if let Host::Domain(name) = understood
            && (name.ends_with('.')
                || name.split('.').any(|label| label.is_empty() || label.len() > 63 || label.starts_with("xn--")))
        {
            return refused("it is not a plain host name");
        }
        Ok(Self { host: String::from(host), port: url.port() })
    }

    /// The host in lower case, without the port: the `environment` of cache entries.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.host
    }

    /// `https://host[:port]`, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("https://{self}")
    }

    /// Whether the public cloud must vouch for the host: it is in no table, and not of Microsoft's own domains for
    /// customers' sign-in (Azure AD B2C, External ID), which instance discovery does not know.
    #[must_use]
    pub fn needs_vouching(&self) -> bool {
        const CUSTOMERS: [&str; 5] =
            [".b2clogin.com", ".b2clogin.cn", ".b2clogin.us", ".b2clogin.de", ".ciamlogin.com"];
        !self.is_known() && (self.port.is_some() || !CUSTOMERS.iter().any(|domain| self.host.ends_with(domain)))
    }

    /// Whether the host belongs to a cloud that the compiled-in table knows, at its usual port.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.port.is_none() && cloud::find(&self.host).is_some()
    }
}

impl fmt::Display for AuthorityHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}
