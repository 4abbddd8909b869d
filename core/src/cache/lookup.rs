//! Finding tokens in a document: by fields, under whatever key another program stored them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};

use super::decision::Life;
use super::document::{Document, Section};
use super::entity::Entity;
use super::key::{Query, Scheme, Subject};
use super::sieve::Sieve;
use crate::authority::{cloud, is_open};
use crate::scope::ScopeSet;
use crate::secret::{AccessToken, RefreshToken};
use crate::time::Unix;
use crate::wire::text::{is_access_token, is_refresh_token};

/// A cached access token that answers a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hit {
    /// The token.
    pub access_token: AccessToken,
    /// Its times.
    pub life: Life,
    /// The scopes it was granted for.
    pub scopes: ScopeSet,
}

/// A cached refresh token that may be redeemed for a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeldRefreshToken {
    /// The token.
    pub refresh_token: RefreshToken,
    /// The key it is stored under.
    pub key: String,
    /// The family of clients that share it.
    pub family: Option<String>,
    /// When it was stored, as far as its writer said.
    pub modified: Unix,
    /// Whether the query's own client stored it, rather than another of its family.
    pub own: bool,
}

/// The newest access token of `document` that answers `query` and is alive at `now`, if any.
///
/// The newest, not the one that ends last: a token is replaced for a reason.
#[must_use]
pub fn access_token(document: &Document, query: &Query, now: Unix) -> Option<Hit> {
    access_tokens(document, query)
        .into_iter()
        .filter(|hit| hit.life.is_alive(now))
        .max_by_key(|hit| (hit.life.cached_at, hit.life.expires_on))
}

/// All access tokens of `document` that answer `query`, dead or alive.
pub(super) fn access_tokens(document: &Document, query: &Query) -> Vec<Hit> {
    let wanted = query.scopes.without_reserved();
    let assertion = query.assertion_hash();
    // Any one of the scopes will do; the longest tells most.
    let Some(telling) = wanted.iter().max_by_key(|scope| scope.len()) else { return Vec::new() };
    let mut sieve = of_subject(query, assertion.as_deref()).word(&query.client_id).word_in_any_case(telling);
    let home = matches!(query.subject, Subject::Account(_));
    if !query.authority.tenant.is_open() && !home {
        sieve = sieve.word_in_any_case(query.authority.tenant.as_str());
    }
    let sifted = document.sifted(Section::AccessToken, &sieve);
    sifted.filter_map(|(_, entity)| matching(&entity, query, &wanted)).collect()
}

/// What entities of the query's subject mention; `assertion` is the hash of its assertion as it is spelled.
fn of_subject<'q>(query: &'q Query, assertion: Option<&'q str>) -> Sieve<'q> {
    match &query.subject {
        Subject::Application | Subject::Newcomer(_) => Sieve::default(),
        Subject::Account(id) => Sieve::default().word(id),
        Subject::Assertion(_) => Sieve::default().word(assertion.unwrap_or_default()),
    }
}

/// `wanted` are the query's scopes but the reserved ones; there are some.
fn matching(entity: &Entity<'_>, query: &Query, wanted: &ScopeSet) -> Option<Hit> {
    let ours = entity.is("client_id", &query.client_id)
        && is_environment(entity, query)
        && is_realm(entity, query)
        && is_kind(entity, ACCESS_TOKENS)
        && is_subject(entity, &query.subject)
        && is_scheme(entity, &query.scheme)
        && is_extra(entity, query);
    if !ours {
        return None;
    }
    let scopes = ScopeSet::parse(&entity.text("target")?);
    let secret = entity.text("secret")?;
    if !wanted.is_granted_by(&scopes) || !is_access_token(&secret) {
        return None;
    }
    let expires_on = entity.time("expires_on")?;
    let cached_at = entity.time("cached_at").unwrap_or_else(|| expires_on.plus(-3600));
    Some(Hit {
        access_token: AccessToken::from(secret.as_ref()),
        // Without `cached_at` nothing says how long the whole life was; an hour is what the authority gives. And no
        // token lives longer than any that the authority gives, whatever a file says.
        life: Life {
            cached_at,
            expires_on: expires_on.min(cached_at.plus(LONGEST)),
            refresh_on: entity.time("refresh_on"),
        },
        scopes,
    })
}

/// The refresh tokens of `document` that may be redeemed for `query`: own ones and the family's, newest first.
///
/// They match on account and client only: a refresh token is good for every resource and tenant of its account. It
/// is only ever found under the environment that issued it.
#[must_use]
pub fn refresh_tokens(document: &Document, query: &Query) -> Vec<HeldRefreshToken> {
    let own = |e: &Entity<'_>| e.is("client_id", &query.client_id);
    let family = family_of(document, query);
    let shared = |e: &Entity<'_>| family.as_deref().is_some_and(|family| e.is("family_id", family));
    let assertion = query.assertion_hash();
    let sieve = of_subject(query, assertion.as_deref());
    let mut held: Vec<_> = document
        .sifted(Section::RefreshToken, &sieve)
        .filter(|(_, e)| {
            is_environment(e, query)
                && is_kind(e, &["RefreshToken"])
                && is_subject(e, &query.subject)
                && (own(e) || shared(e))
        })
        .filter_map(|(key, e)| {
            let secret = e.text("secret").filter(|s| is_refresh_token(s))?;
            Some(HeldRefreshToken {
                refresh_token: RefreshToken::from(secret.as_ref()),
                key: key.to_string(),
                family: e.text("family_id").map(|f| f.into_owned()),
                modified: e.time("last_modification_time").unwrap_or_default(),
                own: own(&e),
            })
        })
        .collect();
    held.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.key.cmp(&b.key)));
    held
}

