//! The pipeline layer: challenges that no text can break, conversations that end, tokens that stay where they belong.

use azlatch_core::bearer::{Ask, Bearer, Conversation, Heard, Known};
use azlatch_core::wire::challenge::parse;
use azlatch_core::{Error, ErrorKind};
use proptest::prelude::*;
use proptest::sample::select;

/// Text that is nearly a challenge.
fn field() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "Bearer",
        "bearer",
        "Basic",
        " ",
        ", ",
        "=",
        "\"",
        "\\",
        "error",
        "claims",
        "insufficient_claims",
        "eyJhIjoxfQ==",
        "authorization",
        "resource",
        "scope",
        "https://login.windows.net/t1",
        "https://vault.azure.net",
        "\t",
        "é",
        "\u{0}",
    ]);
    prop_oneof![prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat()), "[\\x00-\\x{2ff}]{0,60}",]
}

/// What a server may say.
fn said() -> impl Strategy<Value = (u16, String)> {
    let whole = select(vec![
        "Bearer error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==\"",
        "Bearer authorization=\"https://login.windows.net/t1\", resource=\"https://vault.azure.net\"",
        "Bearer authorization=\"https://login.windows.net/t2\", scope=\"https://kv.vault.azure.net/x\"",
        "Bearer authorization=\"https://login.windows.net/t1\", resource=\"https://storage.azure.com\"",
    ]);
    let status = prop_oneof![4 => Just(401_u16), 1 => any::<u16>()];
    (status, prop_oneof![3 => whole.prop_map(String::from), 1 => field()])
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Holds a conversation; gives back how many tokens were asked for, and the headers that were sent.
fn converse(
    bearer: &Bearer,
    url: &str,
    known: &mut Known,
    tokens: &[Option<String>],
    said: &[(u16, String)],
) -> (usize, Vec<Option<String>>) {
    let (mut asked, mut sent) = (0, Vec::new());
    let Ok((mut talk, mut ask)) = Conversation::begin(bearer, url, known) else { return (asked, sent) };
    for _ in 0..100 {
        let next = match ask {
            Ask::GetToken(_) => {
                let token = tokens.get(asked).cloned().flatten();
                asked += 1;
                let none = || Error::new(ErrorKind::Network, "no token today");
                talk.hear(Heard::Token(token.map(|token| token.as_str().into()).ok_or_else(none)))
            }
            Ask::Send { authorization, .. } => {
                let (status, field) = said.get(sent.len()).cloned().unwrap_or((401, String::new()));
                sent.push(authorization.map(|header| header.expose_secret().to_owned()));
                talk.hear(Heard::Response { status, challenges: &[&field] })
            }
            Ask::Learn(lesson) => {
                known.learn(lesson);
                talk.hear(Heard::Learnt)
            }
            Ask::Finish => return (asked, sent),
        };
        match next {
            Ok(next) => ask = next,
            Err(_) => return (asked, sent),
        }
    }
    panic!("the conversation does not end");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics_the_reader(fields in prop::collection::vec(field(), 0..4)) {
        let found = parse(fields.iter().map(String::as_str));
        prop_assert!(found.len() <= 32);
        for challenge in found {
            let mut names: Vec<_> = challenge.params().map(|(name, _)| name).collect();
            prop_assert!(names.iter().all(|name| *name == name.to_ascii_lowercase()));
            names.sort_unstable();
            names.dedup();
            prop_assert_eq!(names.len(), challenge.params().count());
            let _ = challenge.claims();
        }
    }

    #[test]
    fn challenges_round_trip(
        challenges in prop::collection::vec(
            ("[a-z]{1,8}", prop::collection::btree_map("[a-z_]{1,8}", "[ -~à-ü]{0,20}", 1..5)),
            1..5,
        ),
        one_field in any::<bool>(),
    ) {
        let text = |(scheme, params): &(String, std::collections::BTreeMap<String, String>)| {
            let params: Vec<_> = params.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
            format!("{scheme} {}", params.join(", "))
        };
        let fields: Vec<_> = challenges.iter().map(text).collect();
        let fields = if one_field { vec![fields.join(", ")] } else { fields };
        let found = parse(fields.iter().map(String::as_str));
        prop_assert_eq!(found.len(), challenges.len());
        for (found, (scheme, params)) in found.iter().zip(&challenges) {
            prop_assert_eq!(found.scheme(), scheme);
            let read: Vec<_> = found.params().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            prop_assert_eq!(read, params.clone().into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn n_25_every_conversation_ends(
        follow in any::<bool>(),
        verify in any::<bool>(),
        rounds in prop::collection::vec(
            (prop::collection::vec(prop::option::weighted(0.9, "[a-d]"), 4), prop::collection::vec(said(), 4)),
            1..5,
        ),
    ) {
        let bearer = if follow { Bearer::from_challenges() } else { Bearer::new(["s"]).expect("scopes") };
        let bearer = bearer.verify_challenge_resource(verify);
        let mut known = Known::new();
        for (tokens, said) in rounds {
            let (asked, sent) = converse(&bearer, "https://kv.vault.azure.net/", &mut known, &tokens, &said);
            prop_assert!(asked <= 3 && sent.len() <= 3, "{asked} tokens, {} requests", sent.len());
            // No request is repeated: each goes with another token than the one before, or with the first.
            prop_assert!(sent.windows(2).all(|pair| pair[0] != pair[1]));
        }
    }

    #[test]
    fn i_04_tokens_go_where_they_may(
        scheme in select(vec!["https", "http", "HTTPS"]),
        host in prop::collection::vec(select(vec!["a", "b", "vault", "net", ""]), 1..5),
        resource in prop::collection::vec(select(vec!["a", "b", "vault", "net", ""]), 1..4),
        as_scope in any::<bool>(),
    ) {
        let url = format!("{scheme}://{}/x", host.join("."));
        let name = if as_scope { "scope" } else { "resource" };
        let challenge =
            format!("Bearer authorization=\"https://login.windows.net/t\", {name}=\"https://{}\"", resource.join("."));
        let said = [(401, challenge), (200, String::new())];
        let (_, sent) = converse(&Bearer::from_challenges(), &url, &mut Known::new(), &[Some("t".into())], &said);
        let whole = |labels: &[&str]| labels.iter().all(|label| !label.is_empty());
        let below = host.ends_with(&resource) && (resource.len() > 1 || host == resource);
        let may = scheme.eq_ignore_ascii_case("https") && whole(&host) && whole(&resource) && below;
        prop_assert_eq!(sent.iter().any(Option::is_some), may, "{} {}", url, resource.join("."));
        let fixed = Bearer::new(["s"]).expect("scopes");
        let (asked, sent) = converse(&fixed, &url, &mut Known::new(), &[Some("t".into())], &[(200, String::new())]);
        if scheme == "http" {
            prop_assert!(asked == 0 && sent.is_empty());
        }
    }
}
