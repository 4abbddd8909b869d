//! Connections that outlive a request: reused, never trusted, never a reason to send anything twice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use azlatch_core::effect::{FailureKind, Sent};

use crate::hostile::Hostile;
use crate::hostile_identity::Identity;
use crate::hostile_scripts::{ok, once, respond};
use crate::http::{HttpDriver, REMOTE_WORD, SECRET, assert_fails, driver, get, post, send};

pub(crate) fn a_connection_is_kept_for_the_next_request<D: HttpDriver>() {
    let servers = [Hostile::tls(Identity::Good, respond(|_| ok("yes"))), Hostile::plain(respond(|_| ok("yes")))];
    for server in servers {
        let driver = driver::<D>();
        for _ in 0..3 {
            send(&driver.clone(), post(server.url("/"))).expect("a response");
        }
        assert_eq!((server.requests().len(), server.connections()), (3, 1));
    }
}

pub(crate) fn a_connection_that_was_closed_in_between_is_not_an_error<D: HttpDriver>() {
    for server in [Hostile::tls(Identity::Good, once(ok("yes"))), Hostile::plain(once(ok("yes")))] {
        let driver = driver::<D>();
        for round in 1..=3 {
            send(&driver, post(server.url("/"))).expect("a response");
            server.received(); // Until the server has really hung up.
            assert_eq!((server.requests().len(), server.connections()), (round, round));
        }
    }
}

pub(crate) fn a_request_is_never_repeated<D: HttpDriver>() {
    let rounds = AtomicUsize::new(0);
    let server = Hostile::tls(Identity::Good, move |peer| {
        loop {
            peer.request()?;
            if rounds.fetch_add(1, Ordering::Relaxed) == 1 {
                return Ok(()); // Taken in, and no answer: the client cannot know.
            }
            peer.send(&ok("yes"))?;
        }
    });
    let driver = driver::<D>();
    send(&driver, post(server.url("/"))).expect("a response");
    let outcome = send(&driver, post(server.url("/")));
    assert_fails("closed on the second request", &outcome, Sent::Maybe, &[FailureKind::Broken]);
    assert_eq!(server.requests().len(), 2);
    send(&driver, post(server.url("/"))).expect("the next one is answered");
}

pub(crate) fn leftover_bytes_answer_nothing<D: HttpDriver>() {
    let forged = ok(REMOTE_WORD);
    let first = [ok("first"), forged].concat();
    let server = Hostile::plain(respond(move |request| match request.target() {
        "/first" => first.clone(),
        _ => ok("second"),
    }));
    let driver = driver::<D>();
    for (path, body) in [("/first", "first"), ("/second", "second")] {
        let response = send(&driver, get(server.url(path))).expect("a response");
        assert_eq!(response.body.expose_secret(), body.as_bytes(), "{path}");
    }
}

pub(crate) fn thirty_two_threads_share_a_driver<D: HttpDriver>() {
    let echo = respond(|request| ok([request.target().as_bytes(), &request.body].concat()));
    let server = Hostile::tls(Identity::Good, echo);
    let driver = driver::<D>();
    let threads = (0..32).map(|thread| {
        let (driver, url) = (driver.clone(), server.url(&format!("/{thread}")));
        thread::spawn(move || {
            for _ in 0..4 {
                let response = send(&driver, post(url.clone())).expect("a response");
                let body = String::from_utf8_lossy(response.body.expose_secret());
                assert!(body.starts_with(&format!("/{thread}grant")) && body.ends_with(SECRET), "{thread}: {body}");
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().expect("every thread got its own answers");
    }
    assert_eq!(server.requests().len(), 32 * 4);
}
