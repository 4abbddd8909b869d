//! Proxies: used for authorities, never for what only this machine can answer, and told apart when they refuse.

use std::env;
use std::process::Command;

use azlatch_core::effect::{FailureKind, Http, Proxy, Sent};
use base64::prelude::{BASE64_STANDARD, Engine};

use crate::hostile::Hostile;
use crate::hostile_identity::{AUTHORITY, Identity, roots};
use crate::hostile_scripts::{Play, always, blurt, drip, flood, goodbye, ok, reset, response, silence, tunnel};
use crate::http::{
    HttpDriver, Outcome, Proxies, REMOTE_WORD, SECRET, assert_fails, assert_fails_in_time, assert_saw_nothing,
    driver_via, hasty, perhaps_proxied, post, send,
};

/// A request to an authority whose name only a proxy can resolve.
fn ask(path: &str) -> Http {
    perhaps_proxied(post(format!("https://{AUTHORITY}{path}")))
}

fn authority() -> Hostile {
    Hostile::tls(Identity::Good, always(ok("token")))
}

fn assert_answered(outcome: Outcome) {
    assert_eq!(outcome.expect("a response").body.expose_secret(), b"token");
}

pub(crate) fn n_11_an_authority_is_reached_through_the_proxy<D: HttpDriver>() {
    let authority = authority();
    let proxy = Hostile::plain(tunnel(authority.address()));
    // An address without a scheme is a plain proxy's.
    for url in [proxy.url(""), proxy.url("/"), proxy.address().to_string()] {
        let driver = driver_via::<D>(&url, "");
        assert_answered(send(&driver, ask("/token")));
        assert_answered(send(&driver, ask("/token")));
    }
    assert_eq!(authority.requests().len(), 6);
    assert!(authority.requests().iter().all(|request| request.line() == "POST /token HTTP/1.1"));
    assert!(authority.requests().iter().all(|request| request.header("host") == [AUTHORITY]));
}

pub(crate) fn n_11_the_proxy_learns_only_the_name<D: HttpDriver>() {
    let authority = authority();
    let proxy = Hostile::plain(tunnel(authority.address()));
    assert_answered(send(&driver_via::<D>(&proxy.url(""), ""), ask("/private-path?private-query")));
    let request = proxy.request();
    assert_eq!(request.line(), format!("CONNECT {AUTHORITY}:443 HTTP/1.1"));
    assert_eq!(request.header("host"), [format!("{AUTHORITY}:443")]);
    assert!(request.header("proxy-authorization").is_empty(), "{request:?}");
    let received = String::from_utf8_lossy(&proxy.received()).into_owned();
    for word in [SECRET, "private", "x-secret", "POST"] {
        assert!(!received.contains(word), "the proxy saw {word}");
    }
}

pub(crate) fn n_11_the_proxy_may_speak_tls<D: HttpDriver>() {
    let authority = authority();
    let proxy = Hostile::tls(Identity::Good, tunnel(authority.address()));
    assert_answered(send(&driver_via::<D>(&proxy.url(""), ""), ask("/token")));
    assert_saw_nothing_but_connect(&proxy);

    let impostor = Hostile::tls(Identity::OtherName, tunnel(authority.address()));
    let outcome = send(&driver_via::<D>(&impostor.url(""), ""), ask("/token"));
    assert_fails("impostor", &outcome, Sent::No, &[FailureKind::Proxy, FailureKind::Tls]);
    assert!(impostor.received().is_empty());
}

fn assert_saw_nothing_but_connect(proxy: &Hostile) {
    assert!(proxy.request().line().starts_with("CONNECT "));
    assert!(!String::from_utf8_lossy(&proxy.received()).contains(SECRET));
}

pub(crate) fn n_11_the_proxy_gets_its_own_credentials<D: HttpDriver>() {
    let cases = [("user:word", "user:word"), ("user", "user:"), ("dom%5Cuser:p%40ss%3A%25%20+", "dom\\user:p@ss:% +")];
    for (written, meant) in cases {
        let authority = authority();
        let proxy = Hostile::plain(tunnel(authority.address()));
        let url = format!("http://{written}@{}", proxy.address());
        assert_answered(send(&driver_via::<D>(&url, ""), ask("/token")));
        let basic = format!("Basic {}", BASE64_STANDARD.encode(meant));
        assert_eq!(proxy.request().header("proxy-authorization"), [basic], "{written}");
        assert!(authority.request().header("proxy-authorization").is_empty());
    }
}

