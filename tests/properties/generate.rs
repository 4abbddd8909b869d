//! Queries and tokens from small, nasty alphabets, so that near misses are common.

use std::collections::BTreeMap;

use azlatch_core::authority::{Authority, AuthorityHost, Tenant};
use azlatch_core::cache::{Query, Scheme, Subject};
use azlatch_core::token::Granted;
use azlatch_core::{ScopeSet, Unix};
use proptest::prelude::*;

/// Texts that run into each other when they are joined carelessly.
fn part() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "A", "b", "ab", "a-", "-a", "a-b", "a.b", "é", "e\u{301}", "1", "11"])
        .prop_map(String::from)
}

fn host() -> impl Strategy<Value = AuthorityHost> {
    let hosts = [
        "login.microsoftonline.com",
        "login.windows.net",
        "login.microsoftonline.us",
        "localhost:1",
        "localhost:2",
        "a.example",
    ];
    prop::sample::select(hosts.to_vec()).prop_map(|text| AuthorityHost::new(text).expect("a host"))
}

fn tenant() -> impl Strategy<Value = Tenant> {
    prop::sample::select(vec!["t1", "t2", "T1", "t1-t2", "common", "organizations"])
        .prop_map(|text| Tenant::new(text).expect("a tenant"))
}

fn subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        Just(Subject::Application),
        part().prop_map(Subject::Account),
        prop::sample::select(vec!["u.t1", "u.t2", "u.T1", "v.t1", "u.common"])
            .prop_map(|id| Subject::Account(id.into())),
        (0..3_u8).prop_map(|byte| Subject::Assertion([byte; 32])),
    ]
}

fn scopes() -> impl Strategy<Value = ScopeSet> {
    let scope = prop::sample::select(vec!["s", "S", "s/.default", "r", "r/s", "rs"]);
    prop::collection::vec(scope, 1..4).prop_map(|scopes| ScopeSet::new(scopes).expect("scopes"))
}

fn scheme() -> impl Strategy<Value = Scheme> {
    let bound = ("[ab]", "[ab]{1,2}").prop_map(|(token_type, key_id)| Scheme::Bound { token_type, key_id });
    prop_oneof![4 => Just(Scheme::Bearer), 1 => bound]
}

/// Any query.
pub(crate) fn query() -> impl Strategy<Value = Query> {
    let extra = prop_oneof![4 => Just(BTreeMap::new()), 1 => prop::collection::btree_map(part(), part(), 1..3)];
    (host(), tenant(), part(), subject(), scopes(), scheme(), any::<bool>(), extra).prop_map(
        |(host, tenant, client_id, subject, scopes, scheme, cae, extra)| Query {
            authority: Authority { host, tenant },
            client_id,
            subject,
            scopes,
            scheme,
            cae,
            extra,
        },
    )
}

/// What the authority grants for `query` at `now`: a token whose text says whose it is.
pub(crate) fn granted(secret: &str, now: Unix) -> Granted {
    let body = format!(
        r#"{{"access_token":"{secret}","expires_in":3600,"refresh_token":"rt-{secret}","client_info":"eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ"}}"#
    );
    Granted::parse(body.as_bytes(), now).expect("granted")
}
