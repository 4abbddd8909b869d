//! How a listener ends: what the person reads, and when the port is closed.

use super::*;

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
        let begun = Instant::now();
        match farewell {
            Some(farewell) => opened.close(farewell),
            None => drop(opened),
        }
        assert!(begun.elapsed() < SECOND, "the page is on its way, not read to its end");
        let page = read(&browser);
        assert!(page.contains(word), "{page}");
    }
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
