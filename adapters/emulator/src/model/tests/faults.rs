//! Scripted faults.

use std::time::Duration;

use super::*;
use crate::{Conduct, Fault, Target};

#[test]
fn faults_are_consumed_in_order_by_the_requests_they_are_for() {
    let mut entra = entra();
    let keys = Request::new("GET", "/common/discovery/v2.0/keys");
    entra.script(Fault::status(503).times(2).retry_after("7").on(Target::Token));
    entra.script(Fault::status(404).on(Target::Discovery));
    entra.script(Fault::status(429).body("slow down"));

    let mut ask = |request: &Request| entra.answer(NOW, request);
    let busy = ask(&client_credentials(&[]));
    assert_eq!(verdict(&busy), (503, "temporarily_unavailable".to_owned(), 90033));
    assert_eq!(busy.header("retry-after"), Some("7"));
    assert_eq!(ask(&keys).status, 404);
    assert_eq!(ask(&client_credentials(&[])).status, 503);
    let slow = ask(&keys);
    assert_eq!((slow.status, &*slow.text()), (429, "slow down"));
    assert_eq!(slow.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(ask(&keys).status, 200);
    assert_eq!(ask(&client_credentials(&[])).status, 200);
    assert_eq!(entra.counters().faults, 4);
    assert_eq!(entra.pending_faults(), 0);
}

#[test]
fn a_fault_without_a_limit_lasts_until_the_reset() {
    let mut entra = entra();
    entra.script(Fault::empty().times(0));
    for _ in 0..5 {
        let answer = entra.answer(NOW, &client_credentials(&[]));
        assert_eq!((answer.status, answer.body.len()), (200, 0));
    }
    entra.reset();
    assert_ne!(entra.answer(NOW, &client_credentials(&[])).body.len(), 0);
    assert_eq!(entra.counters().requests, 1);
}

#[test]
fn each_kind_has_its_conduct_and_either_lets_the_model_answer_or_not() {
    let pause = Duration::from_millis(5);
    let cases = [
        (Fault::slow(pause), Conduct::Delayed(pause), 200, true),
        (Fault::drip(pause), Conduct::Drip(pause), 200, true),
        (Fault::reset_after(), Conduct::Reset, 200, true),
        (Fault::truncated(9), Conduct::Truncated(9), 200, true),
        (Fault::reset(), Conduct::ResetBefore, 0, false),
        (Fault::silent(), Conduct::Silent, 0, false),
        (Fault::raw("hello"), Conduct::Raw(b"hello".to_vec()), 0, false),
        (Fault::html(), Conduct::Prompt, 200, false),
        (Fault::garbage(), Conduct::Prompt, 200, false),
        (Fault::empty(), Conduct::Prompt, 200, false),
        (Fault::status(500), Conduct::Prompt, 500, false),
    ];
    for (fault, conduct, status, processed) in cases {
        let mut entra = entra();
        let token = entra.grant_refresh_token(CLIENT, "contoso.test", "ada");
        entra.script(fault.clone());
        let answer = entra.answer(NOW, &refresh(&token));
        assert_eq!((answer.conduct, answer.status), (conduct, status), "{fault:?}");
        assert_eq!(entra.counters().granted, u64::from(processed), "{fault:?}");
        // Only a request that was processed has spent the token.
        let again = entra.answer(NOW, &refresh(&token));
        assert_eq!(again.status == 400, processed, "{fault:?}");
        assert_eq!(entra.counters().grant("refresh_token"), 2);
        assert!(entra.log()[0].fault.is_some() && entra.log()[1].fault.is_none());
    }
}

#[test]
fn the_json_form_is_read_strictly() {
    let parse = Fault::parse;
    let millis = Duration::from_millis(20);
    assert_eq!(parse(r#"{"kind":"slow","millis":20}"#), Ok(Fault::slow(millis)));
    assert_eq!(parse(r#"{"kind":"drip","millis":20}"#), Ok(Fault::drip(millis)));
    assert_eq!(parse(r#"{"kind":"raw","text":"x"}"#), Ok(Fault::raw("x")));
    assert_eq!(parse(r#"{"kind":"truncated","bytes":3}"#), Ok(Fault::truncated(3)));
    let status = Fault::status(400).body("{}").on(Target::Token).times(0);
    let text = r#"{"kind":"status","status":400,"body":"{}","on":"token","times":0}"#;
    assert_eq!(parse(text), Ok(status));
    for (kind, fault) in [
        ("reset", Fault::reset()),
        ("reset_after", Fault::reset_after()),
        ("html", Fault::html()),
        ("garbage", Fault::garbage()),
        ("empty", Fault::empty()),
        ("silent", Fault::silent()),
    ] {
        let text = format!(r#"{{"kind":"{kind}","on":"discovery"}}"#);
        assert_eq!(parse(&text), Ok(fault.on(Target::Discovery)));
    }
    for wrong in [
        "",
        "[]",
        "{}",
        r#"{"kind":"quake"}"#,
        r#"{"kind":"status"}"#,
        r#"{"kind":"status","status":100}"#,
        r#"{"kind":"status","status":70000}"#,
        r#"{"kind":"status","status":"503"}"#,
        r#"{"kind":"reset","times":-1}"#,
        r#"{"kind":"reset","times":4294967296}"#,
        r#"{"kind":"reset","on":"login"}"#,
        r#"{"kind":"reset","millis":1}"#,
        r#"{"kind":"slow","milis":1}"#,
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_fault_can_be_for_the_pages_and_the_device_codes() {
    let mut entra = entra();
    let fault = Fault::parse(r#"{"kind": "status", "status": 503, "on": "sign_in", "times": 4}"#).unwrap();
    assert_eq!(fault, Fault::status(503).times(4).on(Target::SignIn));
    entra.script(fault);
    assert_eq!(entra.answer(NOW, &client_credentials(&[])).status, 200);
    for request in [
        authorize(&[]),
        Request::form("/contoso.test/login", &[]),
        Request::form("/contoso.test/oauth2/v2.0/devicecode", &[]),
        Request::new("GET", "/devicelogin"),
    ] {
        assert_eq!(entra.answer(NOW, &request).status, 503, "{request:?}");
    }
    assert_eq!(entra.log()[1].parameter("state"), Some("a state"));
    assert_eq!(entra.pending_faults(), 0);
}
