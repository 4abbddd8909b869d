//! The control endpoints.

use serde_json::json;

use super::*;

fn get(entra: &mut Entra, what: &str) -> Value {
    let answer = entra.answer(NOW, &Request::new("GET", &format!("/_emulator/{what}")));
    assert_eq!(answer.status, 200);
    json(&answer)
}

fn post(entra: &mut Entra, what: &str, text: &str) -> Answer {
    entra.answer(NOW, &Request::json(&format!("/_emulator/{what}"), text))
}

#[test]
fn counters_count_all_but_the_control_requests() {
    let mut entra = entra();
    let first = entra.answer(NOW, &client_credentials(&[]));
    entra.answer(NOW, &client_credentials(&[("scope", "x")]));
    entra.answer(NOW, &refresh("none"));
    entra.answer(NOW, &Request::new("GET", "/x/discovery/v2.0/keys"));
    entra.answer(NOW, &Request::new("GET", "/favicon.ico"));
    let expected = json!({
        "requests": 5,
        "token_requests": 3,
        "grants": { "client_credentials": 2, "refresh_token": 1 },
        "granted": 1,
        "refused": 2,
        "discovery": 1,
        "authorize": 0,
        "pages": 0,
        "devices": 0,
        "device_polls": 0,
        "signed_in": 0,
        "other": 1,
        "faults": 0,
        "reused": 0,
    });
    assert_eq!(get(&mut entra, "counters"), expected);
    assert_eq!(get(&mut entra, "counters"), expected);

    // Nor do they change what is minted.
    let mut watched = self::entra();
    get(&mut watched, "log");
    assert_eq!(watched.answer(NOW, &client_credentials(&[])), first);
}

