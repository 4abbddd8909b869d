//! What a granted token adds to the document, in the form that the other languages' libraries read.
//!
//! Environment is the authority's host in lower case without the port, the target is sorted, keys are lower case,
//! times are decimal strings, and optional fields without a value are left out. An application's token says
//! `"home_account_id": null`, the only spelling that MSAL for Python finds.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::document::{Change, Delta, Document, Section};
use super::entity::{Entity, entity_json, time};
use super::key::{Query, Scheme, Subject};
use super::lookup::HeldRefreshToken;
use super::sieve::{Sieve, may_have};
use crate::time::Unix;
use crate::token::Granted;
use crate::wire::jwt::{AccountHints, ClientInfo};

/// How much room the document has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Room {
    /// Enough: our own access tokens stay for a day after they ended, as other libraries may use them in an outage.
    Ample,
    /// Little: they go as soon as they have ended.
    Scarce,
}

type Field<'a> = (&'a str, Option<&'a str>);

/// The changes that store `granted`, which answered `query`, redeeming `used`.
///
/// A redeemed refresh token is replaced only while it still is the stored one. If another is stored by now, somebody
/// signed in or rotated meanwhile, and theirs is newer; if none is, the account was removed, and nothing of it comes
/// back.
#[must_use]
pub fn insert(
    document: &Document,
    query: &Query,
    granted: &Granted,
    used: Option<&HeldRefreshToken>,
    room: Room,
) -> Delta {
    let names = Names::new(query, granted);
    let mut delta = Delta::default();
    sweep(document, query, granted.acquired, room, &mut delta);
    let stored = used.map(|used| document.entity(Section::RefreshToken, &used.key));
    if matches!(stored, Some(None)) {
        return delta;
    }
    if granted.is_cacheable() {
        delta.push(access_token(query, granted, &names));
    }
    if let Some(change) = app_metadata(document, &names, granted) {
        delta.push(change);
    }
    if matches!(query.subject, Subject::Application) {
        return delta;
    }
    let refreshed = granted.refresh_token.as_ref();
    if let Some(change) =
        refreshed.and_then(|t| refresh_token(document, query, granted, &names, t.expose_secret(), used))
    {
        delta.push(change);
    }
    if let (Some(token), Some(home)) = (&granted.id_token, &names.home) {
        delta.push(id_token(&names, home, token.expose_secret()));
        delta.push(account(document, &names, home, granted));
    }
    delta
}

/// The texts that entities and their keys are made of.
struct Names {
    home: Option<String>,
    environment: String,
    client_id: String,
    realm: String,
    hints: AccountHints,
}

impl Names {
    fn new(query: &Query, granted: &Granted) -> Self {
        let hints = granted.id_token.as_ref().and_then(|t| AccountHints::parse(t.expose_secret())).unwrap_or_default();
        let told = granted.client_info.as_deref().and_then(ClientInfo::parse).map(|info| info.home_account_id());
        let home = match &query.subject {
            Subject::Application => None,
            Subject::Account(id) => Some(id.clone()),
            Subject::Newcomer(_) | Subject::Assertion(_) => told.or_else(|| hints.sub.clone()),
        };
        // For `organizations` and `common` the token's own tenant is the realm; a tenant that was named stays.
        let named = query.authority.tenant.as_str();
        let realm = if query.authority.tenant.is_open() { hints.tenant.clone() } else { None }
            .unwrap_or_else(|| named.to_string());
        Self {
            home,
            environment: query.authority.host.environment().to_string(),
            client_id: query.client_id.clone(),
            realm,
            hints,
        }
    }

    fn home(&self) -> &str {
        self.home.as_deref().unwrap_or_default()
    }
}

