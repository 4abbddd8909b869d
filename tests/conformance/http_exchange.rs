//! Ordinary exchanges: what arrives at the server, what comes back, and which effects are the driver's.

use std::time::{Duration, Instant};

use azlatch_core::Mono;
use azlatch_core::effect::{Effect, Env, Ids, Load, Partition, Random, Response, Wait};

use crate::hostile::{Hostile, Request};
use crate::hostile_identity::Identity;
use crate::hostile_scripts::{always, ok, response};
use crate::http::{HttpDriver, SECRET, driver, get, post, send};

/// What a driver makes of `bytes`, sent in answer to a GET.
fn fetch<D: HttpDriver>(driver: &D, bytes: impl Into<Vec<u8>>) -> Response {
    let server = Hostile::tls(Identity::Good, always(bytes));
    send(driver, get(server.url("/"))).expect("a response")
}

fn body(response: &Response) -> String {
    String::from_utf8_lossy(response.body.expose_secret()).into_owned()
}

pub(crate) fn a_get_arrives_as_asked<D: HttpDriver>() {
    let server = Hostile::tls(Identity::Good, always(ok("welcome")));
    let ask = get(server.url("/common/path%20x?api-version=1.0&b=%2F")).header("metadata", "true");
    let response = send(&driver::<D>(), ask).expect("a response");
    assert_eq!((response.status, body(&response).as_str()), (200, "welcome"));

    let request = server.request();
    assert_eq!(request.line(), "GET /common/path%20x?api-version=1.0&b=%2F HTTP/1.1");
    assert_eq!(request.header("host"), [server.address().to_string()]);
    assert_eq!((request.header("metadata"), request.header("x-secret")), (vec!["true"], vec![SECRET]));
    for absent in ["transfer-encoding", "expect", "cookie", "authorization", "proxy-authorization"] {
        assert!(request.header(absent).is_empty(), "{absent} in {request:?}");
    }
    assert!(request.header("content-length").iter().all(|length| *length == "0"), "{request:?}");
}

pub(crate) fn a_post_arrives_as_asked<D: HttpDriver>() {
    let every_byte: Vec<u8> = (0..=255).collect();
    let driver = driver::<D>();
    for payload in [Vec::new(), b"a=b&c=d".to_vec(), every_byte.repeat(1024)] {
        let server = Hostile::tls(Identity::Good, always(ok("")));
        let mut ask = post(server.url("/token")).header("content-type", "application/x-www-form-urlencoded");
        ask.body = Some(payload.as_slice().into());
        send(&driver, ask).expect("a response");

        let request = server.request();
        assert_eq!(request.line(), "POST /token HTTP/1.1");
        assert_eq!(request.header("content-type"), ["application/x-www-form-urlencoded"]);
        assert_eq!(request.header("content-length"), [payload.len().to_string()]);
        assert!(request.header("transfer-encoding").is_empty(), "{:?}", request.head);
        assert!(request.body == payload, "the body of {} bytes is another one", payload.len());
    }
}

pub(crate) fn every_status_is_an_ordinary_response<D: HttpDriver>() {
    let json = r#"{"error":"invalid_grant"}"#;
    let cases = [
        ("200 OK", "", ""),
        ("203 Non-Authoritative Information", "", "x"),
        ("304 Not Modified", "", ""),
        ("400 Bad Request", "Content-Type: application/json\r\n", json),
        ("401 Unauthorized", "WWW-Authenticate: Bearer claims=\"e30\"\r\n", "who?"),
        ("403 Forbidden", "", ""),
        ("404 Not Found", "", "<html>"),
        ("407 Proxy Authentication Required", "Proxy-Authenticate: Basic\r\n", "no"),
        ("418 ", "", "a status without words"),
        ("429 Too Many Requests", "Retry-After: 7\r\n", ""),
        ("500 Internal Server Error", "", "oh"),
        ("503 Service Unavailable", "Retry-After: 7\r\n", json),
        ("599 Whatever", "", json),
    ];
    let driver = driver::<D>();
    for (status, header, text) in cases {
        let response = fetch(&driver, response(status, header, text));
        assert_eq!(response.status.to_string(), status[..3], "{status}");
        assert_eq!(body(&response), text, "{status}");
        if let Some((name, value)) = header.trim_end().split_once(": ") {
            assert_eq!(response.header(&name.to_ascii_lowercase()), Some(value), "{status}");
        }
    }
    let nothing = fetch(&driver, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!((nothing.status, body(&nothing).as_str()), (204, ""));
}

pub(crate) fn an_interim_response_is_not_the_answer<D: HttpDriver>() {
    let driver = driver::<D>();
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"] {
        let response = fetch(&driver, [interim.as_bytes(), &ok("final")].concat());
        assert_eq!((response.status, body(&response).as_str()), (200, "final"), "{interim}");
    }
}

