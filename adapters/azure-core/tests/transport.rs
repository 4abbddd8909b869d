//! What a request comes to on the way: limits that are kept, and failures that are truthful.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{iter, thread};

use async_trait::async_trait;
use azlatch::{Adapters, Runtime as _};
use azlatch_azure_core::AzureCore;
use azlatch_core::AsyncHost as _;
use azlatch_core::effect::{Failure, FailureKind as Kind, Http, Ids, Proxy, ProxySettings, Response, Sent};
use azlatch_emulator::{Emulator, Fault};
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, HttpClient, Request, StatusCode, Transport};

const LIMIT: usize = 1000;

async fn send(core: &AzureCore, http: Http) -> Result<Response, Failure> {
    let mut ids = Ids::root();
    let reply = core.driver().perform(ids.ask(http)).await.expect("a driver of HTTP");
    let outcome = ids.take::<Http>(reply).expect("the reply to this").expect("not declined");
    assert!(!format!("{outcome:?} {core:?}").contains("canary"), "{outcome:?}");
    outcome
}

/// A POST with secrets in body and header.
fn post(host: &str) -> Http {
    let body = b"client_secret=canary".as_slice().into();
    Http::post(format!("{host}/contoso/oauth2/v2.0/token"), body, LIMIT, Duration::from_secs(20))
        .header("x-secret", "canary")
}

fn within(mut http: Http, timeout: Duration) -> Http {
    http.timeout = timeout;
    http
}

fn adapters(root: &str) -> Result<Adapters, azlatch::Error> {
    Adapters::in_environment(iter::empty::<(&str, &str)>().collect())?.extra_roots(root.as_bytes())
}

fn emulator() -> (Emulator, AzureCore) {
    let emulator = Emulator::builder().start().expect("an emulator");
    let core = AzureCore::new(&adapters(emulator.ca_pem()).expect("adapters")).expect("a transport");
    (emulator, core)
}

fn raw(head: &str, body: &str) -> Fault {
    Fault::raw(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n{body}"))
}

#[track_caller]
fn assert_fails(outcome: &Result<Response, Failure>, sent: Sent, kind: Kind) {
    assert!(matches!(outcome, Err(failure) if failure.sent == sent && failure.kind == kind), "{outcome:?}");
}

#[tokio::test]
async fn n_10_redirects_are_answers_and_never_followed() {
    let (first, core) = emulator();
    let second = Emulator::builder().start().expect("an emulator");
    // A client of the application's that would follow.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let roots =
        [first.ca_pem(), second.ca_pem()].map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).expect("PEM"));
    let settings =
        || reqwest::Client::builder().tls_certs_merge(roots.clone()).redirect(reqwest::redirect::Policy::limited(5));
    let theirs = AzureCore::with_client(settings).expect("a transport");
    for core in [core, theirs] {
        for status in [301, 302, 303, 307, 308] {
            let head = format!("{status} Elsewhere\r\nLocation: {}/x\r\nContent-Length: 0", second.authority());
            first.with(|entra| entra.script(raw(&head, "")));
            let response = send(&core, post(&first.authority())).await.expect("a response");
            assert_eq!(response.status, status);
            assert_eq!(response.header("location"), Some(format!("{}/x", second.authority()).as_str()));
        }
    }
    assert_eq!(second.connections(), 0);
}

#[tokio::test]
async fn n_09_bodies_end_at_the_limit() {
    let (emulator, core) = emulator();
    for (size, announced, fits) in [
        (LIMIT, Some(LIMIT), true),
        (LIMIT, None, true),
        (LIMIT + 1, Some(LIMIT + 1), false),
        (LIMIT + 1, None, false),
        // Nobody sets aside as much as is announced.
        (1, Some(usize::MAX / 2), false),
    ] {
        let head = announced.map_or("200 OK".to_owned(), |length| format!("200 OK\r\nContent-Length: {length}"));
        emulator.with(|entra| entra.script(raw(&head, &"x".repeat(size))));
        let outcome = send(&core, post(&emulator.authority())).await;
        match fits {
            true => assert_eq!(outcome.expect("a response").body.expose_secret().len(), size),
            false => assert_fails(&outcome, Sent::Maybe, Kind::TooLarge),
        }
    }
}

