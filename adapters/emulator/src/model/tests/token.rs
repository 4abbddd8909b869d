//! Token answers, yes and no.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::*;
use crate::Client;

#[test]
fn a_token_is_given_as_entra_gives_it() {
    let mut entra = entra();
    entra.settings_mut().refresh_in = Some(1800);
    let claims = r#"{"access_token":{"nbf":{"essential":true}}}"#;
    let request = client_credentials(&[("claims", claims)]);
    let answer = entra.answer(NOW, &request.with_header("Client-Request-Id", "abc-1"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("client-request-id"), Some("abc-1"));
    assert_eq!(answer.header("date"), Some("Fri, 15 Jan 2027 08:00:00 GMT"));

    let mut body = json(&answer);
    let token = body["access_token"].take();
    let expected = json!({
        "token_type": "Bearer",
        "expires_in": 3599,
        "ext_expires_in": 3599,
        "refresh_in": 1800,
        "access_token": null,
    });
    assert_eq!(body, expected);

    let token = token.as_str().unwrap();
    let issued = entra.issued(token).unwrap();
    assert_eq!(issued.client_id, CLIENT);
    assert_eq!(issued.tenant, "contoso.test");
    assert_eq!(issued.user, None);
    assert_eq!(issued.claims.as_deref(), Some(claims));
    assert_eq!(issued.expires_on, NOW + 3599);
    assert!(entra.issued("another").is_none());

    let claims = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["aud"], "https://vault.azure.net");
    assert_eq!(claims["exp"], NOW + 3599);
}