fn access_token(query: &Query, granted: &Granted, names: &Names) -> Change {
    let target = granted.scopes.as_ref().unwrap_or(&query.scopes).without_reserved().to_string();
    let (cached_at, expires_on) = (granted.acquired.to_string(), granted.expires_on.to_string());
    let extended = granted.extended_expires_on.to_string();
    let refresh_on = granted.refresh_on.map(|at| at.to_string());
    let extra = query.extra_hash();
    let assertion = query.assertion_hash();
    let (token_type, key_id) = match &query.scheme {
        Scheme::Bearer => ("Bearer", None),
        Scheme::Bound { token_type, key_id } => (token_type.as_str(), Some(key_id.as_str())),
    };
    let mut fields: Vec<Field<'_>> = [
        ("credential_type", Some("AccessToken")),
        ("secret", Some(granted.access_token.expose_secret())),
        ("home_account_id", names.home.as_deref()),
        ("environment", Some(names.environment.as_str())),
        ("client_id", Some(names.client_id.as_str())),
        ("target", Some(target.as_str())),
        ("realm", Some(names.realm.as_str())),
        ("token_type", Some(token_type)),
        ("cached_at", Some(cached_at.as_str())),
        ("expires_on", Some(expires_on.as_str())),
        ("extended_expires_on", Some(extended.as_str())),
    ]
    .into();
    let optional = [
        ("refresh_on", refresh_on.as_deref()),
        ("key_id", key_id),
        ("user_assertion_hash", assertion.as_deref()),
        ("ext_cache_key", extra.as_deref()),
    ];
    fields.extend(optional.into_iter().filter(|(_, value)| value.is_some()));
    let (home, env, client, realm) = (names.home(), &names.environment, &names.client_id, &names.realm);
    let mut key = match &extra {
        None => format!("{home}-{env}-accesstoken-{client}-{realm}-{target}"),
        Some(hash) => format!("{home}-{env}-atext-{client}-{realm}-{target}-{hash}"),
    };
    // The field alone tells two assertions, or two bound keys, apart for a reader; a key of its own keeps both stored.
    for part in [assertion.as_deref(), key_id].into_iter().flatten() {
        key.push('-');
        key.push_str(part);
    }
    Change::Put { section: Section::AccessToken, key: key.to_lowercase(), json: entity_json(&fields) }
}

/// The used token's entity is changed in place, unknown fields and all, while it still is the used one.
fn refresh_token(
    document: &Document,
    query: &Query,
    granted: &Granted,
    names: &Names,
    token: &str,
    used: Option<&HeldRefreshToken>,
) -> Option<Change> {
    let modified = granted.acquired.to_string();
    let section = Section::RefreshToken;
    let family = granted.family.as_deref().map(|family| ("family_id", Some(family)));
    if let Some(used) = used
        && let Some(stored) = document.entity(section, &used.key)
    {
        if !stored.is("secret", used.refresh_token.expose_secret()) {
            return None;
        }
        let mut patch = [("secret", Some(token)), ("last_modification_time", Some(modified.as_str()))].to_vec();
        patch.extend(family);
        return Some(Change::Put { section, key: used.key.clone(), json: stored.patched(&patch) });
    }
    let assertion = query.assertion_hash();
    let owner = granted.family.as_deref().unwrap_or(&names.client_id);
    let mut key = format!("{}-{}-refreshtoken-{owner}--", names.home(), names.environment);
    key.push_str(assertion.as_deref().unwrap_or_default());
    let mut fields: Vec<Field<'_>> = [
        ("credential_type", Some("RefreshToken")),
        ("secret", Some(token)),
        ("home_account_id", names.home.as_deref()),
        ("environment", Some(names.environment.as_str())),
        ("client_id", Some(names.client_id.as_str())),
        ("last_modification_time", Some(modified.as_str())),
    ]
    .into();
    fields.extend(family);
    fields.extend(assertion.as_deref().map(|hash| ("user_assertion_hash", Some(hash))));
    Some(Change::Put { section, key: key.to_lowercase(), json: entity_json(&fields) })
}

fn id_token(names: &Names, home: &str, token: &str) -> Change {
    let (env, client, realm) = (&names.environment, &names.client_id, &names.realm);
    let fields = [
        ("credential_type", Some("IdToken")),
        ("secret", Some(token)),
        ("home_account_id", Some(home)),
        ("environment", Some(env.as_str())),
        ("realm", Some(realm.as_str())),
        ("client_id", Some(client.as_str())),
    ];
    let key = format!("{home}-{env}-idtoken-{client}-{realm}-").to_lowercase();
    Change::Put { section: Section::IdToken, key, json: entity_json(&fields) }
}