#[test]
fn the_log_shows_requests_but_no_secrets() {
    let mut entra = entra();
    let secrets = [
        "client_secret",
        "refresh_token",
        "assertion",
        "client_assertion",
        "password",
        "code",
        "device_code",
        "code_verifier",
        "ctx",
        "otc",
        "user_code",
    ];
    let mut fields: Vec<(&str, &str)> = secrets.iter().map(|name| (*name, "hush")).collect();
    fields.extend([("Client_Secret", "hush"), ("grant_type", "g"), ("claims", "{}")]);
    let request = Request::form(&format!("{TOKEN}?code=hush&x=y"), &fields)
        .with_header("Authorization", "Basic hush")
        .with_header("User-Agent", "a test");
    entra.answer(NOW, &request);
    entra.answer(NOW, &Request::json(TOKEN, r#"{"password":"hush"}"#));

    let entry = &entra.log()[0];
    for name in secrets {
        assert_eq!(entry.field(name), Some("[redacted]"));
    }
    assert_eq!(entry.field("claims"), Some("{}"));
    let log = get(&mut entra, "log");
    assert!(!log.to_string().contains("hush"));
    assert_eq!(log[0]["path"], TOKEN);
    assert_eq!(log[0]["status"], 400);
    assert_eq!(log[0]["headers"][2], json!(["user-agent", "a test"]));
    assert_eq!(log[0]["query"][1], json!(["x", "y"]));
    assert!(!format!("{request:?}").contains("hush"));
}

#[test]
fn the_log_keeps_the_newest() {
    let mut entra = entra();
    for index in 0..20_011 {
        entra.answer(index, &Request::new("GET", "/"));
    }
    let log = entra.log();
    assert_eq!((log.len(), log[0].at, log[9_999].at), (10_000, 10_011, 20_010));
}

#[test]
fn settings_are_changed_all_or_none() {
    let mut entra = entra();
    let text = r#"{"expires_in": 60, "refresh_in": 30, "rotate": false, "token_size": 2000}"#;
    assert_eq!(post(&mut entra, "settings", text).status, 200);
    let settings = entra.settings();
    assert_eq!((settings.expires_in, settings.refresh_in), (60, Some(30)));
    assert_eq!((settings.rotate, settings.token_size), (false, 2000));
    let sign_in = json!({
        "family_clients": ["a"],
        "auto_approve": "ada@contoso.test",
        "consent": true,
        "device_pending": 2,
        "device_interval": 1,
        "device_slow_down": 3,
        "device_expires_in": 60,
        "device_complete_uri": true,
    });
    let shown = json(&post(&mut entra, "settings", &sign_in.to_string()));
    for (name, value) in sign_in.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
        assert_eq!(post(&mut entra, "settings", &json!({ name: {} }).to_string()).status, 400, "{name}");
    }
    for wrong in [r#"{"expires_in": 1, "rotate": 1}"#, r#"{"seed": 1}"#, "[]", "\u{0}"] {
        assert_eq!(post(&mut entra, "settings", wrong).status, 400, "{wrong}");
    }
    assert_eq!(entra.settings().expires_in, 60);
    post(&mut entra, "settings", r#"{"refresh_in": null}"#);
    assert_eq!(get(&mut entra, "settings")["refresh_in"], Value::Null);
}

#[test]
fn faults_are_scripted_and_all_is_reset() {
    let mut entra = entra();
    let answer = post(&mut entra, "fault", r#"{"kind": "status", "status": 503, "times": 2}"#);
    assert_eq!(json(&answer)["pending_faults"], 1);
    assert_eq!(post(&mut entra, "fault", "{}").status, 400);
    assert_eq!(entra.answer(NOW, &client_credentials(&[])).status, 503);
    assert_eq!(post(&mut entra, "reset", "").status, 200);
    assert_eq!(get(&mut entra, "log"), json!([]));
    assert_eq!(get(&mut entra, "counters")["requests"], 0);
    assert_eq!(entra.answer(NOW, &client_credentials(&[])).status, 200);
    assert_eq!(post(&mut entra, "coffee", "").status, 404);
}

#[test]
fn users_are_registered_replaced_and_shown_without_passwords() {
    let mut entra = entra();
    let ada =
        r#"{"name": "ada@contoso.test", "password": "hush", "guest_of": ["fabrikam.test"], "needs": {"id_token": {}}}"#;
    assert_eq!(post(&mut entra, "users", ada).status, 200);
    post(
        &mut entra,
        "users",
        r#"{"name": "bob@contoso.test", "tenant": "fabrikam.test", "display_name": "Bob", "federated": true}"#,
    );
    let shown = get(&mut entra, "users");
    assert!(!shown.to_string().contains("hush"));
    assert_eq!((&shown[0]["tenant"], &shown[0]["needs"]), (&json!("contoso.test"), &json!(r#"{"id_token":{}}"#)));
    assert_eq!((&shown[1]["tenant"], &shown[1]["display_name"]), (&json!("fabrikam.test"), &json!("Bob")));
    assert_eq!(entra.settings().users[0].password.as_deref(), Some("hush"));

    // One of the same name takes its place; a list takes the place of all.
    post(&mut entra, "users", r#"{"name": "ADA@contoso.test"}"#);
    assert_eq!(entra.settings().users.len(), 2);
    for wrong in [
        r#"{"tenant": "a.test"}"#,
        r#"{"name": "ada"}"#,
        r#"{"name": "a@b.test", "age": 1}"#,
        "1",
        "{",
        r#"[{"name": "a@b.test", "needs": "no"}]"#,
    ] {
        assert_eq!(post(&mut entra, "users", wrong).status, 400, "{wrong}");
    }
    post(&mut entra, "users", "[]");
    assert_eq!(get(&mut entra, "users"), json!([]));
}

#[test]
fn orders_are_checked() {
    let mut entra = entra();
    let token = entra.grant_refresh_token(CLIENT, "contoso.test", "ada@contoso.test");
    for (what, text) in [
        ("revoke", "{}"),
        ("revoke", r#"{"user": "ada@contoso.test", "why": ""}"#),
        ("demand", r#"{"user": "ada@contoso.test", "claims": "no JSON"}"#),
        ("approve", r#"{"user_code": "BBBB-BBBB", "user": "ada@contoso.test"}"#),
        ("deny", r#"{"user_code": "BBBB-BBBB"}"#),
    ] {
        assert_eq!(post(&mut entra, what, text).status, 400, "{what} {text}");
    }
    let ada = r#"{"user": "ADA@contoso.test"}"#;
    assert_eq!(json(&post(&mut entra, "revoke", ada)), json!({ "revoked": 1 }));
    assert_eq!(json(&post(&mut entra, "revoke", ada)), json!({ "revoked": 0 }));
    assert_eq!(verdict(&entra.answer(NOW, &refresh(&token))).2, 50173);
}
