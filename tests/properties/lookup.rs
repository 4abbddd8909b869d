//! No query ever finds a token of another subject, tenant, client, binding or shape.

use std::collections::BTreeMap;

use azlatch_core::Unix;
use azlatch_core::authority::cloud::same_environment;
use azlatch_core::cache::{Document, Query, Room, Subject, access_token, insert, refresh_tokens};
use proptest::prelude::*;

use crate::generate::{granted, query};

const NOW: Unix = Unix(1_800_000_000);

/// Everything but the scopes is the same.
fn same_holder(a: &Query, b: &Query) -> bool {
    same_environment(a.authority.host.environment(), b.authority.host.environment())
        && same_tenant(a, b)
        && a.client_id == b.client_id
        && a.subject == b.subject
        && a.scheme == b.scheme
        && a.extra == b.extra
}

/// The same tenant, or one of the open ones and the home of the account, which stand for each other.
fn same_tenant(a: &Query, b: &Query) -> bool {
    let (one, other) = (a.authority.tenant.as_str(), b.authority.tenant.as_str());
    let home = match &a.subject {
        Subject::Account(id) => id.rsplit('.').next().filter(|_| id.contains('.')),
        _ => None,
    };
    let open = |tenant: &str| ["common", "organizations", "consumers"].contains(&tenant);
    let is_home = |tenant: &str| home.is_some_and(|home| tenant.eq_ignore_ascii_case(home));
    one.eq_ignore_ascii_case(other) || (open(one) && is_home(other)) || (is_home(one) && open(other))
}

/// One document that holds a token for each query; secrets name the query by number.
fn fill(queries: &[Query]) -> Document {
    queries.iter().enumerate().fold(Document::default(), |document, (i, query)| {
        document.apply(&insert(&document, query, &granted(&format!("token-{i}"), NOW), None, Room::Ample))
    })
}

