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

/// What `system` answers to `op`.
macro_rules! perform {
    ($system:expr, $op:ty: $value:expr) => {{
        let mut ids = Ids::root();
        let reply = $system.perform(ids.ask($value)).unwrap_or_else(Effect::decline);
        let answer: Option<<$op as Operation>::Answer> = ids.take::<$op>(reply).unwrap();
        answer.expect("it is taken")
    }};
}

mod abuse;
mod answers;
mod ends;

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

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
