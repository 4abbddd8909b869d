//! The authorization code grant, from the redirect to the tokens.

use super::*;
use crate::model::code::LIFE;
use crate::model::mint::tenant_identifier;

const ADA: &str = "ada@contoso.test";

/// A model that signs ada in without pages.
fn unasked() -> Entra {
    let settings = Settings { auto_approve: Some(ADA.to_owned()), ..Settings::default() };
    Entra::new(settings)
}

fn code(entra: &mut Entra, changes: &[(&str, &str)]) -> String {
    let answer = entra.answer(NOW, &authorize(changes));
    text(&carried(&answer), "code").to_owned()
}

fn redeem(entra: &mut Entra, now: i64, code: &str, changes: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("scope", "User.Read openid offline_access"),
    ];
    fields.extend(changes);
    // The later of two of one name is the one that is meant.
    fields.reverse();
    let mut seen: Vec<&str> = Vec::new();
    fields.retain(|(name, _)| {
        !seen.contains(name) && {
            seen.push(name);
            true
        }
    });
    ask(entra, now, &fields)
}

#[test]
fn a_code_is_good_for_all_that_was_asked_for() {
    let mut entra = unasked();
    let back = carried(&entra.answer(NOW, &authorize(&[])));
    assert_eq!(back["state"], "a state");
    assert_eq!(text(&back, "session_state").len(), 36);
    let home = tenant_identifier("contoso.test");
    assert_eq!(back["iss"], format!("https://localhost/{home}/v2.0"));

    let body = json(&redeem(&mut entra, NOW, text(&back, "code"), &[]));
    assert_eq!(body["scope"], "User.Read");
    assert_eq!(body["client_info"], back["client_info"]);
    assert_eq!(body.get("foci"), None);
    let claims = id_claims(&body);
    let info = decoded(text(&body, "client_info"));
    for (name, value) in [
        ("aud", CLIENT),
        ("iss", text(&back, "iss")),
        ("nonce", "a nonce"),
        ("tid", &home),
        ("oid", text(&info, "uid")),
        ("preferred_username", ADA),
        ("name", "ada"),
        ("ver", "2.0"),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert_eq!(info["utid"], home);
    let next = entra.answer(NOW, &refresh(text(&body, "refresh_token")));
    let again = json(&next);
    assert_eq!(id_claims(&again)["sub"], claims["sub"]);
    // Nobody asked for it this time.
    assert_eq!(again.get("client_info"), None);
    let counters = entra.counters();
    assert_eq!((counters.authorize, counters.signed_in, counters.grant("authorization_code")), (1, 1, 1));
}

#[test]
fn only_what_was_asked_for_is_given() {
    let mut entra = unasked();
    let code = code(&mut entra, &[("scope", "User.Read"), ("client_info", "")]);
    let body = json(&redeem(&mut entra, NOW, &code, &[("scope", ""), ("client_info", "0")]));
    assert_eq!(body["scope"], "User.Read");
    for name in ["id_token", "refresh_token", "client_info"] {
        assert_eq!(body.get(name), None, "{name}");
    }
}

#[test]
fn a_code_is_redeemed_once_in_time_by_whom_it_was_made_for() {
    type Case<'a> = (i64, &'a [(&'a str, &'a str)], i64);
    let other = "https://localhost:8400";
    let long = "v".repeat(129);
    let cases: &[Case<'_>] = &[
        (NOW + LIFE, &[], 70008),
        (NOW, &[("client_id", "another")], 70000),
        (NOW, &[("code", "made up")], 70000),
        (NOW, &[("redirect_uri", other)], 500_112),
        (NOW, &[("redirect_uri", "http://localhost:8400/")], 500_112),
        (NOW, &[("redirect_uri", "")], 900_144),
        (NOW, &[("code_verifier", "")], 50148),
        (NOW, &[("code_verifier", "short")], 50148),
        (NOW, &[("code_verifier", &long)], 50148),
        (NOW, &[("code_verifier", &VERIFIER.replace('d', "D"))], 50148),
    ];
    for (now, changes, code_of_error) in cases {
        let mut entra = unasked();
        let code = code(&mut entra, &[]);
        let refused = redeem(&mut entra, *now, &code, changes);
        assert_eq!((refused.status, verdict(&refused).2), (400, *code_of_error), "{changes:?}");
        // It has not been spent by that.
        assert_eq!(redeem(&mut entra, NOW + LIFE - 1, &code, &[]).status, 200);
        let again = redeem(&mut entra, NOW, &code, &[]);
        assert_eq!(verdict(&again), (400, "invalid_grant".to_owned(), 54005));
    }
}

