//! Conditional access, and the end of refresh tokens.

use super::*;

const ADA: &str = "ada@contoso.test";
const CLAIMS: &str = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
/// The same among others, as a client sends them that says what it is capable of.
const MERGED: &str =
    r#"{"access_token":{"xms_cc":{"values":["CP1"]},"acrs":{"value":"c1","essential":true}},"id_token":{}}"#;
const LESS: &str = r#"{"access_token":{"acrs":{"value":"c1"}}}"#;

/// Signs ada in with a request for `claims` and gives the code's answer.
fn sign_in(entra: &mut Entra, claims: &str) -> Value {
    entra.settings_mut().auto_approve = Some(ADA.to_owned());
    let back = carried(&entra.answer(NOW, &authorize(&[("claims", claims)])));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", text(&back, "code")),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    json(&ask(entra, NOW, &fields))
}

#[test]
fn refreshes_wait_for_a_sign_in_that_asks_for_the_claims() {
    let mut entra = entra();
    let token = text(&sign_in(&mut entra, ""), "refresh_token").to_owned();
    entra.demand_claims("Ada@contoso.test", CLAIMS);
    for claims in ["", LESS, "no JSON"] {
        sign_in(&mut entra, claims);
        let refused = entra.answer(NOW, &refresh(&token));
        assert_eq!(verdict(&refused), (400, "interaction_required".to_owned(), 50076), "{claims}");
        let body = json(&refused);
        assert_eq!((&body["suberror"], &body["claims"]), (&"basic_action".into(), &CLAIMS.into()));
    }
    let body = sign_in(&mut entra, MERGED);
    assert_eq!(entra.issued(text(&body, "access_token")).unwrap().claims.as_deref(), Some(MERGED));
    // The token that was refused has not been spent.
    assert_eq!(entra.answer(NOW, &refresh(&token)).status, 200);
    let other = entra.grant_refresh_token(CLIENT, "contoso.test", "bob@contoso.test");
    entra.demand_claims(ADA, CLAIMS);
    assert_eq!(entra.answer(NOW, &refresh(&other)).status, 200);
    assert_eq!(entra.answer(NOW, &refresh(text(&body, "refresh_token"))).status, 400);
    entra.lift_demand(ADA);
    assert_eq!(entra.answer(NOW, &refresh(text(&body, "refresh_token"))).status, 200);
}

#[test]
fn a_silent_sign_in_meets_a_demand_only_with_the_claims() {
    let mut entra = entra();
    entra.settings_mut().auto_approve = Some(ADA.to_owned());
    entra.demand_claims(ADA, CLAIMS);
    let back = carried(&entra.answer(NOW, &authorize(&[("prompt", "none")])));
    assert_eq!((&back["error"], &back["claims"]), (&"interaction_required".into(), &CLAIMS.into()));
    let back = carried(&entra.answer(NOW, &authorize(&[("prompt", "none"), ("claims", MERGED)])));
    assert!(back["code"].is_string());
}

#[test]
fn a_device_meets_a_demand_too() {
    let mut entra = entra();
    let token = entra.grant_refresh_token(CLIENT, "contoso.test", ADA);
    entra.demand_claims(ADA, CLAIMS);
    let fields = [("client_id", CLIENT), ("scope", "a/b"), ("claims", MERGED)];
    let device = json(&entra.answer(NOW, &Request::form("/organizations/oauth2/v2.0/devicecode", &fields)));
    entra.approve(text(&device, "user_code"), ADA).unwrap();
    assert_eq!(entra.answer(NOW, &refresh(&token)).status, 400);
    let fields = [("grant_type", "device_code"), ("device_code", text(&device, "device_code"))];
    assert_eq!(ask(&mut entra, NOW, &fields).status, 200);
    assert_eq!(entra.answer(NOW, &refresh(&token)).status, 200);
}

#[test]
fn revoked_tokens_are_dead_and_later_ones_are_not() {
    let mut entra = entra();
    let first = text(&sign_in(&mut entra, ""), "refresh_token").to_owned();
    assert_eq!(entra.revoke("ADA@contoso.test"), 1);
    let refused = entra.answer(NOW, &refresh(&first));
    assert_eq!(verdict(&refused), (400, "invalid_grant".to_owned(), 50173));
    assert_eq!(json(&refused)["suberror"], "bad_token");
    let second = text(&sign_in(&mut entra, ""), "refresh_token").to_owned();
    assert_eq!(entra.answer(NOW, &refresh(&second)).status, 200);
}
