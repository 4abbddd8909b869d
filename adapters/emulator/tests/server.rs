//! The server, seen from the other end of a TLS connection.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use azlatch_emulator::{Emulator, Fault, Settings, User};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const NOW: i64 = 1_800_000_000;
const FORM: &str = "grant_type=client_credentials&client_id=a&client_secret=b&scope=r/.default";

fn start() -> Emulator {
    Emulator::builder().clock(|| NOW).start().expect("it starts")
}

type Client = StreamOwned<ClientConnection, TcpStream>;

fn connect_as(emulator: &Emulator, trusted: &str, name: &'static str) -> Client {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(trusted.as_bytes()).expect("PEM");
    roots.add(authority).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).expect("a name");
    let session = ClientConnection::new(Arc::new(config), name).expect("a session");
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, emulator.port())).expect("it listens");
    tcp.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    StreamOwned::new(session, tcp)
}

fn connect(emulator: &Emulator) -> Client {
    connect_as(emulator, emulator.ca_pem(), "localhost")
}

fn ask(client: &mut Client, request: &str) {
    client.write_all(request.as_bytes()).expect("the request is sent");
    client.flush().expect("the request is sent");
}

fn ask_token(client: &mut Client) {
    let head = "POST /contoso.test/oauth2/v2.0/token HTTP/1.1\r\nhost: localhost\r\n\
        content-type: application/x-www-form-urlencoded\r\n";
    ask(client, &format!("{head}content-length: {}\r\n\r\n{FORM}", FORM.len()));
}

/// Reads one answer: the head, and as many bytes of the body as it announces.
fn read(client: &mut Client) -> (String, String) {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).expect("a head");
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).expect("text");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().expect("a number"));
    let mut body = vec![0; length];
    client.read_exact(&mut body).expect("a body");
    (head, String::from_utf8(body).expect("text"))
}

/// Everything until the end of the connection, and whether the server took leave (RFC 8446 §6.1).
fn rest(client: &mut Client) -> (String, bool) {
    let mut bytes = Vec::new();
    let outcome = client.read_to_end(&mut bytes);
    let polite = match outcome {
        Ok(_) => true,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset), "{error}");
            false
        }
    };
    (String::from_utf8(bytes).expect("text"), polite)
}

#[test]
fn one_connection_carries_many_requests() {
    let emulator = start();
    let mut client = connect(&emulator);
    for _ in 0..2 {
        ask_token(&mut client);
        let (head, body) = read(&mut client);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("date: Fri, 15 Jan 2027 08:00:00 GMT\r\n"), "{head}");
        assert!(body.contains("access_token"), "{body}");
    }
    ask(&mut client, "GET /none HTTP/1.1\r\nconnection: close\r\n\r\n");
    let (answer, polite) = rest(&mut client);
    assert!(answer.starts_with("HTTP/1.1 404") && polite, "{answer}");
    assert_eq!(emulator.connections(), 1);
    assert_eq!(emulator.with(|entra| entra.counters().requests), 3);
}

#[test]
fn chunks_expectations_and_bodies_that_are_not_there() {
    let emulator = start();
    let mut client = connect(&emulator);
    ask(&mut client, "POST /_emulator/reset HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(read(&mut client).1, "{}");

    let head = "POST /a.test/oauth2/v2.0/token HTTP/1.1\r\nhost: localhost\r\n\
        content-type: application/x-www-form-urlencoded\r\n";
    let (one, two) = FORM.split_at(10);
    let chunks = format!("a\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n", two.len());
    // Two at once: the second waits in the buffer.
    let request = format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}");
    ask(&mut client, &request.repeat(2));
    for _ in 0..2 {
        assert!(read(&mut client).0.starts_with("HTTP/1.1 200"));
    }

    ask(&mut client, &format!("{head}content-length: {}\r\nexpect: 100-continue\r\n\r\n", FORM.len()));
    assert_eq!(read(&mut client).0, "HTTP/1.1 100 Continue\r\n\r\n");
    ask(&mut client, FORM);
    assert!(read(&mut client).0.starts_with("HTTP/1.1 200"));
}

#[test]
fn what_is_too_large_or_no_http_is_refused() {
    let emulator = start();
    let head = "x".repeat(70_000);
    let chunk = "y".repeat(65_536);
    let chunked = format!("10000\r\n{chunk}\r\n").repeat(20);
    for (request, status) in [
        ("POST / HTTP/1.1\r\ncontent-length: 1048577\r\n\r\n".to_owned(), "413"),
        (format!("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n{chunked}"), "413"),
        (format!("GET / HTTP/1.1\r\nx: {head}\r\n\r\n"), "431"),
        ("\u{1}\u{2}\u{3}\r\n\r\n".to_owned(), "400"),
    ] {
        let mut client = connect(&emulator);
        ask(&mut client, &request);
        let (answer, _) = rest(&mut client);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {answer}");
    }
    assert_eq!(emulator.with(|entra| entra.counters().requests), 0);
}

