//! The answer that is waited for, and where it is waited for.

use super::*;

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
