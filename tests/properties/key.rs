//! I-01: two queries share a key exactly when they mean the same token.

use azlatch_core::ScopeSet;
use azlatch_core::authority::cloud::canonical;
use azlatch_core::cache::{Query, Scheme, Subject};
use proptest::prelude::*;

use crate::generate::query;

fn encoding(query: &Query) -> Vec<u8> {
    let mut bytes = Vec::new();
    query.encode(&mut |part| bytes.extend_from_slice(part));
    bytes
}

/// The query with everything that does not make another token made the same.
fn meaning(query: &Query) -> impl PartialEq + std::fmt::Debug + use<> {
    let host = query.authority.host.to_string();
    (
        canonical(&host).to_owned(),
        query.authority.tenant.as_str().to_ascii_lowercase(),
        query.client_id.clone(),
        query.subject.clone(),
        query.scopes.clone(),
        query.scheme.clone(),
        query.cae,
        query.extra.clone(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn i_01_equal_keys_mean_equal_tokens(a in query(), b in query()) {
        let same = meaning(&a) == meaning(&b);
        prop_assert_eq!(encoding(&a) == encoding(&b), same);
        prop_assert_eq!(a.key() == b.key(), same);
    }

    #[test]
    fn i_01_moving_a_letter_across_a_border_is_another_key(a in query(), letter in "[a-z\\-.]") {
        let b = Query { client_id: format!("{}{letter}", a.client_id), ..a.clone() };
        prop_assert_ne!(a.key(), b.key());
        let partition = azlatch_tests::samples::policy().place.partition(&azlatch_tests::samples::query());
        prop_assert_ne!(a.key().lock(&partition), b.key().lock(&partition));
    }
}

/// Pairs that run into each other when parts are merely joined (two of them were real bugs of other libraries).
#[test]
fn i_01_borders_between_parts_count() {
    let base = azlatch_tests::samples::query();
    let extra = |name: &str, value: &str| Query { extra: [(name.into(), value.into())].into(), ..base.clone() };
    let client = |client_id: &str, subject| Query { client_id: client_id.into(), subject, ..base.clone() };
    let scopes = |text: &str| Query { scopes: ScopeSet::parse(text), ..base.clone() };
    let bound = |token_type: &str, key_id: &str| {
        let scheme = Scheme::Bound { token_type: token_type.into(), key_id: key_id.into() };
        Query { scheme, ..base.clone() }
    };
    let pairs = [
        (extra("fmi_path", "value"), extra("fmi_pat", "hvalue")),
        (client("x", Subject::Account("application".into())), client("xaccount", Subject::Application)),
        (client("x", Subject::Account("y".into())), client("xaccount", Subject::Account("y".into()))),
        (scopes("a b"), scopes("ab")),
        (bound("pop", "1"), bound("po", "p1")),
        (bound("", "bearer"), base.clone()),
    ];
    for (a, b) in pairs {
        assert_ne!(encoding(&a), encoding(&b), "{a:?}\n{b:?}");
    }
}
