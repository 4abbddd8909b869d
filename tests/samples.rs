//! Sample queries, documents and answers, all of one small world: tenant `t1`, client `app`, account `u.t`.

use std::collections::BTreeMap;
use std::time::Duration;

use azlatch_core::authority::{Authority, AuthorityHost, Tenant};
use azlatch_core::cache::{Acquire, Demand, Place, Policy, Query, Scheme, Subject};
use azlatch_core::effect::{Effect, Failure, FailureKind, Found, Partition, Reply, Response, Sent, Version};
use azlatch_core::grant::{ClientAuth, ClientCredentials, Refresh};
use azlatch_core::{Host, Mono, Now, ScopeSet, Unix};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The wall clock of the samples: 2027-01-15T08:00:00Z.
pub const NOON: i64 = 1_800_000_000;

/// The moment `seconds` after the samples' clock began.
#[must_use]
pub fn at(seconds: i64) -> Now {
    Now { wall: Unix(NOON + seconds), mono: Mono(u64::try_from(seconds).unwrap_or_default() * 1000 + 1_000) }
}

/// The samples' authority.
///
/// # Panics
///
/// Never: the parts are good.
#[must_use]
pub fn authority(host: &str) -> Authority {
    Authority { host: AuthorityHost::new(host).expect("a host"), tenant: Tenant::new("t1").expect("a tenant") }
}

/// The query of the application for the vault.
#[must_use]
pub fn query() -> Query {
    Query {
        authority: authority("login.microsoftonline.com"),
        client_id: "app".into(),
        subject: Subject::Application,
        scopes: ScopeSet::parse("https://vault.example/.default"),
        scheme: Scheme::Bearer,
        cae: false,
        extra: BTreeMap::new(),
    }
}

/// The same for a user.
#[must_use]
pub fn user_query() -> Query {
    Query { subject: Subject::Account("u.t".into()), ..query() }
}

/// The samples' policy: no discovery, two tries, thirty seconds.
///
/// # Panics
///
/// Never: the name is good.
#[must_use]
pub fn policy() -> Policy {
    Policy {
        place: Place::Shared(Partition::new("msal.cache.nocae").expect("a name")),
        discovery: false,
        tries: 2,
        timeout: Duration::from_secs(30),
        holder: 1,
    }
}

/// The application's acquisition.
#[must_use]
pub fn app() -> Acquire<ClientCredentials> {
    Acquire::new(query(), ClientCredentials::new("canary-client-secret".into()), policy(), Demand::Any)
}

/// The user's acquisition, redeeming a cached refresh token.
#[must_use]
pub fn user() -> Acquire<Refresh> {
    Acquire::new(user_query(), Refresh::new(ClientAuth::Public), policy(), Demand::Any)
}

/// A document that holds an access token (`secret`, ending `expires_in` seconds from noon, made an hour before it
/// ends) and a refresh token, each for the application and for the user.
#[must_use]
pub fn document(access: &str, expires_in: i64, refresh: &str) -> String {
    let (cached_at, expires_on) = (NOON + expires_in - 3600, NOON + expires_in);
    let times = format!(r#""cached_at":"{cached_at}","expires_on":"{expires_on}""#);
    let common = r#""environment":"login.microsoftonline.com","client_id":"app""#;
    let token = |home: &str| {
        format!(
            r#"{{"credential_type":"AccessToken","secret":"{access}","home_account_id":{home},{common},"realm":"t1","target":"https://vault.example/.default","token_type":"Bearer",{times}}}"#
        )
    };
    let refresh = format!(
        r#"{{"credential_type":"RefreshToken","secret":"{refresh}","home_account_id":"u.t",{common},"last_modification_time":"{cached_at}","x":[1]}}"#
    );
    format!(
        r#"{{"AccessToken":{{"app":{},"user":{}}},"RefreshToken":{{"u.t-login.microsoftonline.com-refreshtoken-app--":{refresh}}},"Other":{{"kept":true}}}}"#,
        token("null"),
        token("\"u.t\""),
    )
}

/// `text` as stored under `version`.
#[must_use]
pub fn found(text: &str, version: u128) -> Found {
    Found { bytes: text.as_bytes().into(), version: Version(version) }
}

/// An id token of `claims` (JSON), which nobody signed.
#[must_use]
pub fn id_token(claims: &str) -> String {
    format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims))
}

/// The query of somebody who is yet to sign in.
#[must_use]
pub fn newcomer() -> Query {
    Query { subject: Subject::Newcomer(None), ..query() }
}

/// A JSON answer of the authority.
#[must_use]
pub fn json(status: u16, body: &str) -> Response {
    Response::new(status, vec![("content-type".into(), "application/json".into())], body.as_bytes())
}

/// An answer with a header.
#[must_use]
pub fn with_header(status: u16, name: &str, value: &str) -> Response {
    Response::new(status, vec![(name.into(), value.into())], b"{}".as_slice())
}

/// A failed exchange.
#[must_use]
pub fn failure(sent: Sent, kind: FailureKind) -> Failure {
    Failure { sent, kind, detail: String::new() }
}

/// A host made of a closure.
#[derive(Debug)]
pub struct World<F>(pub F);

impl<F: FnMut(Effect) -> Result<Reply, Effect>> Host for World<F> {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        (self.0)(effect)
    }
}
