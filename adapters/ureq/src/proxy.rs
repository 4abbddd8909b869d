//! Proxy settings, as the environment says them.

use std::env;
use std::fmt;

use ureq::ProxyProtocol;
use url::Url;

/// Which proxy https requests go through, and which hosts they do not.
#[derive(Clone, Default)]
pub struct ProxySettings {
    https: Option<ureq::Proxy>,
}

impl ProxySettings {
    /// None.
    #[must_use]
    pub const fn none() -> Self {
        Self { https: None }
    }

    /// `HTTPS_PROXY`, else `ALL_PROXY`, except for the hosts of `NO_PROXY` and what is below them (each
    /// variable also in lower case).
    ///
    /// `HTTP_PROXY` does not count: authorities are asked over https, and plain http never leaves this machine.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_variables(|name| env::var(name).ok())
    }

    /// The same, of the environment that `variable` looks into; an empty value counts as not set.
    #[must_use]
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let value = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
        let proxy = value(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
        let except = value(&["NO_PROXY", "no_proxy"]);
        Self::new(proxy.as_deref(), except.as_deref())
    }

    /// Proxy URL `proxy`, except for the comma-separated hosts `except`; an unreadable URL means no proxy.
    #[must_use]
    pub fn new(proxy: Option<&str>, except: Option<&str>) -> Self {
        Self { https: proxy.and_then(|url| read(url, except.unwrap_or_default())) }
    }

    pub(crate) const fn https(&self) -> Option<&ureq::Proxy> {
        self.https.as_ref()
    }
}

fn read(text: &str, except: &str) -> Option<ureq::Proxy> {
    let url = Url::parse(text).or_else(|_| Url::parse(&format!("http://{text}"))).ok().filter(Url::has_host);
    let url = url.or_else(|| Url::parse(&format!("http://{text}")).ok())?;
    let protocol = match url.scheme() {
        "https" => ProxyProtocol::Https,
        _ => ProxyProtocol::Http,
    };
    let mut builder = ureq::Proxy::builder(protocol).host(url.host_str()?);
    if let Some(port) = url.port_or_known_default() {
        builder = builder.port(port);
    }
    if !url.username().is_empty() {
        // The builder takes plain text, and a URL is percent-encoded: ureq's own reading decodes it.
        let (username, password) = (url.username(), url.password().unwrap_or_default());
        let login = ureq::Proxy::new(&format!("http://{username}:{password}@login")).ok()?;
        builder = builder.username(login.username()?).password(login.password()?);
    }
    for host in except.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        builder = builder.no_proxy(host);
        // As curl, Go and Python read it, a name stands for what is below it too.
        if !host.starts_with(['.', '*']) {
            builder = builder.no_proxy(&format!(".{host}"));
        }
    }
    builder.build().ok()
}

impl fmt::Debug for ProxySettings {
    /// Whether there is one: a proxy's URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxySettings").field("https", &self.https.is_some()).finish()
    }
}
