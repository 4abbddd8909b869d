//! The model as a client sees it: a request in, an answer out.

mod code;
mod control;
mod demand;
mod device;
mod discovery;
mod faults;
mod pages;
mod refresh;
mod token;
mod users;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use url::Url;

use super::{Answer, Entra, Request, Settings};

const NOW: i64 = 1_800_000_000;
const CLIENT: &str = "11111111-2222-3333-4444-555555555555";
const TOKEN: &str = "/contoso.test/oauth2/v2.0/token";
const VAULT: &str = "https://vault.azure.net/.default";

fn entra() -> Entra {
    Entra::new(Settings::default())
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("the body is JSON")
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}

/// A good client credentials request, with some fields replaced, added, or (if empty) left out.
fn client_credentials(changes: &[(&str, &str)]) -> Request {
    let mut fields =
        vec![("grant_type", "client_credentials"), ("client_id", CLIENT), ("client_secret", "right"), ("scope", VAULT)];
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    Request::form(TOKEN, &fields)
}

fn refresh(token: &str) -> Request {
    Request::form(
        TOKEN,
        &[
            ("grant_type", "refresh_token"),
            ("client_id", CLIENT),
            ("refresh_token", token),
            ("scope", "openid offline_access profile User.Read"),
        ],
    )
}

/// Status, `error` and first error code of an answer.
fn verdict(answer: &Answer) -> (u16, String, i64) {
    let json = json(answer);
    let code = json["error_codes"][0].as_i64().unwrap_or(0);
    (answer.status, text(&json, "error").to_owned(), code)
}

/// A segment of a token, or `client_info`.
fn decoded(segment: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap()
}

/// The claims of the ID token in a token answer.
fn id_claims(body: &Value) -> Value {
    decoded(text(body, "id_token").split('.').nth(1).unwrap_or_default())
}

const AUTHORIZE: &str = "/organizations/oauth2/v2.0/authorize";
const REDIRECT: &str = "http://localhost:8400";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A good authorization request, with some parameters replaced, added, or (if empty) left out.
fn authorize(changes: &[(&str, &str)]) -> Request {
    let mut query = vec![
        ("client_id", CLIENT),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("scope", "User.Read openid profile offline_access"),
        ("state", "a state"),
        ("nonce", "a nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("client_info", "1"),
    ];
    for (name, value) in changes {
        query.retain(|(known, _)| known != name);
        query.push((name, value));
    }
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Request { query: query.into_iter().map(own).collect(), ..Request::new("GET", AUTHORIZE) }
}

/// The parameters that a redirect carries back.
fn carried(answer: &Answer) -> Value {
    assert_eq!(answer.status, 302, "{}", answer.text());
    let url = Url::parse(answer.header("location").unwrap()).unwrap();
    assert_eq!(url.as_str().split('?').next(), Some("http://localhost:8400/"));
    url.query_pairs().map(|(name, value)| (name.into_owned(), Value::from(value))).collect()
}

/// Fills in the form of a page.
fn submit(entra: &mut Entra, page: &Answer, fields: &[(&str, &str)]) -> Answer {
    assert_eq!(page.status, 200, "{}", page.text());
    let html = page.text().into_owned();
    let between = |before: &str| html.split(before).nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    let mut all = vec![("ctx", between("name=\"ctx\" value=\""))];
    all.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
    let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
    entra.answer(NOW, &Request::form(&between("action=\""), &all))
}

/// A token request of the public client.
fn ask(entra: &mut Entra, now: i64, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("client_id", CLIENT), ("client_info", "1")];
    for (name, value) in fields {
        all.retain(|(known, _)| known != name);
        all.push((name, value));
    }
    entra.answer(now, &Request::form("/organizations/oauth2/v2.0/token", &all))
}