pub(crate) fn n_11_some_requests_never_go_through_the_proxy<D: HttpDriver>() {
    let (authority, metadata) = (authority(), Hostile::plain(always(ok("token"))));
    let proxy = Hostile::plain(tunnel(authority.address()));
    let driver = driver_via::<D>(&proxy.url(""), "");
    for host in ["127.0.0.1", "localhost", "LOCALHOST", "2130706433"] {
        let outcome = send(&driver, perhaps_proxied(post(authority.url_as("https", host, "/"))));
        // A certificate need not know every spelling, but the way to it is straight.
        assert!(host == "2130706433" || outcome.is_ok(), "{host}: {outcome:?}");
    }
    assert_answered(send(&driver, post(metadata.url("/metadata/identity/oauth2/token"))));
    for url in ["https://[::1]:1/", "https://[::ffff:127.0.0.1]:1/"] {
        let outcome = send(&driver, hasty(perhaps_proxied(post(url))));
        assert!(outcome.is_err(), "{url}: {outcome:?}");
    }
    let mut never = ask("/");
    never.proxy = Proxy::Never;
    assert_fails_in_time("Proxy::Never", &driver, &never, Sent::No, &[FailureKind::Name, FailureKind::Timeout]);
    assert_eq!(proxy.connections(), 0);
}

pub(crate) fn n_11_exceptions_are_honoured<D: HttpDriver>() {
    let authority = authority();
    let cases = [
        (AUTHORITY, false),
        ("Authority.EXAMPLE", false),
        (".example", false),
        ("*.example", false),
        ("*", false),
        ("other.example, authority.example", false),
        ("", true),
        (" , ,", true),
        ("other.example", true),
        ("ority.example", true),
    ];
    for (except, proxied) in cases {
        let proxy = Hostile::plain(tunnel(authority.address()));
        let driver = driver_via::<D>(&proxy.url(""), except);
        if proxied {
            assert_answered(send(&driver, ask("/")));
        } else {
            assert_fails_in_time(except, &driver, &ask("/"), Sent::No, &[FailureKind::Name, FailureKind::Timeout]);
        }
        assert_eq!(proxy.connections(), usize::from(proxied), "{except:?}");
    }
}

/// The variables of the environment that speak of proxies.
const VARIABLES: [&str; 8] =
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"];
/// Tells a test that it is the child: which driver to try, with which roots.
const CHILD: [&str; 2] = ["AZLATCH_TEST_DRIVER", "AZLATCH_TEST_ROOTS"];

