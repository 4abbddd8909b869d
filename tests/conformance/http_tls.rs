//! TLS: a server that cannot be trusted learns nothing, and a body that is cut short is not an answer.

use azlatch_core::ErrorKind;
use azlatch_core::effect::{FailureKind, Sent};

use crate::hostile::Hostile;
use crate::hostile_identity::{Identity, roots};
use crate::hostile_scripts::{Play, always, blurt, goodbye, ok, once, once_torn, reset, until_closed};
use crate::http::{HttpDriver, Proxies, REMOTE_WORD, assert_fails, assert_saw_nothing, driver, hasty, post, send};

pub(crate) fn n_05_a_bad_certificate_ends_it_before_anything_is_sent<D: HttpDriver>() {
    let cases = [Identity::OtherName, Identity::SelfSigned, Identity::OtherIssuer, Identity::Expired, Identity::NotYet];
    let driver = driver::<D>();
    for identity in cases {
        let server = Hostile::tls(identity, always(ok("")));
        for host in ["127.0.0.1", "localhost"] {
            let outcome = send(&driver, post(server.url_as("https", host, "/")));
            assert_fails(&format!("{identity:?} {host}"), &outcome, Sent::No, &[FailureKind::Tls]);
        }
        assert_eq!(server.connections(), 2, "{identity:?} is tried again");
        assert!(server.received().is_empty(), "{identity:?} got a request");
    }
}

pub(crate) fn n_05_a_good_certificate_is_accepted_by_name_and_address<D: HttpDriver>() {
    let server = Hostile::tls(Identity::Good, always(ok("")));
    let driver = driver::<D>();
    for host in ["127.0.0.1", "localhost", "LocalHost"] {
        send(&driver, post(server.url_as("https", host, "/"))).expect(host);
    }
    // Without the extra root the platform decides, and it has never heard of ours.
    let other = rcgen::generate_simple_self_signed(["other".to_owned()]).expect("a certificate").cert.pem();
    let stranger = D::build(other.as_bytes(), Proxies::None).expect("a driver");
    let outcome = send(&stranger, post(server.url("/")));
    assert_fails("another root", &outcome, Sent::No, &[FailureKind::Tls]);
}

pub(crate) fn n_05_what_is_not_tls_ends_it_before_anything_is_sent<D: HttpDriver>() {
    let cases: [(&str, Vec<u8>); 4] = [
        ("plain HTTP", ok(REMOTE_WORD)),
        ("words", format!("{REMOTE_WORD}\n").repeat(20).into()),
        ("an alert", vec![21, 3, 3, 0, 2, 2, 40]),
        ("another handshake", vec![22, 3, 3, 0, 4, 99, 0, 0, 0]),
    ];
    let driver = driver::<D>();
    for (case, bytes) in cases {
        let server = Hostile::plain(blurt(bytes));
        let outcome = send(&driver, post(server.url_as("https", "127.0.0.1", "/")));
        assert_fails(case, &outcome, Sent::No, &[FailureKind::Tls]);
        assert_saw_nothing(case, &server);
        assert_eq!(server.connections(), 1, "{case} is tried again");
    }
}

pub(crate) fn n_05_a_handshake_that_breaks_off_sent_nothing<D: HttpDriver>() {
    let cases: [(&str, Play); 4] = [
        ("closed at once", goodbye()),
        ("reset at once", reset()),
        ("closed after the hello", blurt("")),
        ("closed within a record", blurt([22, 3, 3, 0, 100, 2])),
    ];
    let kinds = [FailureKind::Tls, FailureKind::Connect];
    let driver = driver::<D>();
    for (case, script) in cases {
        let server = Hostile::plain(script);
        let outcome = send(&driver, post(server.url_as("https", "127.0.0.1", "/")));
        assert_fails(case, &outcome, Sent::No, &kinds);
        assert_saw_nothing(case, &server);
    }
    // A polite goodbye in the middle of a handshake confuses some TLS stacks, but never into sending in the clear.
    let server = Hostile::plain(blurt([21, 3, 3, 0, 2, 1, 0]));
    let outcome = send(&driver, hasty(post(server.url_as("https", "127.0.0.1", "/"))));
    assert!(outcome.is_err(), "{outcome:?}");
    assert_saw_nothing("close_notify", &server);
}

pub(crate) fn n_05_an_alert_after_the_handshake_may_have_sent<D: HttpDriver>() {
    // In TLS 1.3 a client learns that it should have had a certificate only after its request is on the way.
    let server = Hostile::tls(Identity::WantsClients, always(ok("")));
    let outcome = send(&driver::<D>(), post(server.url("/")));
    assert_fails("no client certificate", &outcome, Sent::Maybe, &[FailureKind::Tls, FailureKind::Broken]);
}

pub(crate) fn n_05_a_body_cut_short_behind_tls_is_not_an_answer<D: HttpDriver>() {
    // Without a length only TLS's goodbye tells a whole body from one that somebody cut off (RFC 9112 §9.8).
    let whole = Hostile::tls(Identity::Good, once(until_closed("12345")));
    let driver = driver::<D>();
    send(&driver, post(whole.url("/"))).expect("a response");
    let cut = Hostile::tls(Identity::Good, once_torn(until_closed("12345")));
    let outcome = send(&driver, post(cut.url("/")));
    assert_fails("cut short", &outcome, Sent::Maybe, &[FailureKind::Broken]);
}

pub(crate) fn extra_roots_must_be_certificates<D: HttpDriver>() {
    let good = String::from_utf8_lossy(roots()).into_owned();
    let key = rcgen::KeyPair::generate().expect("a key").serialize_pem();
    let block = |inside: &str| format!("-----BEGIN CERTIFICATE-----\n{inside}\n-----END CERTIFICATE-----\n");
    let cases = [
        ("nothing", String::new()),
        ("words", "trust me".to_owned()),
        ("an empty block", block("")),
        ("not base64", block("*&^%")),
        ("not a certificate", block("AAAA")),
        ("a key", key),
        ("no end", good.replace("-----END CERTIFICATE-----", "")),
        ("one good, one bad", format!("{good}{}", block("AAAA"))),
    ];
    for (case, pem) in cases {
        let error = D::build(pem.as_bytes(), Proxies::None).expect_err(case);
        assert_eq!(error.kind(), ErrorKind::Configuration, "{case}: {error:?}");
    }
    D::build(format!("# ours\n{good}\n{good}").as_bytes(), Proxies::None).expect("comments and repetition are fine");
}