/// The family that the query's client belongs to; one of which nothing is known may belong to the only one there is,
/// and tries.
fn family_of(document: &Document, query: &Query) -> Option<String> {
    #[cfg(canary)]
    if crate::canary::is(crate::canary::Bug::FamilyTriedForever) {
        return Some(FAMILY.into());
    }
    let ours = |e: &Entity<'_>| e.is("client_id", &query.client_id) && is_environment(e, query);
    let sieve = Sieve::default().word(&query.client_id);
    let mut known = document.sifted(Section::AppMetadata, &sieve).filter(|(_, e)| ours(e)).peekable();
    if known.peek().is_none() && matches!(query.subject, Subject::Account(_)) && !query.authority.tenant.is_adfs() {
        return Some(FAMILY.into());
    }
    known.find_map(|(_, e)| e.text("family_id").filter(|family| !family.is_empty()).map(|family| family.into_owned()))
}

/// The family of Microsoft's own public clients.
const FAMILY: &str = "1";

/// Seconds that any token lives at most.
const LONGEST: i64 = 48 * 3600;

/// The tenant that was asked. Whoever signs in to one of the open tenants gets a token of the account's home, so the two
/// stand for each other, whichever of them a program stored.
fn is_realm(entity: &Entity<'_>, query: &Query) -> bool {
    #[cfg(canary)]
    if crate::canary::is(crate::canary::Bug::TenantForgotten) {
        return true;
    }
    let (tenant, wanted) = (&query.authority.tenant, query.authority.tenant.as_str());
    let home = match &query.subject {
        Subject::Account(id) => id.rsplit_once('.').map(|(_, utid)| utid),
        _ => None,
    };
    let is_home = |realm: &str| home.is_some_and(|utid| realm.eq_ignore_ascii_case(utid));
    let is = |realm: &str| {
        let by_home = (tenant.is_open() && is_home(realm)) || (is_open(realm) && is_home(wanted));
        realm.eq_ignore_ascii_case(wanted) || by_home
    };
    entity.text("realm").is_some_and(|realm| is(&realm))
}

fn is_environment(entity: &Entity<'_>, query: &Query) -> bool {
    #[cfg(canary)]
    if crate::canary::is(crate::canary::Bug::CloudForgotten) {
        return true;
    }
    entity.text("environment").is_some_and(|e| cloud::same_environment(query.authority.host.environment(), &e))
}

/// What writers call an access token: .NET and JS have words of their own for extended and bound ones.
const ACCESS_TOKENS: &[&str] = &["AccessToken", "ATExt", "AccessToken_With_AuthScheme"];

/// Absent is as good as right: some writers leave the kind out.
fn is_kind(entity: &Entity<'_>, kinds: &[&str]) -> bool {
    let kind = "credential_type";
    !entity.is_odd(kind) && entity.text(kind).is_none_or(|kind| kinds.iter().any(|k| kind.eq_ignore_ascii_case(k)))
}

/// Fields that tell tokens apart: one that is there but no text makes the entity nobody's.
const TELLING: [&str; 7] =
    ["home_account_id", "user_assertion_hash", "userAssertionHash", "token_type", "key_id", "kid", "keyid"];

fn is_subject(entity: &Entity<'_>, subject: &Subject) -> bool {
    if TELLING.iter().any(|name| entity.is_odd(name)) {
        return false;
    }
    let home = entity.text("home_account_id").filter(|h| !h.is_empty());
    let assertion = entity.text("user_assertion_hash").or_else(|| entity.text("userAssertionHash"));
    #[cfg(canary)]
    match subject {
        Subject::Account(_) if crate::canary::is(crate::canary::Bug::AccountForgotten) => return home.is_some(),
        Subject::Assertion(_) if crate::canary::is(crate::canary::Bug::AssertionForgotten) => {
            return assertion.is_some();
        }
        _ => {}
    }
    match subject {
        // `null`, `""` and absent are the three spellings of "nobody".
        Subject::Application => home.is_none() && assertion.is_none(),
        Subject::Account(id) => home.is_some_and(|h| h == id.as_str()) && assertion.is_none(),
        Subject::Newcomer(_) => false,
        Subject::Assertion(hash) => {
            let spelled = [URL_SAFE_NO_PAD.encode(hash), URL_SAFE.encode(hash)];
            assertion.is_some_and(|a| spelled.iter().any(|s| *s == a))
        }
    }
}

fn is_scheme(entity: &Entity<'_>, scheme: &Scheme) -> bool {
    let token_type = entity.text("token_type");
    let key_id = ["key_id", "kid", "keyid"].into_iter().find_map(|name| entity.text(name));
    match scheme {
        Scheme::Bearer => token_type.is_none_or(|t| t.eq_ignore_ascii_case("bearer")) && key_id.is_none(),
        Scheme::Bound { token_type: wanted, key_id: key } => {
            token_type.is_some_and(|t| t.eq_ignore_ascii_case(wanted)) && key_id.is_some_and(|k| k == key.as_str())
        }
    }
}

/// A token shaped by extra parameters never answers a query without them, nor the reverse.
fn is_extra(entity: &Entity<'_>, query: &Query) -> bool {
    let foreign = entity.is_odd("ext_cache_key") || entity.says("ext") || entity.says("additionalCacheKeyComponents");
    let hash = entity.text("ext_cache_key").filter(|h| !h.is_empty());
    match query.extra_hash() {
        None => hash.is_none() && !foreign,
        Some(wanted) => hash.is_some_and(|h| h.eq_ignore_ascii_case(&wanted)),
    }
}