/// One that is there is told the news; what other libraries keep in it (tenant profiles, whose wording it is) stays.
fn account(document: &Document, names: &Names, home: &str, granted: &Granted) -> Change {
    let (env, realm) = (&names.environment, &names.realm);
    let mut fields: Vec<Field<'_>> = [
        ("home_account_id", Some(home)),
        ("environment", Some(env.as_str())),
        ("realm", Some(realm.as_str())),
        ("local_account_id", Some(names.hints.local_account_id.as_deref().unwrap_or_default())),
        ("username", Some(names.hints.username.as_deref().unwrap_or_default())),
        ("authority_type", Some(if realm == "adfs" { "ADFS" } else { "MSSTS" })),
    ]
    .into();
    let optional = [("name", names.hints.name.as_deref()), ("client_info", granted.client_info.as_deref())];
    fields.extend(optional.into_iter().filter(|(_, value)| value.is_some()));
    let key = format!("{home}-{env}-{realm}").to_lowercase();
    let section = Section::Account;
    let json = document.entity(section, &key).map_or_else(|| entity_json(&fields), |stored| stored.patched(&fields));
    Change::Put { section, key, json }
}

/// Written for every client, since MSAL for Go finds no refresh token without one; one that is there is only told of a
/// family it did not know.
fn app_metadata(document: &Document, names: &Names, granted: &Granted) -> Option<Change> {
    let (env, client) = (&names.environment, &names.client_id);
    let section = Section::AppMetadata;
    let family = granted.family.as_deref().map(|family| ("family_id", Some(family)));
    let sieve = Sieve::default().word(client);
    let ours = |e: &Entity<'_>| e.is("client_id", client) && e.is("environment", env);
    let stored = document.sifted(section, &sieve).find(|(_, e)| ours(e));
    if let Some((key, entity)) = stored {
        let news = family.filter(|(name, value)| !entity.is(name, value.unwrap_or_default()))?;
        return Some(Change::Put { section, key: key.to_string(), json: entity.patched(&[news]) });
    }
    let mut fields: Vec<Field<'_>> = [("client_id", Some(client.as_str())), ("environment", Some(env.as_str()))].into();
    fields.extend(family);
    let key = format!("appmetadata-{env}-{client}").to_lowercase();
    Some(Change::Put { section, key, json: entity_json(&fields) })
}

/// Remembers that `query`'s client belongs to no family, unless something is known of it already.
pub(super) fn stranger(document: &Document, query: &Query) -> Option<Change> {
    let (env, client) = (query.authority.host.environment(), &query.client_id);
    let section = Section::AppMetadata;
    let sieve = Sieve::default().word(client);
    let known = document.sifted(section, &sieve).any(|(_, e)| e.is("client_id", client) && e.is("environment", env));
    let fields = [("client_id", Some(client.as_str())), ("environment", Some(env))];
    let key = format!("appmetadata-{env}-{client}").to_lowercase();
    (!known).then(|| Change::Put { section, key, json: entity_json(&fields) })
}

/// Our own access tokens that ended long ago go; nobody else's entry is touched.
fn sweep(document: &Document, query: &Query, now: Unix, room: Room, delta: &mut Delta) {
    let age = if room == Room::Ample { 24 * 3600 } else { 0 };
    let ended = |at: Unix| at.plus(age) < now;
    let sieve = Sieve::default().word(&query.client_id);
    let section = Section::AccessToken;
    // Most have not ended: a glance at the one field spares reading them, at every save.
    let worth_reading = |raw| may_have(raw, "\"expires_on\"", |at| time(at).is_some_and(ended)) && sieve.passes(raw);
    for (key, raw) in document.raw(section).filter(|(_, raw)| worth_reading(raw)) {
        let dead = |e: &Entity<'_>| e.time("expires_on").is_some_and(ended) && e.is("client_id", &query.client_id);
        let secret = Entity::parse(raw).filter(dead).and_then(|e| e.text("secret"));
        if let Some(secret) = secret {
            delta.push(Change::Drop { section, key: key.to_string(), secret: Some(secret.as_ref().into()) });
        }
    }
}
