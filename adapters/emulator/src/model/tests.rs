//! The model as a client sees it: a request in, an answer out.

mod control;
mod discovery;
mod faults;
mod refresh;
mod token;

use serde_json::Value;

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
