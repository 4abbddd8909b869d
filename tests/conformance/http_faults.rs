//! The network at its worst: each failure is of the right kind, in time, and truthful about what was sent.

use std::thread;

use azlatch_core::effect::{FailureKind, Sent};

use crate::hostile::Hostile;
use crate::hostile_identity::Identity;
use crate::hostile_scripts::{
    Play, drip, goodbye, ok, once, once_torn, reset, reset_after, response, silence, until_closed,
};
use crate::http::{
    HttpDriver, REMOTE_WORD, assert_fails, assert_fails_in_time, assert_saw_nothing, driver, post, send,
};

pub(crate) fn n_01_a_refused_port_sent_nothing<D: HttpDriver>() {
    let driver = driver::<D>();
    for scheme in ["http", "https"] {
        // Nobody serves port 1.
        let outcome = send(&driver, post(format!("{scheme}://127.0.0.1:1/")));
        assert_fails(scheme, &outcome, Sent::No, &[FailureKind::Connect]);
    }
}

pub(crate) fn n_01_an_unknown_name_sent_nothing<D: HttpDriver>() {
    let too_long = format!("https://{}.invalid/", "x".repeat(64));
    let driver = driver::<D>();
    for url in ["https://nosuchhost.invalid/", too_long.as_str()] {
        // Where the resolver itself is out of reach, time runs out first.
        assert_fails_in_time(url, &driver, &post(url), Sent::No, &[FailureKind::Name, FailureKind::Timeout]);
    }
}

pub(crate) fn n_02_silence_ends_at_the_deadline<D: HttpDriver>() {
    let cases = [
        ("plain", Hostile::plain(silence()), Sent::Maybe),
        ("behind TLS", Hostile::tls(Identity::Good, silence()), Sent::Maybe),
    ];
    let driver = driver::<D>();
    for (case, server, sent) in cases {
        assert_fails_in_time(case, &driver, &post(server.url("/")), sent, &[FailureKind::Timeout]);
    }
    let server = Hostile::plain(silence());
    assert_fails_in_time(
        "instead of TLS",
        &driver,
        &post(server.url_as("https", "127.0.0.1", "/")),
        Sent::No,
        &[FailureKind::Timeout],
    );
    assert_saw_nothing("instead of TLS", &server);
}

pub(crate) fn n_03_a_slow_drip_ends_at_the_total_deadline<D: HttpDriver>() {
    let cases = [
        ("status line", "HTTP/1.1 200 ", "x"),
        ("header", "HTTP/1.1 200 OK\r\nX-Slow: ", "x"),
        ("body", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "x"),
        ("body until closed", "HTTP/1.1 200 OK\r\n\r\n", "x"),
        ("chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"),
        ("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ("interim responses", "", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("error body", "HTTP/1.1 500 Oh\r\nContent-Length: 1000\r\n\r\n", "x"),
    ];
    // All at once: there is nothing to do but to wait.
    let driver = driver::<D>();
    let attempts = cases.into_iter().flat_map(|(case, bytes, drop)| {
        let servers = [Hostile::plain(drip(bytes, drop)), Hostile::tls(Identity::Good, drip(bytes, drop))];
        servers.map(|server| {
            let driver = driver.clone();
            thread::spawn(move || {
                assert_fails_in_time(case, &driver, &post(server.url("/")), Sent::Maybe, &[FailureKind::Timeout]);
            })
        })
    });
    for attempt in attempts.collect::<Vec<_>>() {
        attempt.join().expect("every drip ends");
    }
    // The header of a TLS record that is long in coming.
    let server = Hostile::plain(drip([22, 3, 3, 0x3f, 0xff, 2], "\0"));
    assert_fails_in_time(
        "handshake",
        &driver,
        &post(server.url_as("https", "127.0.0.1", "/")),
        Sent::No,
        &[FailureKind::Timeout],
    );
}

pub(crate) fn n_04_a_torn_connection_may_have_sent<D: HttpDriver>() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345";
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n";
    let cases: [(&str, Play); 11] = [
        ("closed at once", goodbye()),
        ("reset at once", reset()),
        ("closed without an answer", once("")),
        ("reset without an answer", reset_after("")),
        ("closed in the head", once("HTTP/1.1 200 OK\r\nContent-Le")),
        ("reset in the head", reset_after("HTTP/1.1 200 OK\r\nContent-Le")),
        ("closed in the body", once(half)),
        ("reset in the body", reset_after(half)),
        ("closed between chunks", once(chunk)),
        ("reset between chunks", reset_after(chunk)),
        ("reset in a body without a length", reset_after(until_closed("12345"))),
    ];
    let driver = driver::<D>();
    for (case, script) in cases {
        let outcome = send(&driver, post(Hostile::plain(script).url("/")));
        assert_fails(case, &outcome, Sent::Maybe, &[FailureKind::Broken]);
    }
    let cases: [(&str, Play); 4] = [
        ("closed without an answer", once("")),
        ("torn without an answer", once_torn("")),
        ("closed in the body", once(half)),
        ("torn in the body", once_torn(half)),
    ];
    for (case, script) in cases {
        let outcome = send(&driver, post(Hostile::tls(Identity::Good, script).url("/")));
        assert_fails(case, &outcome, Sent::Maybe, &[FailureKind::Broken]);
    }
}

