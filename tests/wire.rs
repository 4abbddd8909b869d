//! Bytes from strangers, as tables: token answers, dates, `Retry-After`, text, forms, JSON.

use std::time::Duration;

use azlatch_core::Unix;
use azlatch_core::token::{Granted, claims};
use azlatch_core::wire::form::{Form, query_value};
use azlatch_core::wire::json::{self, Object};
use azlatch_core::wire::jwt::{AccountHints, ClientInfo};
use azlatch_core::wire::{date, text};

const ASKED: Unix = Unix(1_800_000_000);

fn life(body: &str) -> Result<i64, &'static str> {
    Granted::parse(body.as_bytes(), ASKED).map(|granted| granted.expires_on.since(ASKED))
}

#[test]
fn n_40_expires_in_in_every_form() {
    let table = [
        (r#""3600""#, 3600),
        ("3600", 3600),
        ("3600.0", 3600),
        // Not a whole number of seconds: as if it had not been said.
        ("3600.7", 600),
        ("null", 600),
        (r#""""#, 600),
        (r#""soon""#, 600),
        ("true", 600),
        ("[3600]", 600),
        // Over at birth: handed out once, not cached.
        ("-5", 0),
        ("0", 0),
        // Nothing lives that long.
        ("1000000000000000000000000000000", 48 * 3600),
        (r#""99999999999""#, 48 * 3600),
    ];
    for (value, expected) in table {
        let body = format!(r#"{{"access_token":"t","expires_in":{value}}}"#);
        assert_eq!(life(&body), Ok(expected), "{value}");
        assert_eq!(Granted::parse(body.as_bytes(), ASKED).expect("granted").is_cacheable(), expected > 0, "{value}");
    }
    assert_eq!(life(r#"{"access_token":"t"}"#), Ok(600));
}

#[test]
fn n_41_expires_on_in_every_form() {
    for value in [
        "1800003600",
        r#""1800003600""#,
        r#""01/15/2027 09:00:00 +00:00""#,
        r#""1/15/2027 9:00:00 AM +00:00""#,
        r#""2027-01-15 09:00:00""#,
        r#""2027-01-15T09:00:00Z""#,
        r#""2027-01-15T10:00:00.123+01:00""#,
    ] {
        assert_eq!(life(&format!(r#"{{"access_token":"t","expires_on":{value}}}"#)), Ok(3600), "{value}");
    }
    // A span needs no agreement between two clocks, so it counts first.
    assert_eq!(life(r#"{"access_token":"t","expires_in":60,"expires_on":"1800003600"}"#), Ok(60));
    assert_eq!(date::expiry("09/14/2017 00:00:00 PM +00:00"), Some(Unix(1_505_347_200)));
    assert_eq!(date::expiry("1/16/2020 12:24:12 AM +00:00"), Some(Unix(1_579_134_252)));
}

#[test]
fn n_42_refresh_in_is_believed_within_the_life() {
    let refresh = |body: &str| {
        let granted = Granted::parse(body.as_bytes(), ASKED).expect("granted");
        granted.refresh_on.map(|at| at.since(ASKED))
    };
    let table = [
        (r#""expires_in":3600,"refresh_in":1800"#, Some(1800)),
        (r#""expires_in":3600,"refresh_in":"1800""#, Some(1800)),
        (r#""expires_in":3600,"refresh_in":7200"#, None),
        (r#""expires_in":3600,"refresh_in":0"#, None),
        (r#""expires_in":3600,"refresh_in":-1"#, None),
        (r#""expires_in":3600"#, None),
        // A long life is renewed at half of it.
        (r#""expires_in":86400"#, Some(43_200)),
        (r#""expires_in":86400,"refresh_in":"x""#, Some(43_200)),
    ];
    for (members, expected) in table {
        assert_eq!(refresh(&format!(r#"{{"access_token":"t",{members}}}"#)), expected, "{members}");
    }
}

#[test]
fn n_43_45_46_access_tokens_that_are_none() {
    let long = |n| format!(r#"{{"access_token":"{}"}}"#, "a".repeat(n));
    let refused = [
        r#"{"expires_in":3600}"#.to_owned(),
        r#"{"access_token":""}"#.into(),
        r#"{"access_token":null}"#.into(),
        r#"{"access_token":["a"]}"#.into(),
        r#"{"access_token":7}"#.into(),
        r#"{"access_token":"a\r\nX-Evil: 1"}"#.into(),
        r#"{"access_token":"a\u0000b"}"#.into(),
        r#"{"access_token":"a b"}"#.into(),
        r#"{"access_token":"é"}"#.into(),
        r#"{"access_token":"\ud800"}"#.into(),
        r#"{"access_token":"a","access_token":"b"}"#.into(),
        r#"{"access_token":"a","token_type":"mac"}"#.into(),
        r#"{"access_token":"a","token_type":7}"#.into(),
        r#"{"access_token":"a","error":"invalid_grant"}"#.into(),
        r#"["access_token"]"#.into(),
        "null".into(),
        "[]".into(),
        String::new(),
        "<html>".into(),
        r#"{"access_token":"a"} trailing"#.into(),
        long(256 * 1024 + 1),
    ];
    for body in &refused {
        let why = Granted::parse(body.as_bytes(), ASKED).expect_err("must be refused");
        assert!(!why.is_empty() && !body.contains(why));
    }
    assert!(Granted::parse(b"\xff\xfe", ASKED).is_err());
    for body in [long(256 * 1024), r#"{"access_token":"a","token_type":"BEARER","new_member":{"x":[1]}}"#.into()] {
        assert!(Granted::parse(body.as_bytes(), ASKED).is_ok());
    }
}

#[test]
fn n_21_n_22_retry_after_in_every_form() {
    let table: [(&str, Option<u64>); 16] = [
        ("7", Some(7)),
        (" 7 ", Some(7)),
        ("0", Some(0)),
        ("Fri, 15 Jan 2027 08:00:30 GMT", Some(30)),
        ("Friday, 15-Jan-27 08:00:30 GMT", Some(30)),
        ("Fri Jan 15 08:00:30 2027", Some(30)),
        ("Fri Jan  5 08:00:30 2027", Some(0)),
        ("Fri, 15 Jan 2027 08:00:60 GMT", Some(59)),
        ("Fri, 15 Jan 2099 08:00:30 GMT", Some(3600)),
        ("100000000000000000000", Some(3600)),
        ("-1", None),
        ("", None),
        ("soon", None),
        ("Fri, 31 Feb 2027 08:00:30 GMT", None),
        ("7, 8", None),
        ("1.5", None),
    ];
    for (value, expected) in table {
        assert_eq!(date::retry_after(value, ASKED), expected.map(Duration::from_secs), "{value:?}");
    }
    assert_eq!(date::retry_after(&"(".repeat(65_536), ASKED), None);
}

#[test]
fn m_06_shown_text_drives_no_terminal() {
    assert_eq!(text::printable("a\u{1b}[31mb\r\nc", 100), "a\\u{1b}[31mb\\u{d}\\u{a}c");
    assert_eq!(text::printable("\u{202e}evil\u{200b}", 100), "\\u{202e}evil\\u{200b}");
    assert_eq!(text::printable("naïve 漢字", 100), "naïve 漢字");
    assert_eq!(text::printable("abcdef", 3), "abc…");
    assert_eq!(text::printable("", 3), "");
}

#[test]
fn o_01_a_form_names_a_parameter_once() {
    let form =
        Form::new().plain("scope", "a b/é&=+").plain("scope", "c d").plain("empty", "").secret("secret", "p&q=1 +");
    assert_eq!(form.encode().expose_secret(), b"scope=c+d&secret=p%26q%3D1+%2B");
    assert!(!format!("{form:?}").contains("p&q"));
    assert_eq!(form.redact("you sent p&q=1 + to us"), "you sent [redacted] to us");
    assert_eq!(query_value("https://x/?a=b c"), "https%3A%2F%2Fx%2F%3Fa%3Db+c");
}

#[test]
fn j_03_json_objects_are_strict_and_lossless() {
    let object = Object::parse(r#" {"a": 1.50, "b":"x\u0041", "n":null, "o":{"k":[1, 2]}} "#).expect("an object");
    assert_eq!(object.raw("a"), Some("1.50"));
    assert_eq!(object.text("b").as_deref(), Some("xA"));
    assert_eq!((object.raw("n"), object.has("n")), (None, true));
    assert_eq!(object.raw("o"), Some(r#"{"k":[1, 2]}"#));
    for bad in
        [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, "[]", "{", r#"{"a":}"#, "{} {}", r#"{"a":1,}"#, "\u{feff}{}"]
    {
        assert!(Object::parse(bad).is_err(), "{bad}");
    }
    // Errors tell a place and nothing else: the values are secrets.
    let error = Object::parse("{\"secret\":\"hunter2\"\n x}").expect_err("broken");
    assert!(!format!("{error:?}").contains("hunter2"));
    // Deep nesting is skipped without recursion, on whatever stack.
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    thread.spawn(move || drop(Object::parse(&deep))).expect("spawned").join().expect("no overflow");
}

#[test]
fn numbers_and_quotes_as_json_writes_them() {
    let table = [
        ("7", Some(7)),
        ("\"7\"", Some(7)),
        ("7.0", Some(7)),
        ("-7", Some(-7)),
        ("7.", None),
        ("7e1", None),
        ("\"\"", None),
        ("true", None),
    ];
    for (raw, expected) in table {
        assert_eq!(json::integer(raw), expected, "{raw}");
    }
    for plain in ["", "a", "\"\\\n\u{0}\u{7f}é漢\u{1f600}", "\\u0041"] {
        let mut quoted = String::new();
        json::quote(&mut quoted, plain);
        assert_eq!(serde_json::from_str::<String>(&quoted).expect("JSON"), plain);
    }
}

#[test]
fn account_hints_are_read_leniently() {
    let info = ClientInfo::parse("eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ").expect("client info");
    assert_eq!(info.home_account_id(), "u.t");
    assert_eq!(ClientInfo::parse("eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ=="), Some(info));
    assert_eq!(ClientInfo::parse("eyJ1aWQiOiJ1In0").map(|i| i.home_account_id()), Some("u.u".into()));
    assert_eq!(ClientInfo::parse("%%%"), None);
    // {"oid":"o","sub":"s","tid":"t","upn":"n"}
    let hints =
        AccountHints::parse("e30.eyJvaWQiOiJvIiwic3ViIjoicyIsInRpZCI6InQiLCJ1cG4iOiJuIn0.sig").expect("a token");
    assert_eq!((hints.local_account_id.as_deref(), hints.username.as_deref()), (Some("o"), Some("n")));
    assert_eq!(AccountHints::parse("no token"), None);
}

#[test]
fn claims_are_merged_with_the_capability() {
    let merged = |given: Option<&str>, cae| claims::merge(given, cae).expect("claims");
    assert_eq!(merged(None, false), None);
    assert_eq!(merged(None, true).as_deref(), Some(r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#));
    assert_eq!(merged(Some(r#"{"x":1}"#), false).as_deref(), Some(r#"{"x":1}"#));
    let both = merged(
        Some(r#"{"id_token":{"a":null},"access_token":{"nbf":{"value":"1"},"xms_cc":{"values":["old"]}}}"#),
        true,
    );
    let expected = r#"{"id_token":{"a":null},"access_token":{"nbf":{"value":"1"},"xms_cc":{"values":["cp1"]}}}"#;
    assert_eq!(both.as_deref(), Some(expected));
    for bad in ["", "no", "[]", r#"{"access_token":7}"#] {
        assert!(claims::merge(Some(bad), true).is_err(), "{bad}");
    }
}