pub(crate) fn chunked_bodies_are_put_together<D: HttpDriver>() {
    let driver = driver::<D>();
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunks in ["5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "00b;a=b\r\nhello world\r\n0\r\nTrailer: x\r\n\r\n"] {
        let response = fetch(&driver, [chunked, chunks].concat());
        assert_eq!(body(&response), "hello world", "{chunks:?}");
    }
}

pub(crate) fn header_lookup_wants_one_value<D: HttpDriver>() {
    let fields = "X-One: 1\r\nX-TWO: a\r\nx-two: b\r\nX-Same: c\r\nX-Same: c\r\nx-empty:\r\nx-spaces:   s  \r\n";
    let response = fetch(&driver::<D>(), response("200 OK", fields, ""));
    let cases = [
        ("x-one", Some("1")),
        ("X-One", None), // Names are in lower case: so are questions.
        ("x-two", None),
        ("x-same", None),
        ("x-empty", Some("")),
        ("x-spaces", Some("s")),
        ("x-absent", None),
    ];
    for (name, value) in cases {
        assert_eq!(response.header(name), value, "{name}");
    }
    let two = response.headers.iter().filter(|(name, _)| name == "x-two").map(|(_, value)| value.as_str());
    assert_eq!(two.collect::<Vec<_>>(), ["a", "b"], "in the order received");
}

pub(crate) fn header_values_that_are_not_ascii_are_left_out<D: HttpDriver>() {
    let fields = "X-Latin: caf\u{e9}\r\nX-Plain: plain\r\n";
    let response = fetch(&driver::<D>(), response("200 OK", fields, "fine"));
    assert_eq!((response.header("x-latin"), response.header("x-plain")), (None, Some("plain")));
    assert!(response.headers.iter().all(|(_, value)| value.is_ascii()), "{:?}", response.headers);
}

pub(crate) fn compression_is_not_offered<D: HttpDriver>() {
    let server = Hostile::tls(Identity::Good, always(ok("")));
    send(&driver::<D>(), get(server.url("/"))).expect("a response");
    let offers = |request: &Request| request.header("accept-encoding").join(",");
    assert!(matches!(offers(&server.request()).as_str(), "" | "identity"), "{:?}", server.request());
}

pub(crate) fn a_wait_is_honoured<D: HttpDriver>() {
    let (mut ids, span, begin) = (Ids::root(), Duration::from_millis(30), Instant::now());
    let reply = driver::<D>().perform(ids.ask(Wait { until: Mono::default(), span })).expect("waits");
    assert_eq!(ids.take::<Wait>(reply), Ok(Some(())));
    assert!((span..Duration::from_secs(5)).contains(&begin.elapsed()), "{:?}", begin.elapsed());
}

pub(crate) fn other_effects_are_handed_back<D: HttpDriver>() {
    let asks: [fn(&mut Ids) -> Effect; 3] = [
        |ids| ids.ask(Random { len: 1 }),
        |ids| ids.ask(Env { names: Vec::new() }),
        |ids| {
            let partition = Partition::new("msal.cache").expect("a name");
            ids.ask(Load { partition, unless: None, limit: 1, timeout: Duration::ZERO })
        },
    ];
    let mut driver = driver::<D>();
    for ask in asks {
        assert_eq!(driver.perform(ask(&mut Ids::root())), Err(ask(&mut Ids::root())));
    }
}
