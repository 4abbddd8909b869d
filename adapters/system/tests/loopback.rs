//! The loopback listener against everything that browsers, and others, send.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use azlatch_core::Host;
use azlatch_core::effect::{
    Close, Effect, Farewell, Ids, Listen, ListenFault, Listening, Operation, Receive, ReceiveFault, Redirect,
};
use azlatch_system::System;

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// What `system` answers to `op`.
macro_rules! perform {
    ($system:expr, $op:ty: $value:expr) => {{
        let mut ids = Ids::root();
        let reply = $system.perform(ids.ask($value)).unwrap_or_else(Effect::decline);
        let answer: Option<<$op as Operation>::Answer> = ids.take::<$op>(reply).unwrap();
        answer.expect("it is taken")
    }};
}

/// A listener, and a system of its own.
struct Opened {
    system: System,
    listening: Listening,
}

impl Opened {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Listen)) -> Self {
        let mut system = System::default();
        let mut listen = Listen { port: 0, path: "/back".into(), state: "right".into(), timeout: MINUTE };
        change(&mut listen);
        let listening = perform!(system, Listen: listen).expect("a listener");
        Self { system, listening }
    }

    fn receive(&mut self, span: Duration) -> Result<Option<Redirect>, ReceiveFault> {
        perform!(self.system, Receive: Receive { listener: self.listening.listener, span })
    }

    fn close(&mut self, farewell: Farewell) {
        perform!(self.system, Close: Close { listener: self.listening.listener, farewell });
    }

    /// Whether the code arrives that `answer` carried.
    fn expect_code(&mut self, code: &str) {
        let redirect = self.receive(SECOND * 5).expect("an open listener").expect("a redirect");
        let found: Vec<_> = redirect.parameters.iter().filter(|(name, _)| name == "code").collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].1.expose_secret(), code);
    }

    fn connect(&self) -> TcpStream {
        connect(four(self.listening.port))
    }
}

fn four(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn six(port: u16) -> SocketAddr {
    (Ipv6Addr::LOCALHOST, port).into()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&address, SECOND).expect("the port is open");
    stream.set_read_timeout(Some(SECOND * 10)).unwrap();
    stream
}

fn send(mut stream: &TcpStream, request: &str) {
    stream.write_all(request.as_bytes()).unwrap();
}

/// All that is answered, to the end of the stream.
fn read(mut stream: &TcpStream) -> String {
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8(text).unwrap(),
    }
}

fn get(target: &str, port: u16) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: keep-alive\r\n\r\n")
}

fn post(target: &str, form: &str, port: u16) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: https://login.example\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
}

/// How long it takes, from now, until nobody can connect any more.
fn until_closed(port: u16) -> Duration {
    let begun = Instant::now();
    for address in [four(port), six(port)] {
        while TcpStream::connect_timeout(&address, SECOND).is_ok() {
            assert!(begun.elapsed() < SECOND * 10, "{address} is never closed");
            sleep(Duration::from_millis(5));
        }
    }
    begun.elapsed()
}

fn has_six() -> bool {
    TcpListener::bind(six(0)).is_ok()
}

#[test]
fn the_true_answer_arrives_by_query_and_by_form_over_both_families() {
    for address in [four, six].into_iter().take(if has_six() { 2 } else { 1 }) {
        for posted in [false, true] {
            let mut opened = Opened::new();
            let port = opened.listening.port;
            let browser = connect(address(port));
            // What is posted does not come from the address bar.
            let request = match posted {
                false => get("/back?code=a%2Bb%20c&state=right", port),
                true => post("/back?code=no&state=no", "state=right&code=a%2Bb+c", port),
            };
            // In two pieces, as networks do.
            let (head, tail) = request.split_at(request.len() - 5);
            send(&browser, head);
            assert_eq!(opened.receive(Duration::from_millis(50)), Ok(None));
            send(&browser, tail);
            opened.expect_code("a+b c");
            opened.close(Farewell::SignedIn);
            let page = read(&browser);
            assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
            assert!(page.contains("You can close this window."), "{page}");
        }
    }
}

#[test]
fn the_last_word_is_what_the_flow_says() {
    for (farewell, word) in [
        (Some(Farewell::SignedIn), "You are signed in."),
        (Some(Farewell::Failed("AADSTS1: <b>no</b>".into())), "AADSTS1: &lt;b&gt;no&lt;/b&gt;"),
        (None, "Finish in the terminal"),
    ] {
        let mut opened = Opened::new();
        let browser = opened.connect();
        send(&browser, &get("/back?error=access_denied&state=right", opened.listening.port));
        let redirect = opened.receive(SECOND * 5).unwrap().unwrap();
        assert_eq!(redirect.parameters[0].0, "error");
        match farewell {
            Some(farewell) => opened.close(farewell),
            None => drop(opened),
        }
        let page = read(&browser);
        assert!(page.contains(word), "{page}");
    }
}

