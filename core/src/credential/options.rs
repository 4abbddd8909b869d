//! What credentials have in common: options, requests, and what the environment says where the application is silent.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use crate::authority::discovery::Vouched;
use crate::authority::{Authority, AuthorityHost, Tenant, TenantRules};
use crate::cache::{self, Demand, Place, Policy, Query};
use crate::error::{Error, ErrorKind};
use crate::record::AuthenticationRecord;
use crate::scope::ScopeSet;
use crate::secret::AccessToken;
use crate::wire::text::printable;

/// One request for a token (Azure Identity's `TokenRequestContext` and `TokenRequestOptions`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TokenRequest {
    /// The scopes; for applications one, `<resource>/.default`.
    pub scopes: ScopeSet,
    /// A tenant other than the credential's own; must be allowed by `additionally_allowed_tenants`.
    pub tenant_id: Option<String>,
    /// Whether the caller can answer claims challenges (continuous access evaluation).
    pub enable_cae: bool,
    /// Which cached tokens will not do.
    pub demand: Demand,
    /// A token is there, or an error, within this; 30 s unless said otherwise. While a person signs in, the credential's
    /// own limit counts instead.
    pub timeout: Duration,
    /// Whether a person may be asked to sign in.
    pub interaction: Interaction,
    /// The user name that a sign-in begins with, if one is needed.
    pub login_hint: Option<String>,
    /// The account, by its home account id, that must be the one that signs in, if one is needed.
    pub expected: Option<String>,
}

/// Whether a person may be asked to sign in, where a credential can ask one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Interaction {
    /// When nothing less helps, unless the credential was told not to (`disable_automatic_authentication`).
    #[default]
    Automatic,
    /// When nothing less helps, whatever the credential was told: the application is ready for it (`authenticate`).
    Allowed,
    /// Not at all.
    Never,
    /// Now, whatever is cached: this request is the sign-in.
    Required,
}

impl TokenRequest {
    /// A request for `scopes` and nothing special.
    ///
    /// # Errors
    ///
    /// `Configuration` when there are no scopes, or one cannot be a scope.
    pub fn new<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        Ok(Self {
            scopes: ScopeSet::new(scopes)?,
            tenant_id: None,
            enable_cae: false,
            demand: Demand::Any,
            timeout: Duration::from_secs(30),
            interaction: Interaction::Automatic,
            login_hint: None,
            expected: None,
        })
    }

    /// For another tenant.
    #[must_use]
    pub fn tenant_id(mut self, tenant: impl Into<String>) -> Self {
        self.tenant_id = Some(tenant.into());
        self
    }

    /// With continuous access evaluation.
    #[must_use]
    pub const fn enable_cae(mut self, enable: bool) -> Self {
        self.enable_cae = enable;
        self
    }

    /// With the claims of a challenge, as decoded JSON: cached access tokens will not do.
    #[must_use]
    pub fn claims(mut self, claims: impl Into<String>) -> Self {
        self.demand = Demand::Claims(claims.into());
        self
    }

    /// A token made from now on.
    #[must_use]
    pub fn force_refresh(mut self) -> Self {
        self.demand = Demand::Fresh;
        self
    }

    /// Any token but this one, which a resource refused.
    ///
    /// ```
    /// use azlatch_core::cache::Demand;
    /// use azlatch_core::credential::TokenRequest;
    ///
    /// let request = TokenRequest::new(["api/.default"])?.rejecting("the-refused-one".into());
    /// assert_eq!(request.demand, Demand::Not("the-refused-one".into()));
    /// # Ok::<(), azlatch_core::Error>(())
    /// ```
    #[must_use]
    pub fn rejecting(mut self, token: AccessToken) -> Self {
        self.demand = Demand::Not(token);
        self
    }

    /// With or without a person's help.
    #[must_use]
    pub const fn interaction(mut self, interaction: Interaction) -> Self {
        self.interaction = interaction;
        self
    }

    /// Within `timeout`.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// How a persistent cache is kept (Azure Identity's `TokenCachePersistenceOptions`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenCachePersistenceOptions {
    /// The cache's name; programs that name the same share it. `msal.cache` unless said otherwise.
    pub name: String,
    /// Whether plain text may be used where no encrypted store can be.
    pub allow_unencrypted_storage: bool,
}

impl Default for TokenCachePersistenceOptions {
    /// The cache that other languages' programs use by default, encrypted or not at all.
    fn default() -> Self {
        Self { name: cache::DEFAULT_NAME.to_string(), allow_unencrypted_storage: false }
    }
}

