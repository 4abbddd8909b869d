//! Device codes (RFC 8628): when it is polled, when no more, and what is shown.

use azlatch_core::effect::Effect;
use azlatch_core::grant::{Device, DeviceAuthorization};
use azlatch_core::{Error, ErrorKind, Unix};

use crate::{Asked, Request, World, claims, codes, granted};

/// The answers of the token endpoint, in order, then pending for good.
fn poll(codes: String, answers: &'static [(u16, &'static str, u64)]) -> (Result<String, Error>, Asked) {
    let token = move |n: usize, _: &_| match answers.get(n) {
        Some((200, ..)) => (200, granted(&claims("")), 0),
        Some((status, word, millis)) => (*status, format!(r#"{{"error":"{word}"}}"#), *millis),
        None => (400, r#"{"error":"authorization_pending"}"#.into(), 0),
    };
    let (outcome, asked) = World { codes, token: Box::new(token), ..World::new() }.sign_in(Device::default(), 960);
    (outcome.map(|acquired| acquired.token.expose_secret().to_owned()), asked)
}

/// Seconds from one answer to the next poll.
fn rests(asked: &Asked) -> Vec<u64> {
    let mut last = 0;
    let rest = |poll: &Request| {
        let rest = poll.sent.checked_sub(std::mem::replace(&mut last, poll.answered)).expect("polls overlap");
        rest / 1000
    };
    asked.requests.iter().map(rest).collect()
}

const PENDING: (u16, &str, u64) = (400, "authorization_pending", 0);

#[test]
fn e_01_no_poll_comes_sooner_than_the_interval() {
    let table = [
        ("", 5),
        (r#","interval":7"#, 7),
        (r#","interval":"7""#, 7),
        (r#","interval":7.0"#, 7),
        (r#","interval":1"#, 1),
        (r#","interval":0"#, 5),
        (r#","interval":-3"#, 5),
        (r#","interval":null"#, 5),
        (r#","interval":"soon""#, 5),
        (r#","interval":[7]"#, 5),
    ];
    for (interval, seconds) in table {
        let (outcome, asked) = poll(codes(interval), &[PENDING, PENDING, (200, "", 0)]);
        assert_eq!(outcome.expect("signed in"), "the-token");
        assert_eq!(rests(&asked), [seconds; 3], "{interval}");
    }
    // Longer than anybody has time for: not polled at all.
    for interval in [r#","interval":1000000000"#, r#","interval":99999999999999999999"#] {
        let (outcome, asked) = poll(codes(interval), &[]);
        assert_eq!(outcome.expect_err("no time").kind(), ErrorKind::AuthenticationFailed);
        assert!(asked.requests.is_empty());
    }
}

#[test]
fn e_02_slow_down_counts_for_good() {
    const SLOW: (u16, &str, u64) = (400, "slow_down", 0);
    let (outcome, asked) = poll(codes(""), &[PENDING, SLOW, PENDING, SLOW, PENDING, (200, "", 0)]);
    outcome.expect("signed in");
    assert_eq!(rests(&asked), [5, 5, 10, 10, 15, 15]);
}

#[test]
fn e_03_without_answers_the_rests_are_doubled() {
    const DOWN: (u16, &str, u64) = (503, "down", 0);
    let (outcome, asked) = poll(codes(""), &[DOWN, DOWN, DOWN, DOWN, DOWN, PENDING, (200, "", 0)]);
    outcome.expect("signed in");
    assert_eq!(rests(&asked), [5, 10, 20, 40, 60, 60, 5]);
}

#[test]
fn e_04_it_ends_with_the_code_after_one_last_poll() {
    let (outcome, asked) = poll(codes("").replace("900", "12"), &[]);
    assert!(outcome.expect_err("expired").message().contains("expired"));
    let sent: Vec<_> = asked.requests.iter().map(|poll| poll.sent / 1000).collect();
    assert_eq!(sent, [5, 10, 15]);
    // Somebody who typed it in the last moment has signed in.
    poll(codes("").replace("900", "12"), &[PENDING, PENDING, (200, "", 0)]).0.expect("signed in");
    for word in ["access_denied", "authorization_declined", "expired_token", "code_expired", "bad_verification_code"] {
        let token = move |_: usize, _: &_| (400, format!(r#"{{"error":"{word}"}}"#), 0);
        let (outcome, asked) = World { token: Box::new(token), ..World::new() }.sign_in(Device::default(), 960);
        assert_eq!(outcome.expect_err(word).kind(), ErrorKind::AuthenticationFailed, "{word}");
        assert_eq!(asked.requests.len(), 1, "{word}");
    }
    // The caller's own patience ends it, too.
    let token = |_: usize, _: &_| (400, r#"{"error":"authorization_pending"}"#.into(), 0);
    let (outcome, asked) = World { token: Box::new(token), ..World::new() }.sign_in(Device::default(), 12);
    assert!(outcome.expect_err("no time").is_timeout());
    assert_eq!(asked.requests.len(), 2);
}

#[test]
fn e_05_what_is_shown_is_safe_to_show() {
    let (_, asked) = poll(codes(r#","message":"Type ABCD\u001b[31m\r\n""#), &[(200, "", 0)]);
    let (code, uri, message) = &asked.prompted[0];
    assert_eq!((code.as_str(), uri.as_str()), ("ABCD", "https://login.test/device"));
    assert_eq!(message, "Type ABCD\\u{1b}[31m\\u{d}\\u{a}");
    // Words that do not tell the code, or tell the secret one, are replaced by our own.
    let own = "To sign in, open https://login.test/device in a web browser and enter the code ABCD.";
    let far = format!(r#","message":"{}ABCD""#, "x".repeat(2000));
    for more in ["", r#","message":"Hello""#, r#","message":"ABCD the-device-code""#, r#","message":7"#, &far] {
        assert_eq!(poll(codes(more), &[(200, "", 0)]).1.prompted[0].2, own, "{more}");
    }
    let refused = [
        codes("").replace("https://login.test/device", "http://login.test/device"),
        codes("").replace("https://login.test/device", "javascript:alert(1)"),
        codes("").replace("https://login.test/device", "https://"),
        codes("").replace("https://login.test/device", "https:///x"),
        codes("").replace("https://login.test/device", "https://login.test/\\u001b[2J"),
        codes("").replace("ABCD", ""),
        codes("").replace("ABCD", "AB\\r\\nCD"),
        codes("").replace("the-device-code", ""),
        "{}".into(),
        "[]".into(),
        "<html>".into(),
    ];
    for codes in refused {
        let (outcome, asked) = poll(codes.clone(), &[]);
        assert_eq!(outcome.expect_err(&codes).kind(), ErrorKind::Network, "{codes}");
        assert!(asked.prompted.is_empty() && asked.requests.is_empty(), "{codes}");
    }
}

#[test]
fn e_06_slow_answers_stack_no_polls() {
    const SLOW: (u16, &str, u64) = (400, "authorization_pending", 9_000);
    let (outcome, asked) = poll(codes(""), &[SLOW, SLOW, SLOW, (200, "", 0)]);
    outcome.expect("signed in");
    assert_eq!(rests(&asked), [5; 4], "counted from the answer");
}

#[test]
fn j_03_codes_that_are_there_twice_are_nobodys() {
    for name in ["device_code", "user_code", "verification_uri", "interval"] {
        let (outcome, _) = poll(codes(&format!(r#","interval":5,"{name}":"https://evil.test""#)), &[]);
        assert_eq!(outcome.expect_err(name).kind(), ErrorKind::Network, "{name}");
    }
    // And in what is resumed.
    let mut pending = None;
    let mut world = World::new();
    let mut peeking = azlatch_tests::samples::World(|effect: Effect| {
        if let Effect::Prompt(ask) = &effect {
            pending = Some(ask.op.pending.expose_secret().to_owned());
            return Ok(effect.decline());
        }
        azlatch_core::Host::perform(&mut world, effect)
    });
    let policy = azlatch_tests::samples::policy();
    let newcomer = azlatch_tests::samples::newcomer();
    let mut flow =
        azlatch_core::cache::Acquire::new(newcomer, Device::default(), policy, azlatch_core::cache::Demand::Any);
    azlatch_core::run(&mut flow, || azlatch_tests::samples::at(0), &mut peeking).expect_err("declined");
    let pending = pending.expect("shown");
    let read = DeviceAuthorization::from_json(&pending).expect("what is written is read");
    assert_eq!(read.expires_on(), Unix(azlatch_tests::samples::NOON + 900));
    assert_eq!(read.to_json().expose_secret(), pending);
    let twice = pending.replace('{', r#"{"device_code":"x","#);
    assert_eq!(DeviceAuthorization::from_json(&twice).expect_err("refused").kind(), ErrorKind::Configuration);
}