/// What other requests get, before the true answer comes.
#[test]
fn a_05_b_01_b_06_others_are_refused_and_the_wait_goes_on() {
    let form = "application/x-www-form-urlencoded";
    let host = "Host: localhost:PORT";
    for (request, status) in [
        (format!("GET /favicon.ico HTTP/1.1\r\n{host}\r\n\r\n"), 204),
        (format!("HEAD /back?code=1&state=right HTTP/1.1\r\n{host}\r\n\r\n"), 405),
        (
            format!(
                "OPTIONS /back HTTP/1.1\r\n{host}\r\nOrigin: https://evil.example\r\n\
                 Access-Control-Request-Private-Network: true\r\nAccess-Control-Request-Method: GET\r\n\r\n"
            ),
            405,
        ),
        (format!("DELETE /back?code=1&state=right HTTP/1.1\r\n{host}\r\n\r\n"), 405),
        (format!("GET /?code=1&state=right HTTP/1.1\r\n{host}\r\n\r\n"), 404),
        (format!("GET /back/https://evil.example HTTP/1.1\r\n{host}\r\n\r\n"), 404),
        ("GET /back?code=1&state=right HTTP/1.1\r\nHost: evil.example:PORT\r\n\r\n".into(), 400),
        ("GET /back?code=1&state=right HTTP/1.1\r\nHost: localhost:1\r\n\r\n".into(), 400),
        ("GET /back?code=1&state=right HTTP/1.1\r\n\r\n".into(), 400),
        (format!("GET /back?code=1&state=wrong&redirect=https://evil.example HTTP/1.1\r\n{host}\r\n\r\n"), 400),
        (format!("GET /back?code=1 HTTP/1.1\r\n{host}\r\n\r\n"), 400),
        (format!("GET /back?code=1&state=right&state=right HTTP/1.1\r\n{host}\r\n\r\n"), 400),
        (
            format!(
                "GET /back?code=1&state=wrong HTTP/1.1\r\n{host}\r\n\r\nGET /back?state=right HTTP/1.1\r\n{host}\r\n\r\n"
            ),
            400,
        ),
        (
            format!(
                "POST /back HTTP/1.1\r\n{host}\r\nContent-Type: {form}\r\nContent-Length: 1048576\r\n\r\n{}",
                "x".repeat(1 << 20)
            ),
            413,
        ),
        (format!("GET /back?{} HTTP/1.1\r\n{host}\r\n\r\n", "x".repeat(1 << 20)), 413),
        (
            format!("POST /back HTTP/1.1\r\n{host}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"),
            415,
        ),
        (
            format!(
                "POST /back HTTP/1.1\r\n{host}\r\nContent-Type: {form}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            411,
        ),
        ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}".into(), 400),
    ] {
        let mut opened = Opened::new();
        let port = opened.listening.port;
        let stranger = opened.connect();
        send(&stranger, &request.replace("PORT", &port.to_string()));
        let answer = read(&stranger);
        let shown = &request[..request.len().min(120)];
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.is_empty(), status == 204 || request.starts_with("HEAD"), "{shown}: {answer}");
        let head = head.to_ascii_lowercase();
        for line in [
            "connection: close",
            "cache-control: no-store",
            "content-security-policy: default-src 'none'; style-src 'unsafe-inline'",
            "referrer-policy: no-referrer",
            "x-content-type-options: nosniff",
        ] {
            assert!(head.lines().any(|found| found == line), "{shown}: {line}");
        }
        for name in ["location:", "access-control-", "set-cookie:", "evil.example"] {
            assert!(!answer.to_ascii_lowercase().contains(name), "{shown}: {name}");
        }

        let browser = opened.connect();
        send(&browser, &get("/back?code=true&state=right", port));
        opened.expect_code("true");
    }
}

