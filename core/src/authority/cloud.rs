//! The clouds and their host aliases, compiled in: a cache hit needs no network to know that two names are one cloud.

use crate::error::Error;

use super::AuthorityHost;

/// The public cloud's host.
pub const PUBLIC: &str = "login.microsoftonline.com";

/// One cloud: its names are one environment in the cache.
#[derive(Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Every host name of the cloud; the first is the one to talk to.
    pub aliases: &'static [&'static str],
}

/// The clouds whose hosts are trusted without asking (instance metadata as Microsoft publishes it).
pub const CLOUDS: &[Cloud] = &[
    Cloud { aliases: &[PUBLIC, "login.windows.net", "login.microsoft.com", "sts.windows.net"] },
    Cloud { aliases: &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"] },
    Cloud { aliases: &["login.microsoftonline.us", "login.usgovcloudapi.net"] },
    Cloud { aliases: &["login.microsoftonline.de"] },
    Cloud { aliases: &["login-us.microsoftonline.com"] },
    Cloud { aliases: &["login.sovcloud-identity.fr"] },
    Cloud { aliases: &["login.sovcloud-identity.de"] },
    Cloud { aliases: &["login.sovcloud-identity.sg"] },
];

/// The cloud that `host` (lower case, no port) belongs to.
#[must_use]
pub fn find(host: &str) -> Option<&'static Cloud> {
    CLOUDS.iter().find(|cloud| cloud.aliases.contains(&host))
}

/// Whether two hosts are one environment: equal, or aliases of one cloud.
#[must_use]
pub fn same_environment(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
        || find(&a.to_ascii_lowercase())
            .is_some_and(|cloud| cloud.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(b)))
}

/// The name that stands for `host`'s alias class in cache keys: its cloud's first alias, else itself.
#[must_use]
pub fn canonical(host: &str) -> &str {
    find(host).and_then(|cloud| cloud.aliases.first().copied()).unwrap_or(host)
}

/// The authority host that `AZURE_AUTHORITY_HOST` (or nothing) means.
///
/// # Errors
///
/// As [`AuthorityHost::new`].
pub fn authority_host(configured: Option<&str>) -> Result<AuthorityHost, Error> {
    match configured.map(str::trim) {
        Some(text) if !text.is_empty() => AuthorityHost::new(text),
        _ => Ok(AuthorityHost::default()),
    }
}