#[test]
fn faults_are_carried_out() {
    let emulator = start();
    let meet = |fault: Fault| {
        emulator.with(|entra| entra.script(fault));
        let mut client = connect(&emulator);
        ask_token(&mut client);
        client
    };
    let granted = || emulator.with(|entra| entra.counters().granted);

    assert_eq!(rest(&mut meet(Fault::reset())), (String::new(), false));
    assert_eq!(granted(), 0);
    assert_eq!(rest(&mut meet(Fault::reset_after())), (String::new(), false));
    assert_eq!(granted(), 1);

    let (answer, polite) = rest(&mut meet(Fault::truncated(10)));
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("content-length: ") && !polite);
    assert_eq!(body.len(), 10);

    let (answer, polite) = rest(&mut meet(Fault::raw("SSH-2.0-surprise\r\n")));
    assert_eq!((answer.as_str(), polite), ("SSH-2.0-surprise\r\n", true));

    let mut client = meet(Fault::status(204));
    assert!(!read(&mut client).0.contains("content-length"));
    ask_token(&mut client);
    assert!(read(&mut client).0.starts_with("HTTP/1.1 200"));

    let start = Instant::now();
    let mut client = meet(Fault::slow(Duration::from_millis(120)));
    assert!(read(&mut client).1.contains("access_token"));
    assert!(start.elapsed() >= Duration::from_millis(120));
    let mut client = meet(Fault::drip(Duration::ZERO));
    assert!(read(&mut client).1.contains("access_token"));
}

#[test]
fn silence_waits_and_stopping_does_not() {
    let emulator = start();
    emulator.with(|entra| {
        entra.script(Fault::silent());
        entra.script(Fault::slow(Duration::from_secs(3600)));
        entra.script(Fault::drip(Duration::from_secs(3600)));
    });
    let mut clients: Vec<Client> = (0..3).map(|_| connect(&emulator)).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        ask_token(client);
        let met = |count| emulator.with(|entra| entra.counters().faults == count);
        while !met(index as u64 + 1) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let silent = &mut clients[0];
    silent.sock.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
    let error = silent.read(&mut [0]).expect_err("there is no answer");
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");

    // One that is idle, and one that never begins its handshake.
    let mut idle = connect(&emulator);
    ask_token(&mut idle);
    read(&mut idle);
    let mute = TcpStream::connect((Ipv4Addr::LOCALHOST, emulator.port())).expect("it listens");

    let start = Instant::now();
    emulator.stop();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    drop(mute);
    TcpStream::connect((Ipv4Addr::LOCALHOST, emulator.port())).expect_err("nobody listens");
    emulator.stop();
}

#[test]
fn only_who_trusts_its_authority_can_talk_to_it() {
    let (emulator, other) = (start(), start());
    assert_ne!(emulator.port(), other.port());
    for (trusted, name) in [(other.ca_pem(), "localhost"), (emulator.ca_pem(), "login.microsoftonline.com")] {
        let mut stranger = connect_as(&emulator, trusted, name);
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").expect_err("no trust");
    }
    let mut by_address = connect_as(&emulator, emulator.ca_pem(), "127.0.0.1");
    ask_token(&mut by_address);
    read(&mut by_address);
    let deadline = Instant::now() + Duration::from_secs(5);
    while emulator.handshake_failures() < 2 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(emulator.handshake_failures(), 2);
    assert_eq!(emulator.with(|entra| entra.counters().requests), 1);
}

#[test]
fn the_clock_can_be_moved_and_the_authority_is_its_own() {
    let settings = Settings { authority: "https://elsewhere.test".to_owned(), ..Settings::default() };
    let emulator = Emulator::builder().settings(settings).clock(|| NOW).start().expect("it starts");
    assert_eq!(emulator.authority(), format!("https://localhost:{}", emulator.port()));
    assert_eq!(emulator.with(|entra| entra.settings().authority.clone()), emulator.authority());
    emulator.advance(Duration::from_millis(1500));
    emulator.advance(Duration::from_millis(1500));
    let mut client = connect(&emulator);
    ask_token(&mut client);
    assert!(read(&mut client).0.contains("date: Fri, 15 Jan 2027 08:00:03 GMT\r\n"));
}

#[test]
fn there_is_a_limit_to_open_connections() {
    let emulator = start();
    let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, emulator.port())).expect("a socket");
    let held: Vec<TcpStream> = (0..256).map(|_| connect()).collect();
    let mut refused = connect();
    refused.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    assert_eq!(refused.read(&mut [0]).expect("an end"), 0);
    drop(held);
}

