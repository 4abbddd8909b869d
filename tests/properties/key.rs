//! I-01: two queries share a key exactly when they mean the same token.

use azlatch_core::authority::cloud::canonical;
use azlatch_core::cache::Query;
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
        prop_assert_ne!(a.key().lock(), b.key().lock());
    }
}