#[test]
fn a_code_without_a_challenge_takes_no_verifier() {
    let mut entra = unasked();
    let bare = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = code(&mut entra, &bare);
    assert_eq!(verdict(&redeem(&mut entra, NOW, &code, &[])).2, 50148);
    assert_eq!(redeem(&mut entra, NOW, &code, &[("code_verifier", "")]).status, 200);
}

#[test]
fn errors_go_back_to_the_client() {
    for (changes, error, code) in [
        ([("response_type", "token")], "unsupported_response_type", "AADSTS70007: "),
        ([("response_type", "")], "invalid_request", "AADSTS900144: "),
        ([("scope", "")], "invalid_request", "AADSTS900144: "),
        ([("response_mode", "fragment")], "invalid_request", "AADSTS90023: "),
        ([("code_challenge_method", "plain")], "invalid_request", "AADSTS50147: "),
        ([("code_challenge_method", "")], "invalid_request", "AADSTS50147: "),
        ([("code_challenge", "")], "invalid_request", "AADSTS900144: "),
        ([("code_challenge", "short")], "invalid_request", "AADSTS501491: "),
        ([("prompt", "none login")], "invalid_request", "AADSTS90023: "),
        ([("prompt", "always")], "invalid_request", "AADSTS90023: "),
        ([("prompt", "none")], "login_required", "AADSTS50058: "),
    ] {
        let back = carried(&entra().answer(NOW, &authorize(&changes)));
        assert_eq!(back["error"], error, "{changes:?}");
        assert!(text(&back, "error_description").starts_with(code), "{back}");
        assert_eq!((&back["state"], back.get("code")), (&Value::from("a state"), None));
        assert_eq!(back["iss"], "https://localhost/{tenantid}/v2.0");
    }
}

#[test]
fn a_bad_client_or_address_is_a_page() {
    let mut entra = unasked();
    let client = crate::Client { client_id: CLIENT.to_owned(), secret: None };
    entra.settings_mut().clients = vec![client];
    let evil = "https://a.test/<script>#x";
    for (changes, code) in [
        (("client_id", ""), "AADSTS900144"),
        (("client_id", "<script>"), "AADSTS700016"),
        (("redirect_uri", ""), "AADSTS900144"),
        (("redirect_uri", "http://contoso.test"), "AADSTS50011"),
        (("redirect_uri", "http://localhost@contoso.test"), "AADSTS50011"),
        (("redirect_uri", "http://localhost.contoso.test"), "AADSTS50011"),
        (("redirect_uri", "/callback"), "AADSTS50011"),
        (("redirect_uri", "myapp://auth"), "AADSTS50011"),
        (("redirect_uri", evil), "AADSTS50011"),
    ] {
        let answer = entra.answer(NOW, &authorize(&[changes]));
        assert_eq!((answer.status, answer.header("location")), (400, None), "{changes:?}");
        let html = answer.text();
        assert!(html.contains(code) && !html.contains("<script"), "{html}");
    }
    let mut twice = authorize(&[]);
    twice.query.push(("state".to_owned(), "another".to_owned()));
    assert_eq!(entra.answer(NOW, &twice).status, 400);
    for good in ["http://127.0.0.1:1/x", "http://[::1]:65535", "https://app.contoso.test/cb?x=y"] {
        assert_eq!(entra.answer(NOW, &authorize(&[("redirect_uri", good)])).status, 302, "{good}");
    }
}

#[test]
fn a_form_posts_itself_and_what_it_repeats_is_escaped() {
    let mut entra = unasked();
    let state = "\"><script>alert(1)</script>";
    let answer = entra.answer(NOW, &authorize(&[("response_mode", "form_post"), ("state", state)]));
    assert_eq!(answer.status, 200);
    let html = answer.text();
    assert!(html.contains("<form method=\"post\" action=\"http://localhost:8400\">"), "{html}");
    assert!(html.contains("name=\"state\" value=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\""), "{html}");
    assert_eq!(html.matches("<script").count(), 1);
    assert!(html.contains("<noscript>") && html.contains("name=\"code\""));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'sha256-") && policy.contains("default-src 'none'"), "{policy}");
}

#[test]
fn the_hint_says_who_is_signed_in_unasked() {
    let mut entra = unasked();
    let mut who = |hint: &str| {
        let code = code(&mut entra, &[("login_hint", hint), ("prompt", "select_account")]);
        let body = json(&redeem(&mut entra, NOW, &code, &[]));
        text(&id_claims(&body), "preferred_username").to_owned()
    };
    assert_eq!(who("bob@fabrikam.test"), "bob@fabrikam.test");
    assert_eq!(who("nobody"), ADA);
    entra.settings_mut().users = vec![crate::User::new("eve@contoso.test")];
    let back = carried(&entra.answer(NOW, &authorize(&[])));
    assert_eq!(back["error"], "access_denied");
    assert!(text(&back, "error_description").starts_with("AADSTS50034"));
}
