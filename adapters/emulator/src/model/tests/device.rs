//! Sign-in on a device.

use super::*;
use crate::User;

const ADA: &str = "ada@contoso.test";

fn begin(entra: &mut Entra) -> Value {
    let fields = [("client_id", CLIENT), ("scope", "User.Read openid offline_access profile")];
    json(&entra.answer(NOW, &Request::form("/organizations/oauth2/v2.0/devicecode", &fields)))
}

fn poll(entra: &mut Entra, now: i64, device: &Value) -> Answer {
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let code = text(device, "device_code");
    ask(entra, now, &[("grant_type", grant), ("device_code", code), ("code", code)])
}

fn word(answer: &Answer) -> String {
    text(&json(answer), "error").to_owned()
}

#[test]
fn a_device_is_told_where_and_what_to_type() {
    let mut entra = entra();
    let device = begin(&mut entra);
    let code = text(&device, "user_code");
    assert_eq!((code.len(), code.as_bytes()[4]), (9, b'-'));
    assert!(code.bytes().all(|byte| b"-BCDFGHJKLMNPQRSTVWXZ".contains(&byte)), "{code}");
    assert_eq!(device["verification_uri"], "https://localhost/devicelogin");
    assert_eq!((&device["expires_in"], &device["interval"]), (&900.into(), &5.into()));
    let message = text(&device, "message");
    assert!(message.contains(code) && message.contains("https://localhost/devicelogin"), "{message}");
    assert_eq!(device.get("verification_uri_complete"), None);

    let settings = entra.settings_mut();
    (settings.device_complete_uri, settings.device_interval, settings.device_expires_in) = (true, 1, 60);
    let device = begin(&mut entra);
    assert_eq!((&device["expires_in"], &device["interval"]), (&60.into(), &1.into()));
    let complete = format!("https://localhost/devicelogin?otc={}", text(&device, "user_code"));
    assert_eq!(device["verification_uri_complete"], complete);
    assert_eq!(entra.counters().devices, 2);

    let path = "/organizations/oauth2/v2.0/devicecode";
    for (request, code) in [
        (Request::new("GET", path), 900_561),
        (Request::form(path, &[("client_id", CLIENT)]), 900_144),
        (Request::form(path, &[("scope", "a/b")]), 900_144),
        (Request::form("/a_b/oauth2/v2.0/devicecode", &[]), 900_023),
    ] {
        assert_eq!(verdict(&entra.answer(NOW, &request)).2, code);
    }
}

#[test]
fn a_user_types_the_code_signs_in_and_accepts() {
    let mut entra = entra();
    let device = begin(&mut entra);
    assert_eq!(verdict(&poll(&mut entra, NOW, &device)), (400, "authorization_pending".to_owned(), 70016));
    let code = text(&device, "user_code");
    let page = entra.answer(NOW, &Request::new("GET", &format!("/devicelogin?otc={code}")));
    assert!(page.text().contains(&format!("value=\"{code}\"")), "{}", page.text());
    let wrong = entra.answer(NOW, &Request::form("/devicelogin", &[("otc", "<b>")]));
    assert!(wrong.text().contains("did not work") && wrong.text().contains("&lt;b&gt;"));

    // As people type.
    let typed = code.to_lowercase().replace('-', " ");
    let page = entra.answer(NOW, &Request::form("/devicelogin", &[("otc", &typed), ("action", "next")]));
    let page = submit(&mut entra, &page, &[("username", ADA), ("action", "next")]);
    let page = submit(&mut entra, &page, &[("password", "x"), ("action", "next")]);
    assert!(page.text().contains("another device"), "{}", page.text());
    assert_eq!(word(&poll(&mut entra, NOW + 5, &device)), "authorization_pending");
    let page = submit(&mut entra, &page, &[("action", "accept")]);
    assert!(page.text().contains("You are signed in"), "{}", page.text());

    let body = json(&poll(&mut entra, NOW + 10, &device));
    assert_eq!(body["scope"], "User.Read");
    assert_eq!(id_claims(&body)["preferred_username"], ADA);
    assert!(body["refresh_token"].is_string() && body["client_info"].is_string());
    assert_eq!(verdict(&poll(&mut entra, NOW + 15, &device)).2, 54005);
    let again = entra.answer(NOW, &Request::form("/devicelogin", &[("otc", code)]));
    assert!(again.text().contains("did not work"));
    assert_eq!((entra.counters().device_polls, entra.counters().signed_in), (4, 1));
}