#[test]
fn a_port_can_be_taken_once() {
    let emulator = start();
    let error = Emulator::builder().port(emulator.port()).start().expect_err("it is taken");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let port = emulator.port();
    drop(emulator);
    // Whether it can be bound again at once is up to the system (TIME_WAIT), which std asks to allow it on Unix.
    if cfg!(unix) {
        Emulator::builder().port(port).start().expect("it is free again");
    }
}

/// Asks on a connection of its own.
fn exchange(emulator: &Emulator, request: &str) -> (String, String) {
    let mut client = connect(emulator);
    ask(&mut client, request);
    read(&mut client)
}

fn get(emulator: &Emulator, target: &str) -> (String, String) {
    exchange(emulator, &format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
}

fn post(emulator: &Emulator, target: &str, fields: &[(&str, &str)]) -> (String, String) {
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    body.extend_pairs(fields);
    let body = body.finish();
    let head = "host: localhost\r\ncontent-type: application/x-www-form-urlencoded";
    exchange(emulator, &format!("POST {target} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// What stands between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let found = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    found.unwrap_or_else(|| panic!("{before}…{after} in {text}")).0
}

/// Fills in the form of a page.
fn submit(emulator: &Emulator, page: &str, fields: &[(&str, &str)]) -> (String, String) {
    let mut all = vec![("ctx", between(page, "name=\"ctx\" value=\"", "\""))];
    all.extend(fields);
    post(emulator, between(page, "action=\"", "\""), &all)
}

#[test]
fn a_user_signs_in_with_a_browser() {
    let users = vec![User::new("ada@contoso.test").password("secret")];
    let settings = Settings { users, ..Settings::default() };
    let emulator = Emulator::builder().settings(settings).clock(|| NOW).start().expect("it starts");
    // The pair of RFC 7636, appendix B.
    let target = "/organizations/oauth2/v2.0/authorize?client_id=a&response_type=code&state=a%20state&nonce=n\
        &redirect_uri=http%3A%2F%2Flocalhost%3A8400&scope=User.Read+openid+offline_access&client_info=1\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let (head, page) = get(&emulator, target);
    assert!(head.contains("content-security-policy: default-src 'none'"), "{head}");
    let (_, page) = submit(&emulator, &page, &[("account", "ada@contoso.test")]);
    let (head, _) = submit(&emulator, &page, &[("password", "secret"), ("action", "next")]);
    assert!(head.starts_with("HTTP/1.1 302 "), "{head}");
    let location = url::Url::parse(between(&head, "location: ", "\r\n")).expect("an address");
    let value = |name: &str| {
        let mut pairs = location.query_pairs();
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    assert_eq!(value("state"), "a state");
    assert!(value("iss").starts_with(&emulator.authority()));

    let code = value("code");
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "a"),
        ("code", &code),
        ("redirect_uri", "http://localhost:8400"),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
    ];
    let token = "/organizations/oauth2/v2.0/token";
    let (_, body) = post(&emulator, token, &fields);
    assert!(body.contains("\"access_token\"") && body.contains("\"id_token\""), "{body}");
    assert!(post(&emulator, token, &fields).1.contains("AADSTS54005"));
    let log = get(&emulator, "/_emulator/log").1;
    for secret in [code.as_str(), "secret\"", "dBjftJeZ4CVP"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn a_user_signs_in_on_a_device() {
    let emulator = start();
    let scope = ("scope", "User.Read openid offline_access");
    let (_, body) = post(&emulator, "/organizations/oauth2/v2.0/devicecode", &[("client_id", "a"), scope]);
    let device_code = between(&body, "\"device_code\":\"", "\"");
    let poll = || {
        emulator.advance(Duration::from_secs(5));
        let fields = [("grant_type", "device_code"), ("client_id", "a"), ("device_code", device_code)];
        post(&emulator, "/organizations/oauth2/v2.0/token", &fields).1
    };
    assert!(poll().contains("authorization_pending"));
    let (_, page) = get(&emulator, &format!("/devicelogin?otc={}", between(&body, "\"user_code\":\"", "\"")));
    let code = between(&page, "spellcheck=\"false\" autofocus value=\"", "\"");
    let (_, page) = post(&emulator, "/devicelogin", &[("otc", code)]);
    let (_, page) = submit(&emulator, &page, &[("username", "ada@contoso.test"), ("password", "x")]);
    let (_, page) = submit(&emulator, &page, &[("action", "accept")]);
    assert!(page.contains("You are signed in"), "{page}");
    assert!(poll().contains("\"refresh_token\""));
    let counters = get(&emulator, "/_emulator/counters").1;
    assert!(counters.contains("\"device_polls\":2") && counters.contains("\"signed_in\":1"), "{counters}");
}
