//! A token endpoint's yes (RFC 6749 §5.1), with the tolerance that real authorities need and no more.

use alloc::string::String;

use crate::scope::ScopeSet;
use crate::secret::{AccessToken, IdToken, RefreshToken};
use crate::time::Unix;
use crate::wire::json::{Object, integer};
use crate::wire::jwt::{AccountHints, ClientInfo};
use crate::wire::{date, text};

/// What an authority granted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Granted {
    /// The access token.
    pub access_token: AccessToken,
    /// When it was asked for.
    pub acquired: Unix,
    /// When it ends.
    pub expires_on: Unix,
    /// When it should be renewed, if the authority said so.
    pub refresh_on: Option<Unix>,
    /// When it ends during an outage of the authority (`ext_expires_in`).
    pub extended_expires_on: Unix,
    /// The granted scopes, when the authority listed them (O-10: they govern).
    pub scopes: Option<ScopeSet>,
    /// A new refresh token, in place of the one used.
    pub refresh_token: Option<RefreshToken>,
    /// The id token.
    pub id_token: Option<IdToken>,
    /// `client_info`, as sent.
    pub client_info: Option<String>,
    /// `foci`: the family of clients that share the refresh token.
    pub family: Option<String>,
}

/// Longest life believed: a CAE token lives 28 hours, a managed identity's 24.
const LONGEST: i64 = 48 * 3600;

/// Life of a token whose answer does not say (as the MSAL libraries assume).
const UNSAID: i64 = 600;

impl Granted {
    /// Reads the body of a 200 answer to a request sent at `asked`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words that quote nothing of it.
    pub fn parse(body: &[u8], asked: Unix) -> Result<Self, &'static str> {
        let body = core::str::from_utf8(body).map_err(|_| "it is not text")?;
        let object = Object::parse(body).map_err(|_| "it is not a JSON object")?;
        if object.raw("error").is_some() {
            return Err("it reports an error with a status that means success");
        }
        let access_token = object.text("access_token").ok_or("it has no access token")?;
        if !text::is_access_token(&access_token) {
            return Err("its access token is empty, too large, or cannot stand in a header");
        }
        // RFC 6749 §7.1: a token of a type that is not understood must not be used.
        match object.raw("token_type").map(crate::wire::json::text) {
            None => {}
            Some(Some(kind)) if kind.eq_ignore_ascii_case("bearer") => {}
            Some(_) => return Err("its token is not a bearer token"),
        }
        let lifetime = lifetime(&object, asked);
        let expires_on = asked.plus(lifetime);
        let owned = |name| object.text(name).map(alloc::borrow::Cow::into_owned);
        let extended = object.integer("ext_expires_in").filter(|n| *n >= lifetime).unwrap_or(lifetime);
        Ok(Self {
            access_token: AccessToken::from(access_token.as_ref()),
            acquired: asked,
            expires_on,
            refresh_on: refresh_in(&object, lifetime).map(|seconds| asked.plus(seconds)),
            extended_expires_on: asked.plus(extended.min(LONGEST)),
            scopes: object.text("scope").map(|s| ScopeSet::parse(&s)).filter(|s| !s.is_empty()),
            refresh_token: object
                .text("refresh_token")
                .filter(|t| text::is_refresh_token(t))
                .map(|t| RefreshToken::from(t.as_ref())),
            id_token: object.text("id_token").map(|t| IdToken::from(t.as_ref())),
            client_info: owned("client_info").filter(|c| c.len() <= 4096),
            family: owned("foci").filter(|f| !f.is_empty() && f.len() <= 16),
        })
    }

    /// A grant of nothing but an access token, as application code supplies it: it ends at `expires_on`, else as an
    /// answer that does not say.
    #[must_use]
    pub(crate) fn of(
        access_token: AccessToken,
        asked: Unix,
        expires_on: Option<Unix>,
        refresh_on: Option<Unix>,
    ) -> Self {
        let expires_on = expires_on.unwrap_or(asked.plus(UNSAID)).min(asked.plus(LONGEST));
        Self {
            access_token,
            acquired: asked,
            expires_on,
            refresh_on: refresh_on.filter(|at| *at > asked && *at < expires_on),
            extended_expires_on: expires_on,
            scopes: None,
            refresh_token: None,
            id_token: None,
            client_info: None,
            family: None,
        }
    }

    /// The account that the token is for, as `client_info` says.
    #[must_use]
    pub fn home_account_id(&self) -> Option<String> {
        self.client_info.as_deref().and_then(ClientInfo::parse).map(|info| info.home_account_id())
    }

    /// The account that signed in: as `client_info` says, else the id token's subject (as at ADFS).
    #[must_use]
    pub fn signed_in(&self, hints: &AccountHints) -> Option<String> {
        let told = self.home_account_id().or_else(|| hints.sub.clone());
        told.filter(|id| (1..=1024).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()))
    }

    /// Whether the token can be kept at all: one that is over at birth is handed out once and forgotten.
    #[must_use]
    pub fn is_cacheable(&self) -> bool {
        self.expires_on > self.acquired
    }
}

/// Seconds of life. `expires_in` counts first: a span needs no agreement between two clocks.
fn lifetime(object: &Object<'_>, asked: Unix) -> i64 {
    let span = object.integer("expires_in");
    let moment = || {
        let raw = object.raw("expires_on")?;
        let quoted = crate::wire::json::text(raw);
        quoted.as_deref().map_or_else(|| integer(raw).map(Unix), date::expiry).map(|at| at.since(asked))
    };
    span.or_else(moment).unwrap_or(UNSAID).clamp(0, LONGEST)
}

/// Seconds until renewal is due: `refresh_in`; without one, half the life of a token that lives two hours or more.
fn refresh_in(object: &Object<'_>, lifetime: i64) -> Option<i64> {
    match object.integer("refresh_in") {
        Some(seconds) if seconds > 0 && seconds < lifetime => Some(seconds),
        _ if lifetime >= 7200 => Some(lifetime / 2),
        _ => None,
    }
}