#[test]
fn the_same_requests_give_the_same_bytes_and_another_seed_gives_others() {
    let run = |seed| {
        let mut entra = Entra::new(Settings { seed, ..Settings::default() });
        let first = entra.answer(NOW, &client_credentials(&[]));
        let second = entra.answer(NOW, &client_credentials(&[]));
        assert_ne!(first.body, second.body);
        (first, second)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn tokens_are_padded() {
    let mut entra = entra();
    entra.settings_mut().token_size = 20_000;
    let answer = json(&entra.answer(NOW, &client_credentials(&[])));
    assert!((20_000..20_100).contains(&text(&answer, "access_token").len()));
}

#[test]
fn each_error_has_the_status_the_name_and_the_code_of_entra() {
    type Case<'a> = (&'a [(&'a str, &'a str)], (u16, &'a str, i64));
    let cases: &[Case<'_>] = &[
        (&[("grant_type", "")], (400, "invalid_request", 900_144)),
        (&[("client_id", "")], (400, "invalid_request", 900_144)),
        (&[("scope", "")], (400, "invalid_request", 900_144)),
        (&[("client_secret", "")], (401, "invalid_client", 7_000_218)),
        (&[("client_secret", "wrong one")], (401, "invalid_client", 7_000_215)),
        (&[("client_assertion", "a.b.c")], (401, "invalid_client", 700_027)),
        (&[("grant_type", "implicit")], (400, "unsupported_grant_type", 70003)),
        (&[("scope", "https://vault.azure.net/x")], (400, "invalid_scope", 1_002_012)),
        (&[("scope", "a/.default b/.default")], (400, "invalid_scope", 70011)),
    ];
    for (changes, (status, error, code)) in cases {
        let answer = entra().answer(NOW, &client_credentials(changes));
        assert_eq!(verdict(&answer), (*status, (*error).to_owned(), *code), "{changes:?}");
    }
}

#[test]
fn errors_of_the_address_the_method_and_the_body() {
    let at = |path: &str| {
        let path = path.to_owned();
        Request { path, ..client_credentials(&[]) }
    };
    let invalid = |code| (400, "invalid_request".to_owned(), code);
    let ask = |request: &Request| verdict(&entra().answer(NOW, request));
    assert_eq!(ask(&at("/common/oauth2/v2.0/token")), invalid(50059));
    assert_eq!(ask(&at("/organizations/oauth2/v2.0/token")), invalid(50059));
    assert_eq!(ask(&at("/no%20tenant/oauth2/v2.0/token")), invalid(900_023));
    assert_eq!(ask(&at("//oauth2/v2.0/token")), invalid(900_023));
    assert_eq!(ask(&Request::new("GET", TOKEN)), invalid(900_561));
    assert_eq!(ask(&Request::json(TOKEN, "{}")), invalid(900_144));
    let twice = Request::form(TOKEN, &[("grant_type", "a"), ("grant_type", "a")]);
    assert_eq!(ask(&twice), invalid(9_002_313));
    let nowhere = Request::new("GET", "/contoso.test/oauth2/v2.0/logout");
    assert_eq!(ask(&nowhere), (404, "not_found".to_owned(), 0));
}

#[test]
fn an_error_is_worded_as_entra_words_it() {
    let request = client_credentials(&[("scope", "")]).with_header("client-request-id", "abc-1");
    let body = json(&entra().answer(NOW, &request));
    let trace = text(&body, "trace_id");
    assert_eq!(trace.len(), 36);
    assert_eq!(body["correlation_id"], "abc-1");
    assert_eq!(body["timestamp"], "2027-01-15 08:00:00Z");
    let description = format!(
        "AADSTS900144: The request body must contain the following parameter: 'scope'. \
         Trace ID: {trace} Correlation ID: abc-1 Timestamp: 2027-01-15 08:00:00Z"
    );
    assert_eq!(body["error_description"], description);
    assert_eq!(body.get("suberror"), None);
}

#[test]
fn a_client_may_use_http_basic_but_not_both() {
    let basic = |text: &str, changes: &[(&str, &str)]| {
        let value = format!("Basic {}", STANDARD.encode(text));
        client_credentials(changes).with_header("authorization", &value)
    };
    let none = ("client_secret", "");
    let ask = |request: &Request| entra().answer(NOW, request);
    let bare: &[(&str, &str)] = &[("client_id", ""), none];
    assert_eq!(ask(&basic("a:b", bare)).status, 200);
    assert_eq!(ask(&basic("a:b", &[("client_id", "a"), none])).status, 200);
    assert_eq!(ask(&basic("a:b", &[("client_id", "c"), none])).status, 400);
    assert_eq!(ask(&basic("a:b", &[("client_id", "a")])).status, 400);
    assert_eq!(ask(&basic("a", bare)).status, 400);
    let wrong = ask(&basic("a:wrong", bare));
    assert_eq!(wrong.status, 401);
    assert_eq!(wrong.header("www-authenticate"), Some("Basic realm=\"emulator\""));

    // Both halves are form-encoded before they are joined.
    let mut entra = entra();
    entra.settings_mut().clients = vec![Client { client_id: "a:b".to_owned(), secret: Some("c d%".to_owned()) }];
    assert_eq!(entra.answer(NOW, &basic("a%3Ab:c+d%25", bare)).status, 200);
}

#[test]
fn registered_clients_are_told_apart() {
    let mut entra = entra();
    let client =
        |id: &str, secret: Option<&str>| Client { client_id: id.to_owned(), secret: secret.map(str::to_owned) };
    entra.settings_mut().clients = vec![client("site", Some("s3cret")), client("tool", None)];
    let mut ask = |id: &str, secret: &str| {
        let request = client_credentials(&[("client_id", id), ("client_secret", secret)]);
        let (status, _, code) = verdict(&entra.answer(NOW, &request));
        (status, code)
    };
    assert_eq!(ask("SITE", "s3cret"), (200, 0));
    assert_eq!(ask("site", "s3cre"), (401, 7_000_215));
    assert_eq!(ask("site", ""), (401, 7_000_218));
    assert_eq!(ask("tool", "s3cret"), (401, 700_025));
    assert_eq!(ask("tool", ""), (401, 7_000_218));
    assert_eq!(ask("other", "s3cret"), (400, 700_016));
    assert!(!format!("{entra:?}").contains("s3cret"));
}