#[test]
fn n_70_idle_and_slow_connections_do_not_stand_in_the_way() {
    let mut opened = Opened::new();
    let port = opened.listening.port;
    let preconnects = [opened.connect(), opened.connect(), opened.connect()];
    let slow = opened.connect();
    let dripping = thread::spawn(move || {
        // Never ends by itself; the listener does not wait for it.
        let begun = Instant::now();
        let request = b"GET /back?code=slow&state=right HTTP/1.1\r\n".iter().chain([b'x'].iter().cycle());
        for byte in request {
            if begun.elapsed() > SECOND * 20 || (&slow).write_all(&[*byte]).is_err() {
                return begun.elapsed();
            }
            sleep(Duration::from_millis(100));
        }
        unreachable!("the request never ends");
    });
    assert_eq!(opened.receive(SECOND), Ok(None));
    // A reader that comes and goes.
    drop(opened.connect());
    let browser = opened.connect();
    send(&browser, &get("/favicon.ico", port));
    assert!(read(&browser).starts_with("HTTP/1.1 204 "));
    let gave_up = dripping.join().unwrap();
    assert!((SECOND * 4..SECOND * 8).contains(&gave_up), "{gave_up:?}");
    for mut preconnect in preconnects {
        assert_eq!(preconnect.read(&mut [0; 1]).unwrap_or(0), 0, "closed without a word");
    }
    let browser = opened.connect();
    send(&browser, &get("/back?code=true&state=right", port));
    opened.expect_code("true");
}

