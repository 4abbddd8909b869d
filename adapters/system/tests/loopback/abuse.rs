//! Everything that browsers, and others, send besides the answer.

use super::*;

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