/// The environment belongs to a process, so each case is one: this test again, as a child.
pub(crate) fn n_11_the_environment_names_the_proxy<D: HttpDriver>() {
    let this = std::any::type_name::<D>();
    if let [Ok(wanted), Ok(roots)] = CHILD.map(env::var) {
        if wanted == this {
            let driver = D::build(roots.as_bytes(), Proxies::Environment).expect("a driver");
            assert_answered(send(&driver, ask("/")));
        }
        return;
    }
    let cases: [(&[&str], bool); 7] = [
        (&["HTTPS_PROXY"], true),
        (&["https_proxy"], true),
        (&["ALL_PROXY"], true),
        (&["all_proxy"], true),
        (&["HTTP_PROXY", "http_proxy"], false),
        (&["HTTPS_PROXY", "NO_PROXY"], false),
        (&["HTTPS_PROXY", "no_proxy"], false),
    ];
    let authority = authority();
    let proxy = Hostile::plain(tunnel(authority.address()));
    for (set, proxied) in cases {
        let mut child = Command::new(env::current_exe().expect("this test"));
        child.arg("n_11_the_environment_names_the_proxy");
        for name in VARIABLES {
            child.env_remove(name);
        }
        for name in set {
            let value = if name.eq_ignore_ascii_case("NO_PROXY") { AUTHORITY.to_owned() } else { proxy.url("") };
            child.env(name, value);
        }
        child.envs([(CHILD[0], this), (CHILD[1], &String::from_utf8_lossy(roots()))]);
        let before = proxy.connections();
        let output = child.output().expect("a child");
        assert_eq!(output.status.success(), proxied, "{set:?}: {}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(proxy.connections() - before, usize::from(proxied), "{set:?}");
    }
}

pub(crate) fn n_12_a_proxy_that_refuses_is_told_apart<D: HttpDriver>() {
    let page = format!("<html>{REMOTE_WORD}</html>");
    let cases: [(&str, Play); 12] = [
        ("407", always(response("407 Proxy Authentication Required", "Proxy-Authenticate: Basic\r\n", &page))),
        ("403", always(response("403 Forbidden", "Content-Type: text/html\r\n", &page))),
        ("502", always(response("502 Bad Gateway", "", ""))),
        ("302 to a login page", always(response("302 Found", "Location: http://login.example/\r\n", &page))),
        ("a page without a head", blurt(page.as_str())),
        ("another protocol", blurt([5, 0xff])),
        ("closed at once", goodbye()),
        ("closed after the question", blurt("")),
        ("closed in the head", blurt("HTTP/1.1 200 OK\r\n")),
        ("reset", reset()),
        ("an endless head", flood("HTTP/1.1 200 OK\r\n", "X-Many: x\r\n".repeat(100))),
        ("an endless header", flood("HTTP/1.1 200 OK\r\nX-Long: ", "x".repeat(4096))),
    ];
    for (case, script) in cases {
        let proxy = Hostile::plain(script);
        let outcome = send(&driver_via::<D>(&proxy.url(""), ""), ask("/"));
        assert_fails(case, &outcome, Sent::No, &[FailureKind::Proxy]);
        assert!(!String::from_utf8_lossy(&proxy.received()).contains(SECRET), "{case}");
    }
    for url in ["http://127.0.0.1:1", "https://127.0.0.1:1", "http://nosuchhost.invalid:8080"] {
        let outcome = send(&driver_via::<D>(url, ""), ask("/"));
        assert_fails(url, &outcome, Sent::No, &[FailureKind::Proxy]);
    }
}

pub(crate) fn n_12_a_proxy_that_lingers_ends_at_the_deadline<D: HttpDriver>() {
    let cases: [(&str, Play); 3] = [
        ("silent", silence()),
        ("drips its answer", drip("HTTP/1.1 200 OK\r\nX-Slow: ", "x")),
        ("drips a refusal", drip("HTTP/1.1 4", "0")),
    ];
    for (case, script) in cases {
        let proxy = Hostile::plain(script);
        assert_fails_in_time(
            case,
            &driver_via::<D>(&proxy.url(""), ""),
            &ask("/"),
            Sent::No,
            &[FailureKind::Timeout, FailureKind::Proxy],
        );
    }
}

pub(crate) fn n_12_tls_is_judged_behind_the_proxy<D: HttpDriver>() {
    for identity in [Identity::OtherName, Identity::SelfSigned, Identity::Expired] {
        let impostor = Hostile::tls(identity, always(ok("")));
        let proxy = Hostile::plain(tunnel(impostor.address()));
        let outcome = send(&driver_via::<D>(&proxy.url(""), ""), ask("/"));
        assert_fails(&format!("{identity:?}"), &outcome, Sent::No, &[FailureKind::Tls]);
        assert!(impostor.received().is_empty(), "{identity:?}");
    }
    // A proxy that says yes and then shows its own page.
    let proxy = Hostile::plain(always(response("200 OK", "", "<html>log in</html>")));
    let outcome = send(&driver_via::<D>(&proxy.url(""), ""), ask("/"));
    assert_fails("a page instead of TLS", &outcome, Sent::No, &[FailureKind::Tls, FailureKind::Proxy]);
    // And one that leads to a server which takes the request and falls silent.
    let silent = Hostile::tls(Identity::Good, silence());
    let proxy = Hostile::plain(tunnel(silent.address()));
    assert_fails_in_time(
        "silence behind the proxy",
        &driver_via::<D>(&proxy.url(""), ""),
        &ask("/"),
        Sent::Maybe,
        &[FailureKind::Timeout],
    );
}

pub(crate) fn the_proxy_password_is_never_shown<D: HttpDriver>() {
    let authority = authority();
    let proxy = Hostile::plain(tunnel(authority.address()));
    let refusing = Hostile::plain(always(response("407 No", "", "")));
    for proxy in [&proxy, &refusing] {
        let driver = driver_via::<D>(&format!("http://user:hunter2@{}", proxy.address()), "");
        let outcome = send(&driver, ask("/"));
        let shown = format!("{driver:?} {driver:#?} {outcome:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("aHVudGVyMg"), "{shown}");
    }
}

pub(crate) fn a_proxy_of_plain_http_is_never_used_in_the_clear<D: HttpDriver>() {
    // A proxy must not turn a plain request into one that leaves the machine.
    let proxy = Hostile::plain(always(ok("token")));
    let driver = driver_via::<D>(&proxy.url(""), "");
    let outcome = send(&driver, perhaps_proxied(post(format!("http://{AUTHORITY}/"))));
    assert_fails("plain http", &outcome, Sent::No, &[FailureKind::Refused]);
    assert_saw_nothing("plain http", &proxy);
    assert_eq!(proxy.connections(), 0);
}
