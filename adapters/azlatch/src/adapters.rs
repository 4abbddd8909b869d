//! What a bound credential uses outside the core.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use azlatch_core::authority::cloud;
use azlatch_core::credential::Surroundings;
use azlatch_core::effect::{Effect, Reply};
use azlatch_core::{Error, Host};
use azlatch_system::{Clock, Environment, System};
use azlatch_ureq::{ProxySettings, Ureq};

use crate::hot::TokenCache;

/// The outside of a bound credential: HTTP, environment, cache directory, cache. Cheap to clone.
///
/// ```
/// use azlatch::{Adapters, TokenCache};
///
/// let cache = TokenCache::new();
/// let adapters = Adapters::new()?.token_cache(cache.clone()).cache_directory("/var/lib/app/tokens");
/// # Ok::<(), azlatch::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Adapters {
    http: Http,
    roots: Vec<u8>,
    proxy: Option<ProxySettings>,
    environment: Environment,
    surroundings: Surroundings,
    clock: Clock,
    directory: Option<PathBuf>,
    cache: Option<TokenCache>,
}

impl Adapters {
    /// This machine: its environment variables as they are now, its root certificates, its proxies.
    ///
    /// # Errors
    ///
    /// `Configuration` when `AZURE_AUTHORITY_HOST` is not an https host.
    pub fn new() -> Result<Self, Error> {
        Self::in_environment(Environment::capture())
    }

    /// As [`new`](Self::new), with these environment variables instead of the process's.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn in_environment(environment: Environment) -> Result<Self, Error> {
        let surroundings = Surroundings {
            authority_host: cloud::authority_host(environment.get("AZURE_AUTHORITY_HOST"))?,
            single_tenant: environment.get("AZURE_IDENTITY_DISABLE_MULTITENANTAUTH").is_some(),
        };
        Ok(Self {
            http: Http(Arc::new(Ureq::default())),
            roots: Vec::new(),
            proxy: None,
            environment,
            surroundings,
            clock: Clock::new(),
            directory: None,
            cache: None,
        })
    }

    /// Trusts the certificates of `pem` beside the platform's roots.
    ///
    /// # Errors
    ///
    /// `Configuration` when there is no certificate in it.
    pub fn extra_roots(mut self, pem: &[u8]) -> Result<Self, Error> {
        self.roots.extend_from_slice(pem);
        self.roots.push(b'\n');
        self.rebuild()
    }

    /// Uses these proxies instead of those that `HTTPS_PROXY` and `NO_PROXY` name.
    ///
    /// # Errors
    ///
    /// None of its own; as [`extra_roots`](Self::extra_roots).
    pub fn proxy(mut self, settings: ProxySettings) -> Result<Self, Error> {
        self.proxy = Some(settings);
        self.rebuild()
    }

    fn rebuild(mut self) -> Result<Self, Error> {
        let mut builder = Ureq::builder();
        if !self.roots.is_empty() {
            builder = builder.extra_roots(&self.roots);
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        self.http = Http(Arc::new(builder.build()?));
        Ok(self)
    }

    /// Sends requests through a driver of your own instead of ureq.
    #[must_use]
    pub fn http(mut self, driver: impl Host + Clone + Send + Sync + 'static) -> Self {
        self.http = Http(Arc::new(driver));
        self
    }

    /// Keeps persistent caches in this directory instead of `~/.IdentityService`.
    #[must_use]
    pub fn cache_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Shares `cache` with every credential that is bound with it, instead of a cache for each.
    #[must_use]
    pub fn token_cache(mut self, cache: TokenCache) -> Self {
        self.cache = Some(cache);
        self
    }

    pub(crate) const fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn cache(&self) -> TokenCache {
        self.cache.clone().unwrap_or_default()
    }

    /// HTTP, and everything of the machine but storage.
    pub(crate) fn drivers(&self) -> (Http, System) {
        (self.http.clone(), System::new(self.environment.clone()))
    }

    /// Where persistent caches go; `None` when nothing says where home is.
    pub(crate) fn directory(&self) -> Option<PathBuf> {
        let home = if cfg!(windows) { "LOCALAPPDATA" } else { "HOME" };
        let default = || self.environment.get(home).map(PathBuf::from).map(|home| home.join(azlatch_files::DIRECTORY));
        self.directory.clone().or_else(default).filter(|path| path.is_absolute())
    }
}

/// Any driver, behind one type.
#[derive(Clone)]
pub(crate) struct Http(Arc<dyn Driver>);

trait Driver: Send + Sync {
    fn drive(&self, effect: Effect) -> Result<Reply, Effect>;
}

impl<H: Host + Clone + Send + Sync> Driver for H {
    fn drive(&self, effect: Effect) -> Result<Reply, Effect> {
        self.clone().perform(effect)
    }
}

impl Host for Http {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        self.0.drive(effect)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}
