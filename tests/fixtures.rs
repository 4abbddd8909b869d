//! Real caches of other languages' libraries: read, searched, and rewritten without loss; real error answers, told apart.

#[path = "fixtures_accounts.rs"]
mod accounts;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use azlatch_core::authority::{Authority, AuthorityHost, Tenant};
use azlatch_core::cache::{Change, Delta, Document, Query, Scheme, Section, Subject, access_token, refresh_tokens};
use azlatch_core::effect::{Effect, Loaded, Response};
use azlatch_core::{Error, ErrorKind, ScopeSet, Unix, run};
use azlatch_tests::root;
use azlatch_tests::samples::{World, app, at, document, found, user};
use serde_json::Value;

const CLIENT: &str = "11111111-1111-1111-1111-111111111111";
const T1: &str = "00000000-0000-0000-0000-0000000000a1";
const USER1: &str = "00000000-0000-0000-0000-000000000101.00000000-0000-0000-0000-0000000000a1";

fn caches() -> Vec<PathBuf> {
    let folders = ["msal-python", "msal-node", "msal-dotnet", "variants", "azure-identity-python"];
    let files = folders.iter().flat_map(|f| fs::read_dir(root().join("tests/fixtures").join(f)).expect("a folder"));
    files.map(|entry| entry.expect("a file").path()).collect()
}

fn cache(name: &str) -> Document {
    let bytes = fs::read(root().join("tests/fixtures").join(name)).expect("a file");
    Document::parse(&bytes).expect("a document")
}

fn query(subject: Subject, scopes: &str) -> Query {
    Query {
        authority: Authority { host: AuthorityHost::default(), tenant: Tenant::new(T1).expect("a tenant") },
        client_id: CLIENT.into(),
        subject,
        scopes: ScopeSet::parse(scopes),
        scheme: Scheme::Bearer,
        cae: false,
        extra: BTreeMap::new(),
    }
}

/// The secret found in `name` just before the fixtures' tokens end.
fn find(name: &str, query: &Query) -> Option<String> {
    // Python and Node ran at 1800000000, .NET at about 1795458000.
    [Unix(1_800_000_100), Unix(1_795_458_200)]
        .into_iter()
        .find_map(|now| access_token(&cache(name), query, now))
        .map(|hit| hit.access_token.expose_secret().to_owned())
}

#[test]
fn every_cache_is_read_and_rewritten_without_loss() {
    let mut read = 0;
    for path in caches() {
        let bytes = fs::read(&path).expect("a file");
        let document = Document::parse(&bytes).expect("a document");
        let json = r#"{"secret":"added"}"#;
        let mut delta = Delta::default();
        delta.push(Change::Put { section: Section::AccessToken, key: "added".into(), json: json.into() });
        let rewritten = document.apply(&delta).bytes();
        let mut expected: Value = serde_json::from_slice(&bytes).expect("JSON");
        expected["AccessToken"]["added"] = serde_json::from_str(json).expect("JSON");
        let got: Value = serde_json::from_slice(rewritten.expose_secret()).expect("JSON");
        assert_eq!(got, expected, "{}", path.display());
        read += 1;
    }
    println!("{read} caches");
    assert!(read >= 50);
}

#[test]
fn application_tokens_of_every_language_are_found() {
    let graph = query(Subject::Application, "https://graph.example/.default");
    for name in [
        "msal-python/05a_app_tokens.json",
        "msal-python/05c_fmi_path_ext_key.json",
        "msal-node/04a_app_tokens.json",
        "msal-node/04b_app_and_obo.json",
        "msal-dotnet/03a_app_tokens.json",
        "variants/golden_app_both.json",
    ] {
        assert!(find(name, &graph).is_some_and(|secret| secret.contains("app-at")), "{name}");
    }
    let vault = query(Subject::Application, "https://vault.example/.default");
    assert!(find("azure-identity-python/msal.cache.nocae.with_app_tokens", &vault).is_some());
    // A user's cache holds nothing for the application.
    assert_eq!(find("msal-python/01_one_user_device_code.json", &graph), None);
}

#[test]
fn a_token_shaped_by_extra_parameters_answers_only_its_own_query() {
    let name = "msal-python/05c_fmi_path_ext_key.json";
    let plain = query(Subject::Application, "https://graph.example/.default");
    let with = |path: &str| Query { extra: [("fmi_path".to_owned(), path.to_owned())].into(), ..plain.clone() };
    let shaped = find(name, &with("SomeFmiPath/fake")).expect("found by the hash that Python computed");
    assert_ne!(Some(shaped), find(name, &plain));
    assert_eq!(find(name, &with("SomeFmiPath/other")), None);
    assert_eq!(find("msal-dotnet/07_fmi_path.json", &plain), None);
}

