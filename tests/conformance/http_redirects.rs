//! Redirects come back as answers: whoever asked decides, and no header travels on by itself.

use crate::hostile::Hostile;
use crate::hostile_identity::Identity;
use crate::hostile_scripts::{always, ok, response};
use crate::http::{HttpDriver, driver, get, post, send};

pub(crate) fn n_10_redirects_are_answers_and_never_followed<D: HttpDriver>() {
    let secure = Hostile::tls(Identity::Good, always(ok("followed")));
    let plain = Hostile::plain(always(ok("followed")));
    let targets = [
        secure.url("/elsewhere"),
        plain.url("/in-the-clear"),
        secure.url("/elsewhere").replace("https:", ""),
        "/itself".to_owned(),
        "https://nosuchhost.invalid/".to_owned(),
        "not a URL \u{e9}".to_owned(),
    ];
    let driver = driver::<D>();
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        for target in &targets {
            let case = format!("{status} to {target}");
            let location = format!("Location: {target}\r\n");
            let first = Hostile::tls(Identity::Good, always(response(status, &location, "moved")));
            for ask in [get(first.url("/")), post(first.url("/"))] {
                let response = send(&driver, ask).expect(&case);
                assert_eq!(response.status.to_string(), status[..3], "{case}");
                assert_eq!(response.body.expose_secret(), b"moved", "{case}");
                let readable = target.is_ascii().then_some(target.as_str());
                assert_eq!(response.header("location"), readable, "{case}");
            }
            assert_eq!(first.requests().len(), 2, "{case}");
        }
    }
    assert_eq!((secure.connections(), plain.connections()), (0, 0), "a redirect was followed");
}
