//! PKCE (RFC 7636), state and nonce (RFC 6749 §10.12, RFC 9700 §4.5), the issuer (RFC 9207), entropy.

use std::collections::HashSet;

use azlatch_core::effect::RandomFault;
use azlatch_core::grant::Browser;
use azlatch_core::{Error, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{Asked, Opened, Request, World, find, granted, granted_with};

fn refused(world: World) -> (Error, Asked) {
    let (outcome, asked) = world.sign_in(Browser::default(), 300);
    assert_eq!(asked.names.iter().filter(|name| **name == "Close").count(), 1, "the listener is closed once");
    assert_eq!(asked.saved, "", "nothing is stored");
    (outcome.expect_err("no token"), asked)
}

/// The code is never redeemed.
fn aborted(redirect: fn(&Opened) -> Vec<(&'static str, String)>) -> Error {
    let (error, asked) = refused(World { redirect, ..World::new() });
    assert!(asked.requests.is_empty(), "{:?}", asked.requests);
    error
}

#[test]
fn k_p1_k_p2_every_request_has_a_verifier_of_its_own() {
    let mut seen = HashSet::new();
    for n in 0..500_u32 {
        // Distinct entropy that differs in one place, in each of the three parts in turn.
        let mut drawn = vec![0; 96];
        let at = usize::try_from(n % 3).expect("small") * 32 + usize::try_from(n % 29).expect("small");
        drawn[at..at + 3].copy_from_slice(&(n + 1).to_be_bytes()[1..]);
        let (outcome, asked) = World { drawn: Ok(drawn.clone()), ..World::new() }.sign_in(Browser::default(), 300);
        outcome.expect("signed in");
        let opened = asked.opened.expect("a browser");
        let verifier = find(&asked.requests[0].form, "code_verifier");
        assert!((43..=128).contains(&verifier.len()));
        assert!(verifier.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
        assert_eq!(verifier, URL_SAFE_NO_PAD.encode(&drawn[64..]));
        assert_eq!(opened.get("code_challenge_method"), "S256");
        assert_ne!(opened.get("code_challenge"), verifier);
        assert!(seen.insert((opened.get("state"), opened.get("nonce"), verifier)));
    }
}

/// RFC 7636 appendix B.
#[test]
fn k_p2_the_challenge_is_the_rfcs() {
    let mut drawn = vec![0; 64];
    drawn.extend(URL_SAFE_NO_PAD.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").expect("base64"));
    let (_, asked) = World { drawn: Ok(drawn), ..World::new() }.sign_in(Browser::default(), 300);
    let challenge = asked.opened.expect("a browser").get("code_challenge");
    assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    assert_eq!(find(&asked.requests[0].form, "code_verifier"), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

#[test]
fn k_p3_b_05_code_and_verifier_go_where_the_browser_was_sent() {
    let (outcome, asked) = World::new().sign_in(Browser::default(), 300);
    outcome.expect("signed in");
    let opened = asked.opened.expect("a browser");
    assert_eq!(opened.url, "https://login.microsoftonline.com/t1/oauth2/v2.0/authorize");
    let Request { url, form, .. } = &asked.requests[0];
    assert_eq!(url, "https://login.microsoftonline.com/t1/oauth2/v2.0/token");
    assert_eq!((find(form, "code"), find(form, "redirect_uri")), ("the-code".into(), opened.get("redirect_uri")));
    assert_eq!(asked.requests.len(), 1);
}

#[test]
fn b_01_an_answer_to_another_question_is_no_answer() {
    type Bring = fn(&Opened) -> Vec<(&'static str, String)>;
    let table: [(&str, Bring); 9] = [
        ("missing", |_| vec![("code", "c".into())]),
        ("empty", |_| vec![("code", "c".into()), ("state", String::new())]),
        ("another", |_| vec![("code", "c".into()), ("state", "A".repeat(43))]),
        ("the nonce", |o| vec![("code", "c".into()), ("state", o.get("nonce"))]),
        ("cut", |o| vec![("code", "c".into()), ("state", o.get("state")[..42].into())]),
        ("longer", |o| vec![("code", "c".into()), ("state", o.get("state") + "A")]),
        ("in capitals", |o| vec![("code", "c".into()), ("state", o.get("state").to_uppercase())]),
        ("twice", |o| vec![("state", o.get("state")), ("code", "c".into()), ("state", o.get("state"))]),
        ("an error without state", |_| vec![("error", "access_denied".into())]),
    ];
    for (name, redirect) in table {
        let error = aborted(redirect);
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed, "{name}");
        assert!(error.message().contains("state") || name == "twice", "{name}: {error}");
    }
}

#[test]
fn b_02_one_answer_and_no_more_is_received() {
    let (_, asked) = World::new().sign_in(Browser::default(), 300);
    assert_eq!(asked.names.iter().filter(|name| **name == "Receive").count(), 1);
    // What is there twice is nobody's.
    aborted(|o| vec![("code", "a".into()), ("code", "b".into()), ("state", o.get("state"))]);
    aborted(|o| vec![("code", "a".into()), ("error", "x".into()), ("error", "x".into()), ("state", o.get("state"))]);
    // With an error beside it no code counts.
    aborted(|o| vec![("code", "a".into()), ("error", "server_error".into()), ("state", o.get("state"))]);
    for code in [String::new(), "a b".into(), "a\r\nb".into(), "é".into(), "a".repeat(16 * 1024 + 1)] {
        CODE.set(code);
        aborted(|o| vec![("code", CODE.take()), ("state", o.get("state"))]);
    }
}

thread_local! {
    static CODE: std::cell::Cell<String> = const { std::cell::Cell::new(String::new()) };
}

/// With and without an error, which carries `iss` as well.
#[test]
fn b_03_b_04_another_issuers_answer_is_a_mix_up() {
    let wrong = [
        "https://login.evil.test/t1/v2.0",
        "https://login.microsoftonline.us/t1/v2.0",
        "https://login.microsoftonline.com.evil.test/t1/v2.0",
        "https://evil.test@login.microsoftonline.com/t1/v2.0",
        "http://login.microsoftonline.com/t1/v2.0",
        "https://LOGIN.microsoftonline.com/t1/v2.0",
        "https://login.microsoftonline.com:443/t1/v2.0",
        "https://login.microsoftonline.com:8443/t1/v2.0",
        "https://login.microsoftonline.com/t1/v2.0/",
        "https://login.microsoftonline.com/t2/v2.0",
        "https://login.microsoftonline.com/T1/v2.0",
        "https://login.microsoftonline.com//v2.0",
        "https://login.microsoftonline.com/t1",
        "https://login.microsoftonline.com",
        "t1",
    ];
    for iss in wrong {
        CODE.set(iss.into());
        let error = aborted(|o| vec![("code", "c".into()), ("state", o.get("state")), ("iss", CODE.take())]);
        assert!(error.message().contains("another authority"), "{iss}: {error}");
        CODE.set(iss.into());
        let error =
            aborted(|o| vec![("error", "access_denied".into()), ("state", o.get("state")), ("iss", CODE.take())]);
        assert!(error.message().contains("another authority"), "{iss}: {error}");
    }
    aborted(|o| {
        let iss = || ("iss", "https://login.microsoftonline.com/t1/v2.0".into());
        vec![("code", "c".into()), ("state", o.get("state")), iss(), iss()]
    });
    // The one that was asked, by any name of its cloud; and Entra need not say.
    for iss in ["https://login.microsoftonline.com/t1/v2.0", "https://sts.windows.net/t1/v2.0", ""] {
        CODE.set(iss.into());
        let redirect: fn(&Opened) -> _ =
            |o| vec![("code", "c".into()), ("state", o.get("state")), ("iss", CODE.take())];
        World { redirect, ..World::new() }.sign_in(Browser::default(), 300).0.expect("signed in");
    }
}

#[test]
fn b_07_tokens_of_another_sign_in_are_thrown_away_unseen() {
    let table = [
        ("another", granted(r#"{"aud":"app","sub":"s","nonce":"another"}"#)),
        ("none", granted(r#"{"aud":"app","sub":"s"}"#)),
        ("empty", granted(r#"{"aud":"app","sub":"s","nonce":""}"#)),
        ("null", granted(r#"{"aud":"app","sub":"s","nonce":null}"#)),
        ("a list", granted(r#"{"aud":"app","sub":"s","nonce":["x"]}"#)),
        ("twice", granted(r#"{"aud":"app","sub":"s","nonce":"x","nonce":"y"}"#)),
        ("no token", granted_with("")),
        ("no JWT", granted_with("e30")),
        ("no base64", granted_with("e30.%%%.x")),
        ("no JSON", granted_with("e30.e30.x")),
        ("no id token", r#"{"access_token":"the-token","refresh_token":"rt","expires_in":60}"#.into()),
    ];
    for (name, answer) in table {
        let (error, asked) = refused(World { token: Box::new(move |_, _| (200, answer.clone(), 0)), ..World::new() });
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed, "{name}");
        assert!(error.message().contains("nonce"), "{name}: {error}");
        assert!(!asked.names.contains(&"Load"), "{name}");
    }
    // State and nonce are not each other's.
    let token = |_, opened: &Opened| (200, granted(&crate::claims(&opened.get("state"))), 0);
    refused(World { token: Box::new(token), ..World::new() });
}

#[test]
fn o_16_without_entropy_nothing_weaker_is_used() {
    for drawn in [Err(RandomFault), Ok(vec![]), Ok(vec![7; 20]), Ok(vec![7; 95])] {
        let (outcome, asked) = World { drawn, ..World::new() }.sign_in(Browser::default(), 300);
        assert_eq!(outcome.expect_err("no sign-in").kind(), ErrorKind::Unavailable);
        assert_eq!(asked.names, ["Random"]);
    }
}

#[test]
fn o_18_what_the_browser_says_drives_no_terminal_and_quotes_no_secret() {
    let error = aborted(|o| {
        let text = format!("\u{1b}[31m{} and the-code\r\n\u{202e}", o.get("state"));
        vec![("error", "server_error".into()), ("error_description", text), ("state", o.get("state"))]
    });
    let shown = format!("{error} {error:?}");
    assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown}");
    assert!(!shown.contains(&URL_SAFE_NO_PAD.encode((0..32).collect::<Vec<u8>>())), "{shown}");
    for word in ["interaction_required", "login_required", "consent_required"] {
        CODE.set(word.into());
        let error = aborted(|o| vec![("error", CODE.take()), ("state", o.get("state"))]);
        assert_eq!(error.kind(), ErrorKind::InteractionRequired, "{word}");
    }
}