/// The same JSON with every letter and slash in it written as an escape.
fn escaped(json: &[u8]) -> String {
    let mut quoted = false;
    let mut out = String::new();
    let mut chars = std::str::from_utf8(json).expect("text").chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => {
                out.extend([Some(c), chars.next()].into_iter().flatten());
                continue;
            }
            _ => {}
        }
        match c {
            'a'..='z' | 'A'..='Z' | '/' if quoted => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

fn number(secret: &str) -> usize {
    secret.rsplit('-').next().and_then(|n| n.parse().ok()).expect("a number")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12_000, ..ProptestConfig::default() })]

    /// A hundred thousand look-ups: what slips through here is a token handed to a stranger.
    #[test]
    fn lookup_never_crosses(queries in prop::collection::vec(query(), 1..8), others in prop::collection::vec(query(), 5)) {
        let document = fill(&queries);
        for wanted in queries.iter().chain(&others) {
            if let Some(hit) = access_token(&document, wanted, NOW) {
                let holder = &queries[number(hit.access_token.expose_secret())];
                prop_assert!(same_holder(holder, wanted), "{holder:?}\n{wanted:?}");
                prop_assert!(wanted.scopes.is_granted_by(&holder.scopes));
                prop_assert!(hit.life.is_alive(NOW));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn what_was_stored_last_is_found(queries in prop::collection::vec(query(), 1..12)) {
        let document = fill(&queries);
        let last = queries.last().expect("one");
        let hit = access_token(&document, last, NOW);
        prop_assert!(hit.is_some(), "{last:?}");
    }

    #[test]
    fn i_08_refresh_tokens_stay_with_their_account_client_and_cloud(queries in prop::collection::vec(query(), 1..12), wanted in query()) {
        let document = fill(&queries);
        for held in refresh_tokens(&document, &wanted) {
            let holder = &queries[number(held.refresh_token.expose_secret())];
            prop_assert!(same_environment(holder.authority.host.environment(), wanted.authority.host.environment()));
            prop_assert_eq!(&holder.client_id, &wanted.client_id);
            prop_assert_eq!(&holder.subject, &wanted.subject);
        }
    }

    #[test]
    fn what_is_spelled_with_escapes_is_found_all_the_same(
        queries in prop::collection::vec(query(), 1..12),
        wanted in query(),
        late in 0..200_000_i64,
    ) {
        let plain = fill(&queries);
        let spelled = Document::parse(escaped(plain.bytes().expose_secret()).as_bytes()).expect("a document");
        let now = NOW.plus(late);
        for wanted in queries.iter().chain([&wanted]) {
            prop_assert_eq!(access_token(&spelled, wanted, NOW), access_token(&plain, wanted, NOW));
            prop_assert_eq!(refresh_tokens(&spelled, wanted), refresh_tokens(&plain, wanted));
            let put = |document| insert(document, wanted, &granted("token-0", now), None, Room::Ample);
            prop_assert_eq!(put(&spelled), put(&plain), "what ended long ago goes");
        }
    }

    #[test]
    fn letter_case_of_tenant_and_scopes_is_no_matter(query in query()) {
        let mut document: serde_json::Value =
            serde_json::from_slice(fill(std::slice::from_ref(&query)).bytes().expose_secret()).expect("JSON");
        for entity in document["AccessToken"].as_object_mut().expect("a section").values_mut() {
            for name in ["target", "realm"] {
                entity[name] = entity[name].as_str().expect("text").to_ascii_uppercase().into();
            }
        }
        let document = Document::parse(document.to_string().as_bytes()).expect("a document");
        prop_assert!(access_token(&document, &query, NOW).is_some());
    }

    #[test]
    fn an_expired_token_is_never_found(query in query(), late in 3600..1_000_000_i64) {
        let document = fill(std::slice::from_ref(&query));
        prop_assert!(access_token(&document, &query, NOW.plus(late)).is_none());
    }
}

#[test]
fn the_application_is_nobody_and_nobody_is_the_application() {
    let app = base(Subject::Application);
    let user = base(Subject::Account("u.t".into()));
    let document = fill(std::slice::from_ref(&user));
    assert!(access_token(&document, &user, NOW).is_some());
    assert!(access_token(&document, &app, NOW).is_none());
}

fn base(subject: Subject) -> Query {
    Query { subject, extra: BTreeMap::new(), ..azlatch_tests::samples::query() }
}

/// S-25, S-26: a field that is there but no text is not a field that is absent.
#[test]
fn an_odd_field_makes_a_token_nobodys() {
    let whole = fill(&[base(Subject::Application)]);
    let text = String::from_utf8(whole.bytes().expose_secret().to_vec()).expect("text");
    assert!(access_token(&whole, &base(Subject::Application), NOW).is_some());
    let odd = [
        (r#""home_account_id":null"#, r#""home_account_id":["u.t"]"#),
        (r#""home_account_id":null"#, r#""home_account_id":5"#),
        (r#""home_account_id":null"#, r#""home_account_id":"\ud800""#),
        (r#""token_type":"Bearer""#, r#""token_type":7"#),
        (r#""token_type":"Bearer""#, r#""token_type":"Bearer","kid":{}"#),
        (r#""token_type":"Bearer""#, r#""token_type":"Bearer","user_assertion_hash":1"#),
        (r#""token_type":"Bearer""#, r#""token_type":"Bearer","ext_cache_key":[]"#),
        (r#""credential_type":"AccessToken""#, r#""credential_type":[]"#),
    ];
    for (plain, odd) in odd {
        assert!(text.contains(plain), "{plain}");
        let document = Document::parse(text.replace(plain, odd).as_bytes()).expect("a document");
        assert!(access_token(&document, &base(Subject::Application), NOW).is_none(), "{odd}");
    }
}

#[test]
fn reserved_scopes_alone_match_no_token() {
    let document = fill(&[base(Subject::Application)]);
    let openid = Query { scopes: azlatch_core::ScopeSet::parse("openid profile"), ..base(Subject::Application) };
    assert!(access_token(&document, &openid, NOW).is_none());
}

#[test]
fn an_open_tenant_finds_the_accounts_home() {
    let tenant = |text: &str| azlatch_core::authority::Tenant::new(text).expect("a tenant");
    let of = |text: &str| {
        let mut query = base(Subject::Account("u.t1".into()));
        query.authority.tenant = tenant(text);
        query
    };
    let document = fill(&[of("t1")]);
    assert!(access_token(&document, &of("organizations"), NOW).is_some());
    assert!(access_token(&document, &of("t2"), NOW).is_none());
    let guest = fill(&[of("t2")]);
    assert!(access_token(&guest, &of("organizations"), NOW).is_none());
}