impl TokenCachePersistenceOptions {
    /// In a cache of another name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Plain text where no encrypted store can be used: whoever reads the disk reads the tokens.
    #[must_use]
    pub const fn allow_unencrypted_storage(mut self, allow: bool) -> Self {
        self.allow_unencrypted_storage = allow;
        self
    }
}

/// What surrounds a bound credential: what the environment says where the application is silent, who holds it, and who
/// signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `AZURE_AUTHORITY_HOST`, else the public cloud.
    pub authority_host: AuthorityHost,
    /// Whether `AZURE_IDENTITY_DISABLE_MULTITENANTAUTH` is set.
    pub single_tenant: bool,
    /// A number of the bound credential's own: only those who share it share a refusal.
    pub holder: u64,
    /// Who signed in to the bound credential.
    pub signed_in: Option<AuthenticationRecord>,
    /// The id of the credential's own tenant, as a sign-in to it told: what it goes by afterwards where the application
    /// named it by a domain, or not at all.
    pub own_tenant: Option<Tenant>,
}

/// Options of every credential that asks Entra itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Common {
    pub(super) tenant: Tenant,
    pub(super) authority_host: Option<AuthorityHost>,
    pub(super) additionally_allowed_tenants: Vec<String>,
    pub(super) discovery: bool,
}

impl Common {
    pub(super) const fn new(tenant: Tenant) -> Self {
        Self { tenant, authority_host: None, additionally_allowed_tenants: Vec::new(), discovery: true }
    }

    /// Whom `request` asks.
    pub(super) fn authority(&self, request: &TokenRequest, surroundings: &Surroundings) -> Result<Authority, Error> {
        let rules = TenantRules {
            configured: self.tenant.clone(),
            additionally_allowed: self.additionally_allowed_tenants.clone(),
            single_tenant: surroundings.single_tenant,
        };
        let host = self.authority_host.as_ref().unwrap_or(&surroundings.authority_host).clone();
        Ok(Authority { host, tenant: rules.resolve(request.tenant_id.as_deref())? })
    }

    /// Where and within which limits `request`, which means `query`, is answered.
    pub(super) fn policy(
        &self,
        request: &TokenRequest,
        query: &Query,
        surroundings: &Surroundings,
        persistence: Option<&TokenCachePersistenceOptions>,
        vouched: Option<&Vouched>,
    ) -> Result<Policy, Error> {
        let known = vouched.is_some_and(|vouched| vouched.0 == query.authority.host) || self.tenant.is_adfs();
        Ok(Policy {
            place: match persistence {
                Some(options) => Place::Shared(cache::partition(&options.name, request.enable_cae)?),
                None => Place::PerSubject,
            },
            discovery: self.discovery && !known,
            tries: 4,
            timeout: request.timeout,
            holder: surroundings.holder,
        })
    }
}

/// A client id: visible ASCII, at most 128 characters.
pub(super) fn checked_client_id(text: &str) -> Result<String, Error> {
    if (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(text.into());
    }
    let mut message = String::from("this cannot be a client id: ");
    message.push_str(&printable(text, 80));
    Err(Error::new(ErrorKind::Configuration, message)
        .advise("a client id is the application's GUID from its registration"))
}

/// The setters of the common options, the same on every credential.
macro_rules! common_options {
    ($credential:ident) => {
        super::options::common_options!($credential, common);
    };
    ($credential:ident, $($common:ident).+) => {
        impl $credential {
            /// Asks this authority instead of the public cloud's, or the one `AZURE_AUTHORITY_HOST` names.
            ///
            /// # Errors
            ///
            /// `Configuration` when it is not an https host.
            pub fn authority_host(mut self, host: &str) -> Result<Self, crate::Error> {
                self.$($common).+.authority_host = Some(crate::authority::AuthorityHost::new(host)?);
                Ok(self)
            }

            /// Tenants beside the credential's own that a request may name; `*` allows every one.
            #[must_use]
            pub fn additionally_allowed_tenants<S: Into<alloc::string::String>>(
                mut self,
                tenants: impl IntoIterator<Item = S>,
            ) -> Self {
                self.$($common).+.additionally_allowed_tenants = tenants.into_iter().map(Into::into).collect();
                self
            }

            /// Trusts the authority host without asking the public cloud about it: for authorities of your own.
            #[must_use]
            pub const fn disable_instance_discovery(mut self) -> Self {
                self.$($common).+.discovery = false;
                self
            }
        }
    };
}

pub(super) use common_options;