pub(crate) fn n_06_what_is_not_http_is_a_failure<D: HttpDriver>() {
    let chunked = |chunks: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}").into_bytes();
    let with = |fields: &str| response("200 OK", fields, "12345");
    let length = |length: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n12345").into_bytes();
    let cases: [(&str, Vec<u8>); 23] = [
        ("words", format!("{REMOTE_WORD}\r\n\r\n").into()),
        ("a page", format!("<html>{REMOTE_WORD}</html>").into()),
        ("another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n".into()),
        ("HTTP/2 settings", vec![0, 0, 0, 4, 0, 0, 0, 0, 0]),
        ("zeros", vec![0; 1000]),
        ("another version", "HTTP/7.7 200 OK\r\nContent-Length: 0\r\n\r\n".into()),
        ("a status of letters", "HTTP/1.1 two OK\r\nContent-Length: 0\r\n\r\n".into()),
        ("a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n".into()),
        ("a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n".into()),
        ("a field without a colon", with(&format!("{REMOTE_WORD}\r\n"))),
        ("a space in a name", with("X Y: z\r\n")),
        ("a NUL in a value", with("X-Nul: a\0b\r\n")),
        ("two lengths", with("Content-Length: 3\r\n")),
        ("two lengths in one", length("5, 6")),
        ("a length of letters", length("five")),
        ("a negative length", length("-5")),
        ("a length beyond numbers", length("99999999999999999999999999999")),
        ("a chunk size of letters", chunked("zz\r\n12345\r\n0\r\n\r\n")),
        ("a negative chunk size", chunked("-5\r\n12345\r\n0\r\n\r\n")),
        ("a chunk size beyond numbers", chunked("fffffffffffffffff1\r\n12345\r\n0\r\n\r\n")),
        ("a chunk larger than it says", chunked("3\r\n12345\r\n0\r\n\r\n")),
        ("a chunk size that does not end", chunked(&"0".repeat(100_000))),
        ("a header of 5 MB", with(&format!("X-Long: {}\r\n", REMOTE_WORD.repeat(1_000_000)))),
    ];
    let driver = driver::<D>();
    for (case, bytes) in cases {
        let server = Hostile::tls(Identity::Good, once(bytes));
        let outcome = send(&driver, post(server.url("/")));
        let kinds = [FailureKind::Protocol, FailureKind::Broken, FailureKind::TooLarge];
        assert_fails(case, &outcome, Sent::Maybe, &kinds);
    }
    // The driver is none the worse for it.
    let server = Hostile::tls(Identity::Good, once(ok("fine")));
    send(&driver, post(server.url("/"))).expect("a response");
}
