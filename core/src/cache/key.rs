//! What makes one token another token, and its injective encoding.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::authority::{Authority, cloud};
use crate::effect::{LockKey, Partition};
use crate::record::AuthenticationRecord;
use crate::scope::ScopeSet;

/// Which token is wanted: everything that would make it a different token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The environment and the tenant.
    pub authority: Authority,
    /// The application.
    pub client_id: String,
    /// On whose behalf.
    pub subject: Subject,
    /// For what.
    pub scopes: ScopeSet,
    /// How the token is bound.
    pub scheme: Scheme,
    /// Whether the caller can answer claims challenges (continuous access evaluation).
    pub cae: bool,
    /// Parameters that shape the token beside the standard ones, such as `fmi_path`.
    pub extra: BTreeMap<String, String>,
}

/// On whose behalf a token is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The application itself.
    Application,
    /// A user, by home account id.
    Account(String),
    /// A person who is yet to sign in, so that nothing cached is theirs; who must be this account, if one is named.
    Newcomer(Option<String>),
    /// Whoever an incoming assertion speaks for, by its SHA-256 (on-behalf-of): never by a user name.
    Assertion([u8; 32]),
}

/// How a token is bound to its bearer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Not at all (RFC 6750).
    #[default]
    Bearer,
    /// To a key.
    Bound {
        /// `pop` or `ssh-cert`.
        token_type: String,
        /// The key's thumbprint.
        key_id: String,
    },
}

/// SHA-256 of a query's encoding: equal keys mean the same token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey(pub [u8; 32]);

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CacheKey(")?;
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

impl CacheKey {
    /// The lock that stands for this token in `partition`.
    #[must_use]
    pub fn lock(&self, partition: &Partition) -> LockKey {
        let digest: [u8; 32] = Sha256::new().chain_update(self.0).chain_update(partition.name()).finalize().into();
        let mut short = [0; 16];
        for (to, from) in short.iter_mut().zip(digest) {
            *to = from;
        }
        LockKey(short)
    }

    /// The lock behind which writers of `partition` queue who lost to others several times.
    pub(crate) fn turn(partition: &Partition) -> LockKey {
        Self(Sha256::digest(b"turn").into()).lock(partition)
    }

    /// A number that tells flows for different tokens apart.
    pub(crate) fn flow(&self) -> u32 {
        let [a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// A number that differs between tokens.
    pub(crate) fn number(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

impl Query {
    /// The key. Environment aliases of one cloud count as one; tenant and host ignore case.
    #[must_use]
    pub fn key(&self) -> CacheKey {
        let mut hash = Sha256::new();
        self.encode(&mut |bytes| hash.update(bytes));
        CacheKey(hash.finalize().into())
    }

    /// A query for whatever the account of `record` has, in its tenant: for no scopes.
    #[must_use]
    pub fn of_account(record: &AuthenticationRecord, cae: bool) -> Self {
        Self {
            authority: Authority { host: record.authority.clone(), tenant: record.tenant_id.clone() },
            client_id: record.client_id.clone(),
            subject: Subject::Account(record.home_account_id.clone()),
            scopes: ScopeSet::default(),
            scheme: Scheme::Bearer,
            cae,
            extra: BTreeMap::new(),
        }
    }

    /// Whose the token is: the same for everything that an account or an assertion has, and for nothing else.
    #[must_use]
    pub fn owner(&self) -> CacheKey {
        match &self.subject {
            Subject::Application => self.key(),
            Subject::Account(_) | Subject::Newcomer(_) | Subject::Assertion(_) => self.account_key(),
        }
    }

    /// The key of what one refresh token is good for: all tenants and resources of the account and, since families
    /// share theirs, all clients.
    pub(crate) fn account_key(&self) -> CacheKey {
        let account = match &self.subject {
            Subject::Application | Subject::Newcomer(_) => &[],
            Subject::Account(id) => id.as_bytes(),
            Subject::Assertion(hash) => hash.as_slice(),
        };
        let hash = Sha256::new().chain_update(b"account\0").chain_update(self.environment().as_bytes());
        CacheKey(hash.chain_update(b"\0").chain_update(account).finalize().into())
    }

    /// Aliases are one environment, but only at the usual port: a test authority is its own, port and all.
    fn environment(&self) -> String {
        match self.authority.host.is_known() {
            true => cloud::canonical(self.authority.host.environment()).into(),
            false => alloc::format!("{}", self.authority.host),
        }
    }

    /// The hash of an incoming assertion, as .NET and JS spell it.
    pub(super) fn assertion_hash(&self) -> Option<String> {
        match &self.subject {
            Subject::Assertion(hash) => Some(URL_SAFE_NO_PAD.encode(hash)),
            _ => None,
        }
    }

    /// The extended key of a query with extra parameters, as MSAL Python, Go and JS compute it: `length:name` and
    /// `length:value` of each, sorted by name, SHA-256, base64url, lower case.
    pub(super) fn extra_hash(&self) -> Option<String> {
        if self.extra.is_empty() {
            return None;
        }
        let mut hash = Sha256::new();
        for part in self.extra.iter().flat_map(|(name, value)| [name, value]) {
            hash.update(part.len().to_string());
            hash.update(":");
            hash.update(part);
        }
        Some(URL_SAFE_NO_PAD.encode(hash.finalize()).to_ascii_lowercase())
    }

    /// Feeds the encoding to `out`: every part behind its length, every list behind its count, so that no two
    /// queries share an encoding whatever characters their parts hold.
    pub fn encode(&self, out: &mut dyn FnMut(&[u8])) {
        let mut part = |bytes: &[u8]| {
            out(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            out(bytes);
        };
        part(self.environment().as_bytes());
        #[cfg(canary)]
        let forgotten = crate::canary::is(crate::canary::Bug::TenantForgotten);
        #[cfg(canary)]
        if !forgotten {
            part(self.authority.tenant.as_str().to_ascii_lowercase().as_bytes());
        }
        #[cfg(not(canary))]
        part(self.authority.tenant.as_str().to_ascii_lowercase().as_bytes());
        part(self.client_id.as_bytes());
        match &self.subject {
            Subject::Application => part(b"application"),
            Subject::Account(id) => {
                part(b"account");
                part(id.as_bytes());
            }
            Subject::Newcomer(expected) => {
                part(b"newcomer");
                part(expected.as_deref().unwrap_or_default().as_bytes());
            }
            Subject::Assertion(hash) => {
                part(b"assertion");
                part(hash);
            }
        }
        match &self.scheme {
            Scheme::Bearer => part(b"bearer"),
            Scheme::Bound { token_type, key_id } => {
                part(b"bound");
                part(token_type.as_bytes());
                part(key_id.as_bytes());
            }
        }
        part(if self.cae { b"cae" } else { b"nocae" });
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX).to_be_bytes();
        part(&count(self.scopes.iter().count()));
        self.scopes.iter().for_each(|scope| part(scope.as_bytes()));
        part(&count(self.extra.len()));
        for (name, value) in &self.extra {
            part(name.as_bytes());
            part(value.as_bytes());
        }
    }
}