#[test]
fn i_02_an_assertion_finds_its_own_token_alone() {
    use base64::Engine as _;
    let hash = |text: &str| -> [u8; 32] {
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).expect("base64").try_into().expect("32 bytes")
    };
    let ours = Subject::Assertion(hash("cnWl3GGx-V7u6vTnlxJ7AZxuJbPK3zJ2wzUhwFdOFeE"));
    let scope = "https://graph.example/user_impersonation";
    assert_eq!(
        find("msal-dotnet/03b_obo_user_cache.json", &query(ours, scope)).as_deref(),
        Some("fake-at-user1-a1-0007")
    );
    let mine = Subject::Account(USER1.into());
    assert_eq!(find("msal-dotnet/03b_obo_user_cache.json", &query(mine, scope)), None, "not the user's own token");
    let other = Subject::Assertion([7; 32]);
    assert_eq!(find("msal-dotnet/03b_obo_user_cache.json", &query(other, scope)), None);
}

#[test]
fn users_tokens_of_every_language_are_found() {
    let user = query(Subject::Account(USER1.into()), "https://graph.example/User.Read openid profile");
    for name in [
        "azure-identity-python/msal.cache.nocae",
        "msal-python/02_auth_code.json",
        "msal-node/01_one_user_device_code.json",
        "msal-node/03_auth_code.json",
        "msal-dotnet/01_one_user_device_code.json",
    ] {
        assert!(find(name, &user).is_some(), "{name}");
    }
    let nobody = query(Subject::Account("nobody.at-all".into()), "https://graph.example/User.Read");
    for path in caches() {
        let document = Document::parse(&fs::read(&path).expect("a file")).expect("a document");
        assert!(access_token(&document, &nobody, Unix(0)).is_none() && refresh_tokens(&document, &nobody).is_empty());
    }
}

#[test]
fn refresh_tokens_of_every_language_are_found_whatever_the_scope() {
    let user = query(Subject::Account(USER1.into()), "https://anything.example/.default");
    for name in [
        "azure-identity-python/msal.cache.nocae",
        "msal-python/01_one_user_device_code.json",
        "msal-node/01_one_user_device_code.json",
        "msal-dotnet/01_one_user_device_code.json",
        "variants/golden_user.json",
    ] {
        assert_eq!(refresh_tokens(&cache(name), &user).len(), 1, "{name}");
    }
    // I-08: never under another cloud's host.
    let elsewhere =
        Authority { host: AuthorityHost::new("login.microsoftonline.us").expect("a host"), ..user.authority.clone() };
    let elsewhere = Query { authority: elsewhere, ..user };
    assert!(refresh_tokens(&cache("variants/golden_user.json"), &elsewhere).is_empty());
}

/// The error that answering every request with `response` comes to, for the application or for a user.
fn error(response: &Response, of_a_user: bool) -> Error {
    let mut world = World(|effect| match effect {
        Effect::Http(ask) => Ok(ask.answer(Ok(response.clone()))),
        Effect::Load(ask) => Ok(ask.answer(Ok(Loaded::Found(found(&document("old", -10, "rt"), 1))))),
        other => Err(other),
    });
    match of_a_user {
        true => run(&mut user(), || at(0), &mut world),
        false => run(&mut app(), || at(0), &mut world),
    }
    .expect_err("no token")
}

#[test]
fn every_error_answer_is_told_apart() {
    let cases: Value =
        serde_json::from_slice(&fs::read(root().join("tests/fixtures/errors/cases.json")).expect("cases"))
            .expect("JSON");
    let cases = cases.as_array().expect("a list");
    for case in cases {
        let name = case["name"].as_str().expect("a name");
        let body = case["body"].as_str().map_or_else(|| case["body"].to_string(), str::to_owned);
        let headers = case["headers"].as_object().expect("headers").iter();
        let headers = headers.map(|(n, v)| (n.to_lowercase(), v.as_str().unwrap_or_default().to_owned())).collect();
        let status = u16::try_from(case["status"].as_u64().expect("a status")).expect("a status");
        let response = Response::new(status, headers, body.as_bytes());
        let (user, app) = (error(&response, true), error(&response, false));
        let network = status >= 429 || status == 200;
        let person = ["invalid_grant", "interaction_required", "consent_required", "login_required"];
        let person = person.iter().any(|word| body.contains(&format!("\"error\":\"{word}\"")));
        let expected = |of_a_user| match (network, person && of_a_user) {
            (true, _) => ErrorKind::Network,
            (false, true) => ErrorKind::InteractionRequired,
            (false, false) => ErrorKind::AuthenticationFailed,
        };
        assert_eq!((user.kind(), app.kind()), (expected(true), expected(false)), "{name}");
        assert_eq!(user.is_retryable(), network, "{name}");
        assert_eq!(user.claims().is_some(), name.ends_with("+claims"), "{name}");
        assert!(!user.to_string().contains("<html>"), "{name}");
        if !network {
            let oauth = user.oauth().expect("the server's fields");
            assert_eq!(oauth.error, case["body"]["error"], "{name}");
            assert_eq!(oauth.suberror.as_deref(), case["body"]["suberror"].as_str(), "{name}");
            assert_eq!(serde_json::json!(oauth.codes), case["body"]["error_codes"], "{name}");
            assert_eq!(oauth.correlation_id.as_deref(), case["body"]["correlation_id"].as_str(), "{name}");
        }
    }
    println!("{} error answers", cases.len());
    let waits = error(&Response::new(429, vec![("retry-after".into(), "600".into())], b"".as_slice()), false);
    assert_eq!(waits.retry_after().map(|span| span.as_secs()), Some(600));
}
