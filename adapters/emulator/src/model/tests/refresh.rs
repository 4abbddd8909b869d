//! Refresh tokens: rotation, reuse, families.

use super::*;

/// Redeems a token and gives the next one.
fn redeem(entra: &mut Entra, now: i64, token: &str) -> Result<String, Answer> {
    let answer = entra.answer(now, &refresh(token));
    match answer.status {
        200 => Ok(text(&json(&answer), "refresh_token").to_owned()),
        _ => Err(answer),
    }
}

#[test]
fn a_refresh_answers_with_tokens_of_the_user() {
    let mut entra = entra();
    let token = entra.grant_refresh_token(CLIENT, "contoso.test", "ada@contoso.test");
    let body = json(&entra.answer(NOW, &refresh(&token)));
    assert_eq!(body["scope"], "User.Read");
    let issued = entra.issued(text(&body, "access_token")).unwrap();
    assert_eq!(issued.user.as_deref(), Some("ada@contoso.test"));
    assert_eq!(issued.scopes, ["User.Read"]);

    let id_token: Vec<&str> = text(&body, "id_token").split('.').collect();
    assert_eq!((id_token.len(), id_token[2]), (3, ""));
    assert_eq!(decoded(id_token[0])["alg"], "none");
    let claims = decoded(id_token[1]);
    assert_eq!(claims["aud"], CLIENT);
    assert_eq!(claims["iss"], format!("https://localhost/{}/v2.0", text(&claims, "tid")));
    assert_eq!(claims["preferred_username"], "ada@contoso.test");
    assert_eq!(claims["name"], "ada");
    let info = decoded(text(&body, "client_info"));
    assert_eq!((&info["uid"], &info["utid"]), (&claims["oid"], &claims["tid"]));

    // Though nobody asks for it.
    let fields =
        [("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", text(&body, "refresh_token"))];
    let again = json(&entra.answer(NOW, &Request::form(TOKEN, &fields)));
    assert_eq!(id_claims(&again)["sub"], claims["sub"]);
    assert_eq!(again["client_info"], body["client_info"]);
}

#[test]
fn one_refresh_token_is_good_for_any_resource_and_tenant() {
    let mut entra = entra();
    entra.settings_mut().rotate = false;
    let home = "72f988bf-0000-4000-8000-000000000001";
    let token = entra.grant_refresh_token(CLIENT, home, "ada@contoso.test");
    let mut ask = |path: &str, scope: &str| {
        let fields =
            [("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", &token), ("scope", scope)];
        let body = json(&entra.answer(NOW, &Request::form(path, &fields)));
        assert_eq!(body.get("refresh_token"), None);
        let issued = entra.issued(text(&body, "access_token")).unwrap();
        (issued.tenant.clone(), issued.scopes.join(" "))
    };
    assert_eq!(ask("/common/oauth2/v2.0/token", "a/x a/y"), (home.into(), "a/x a/y".into()));
    assert_eq!(ask("/other.test/oauth2/v2.0/token", "b/z"), ("other.test".into(), "b/z".into()));
    let default = "https://graph.microsoft.com/.default";
    assert_eq!(ask("/common/oauth2/v2.0/token", "openid"), (home.into(), default.into()));
}

#[test]
fn a_spent_token_is_refused_and_ends_its_family_and_no_other() {
    let mut entra = entra();
    let first = entra.grant_refresh_token(CLIENT, "contoso.test", "ada");
    let other = entra.grant_refresh_token(CLIENT, "contoso.test", "ada");
    let second = redeem(&mut entra, NOW, &first).unwrap();
    let third = redeem(&mut entra, NOW, &second).unwrap();
    assert_ne!(second, third);

    for spent in [&second, &first] {
        let refused = redeem(&mut entra, NOW, spent).unwrap_err();
        assert_eq!(verdict(&refused), (400, "invalid_grant".to_owned(), 70000));
        assert_eq!(json(&refused)["suberror"], "bad_token");
    }
    let refused = redeem(&mut entra, NOW, &third).unwrap_err();
    assert_eq!(verdict(&refused), (400, "invalid_grant".to_owned(), 50173));
    assert!(redeem(&mut entra, NOW, &other).is_ok());
    assert_eq!(entra.counters().reused, 2);
}

#[test]
fn a_spent_token_works_within_the_grace_and_without_detection() {
    let mut entra = entra();
    entra.settings_mut().reuse_grace = 10;
    let first = entra.grant_refresh_token(CLIENT, "contoso.test", "ada");
    let second = redeem(&mut entra, NOW, &first).unwrap();
    let again = redeem(&mut entra, NOW + 9, &first).unwrap();
    assert!(redeem(&mut entra, NOW + 9, &second).is_ok());
    assert!(redeem(&mut entra, NOW + 9, &again).is_ok());
    // The grace counts from the first use, not the last.
    assert!(redeem(&mut entra, NOW + 10, &first).is_err());

    let first = entra.grant_refresh_token(CLIENT, "contoso.test", "ada");
    entra.settings_mut().reuse_detection = false;
    for later in [0, 1_000_000] {
        assert!(redeem(&mut entra, NOW + later, &first).is_ok());
    }
}

#[test]
fn a_refused_request_does_not_spend_the_token() {
    let mut entra = entra();
    let token = entra.grant_refresh_token(CLIENT, "contoso.test", "ada");
    let with = |changes: &[(&str, &str)]| {
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        fields.extend(changes);
        Request::form(TOKEN, &fields)
    };
    let wrong = with(&[("client_id", CLIENT), ("client_secret", "wrong")]);
    assert_eq!(entra.answer(NOW, &wrong).status, 401);
    let stranger = entra.answer(NOW, &with(&[("client_id", "another")]));
    assert_eq!(json(&stranger)["suberror"], "client_mismatch");
    assert!(redeem(&mut entra, NOW, "made up").is_err());
    assert!(redeem(&mut entra, NOW, &token).is_ok());
}