#[tokio::test]
async fn n_02_n_03_silence_and_dripping_end_at_the_deadline() {
    let (emulator, core) = emulator();
    for fault in [Fault::silent(), Fault::drip(Duration::from_millis(50))] {
        emulator.with(|entra| entra.script(fault));
        let begun = Instant::now();
        let outcome = send(&core, within(post(&emulator.authority()), Duration::from_millis(300))).await;
        assert_fails(&outcome, Sent::Maybe, Kind::Timeout);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn failures_say_whether_anything_was_sent() {
    let (emulator, core) = emulator();
    // Nobody listens here any more.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let outcome = send(&core, post(&format!("https://localhost:{port}"))).await;
    assert_fails(&outcome, Sent::No, Kind::Connect);
    for name in ["nobody".to_owned(), "x".repeat(64)] {
        assert_fails(&send(&core, post(&format!("https://{name}.invalid"))).await, Sent::No, Kind::Name);
    }
    let stranger = Emulator::builder().start().expect("an emulator");
    let outcome = send(&core, post(&stranger.authority())).await;
    assert_fails(&outcome, Sent::No, Kind::Tls);
    for fault in [Fault::reset(), Fault::reset_after(), Fault::truncated(10), Fault::raw("not HTTP at all\r\n\r\n")] {
        emulator.with(|entra| entra.script(fault.clone()));
        let outcome = send(&core, post(&emulator.authority())).await;
        assert!(matches!(&outcome, Err(Failure { sent: Sent::Maybe, .. })), "{fault:?}: {outcome:?}");
    }
    assert_eq!(emulator.with(|entra| entra.counters().faults), 4, "nothing is repeated");
}

#[tokio::test]
async fn n_33_what_may_not_leave_does_not() {
    let (emulator, core) = emulator();
    let plain = emulator.authority().replace("https", "http");
    assert_fails(&send(&core, post(&plain)).await, Sent::No, Kind::Refused);
    let split = post(&emulator.authority()).header("x-more", "a\r\nb: c");
    assert_fails(&send(&core, split).await, Sent::No, Kind::Refused);
    assert_eq!(emulator.connections(), 0);
}

/// A proxy that hears who asks for what, and hangs up.
fn proxy() -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (url, heard) = (listener.local_addr().expect("an address").to_string(), Arc::new(Mutex::new(String::new())));
    let hears = Arc::clone(&heard);
    thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            for line in BufReader::new(tcp).lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
                hears.lock().expect("whole").push_str(&format!("{}\n", line.to_ascii_lowercase()));
            }
        }
    });
    (url, heard)
}

#[tokio::test]
async fn n_11_proxies_are_asked_for_what_is_far_away() {
    let emulator = Emulator::builder().start().expect("an emulator");
    let (address, heard) = proxy();
    let ours = adapters(emulator.ca_pem()).expect("adapters");
    let login = ProxySettings::new(Some(&format!("http://me:canary%21@{address}")), Some("near.invalid"));
    let ours = AzureCore::new(&ours.proxy(login).expect("a proxy")).expect("a transport");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root = reqwest::Certificate::from_pem(emulator.ca_pem().as_bytes()).expect("PEM");
    let all = reqwest::Proxy::all(format!("http://{address}")).expect("a proxy");
    let theirs = || reqwest::Client::builder().tls_certs_merge([root.clone()]).proxy(all.clone());
    let theirs = AzureCore::with_client(theirs).expect("a transport");

    // In base64: me:canary!
    for (core, line) in [(&ours, "proxy-authorization: basic bwu6y2fuyxj5iq=="), (&theirs, "connect far.invalid:443")] {
        assert_fails(&send(core, post("https://far.invalid")).await, Sent::No, Kind::Proxy);
        let heard = std::mem::take(&mut *heard.lock().expect("whole"));
        assert!(heard.starts_with("connect far.invalid:443") && heard.contains(line), "{heard}");
        for policy in [Proxy::Environment, Proxy::Never] {
            let mut near = post(&emulator.authority());
            near.proxy = policy;
            assert_eq!(send(core, near).await.expect("a response").status, 400, "{policy:?}");
        }
    }
    assert_fails(&send(&ours, post("https://near.invalid")).await, Sent::No, Kind::Name);
    assert_eq!(*heard.lock().expect("whole"), "");
}

/// A transport of the application's, in one of its moods.
#[derive(Debug)]
enum Theirs {
    Fails(ErrorKind),
    Packed,
}

#[async_trait]
impl HttpClient for Theirs {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<AsyncRawResponse> {
        match self {
            Self::Fails(kind) => Err(Error::with_message(kind.clone(), "canary in a message")),
            Self::Packed => {
                let mut headers = Headers::new();
                headers.insert("content-encoding", "gzip");
                headers.insert("content-length", "1000000");
                headers.insert("x-odd", "caf\u{e9}");
                Ok(AsyncRawResponse::from_bytes(StatusCode::Ok, headers, "unpacked"))
            }
        }
    }
}

fn theirs(mood: Theirs) -> AzureCore {
    AzureCore::over(Transport::new(Arc::new(mood)))
}

#[tokio::test]
async fn a_transport_of_the_applications_is_believed_only_so_far() {
    for (kind, sent, heard) in [
        (ErrorKind::Connection, Sent::No, Kind::Connect),
        (ErrorKind::Io, Sent::Maybe, Kind::Broken),
        (ErrorKind::Other, Sent::Maybe, Kind::Broken),
    ] {
        assert_fails(&send(&theirs(Theirs::Fails(kind)), post("https://localhost")).await, sent, heard);
    }
    let response = send(&theirs(Theirs::Packed), post("https://localhost")).await.expect("a response");
    assert_eq!(response.body.expose_secret(), b"unpacked");
    assert_eq!(response.header("x-odd"), None);
    let mut straight = post("https://localhost");
    straight.proxy = Proxy::Never;
    assert_fails(&send(&theirs(Theirs::Packed), straight.clone()).await, Sent::No, Kind::Refused);
    let core = theirs(Theirs::Fails(ErrorKind::Io)).direct(Transport::new(Arc::new(Theirs::Packed)));
    assert!(send(&core, straight).await.is_ok());
}

#[test]
fn roots_must_be_certificates() {
    for pem in ["", "not PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(adapters(pem).and_then(|adapters| AzureCore::new(&adapters)).is_err(), "{pem:?}");
    }
}
