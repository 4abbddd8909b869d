//! Id tokens (OpenID Connect Core §3.1.3.7): hints about the account that came over TLS, refused where they speak of another.

use azlatch_core::effect::RandomFault;
use azlatch_core::grant::{Browser, ClientAuth, CodeInHand, Device, UserPassword};
use azlatch_core::{AuthenticationRecord, ErrorKind};

use crate::{Opened, World, granted};

/// An answer whose id token says what is in ours, and `more`.
fn with(more: &'static str) -> World {
    let token = move |_: usize, opened: &Opened| {
        let nonce = opened.get("nonce");
        (200, granted(&format!(r#"{{"sub":"s","tid":"t1","nonce":"{nonce}"{more}}}"#)), 0)
    };
    World { token: Box::new(token), ..World::new() }
}

/// What came of it by each of the grants.
fn by_each(more: &'static str) -> [Result<AuthenticationRecord, ErrorKind>; 4] {
    let code = CodeInHand::new("code".into(), "https://app.test/back".into(), None, ClientAuth::Public);
    let password = UserPassword::new("ada".into(), "pw".into(), ClientAuth::Public);
    let outcomes = [
        with(more).sign_in(Browser::default(), 300),
        with(more).sign_in(Device::default(), 960),
        with(more).sign_in(code, 30),
        with(more).sign_in(password, 30),
    ];
    outcomes.map(|(outcome, asked)| {
        assert_eq!(outcome.is_ok(), asked.saved.contains("the-token"), "{more}");
        outcome.map(|acquired| acquired.record.expect("a record")).map_err(|error| error.kind())
    })
}

#[test]
fn j_02_a_clock_that_is_a_day_off_still_signs_in() {
    // Noon is 1800000000.
    for times in [
        r#","iat":1799913600,"nbf":1799913600,"exp":1799917200"#,
        r#","iat":1800086400,"nbf":1800086400,"exp":1800090000"#,
        r#","exp":0"#,
        r#","exp":"never","nbf":null"#,
        "",
    ] {
        for record in by_each(times) {
            assert_eq!(record.expect(times).home_account_id, "u.t");
        }
    }
}

#[test]
fn j_02_a_token_for_another_application_or_of_another_cloud_is_refused() {
    let table = [
        (r#","aud":"app""#, true),
        (r#","aud":"APP""#, true),
        (r#","aud":["other","app"]"#, true),
        (r#","aud":"other""#, false),
        (r#","aud":["other"]"#, false),
        (r#","aud":"app2""#, false),
        (r#","iss":"https://login.microsoftonline.com/t1/v2.0""#, true),
        (r#","iss":"https://sts.windows.net/t1/""#, true),
        (r#","iss":"https://login.microsoftonline.us/t1/v2.0""#, false),
        (r#","iss":"https://login.microsoftonline.com.evil.test/t1/v2.0""#, false),
        (r#","iss":"http://login.microsoftonline.com/t1/v2.0""#, false),
        (r#","iss":"nobody""#, false),
    ];
    for (more, good) in table {
        for outcome in by_each(more) {
            match outcome {
                Ok(record) => assert!(good && record.tenant_id.as_str() == "t1", "{more}"),
                Err(kind) => assert!(!good && kind == ErrorKind::AuthenticationFailed, "{more}"),
            }
        }
    }
}

/// Nothing that the browser brings but the code is believed: an id token there is not looked at.
#[test]
fn j_01_no_id_token_comes_by_the_front_channel() {
    let world = World {
        redirect: |opened| {
            let forged = azlatch_tests::samples::id_token(r#"{"sub":"mallory","tid":"evil"}"#);
            let state = opened.get("state");
            vec![("code", "c".into()), ("id_token", forged), ("client_info", "e30".into()), ("state", state)]
        },
        ..World::new()
    };
    let (outcome, asked) = world.sign_in(Browser::default(), 300);
    assert_eq!(outcome.expect("signed in").record.expect("a record").home_account_id, "u.t");
    assert!(!asked.saved.contains("mallory"));
}

#[test]
fn e_01_device_codes_need_no_entropy() {
    // The request id is a convenience; nothing secret is drawn.
    let world = World { drawn: Err(RandomFault), ..World::new() };
    world.sign_in(Device::default(), 960).0.expect("signed in");
}

#[test]
fn j_03_a_record_that_says_something_twice_is_refused() {
    let good = r#"{"authority":"login.microsoftonline.com","clientId":"c","homeAccountId":"u.t","tenantId":"t1","username":"ada","version":"1.0"}"#;
    assert!(AuthenticationRecord::from_json(good).is_ok());
    for name in ["authority", "clientId", "homeAccountId", "tenantId", "username", "version", "other"] {
        let twice = good.replace('{', &format!(r#"{{"{name}":"x","{name}":"y","#));
        assert!(AuthenticationRecord::from_json(&twice).is_err(), "{name}");
        let once_more = good.replace('{', &format!(r#"{{"{name}":"x","#));
        assert_eq!(AuthenticationRecord::from_json(&once_more).is_err(), name != "other", "{name}");
    }
}