#[test]
fn a_user_declines_on_the_page_or_a_test_decides() {
    let mut entra = entra();
    let device = begin(&mut entra);
    let page = entra.answer(NOW, &Request::form("/devicelogin", &[("otc", text(&device, "user_code"))]));
    let page = submit(&mut entra, &page, &[("action", "cancel")]);
    assert!(page.text().contains("cancelled"));
    assert_eq!(word(&poll(&mut entra, NOW, &device)), "authorization_declined");

    let device = begin(&mut entra);
    assert_eq!(entra.deny(text(&device, "user_code")), Ok(()));
    assert_eq!(word(&poll(&mut entra, NOW, &device)), "authorization_declined");
    assert!(entra.deny(text(&device, "user_code")).is_err());

    let device = begin(&mut entra);
    entra.settings_mut().users = vec![User::new(ADA)];
    assert!(entra.approve(text(&device, "user_code"), "eve@contoso.test").unwrap_err().contains("AADSTS50034"));
    assert_eq!(entra.approve(text(&device, "user_code"), ADA), Ok(()));
    let fields = [("grant_type", "device_code"), ("device_code", text(&device, "device_code")), ("scope", "a/b")];
    let body = json(&ask(&mut entra, NOW, &fields));
    assert_eq!(body["scope"], "a/b");
    assert!(body["id_token"].is_string());
}

#[test]
fn polls_too_often_are_slowed_down_for_good() {
    let mut entra = entra();
    let device = begin(&mut entra);
    // 4 s may be 5 of those that are not whole; 3 s are too few, and from then on 10 are asked for, then 15.
    let times = [0, 4, 7, 13, 27];
    let words = times.map(|at| word(&poll(&mut entra, NOW + at, &device)));
    let (pending, slow) = ("authorization_pending", "slow_down");
    assert_eq!(words, [pending, pending, slow, slow, pending]);

    entra.settings_mut().device_slow_down = 2;
    let device = begin(&mut entra);
    let words = [0, 60, 120].map(|at| word(&poll(&mut entra, NOW + at, &device)));
    assert_eq!(words, [slow, slow, pending]);
}

#[test]
fn codes_that_are_no_good() {
    let mut entra = entra();
    let device = begin(&mut entra);
    let made_up = serde_json::json!({ "device_code": "made up" });
    assert_eq!(verdict(&poll(&mut entra, NOW, &made_up)), (400, "bad_verification_code".to_owned(), 70018));
    let fields = [("grant_type", "device_code"), ("code", text(&device, "device_code")), ("client_id", "another")];
    assert_eq!(word(&ask(&mut entra, NOW, &fields)), "bad_verification_code");
    assert_eq!(verdict(&ask(&mut entra, NOW, &fields[..1])).2, 900_144);
    assert_eq!(verdict(&poll(&mut entra, NOW + 900, &device)), (400, "expired_token".to_owned(), 70020));
    let late = Request::form("/devicelogin", &[("otc", text(&device, "user_code"))]);
    assert!(entra.answer(NOW + 900, &late).text().contains("did not work"));
}

#[test]
fn devices_are_approved_by_themselves() {
    for pending in [0, 1, 3] {
        let mut entra = entra();
        entra.settings_mut().auto_approve = Some(ADA.to_owned());
        entra.settings_mut().device_pending = pending;
        let device = begin(&mut entra);
        for turn in 0..pending {
            let at = NOW + i64::from(turn) * 5;
            assert_eq!(word(&poll(&mut entra, at, &device)), "authorization_pending");
        }
        let body = json(&poll(&mut entra, NOW + i64::from(pending) * 5, &device));
        assert_eq!(id_claims(&body)["preferred_username"], ADA);
        assert_eq!(entra.counters().signed_in, 1);
    }
}