#[test]
fn n_70_the_oldest_idle_connections_of_a_crowd_give_way() {
    let mut opened = Opened::new();
    let port = opened.listening.port;
    // Older than all, but not idle.
    let browser = opened.connect();
    let request = get("/back?code=true&state=right", port);
    let (head, tail) = request.split_at(20);
    send(&browser, head);
    let crowd: Vec<_> = (0..60).map(|_| opened.connect()).collect();
    // Connections are accepted in the order in which they came: when this one is answered, all have been seen.
    let last = opened.connect();
    send(&last, &get("/favicon.ico", port));
    assert!(read(&last).starts_with("HTTP/1.1 204 "));
    let open: Vec<bool> = crowd
        .iter()
        .map(|mut stream| {
            stream.set_nonblocking(true).unwrap();
            stream.read(&mut [0; 1]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        })
        .collect();
    assert!(open.iter().filter(|open| **open).count() < 16 && open.is_sorted() && open[59], "{open:?}");
    send(&browser, tail);
    opened.expect_code("true");
}

#[test]
fn n_70_who_is_still_sending_hears_the_refusal() {
    let opened = Opened::new();
    let stranger = opened.connect();
    send(&stranger, &get("/back?", opened.listening.port).replace("Host", "Host: localhost\r\nX"));
    for _ in 0..16 {
        sleep(Duration::from_millis(10));
        send(&stranger, &"x".repeat(64 * 1024));
    }
    stranger.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(read(&stranger).starts_with("HTTP/1.1 400 "));
}

#[test]
fn b_02_a_second_answer_cannot_arrive() {
    let mut opened = Opened::new();
    let port = opened.listening.port;
    let (browser, second, third) = (opened.connect(), opened.connect(), opened.connect());
    send(&browser, &get("/back?code=first&state=right", port));
    opened.expect_code("first");
    // Over a connection that was there before, or a new one.
    let _ = (&second).write_all(get("/back?code=second&state=right", port).as_bytes());
    assert_eq!(read(&second), "");
    // Nor is it waited for.
    third.set_read_timeout(Some(SECOND * 2)).unwrap();
    assert_eq!(read(&third), "");
    assert!(TcpStream::connect(four(port)).is_err());
    assert_eq!(opened.receive(SECOND * 10), Err(ReceiveFault::Closed));
    // The same connection is not asked again, whatever follows.
    send(&browser, &get("/back?code=third&state=right", port));
    opened.close(Farewell::SignedIn);
    assert_eq!(read(&browser).matches("HTTP/1.1").count(), 1);
}

#[test]
fn a_02_it_listens_on_loopback_alone_on_both_families() {
    let mut opened = Opened::new();
    let port = opened.listening.port;
    assert_ne!(port, 0);
    for address in [four(port)].into_iter().chain(has_six().then(|| six(port))) {
        drop(connect(address));
    }
    // An address of this machine that is not loopback, if it has one: asking for the way there sends nothing.
    let outward = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    if let Some(outward) = outward.ok().map(|outward| outward.ip()).filter(|ip| !ip.is_loopback()) {
        assert!(TcpStream::connect_timeout(&(outward, port).into(), SECOND).is_err(), "{outward}");
    }
    opened.close(Farewell::SignedIn);
}

#[test]
fn a_03_the_port_is_closed_within_a_second() {
    type End = fn(Opened);
    let ends: [(&str, End); 5] = [
        ("success", |mut opened| {
            let browser = opened.connect();
            send(&browser, &get("/back?code=true&state=right", opened.listening.port));
            opened.expect_code("true");
            assert!(until_closed(opened.listening.port) < SECOND, "before the farewell");
            opened.close(Farewell::SignedIn);
        }),
        ("error", |mut opened| opened.close(Farewell::Failed("no".into()))),
        ("drop", drop),
        ("drop of the last clone", |opened| {
            let clone = opened.system.clone();
            drop(opened.system);
            drop(connect(four(opened.listening.port)));
            drop(clone);
        }),
        ("panic", |opened| {
            let panicked = thread::Builder::new().spawn(move || {
                let _opened = opened;
                std::panic::resume_unwind(Box::new("as planned"));
            });
            assert!(panicked.unwrap().join().is_err());
        }),
    ];
    for (name, end) in ends {
        let opened = Opened::new();
        let port = opened.listening.port;
        let _idle = opened.connect();
        end(opened);
        assert!(until_closed(port) < SECOND, "{name}");
    }
}

#[test]
fn a_03_the_port_is_closed_when_time_is_up() {
    let begun = Instant::now();
    let mut opened = Opened::with(|listen| listen.timeout = SECOND / 2);
    let port = opened.listening.port;
    let _slow = opened.connect();
    assert_eq!(opened.receive(MINUTE), Err(ReceiveFault::Closed));
    assert!((SECOND / 2..SECOND * 3 / 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert!(until_closed(port) < SECOND);
    opened.close(Farewell::SignedIn);
    assert_eq!(opened.receive(MINUTE), Err(ReceiveFault::Closed));
}

#[test]
fn an_answer_that_came_in_time_is_kept_until_it_is_asked_for() {
    let mut opened = Opened::with(|listen| listen.timeout = SECOND / 4);
    let browser = opened.connect();
    send(&browser, &get("/back?code=true&state=right", opened.listening.port));
    sleep(SECOND / 2);
    opened.expect_code("true");
    opened.close(Farewell::SignedIn);
    assert!(read(&browser).contains("You are signed in."));
}

#[test]
fn the_port_asked_for_is_the_port_or_it_is_taken() {
    let mut opened = Opened::new();
    let port = opened.listening.port;
    let listen = |port| Listen { port, path: "/".into(), state: "s".into(), timeout: MINUTE };
    assert_eq!(perform!(opened.system, Listen: listen(port)), Err(ListenFault::Taken));
    opened.close(Farewell::SignedIn);
    let again = perform!(opened.system, Listen: listen(port)).unwrap();
    assert_eq!(again.port, port);
    assert_ne!(again.listener, opened.listening.listener);
    // Half a port is taken, too: `localhost` might lead to the other half's owner.
    let holder = has_six().then(|| TcpListener::bind(six(0)).unwrap());
    if let Some(port) = holder.as_ref().map(|holder| holder.local_addr().unwrap().port()) {
        assert_eq!(perform!(opened.system, Listen: listen(port)), Err(ListenFault::Taken));
    }
}

#[test]
fn listeners_do_not_know_each_other() {
    let mut system = System::default();
    let mut listen = |state: &str| {
        let listen = Listen { port: 0, path: "/".into(), state: state.into(), timeout: MINUTE };
        perform!(system, Listen: listen).unwrap()
    };
    let (one, two) = (listen("one"), listen("two"));
    let browser = connect(four(one.port));
    send(&browser, &get("/?code=for-two&state=two", one.port));
    assert!(read(&browser).starts_with("HTTP/1.1 400 "));
    let browser = connect(four(two.port));
    send(&browser, &get("/?code=for-two&state=two", two.port));
    let receive = |listening: Listening, span| Receive { listener: listening.listener, span };
    assert!(perform!(system, Receive: receive(two, SECOND * 5)).unwrap().is_some());
    assert_eq!(perform!(system, Receive: receive(one, Duration::ZERO)), Ok(None));
    // Another system's listener is not there, and closing it is harmless.
    let mut stranger = System::default();
    assert_eq!(perform!(stranger, Receive: receive(one, MINUTE)), Err(ReceiveFault::Closed));
    perform!(stranger, Close: Close { listener: one.listener, farewell: Farewell::SignedIn });
    drop(connect(four(one.port)));
}

#[test]
fn what_cannot_be_told_apart_is_not_listened_for() {
    let mut system = System::default();
    for (path, state) in [("", "s"), ("back", "s"), ("/back?x", "s"), ("/back", "")] {
        let listen = Listen { port: 0, path: path.into(), state: state.into(), timeout: MINUTE };
        assert!(matches!(perform!(system, Listen: listen), Err(ListenFault::Io(_))), "{path} {state}");
    }
}

#[test]
fn m_01_nothing_secret_is_printed() {
    let mut opened = Opened::with(|listen| listen.state = "canary".into());
    let browser = opened.connect();
    send(&browser, &get("/back?code=canary&state=canary", opened.listening.port));
    let redirect = opened.receive(SECOND * 5).unwrap();
    assert!(!format!("{:?} {redirect:?}", opened.system).contains("canary"));
    opened.close(Farewell::SignedIn);
    assert!(!read(&browser).contains("canary"));
}
