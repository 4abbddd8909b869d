//! Redirect addresses (RFC 8252 §7.3, RFC 6749 §3.1.2): which are taken, and that they are the same to the letter.

use azlatch_core::credential::AuthorizationCodeCredential;
use azlatch_core::grant::{Browser, Manners, RedirectUri};

use crate::{World, find};

#[test]
fn a_02_o_14_a_redirect_address_is_on_this_machine_and_the_same_twice() {
    let table = [
        ("http://localhost", "http://localhost:54321"),
        ("http://localhost/", "http://localhost:54321/"),
        ("http://localhost/back", "http://localhost:54321/back"),
        ("http://localhost:8400", "http://localhost:8400"),
        ("http://localhost:8400/", "http://localhost:8400/"),
        ("http://localhost:80/back", "http://localhost:80/back"),
        ("http://127.0.0.1:8400/a/b", "http://127.0.0.1:8400/a/b"),
        ("http://[::1]:8400", "http://[::1]:8400"),
        ("HTTP://LOCALHOST:8400/Back", "http://localhost:8400/Back"),
    ];
    for (typed, sent) in table {
        let uri = RedirectUri::new(typed).expect(typed);
        let (outcome, asked) = World::new().sign_in(Browser::new(uri, Manners::default()), 300);
        outcome.expect(typed);
        assert_eq!(asked.opened.expect("a browser").get("redirect_uri"), sent, "{typed}");
        assert_eq!(find(&asked.requests[0].form, "redirect_uri"), sent, "{typed}");
    }
}

#[test]
fn a_02_addresses_elsewhere_are_refused() {
    let refused = [
        "",
        "localhost",
        "https://localhost",
        "http://localhost.evil.test",
        "http://localhost@evil.test",
        "http://user@localhost",
        "http://:pw@localhost",
        "http://evil.test/localhost",
        "http://0.0.0.0:8400",
        "http://127.0.0.2",
        "http://[::]:8400",
        "http://[::ffff:127.0.0.1]",
        "http://192.168.0.1",
        "http://localhost?x=1",
        "http://localhost#x",
        "http://localhost:99999",
        "ms-app://x",
        "urn:ietf:wg:oauth:2.0:oob",
        "javascript:alert(1)",
    ];
    for typed in refused {
        assert!(RedirectUri::new(typed).is_err(), "{typed}");
    }
}

#[test]
fn o_14_a_code_comes_to_an_absolute_address_without_a_fragment() {
    let made = |uri: &str| AuthorizationCodeCredential::new("t1", "app", "code", uri);
    for uri in ["https://app.example/back", "https://app.example/back?x=1", "http://localhost:3000/a", "app://back"] {
        assert!(made(uri).is_ok(), "{uri}");
    }
    for uri in ["", "/back", "app.example/back", "https://app.example/back#x", "https://"] {
        assert!(made(uri).is_err(), "{uri}");
    }
}
