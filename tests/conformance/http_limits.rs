//! Size: nothing that a server sends can fill the memory.

use azlatch_core::effect::{FailureKind, Http, Sent};

use crate::hostile::Hostile;
use crate::hostile_identity::Identity;
use crate::hostile_scripts::{always, flood, gzip_bomb, ok, once, response, until_closed};
use crate::http::{HttpDriver, LIMIT, assert_fails, driver, get, hasty, post, send};

/// What sockets and buffers may hold beyond what the driver took in.
const IN_TRANSIT: usize = 16 * 1024 * 1024;

/// A way to say where a body ends.
type Framing<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

fn limited(limit: usize, mut http: Http) -> Http {
    http.limit = limit;
    http
}

pub(crate) fn a_body_at_the_limit_is_accepted_and_one_byte_more_is_too_large<D: HttpDriver>() {
    let chunked = |body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len());
        [head.as_bytes(), body, b"\r\n0\r\n\r\n"].concat()
    };
    let framings: [(&str, Framing<'_>); 3] =
        [("content-length", &|b| ok(b)), ("chunked", &chunked), ("until closed", &|b| until_closed(b))];
    let driver = driver::<D>();
    for (framing, framed) in framings {
        for limit in [1, 1000, LIMIT] {
            let fits = Hostile::tls(Identity::Good, once(framed(&vec![b'x'; limit])));
            let response = send(&driver, limited(limit, get(fits.url("/")))).expect("a response");
            assert_eq!(response.body.expose_secret().len(), limit, "{framing}");

            let over = Hostile::tls(Identity::Good, once(framed(&vec![b'x'; limit + 1])));
            let outcome = send(&driver, limited(limit, get(over.url("/"))));
            assert_fails(framing, &outcome, Sent::Maybe, &[FailureKind::TooLarge]);
        }
    }
    let nothing = Hostile::tls(Identity::Good, always(ok("")));
    send(&driver, limited(0, get(nothing.url("/")))).expect("nothing fits into no bytes");
}

pub(crate) fn n_09_a_compressed_bomb_stays_packed<D: HttpDriver>() {
    let bomb = gzip_bomb(8 * 1024 * 1024);
    assert!(bomb.len() <= LIMIT, "{}", bomb.len());
    let server = Hostile::tls(Identity::Good, always(response("200 OK", "Content-Encoding: gzip\r\n", &bomb)));
    let driver = driver::<D>();
    let response = send(&driver, get(server.url("/"))).expect("a response");
    assert!(response.body.expose_secret() == bomb, "{response:?}");
    let outcome = send(&driver, limited(bomb.len() - 1, get(server.url("/"))));
    assert_fails("a packed body counts, too", &outcome, Sent::Maybe, &[FailureKind::TooLarge]);
}

pub(crate) fn n_09_an_endless_body_is_cut_off<D: HttpDriver>() {
    let heads = [
        ("until closed", "HTTP/1.1 200 OK\r\n\r\n", "x".repeat(4096)),
        ("huge length", "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", "x".repeat(4096)),
        ("chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nxxxx\r\n".repeat(400)),
        ("one chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n", "x".repeat(4096)),
        ("an error, too", "HTTP/1.1 503 Service Unavailable\r\n\r\n", "x".repeat(4096)),
    ];
    let driver = driver::<D>();
    for (case, head, more) in heads {
        let server = Hostile::tls(Identity::Good, flood(head, more));
        let outcome = send(&driver, post(server.url("/")));
        assert_fails(case, &outcome, Sent::Maybe, &[FailureKind::TooLarge]);
        server.received();
        assert!(server.sent() < LIMIT + IN_TRANSIT, "{case}: {} bytes were taken", server.sent());
    }
}

pub(crate) fn n_09_an_endless_head_is_cut_off<D: HttpDriver>() {
    let heads = [
        ("one value", "HTTP/1.1 200 OK\r\nX-Long: ", "x".repeat(4096)),
        ("one name", "HTTP/1.1 200 OK\r\n", "x".repeat(4096)),
        ("many fields", "HTTP/1.1 200 OK\r\n", "X-Many: x\r\n".repeat(400)),
        ("the reason", "HTTP/1.1 200 ", "x".repeat(4096)),
        ("interim responses", "", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100)),
    ];
    let driver = driver::<D>();
    for (case, head, more) in heads {
        let server = Hostile::tls(Identity::Good, flood(head, more));
        let outcome = send(&driver, hasty(post(server.url("/"))));
        let kinds = [FailureKind::TooLarge, FailureKind::Protocol, FailureKind::Timeout];
        assert_fails(case, &outcome, Sent::Maybe, &kinds);
    }
}
