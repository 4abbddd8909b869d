//! The driver's own rules: what it refuses before a socket is opened.

use azlatch_core::effect::{FailureKind, Http, Proxy, Sent};

use crate::hostile::Hostile;
use crate::hostile_identity::Identity;
use crate::hostile_scripts::{always, ok};
use crate::http::{HttpDriver, assert_fails, driver, get, hasty, perhaps_proxied, post, send};

#[track_caller]
fn assert_refused<D: HttpDriver>(driver: &D, case: &str, http: Http) {
    assert_fails(case, &send(driver, hasty(http)), Sent::No, &[FailureKind::Refused]);
}

pub(crate) fn plain_http_is_for_this_machine_alone<D: HttpDriver>() {
    let driver = driver::<D>();
    let server = Hostile::plain(always(ok("token")));
    send(&driver, get(server.url("/"))).expect("loopback is near");
    send(&driver, get(server.url_as("http", "localhost", "/"))).expect("so is its name");
    assert_eq!(server.connections(), 2);
    // Near, but where a proxy may be asked nothing goes in the clear.
    assert_refused(&driver, "perhaps proxied", perhaps_proxied(get(server.url("/"))));
    for host in ["authority.example", "10.0.0.1", "192.168.0.1", "[fd00::1]", "0.0.0.0", "169.253.1.1", "[::2]"] {
        for proxy in [Proxy::Never, Proxy::Environment] {
            let mut http = get(format!("http://{host}/"));
            http.proxy = proxy;
            assert_refused(&driver, host, http);
        }
    }
    assert_eq!(server.connections(), 2);
}

pub(crate) fn n_33_addresses_that_deceive_are_refused<D: HttpDriver>() {
    let driver = driver::<D>();
    let server = Hostile::tls(Identity::Good, always(ok("")));
    let here = server.address();
    let cases = [
        // A user name or password, wherever it hides.
        format!("https://user@{here}/"),
        format!("https://user:word@{here}/"),
        format!("https://:word@{here}/"),
        format!("https://127.0.0.1%40@{here}/"),
        format!("http://127.0.0.1@{here}/"),
        // Names and numbers that only look near.
        "http://localhost.evil.example/".into(),
        "http://127.0.0.1.evil.example/".into(),
        "http://evil.example/127.0.0.1".into(),
        "http://evil.example#@127.0.0.1/".into(),
        "http://evil.example?@127.0.0.1/".into(),
        "http://134744072/".into(),
        "http://0x08080808/".into(),
        "http://010.8.8.8/".into(),
        "http://[::ffff:8.8.8.8]/".into(),
        "http://[::ffff:a9fe:0]:80@evil.example/".into(),
        // What two parsers may read differently.
        "http://127.0.0.1\\@evil.example/".into(),
        "http://evil.example\\@127.0.0.1/".into(),
        "http://localhost\t.evil.example/".into(),
        "http://127.0.0.1\n.evil.example/".into(),
        "http://127.0.0.1\u{3002}evil.example/".into(),
        format!("http:{here}/"),
        format!("http:/{here}/"),
        format!("http:///{here}/"),
        // What is no address of HTTP.
        String::new(),
        "/relative".into(),
        format!("{here}"),
        format!("ftp://{here}/"),
        format!("ws://{here}/"),
        "file:///etc/hostname".into(),
        "https://".into(),
        "https:///".into(),
        "https://[::1/".into(),
        "https://localhost:99999/".into(),
        format!("https://{here}/a b"),
        format!("https://{here}/a\r\nx-injected: 1"),
    ];
    for url in cases {
        assert_refused(&driver, &url, post(url.as_str()));
    }
    assert_eq!(server.connections(), 0);
}

pub(crate) fn n_33_every_spelling_of_this_machine_counts<D: HttpDriver>() {
    let driver = driver::<D>();
    let server = Hostile::plain(always(ok("")));
    for host in ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "LOCALHOST"] {
        send(&driver, get(server.url_as("http", host, "/"))).expect(host);
    }
    // Not every machine speaks IPv6, but none may call its own addresses far.
    for host in ["[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]"] {
        let outcome = send(&driver, hasty(get(format!("http://{host}:1/"))));
        assert!(!matches!(&outcome, Err(failure) if failure.kind == FailureKind::Refused), "{host}: {outcome:?}");
    }
}

pub(crate) fn a_get_with_a_body_is_refused<D: HttpDriver>() {
    let driver = driver::<D>();
    let server = Hostile::tls(Identity::Good, always(ok("")));
    let mut http = get(server.url("/"));
    http.body = Some(b"body".as_slice().into());
    assert_refused(&driver, "a GET with a body", http);
    assert_eq!(server.connections(), 0);
}

pub(crate) fn a_header_value_cannot_break_out<D: HttpDriver>() {
    let driver = driver::<D>();
    let server = Hostile::tls(Identity::Good, always(ok("")));
    for value in ["a\r\nx-injected: 1", "a\n", "\r", "a\0b", "\u{7f}", "caf\u{e9}"] {
        assert_refused(&driver, value, post(server.url("/")).header("authorization", value));
    }
    assert_eq!(server.connections(), 0);
}
