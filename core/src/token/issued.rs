//! The token that is handed out.

use crate::authority::Tenant;
use crate::cache::Life;
use crate::scope::ScopeSet;
use crate::secret::AccessToken;
use crate::time::Unix;

/// An access token and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Token {
    /// The token, for an `Authorization: Bearer` header (RFC 6750 §2.1).
    pub access_token: AccessToken,
    /// When it was made, when it ends and when it is due for renewal.
    pub life: Life,
    /// The scopes it was granted for.
    pub scopes: ScopeSet,
    /// The tenant that was asked.
    pub tenant: Tenant,
}

impl Token {
    /// A token of these parts.
    #[must_use]
    pub const fn new(access_token: AccessToken, life: Life, scopes: ScopeSet, tenant: Tenant) -> Self {
        Self { access_token, life, scopes, tenant }
    }

    /// The token's text.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.access_token.expose_secret()
    }

    /// When it ends, in seconds since 1970.
    #[must_use]
    pub const fn expires_on(&self) -> Unix {
        self.life.expires_on
    }

    /// `Bearer`: the only kind that is handed out (RFC 6750).
    #[must_use]
    pub const fn token_type(&self) -> &'static str {
        "Bearer"
    }
}
