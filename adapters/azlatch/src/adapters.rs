//! What a bound credential uses outside the core.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use azlatch_core::authority::cloud;
use azlatch_core::credential::Surroundings;
use azlatch_core::effect::{Call, Effect, Prompt, Reply, Supplied};
use azlatch_core::{Error, ErrorKind, Host};
use azlatch_system::{Clock, Environment, System};
use azlatch_ureq::{ProxySettings, Ureq};

use crate::calls::Calls;
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
    /// An HTTP driver of the application's own, which counts above ours.
    custom: Option<Http>,
    ureq: Ureq,
    roots: Vec<u8>,
    proxy: ProxySettings,
    environment: Environment,
    system: System,
    surroundings: Surroundings,
    clock: Clock,
    directory: Option<PathBuf>,
    cache: Option<TokenCache>,
    calls: Calls,
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

    /// As [`new`](Self::new), with these environment variables (proxies among them) instead of the process's.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn in_environment(environment: Environment) -> Result<Self, Error> {
        let surroundings = Surroundings {
            authority_host: cloud::authority_host(environment.get("AZURE_AUTHORITY_HOST"))?,
            single_tenant: environment.get("AZURE_IDENTITY_DISABLE_MULTITENANTAUTH").is_some(),
            holder: 0,
            signed_in: None,
            own_tenant: None,
        };
        let proxy = ProxySettings::from_variables(|name| environment.get(name).map(str::to_owned));
        Ok(Self {
            custom: None,
            ureq: Ureq::builder().proxy(proxy.clone()).build()?,
            roots: Vec::new(),
            proxy,
            system: System::new(environment.clone()),
            environment,
            surroundings,
            clock: Clock::new(),
            directory: None,
            cache: None,
            calls: Calls::default(),
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
        self.proxy = settings;
        self.rebuild()
    }

    fn rebuild(mut self) -> Result<Self, Error> {
        let builder = Ureq::builder().proxy(self.proxy.clone());
        self.ureq = if self.roots.is_empty() { builder } else { builder.extra_roots(&self.roots) }.build()?;
        Ok(self)
    }

    /// Sends requests through a driver of your own; roots and proxies are then its own business.
    #[must_use]
    pub fn http(mut self, driver: impl Host + Clone + Send + Sync + 'static) -> Self {
        self.custom = Some(Http(Arc::new(driver)));
        self
    }

    /// Keeps persistent caches in this directory, named by an absolute path, instead of `~/.IdentityService`.
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

    /// Calls `source` for the values named `what`: a [`CustomCredential`](crate::CustomCredential)'s tokens.
    ///
    /// ```
    /// use azlatch::prelude::*;
    /// use azlatch::{Adapters, CustomCredential, Supplied};
    ///
    /// let adapters = Adapters::new()?.call("vending machine", |call| {
    ///     Ok(Supplied { value: format!("a-token-for-{}", call.scopes).into(), expires_on: None, refresh_on: None })
    /// });
    /// let credential = CustomCredential::new("vending machine").blocking_with(&adapters)?;
    /// assert_eq!(credential.get_token(&["api/.default"])?.expose_secret(), "a-token-for-api/.default");
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn call(
        mut self,
        what: impl Into<String>,
        source: impl Fn(&Call) -> Result<Supplied, Error> + Send + Sync + 'static,
    ) -> Self {
        self.calls.register(what.into(), Arc::new(source));
        self
    }

    /// Shows device codes with `show` instead of printing them to standard error. It must not wait for the person.
    ///
    /// ```
    /// use azlatch::prelude::*;
    /// use azlatch::Adapters;
    ///
    /// let adapters = Adapters::new()?.prompt(|prompt| {
    ///     println!("Open {} and enter {}", prompt.verification_uri, prompt.user_code);
    /// });
    /// let credential = DeviceCodeCredential::new().blocking_with(&adapters)?;
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn prompt(mut self, show: impl Fn(&Prompt) + Send + Sync + 'static) -> Self {
        self.system = self.system.prompt(show);
        self
    }

    /// Opens browsers with `open` instead of `$BROWSER` or the system's way. It must not wait for the person; an error is
    /// why nothing was opened, in a few words.
    #[must_use]
    pub fn browser(mut self, open: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.calls.open_with(Arc::new(open));
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

    #[cfg(feature = "async-std")]
    pub(crate) const fn custom(&self) -> Option<&Http> {
        self.custom.as_ref()
    }

    /// The proxies of [`proxy`](Self::proxy), or the environment's: for drivers of other kinds.
    #[must_use]
    pub const fn proxies(&self) -> &ProxySettings {
        &self.proxy
    }

    /// What was given to [`extra_roots`](Self::extra_roots), in PEM; empty when nothing was.
    #[must_use]
    pub fn roots(&self) -> &[u8] {
        &self.roots
    }

    /// HTTP, and everything of the machine but storage.
    pub(crate) fn drivers(&self) -> (Http, Calls, System) {
        let http = self.custom.clone().unwrap_or_else(|| Http(Arc::new(self.ureq.clone())));
        (http, self.calls.clone(), self.system())
    }

    pub(crate) fn system(&self) -> System {
        self.system.clone()
    }

    /// Where persistent caches go; `None` when nothing says where home is.
    ///
    /// # Errors
    ///
    /// `Configuration` when the directory that was named depends on where the program happens to stand.
    pub(crate) fn directory(&self) -> Result<Option<PathBuf>, Error> {
        match &self.directory {
            Some(named) if named.is_relative() => {
                let message = format!("the cache directory {} is not an absolute path", named.display());
                Err(Error::new(ErrorKind::Configuration, message).advise("name it from the root"))
            }
            Some(named) => Ok(Some(named.clone())),
            None => {
                let home = self.environment.get(azlatch_files::HOME).map(PathBuf::from);
                Ok(home.filter(|home| home.is_absolute()).map(|home| home.join(azlatch_files::DIRECTORY)))
            }
        }
    }
}

/// Any driver, behind one type.
#[cfg_attr(not(feature = "async-std"), allow(unreachable_pub))]
#[derive(Clone)]
pub struct Http(Arc<dyn Driver>);

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
