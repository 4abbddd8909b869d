//! Renewal ahead of time, outages, limits, handles: what callers see of a cache that others use too.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use azlatch::prelude::*;
use azlatch::{Adapters, Blocking, Note, Source, TokenCache};
use azlatch_core::Host;
use azlatch_core::effect::{Effect, Reply, Response};

/// An authority whose tokens live eight seconds: due after four.
#[derive(Clone, Default)]
struct Authority(Arc<Orders>);

#[derive(Default)]
struct Orders {
    requests: AtomicUsize,
    slow: AtomicBool,
    down: AtomicBool,
}

impl Host for Authority {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        let Effect::Http(ask) = effect else { return Err(effect) };
        let number = self.0.requests.fetch_add(1, SeqCst);
        if self.0.slow.load(SeqCst) {
            thread::sleep(Duration::from_millis(300));
        }
        let (status, body) = match self.0.down.load(SeqCst) {
            true => (503, "{}".to_owned()),
            false => (200, format!(r#"{{"access_token":"token-{number}","expires_in":8}}"#)),
        };
        Ok(ask.answer(Ok(Response::new(status, Vec::new(), body.as_bytes()))))
    }
}

const DUE: Duration = Duration::from_millis(4_200);
const SCOPE: [&str; 1] = ["https://vault.example/.default"];

impl Authority {
    fn requests(&self) -> usize {
        self.0.requests.load(SeqCst)
    }

    fn credential(&self, cache: TokenCache) -> Blocking<ClientSecretCredential> {
        let adapters = Adapters::in_environment([("HOME", "/nonexistent")].into_iter().collect()).expect("adapters");
        let description = ClientSecretCredential::new("tenant", "client", "secret").expect("a credential");
        description.blocking_with(&adapters.http(self.clone()).token_cache(cache)).expect("bound")
    }
}

#[test]
fn one_caller_renews_and_the_others_keep_the_old_token() {
    let authority = Authority::default();
    let credential = authority.credential(TokenCache::new());
    let old = credential.get_token(&SCOPE).expect("a token");
    thread::sleep(DUE);
    authority.0.slow.store(true, SeqCst);
    let start = Barrier::new(20);
    let ask = || {
        start.wait();
        let began = Instant::now();
        let token = credential.get_token(&SCOPE).expect("a token");
        (token == old, began.elapsed())
    };
    let seen: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert_eq!(authority.requests(), 2, "one renewal");
    assert_eq!(seen.iter().filter(|(same, _)| !same).count(), 1, "only who renews has the new token");
    let waited = seen.iter().filter(|(same, took)| *same && *took > Duration::from_millis(250)).count();
    assert_eq!(waited, 0, "nobody else waits for it");
    assert_ne!(credential.get_token(&SCOPE).expect("a token"), old, "from now on everybody has it");
    assert_eq!(authority.requests(), 2);
}

#[test]
fn t_10_nobody_is_content_with_a_token_that_is_about_to_end() {
    let authority = Authority::default();
    let credential = authority.credential(TokenCache::new());
    let old = credential.get_token(&SCOPE).expect("a token");
    thread::sleep(Duration::from_millis(6_200));
    authority.0.slow.store(true, SeqCst);
    let start = Barrier::new(8);
    let ask = || {
        start.wait();
        credential.get_token(&SCOPE).expect("a token")
    };
    let seen: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(seen.iter().all(|token| *token != old), "all wait for the new one");
    assert_eq!(authority.requests(), 2);
}

#[test]
fn c_02_an_outage_costs_one_request_and_no_errors_while_a_token_lives() {
    let authority = Authority::default();
    let credential = authority.credential(TokenCache::new());
    let old = credential.get_token(&SCOPE).expect("a token");
    thread::sleep(DUE);
    authority.0.down.store(true, SeqCst);
    let until = Instant::now() + Duration::from_secs(1);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while Instant::now() < until {
                    assert_eq!(credential.get_token(&SCOPE).expect("the old token"), old);
                }
            });
        }
    });
    assert_eq!(authority.requests(), 2, "one attempt in the window");
    let told = credential.answer(&TokenRequest::new(SCOPE).expect("a request")).expect("the old token");
    assert_eq!(told.explain.source, Source::Memory);
    assert!(!told.explain.notes.iter().any(|note| matches!(note, Note::RefreshFailed(_))), "told once, to who tried");
}

#[test]
fn m_07_a_cache_keeps_to_its_limits_and_keeps_what_is_used() {
    let authority = Authority::default();
    let scope = |number: usize| [format!("https://{number}.example/.default")];
    for (entries, bytes) in [(100, usize::MAX), (usize::MAX, 30_000)] {
        let cache = TokenCache::with_limits(entries, bytes);
        let credential = authority.credential(cache.clone());
        for number in 0..1000 {
            credential.get_token(&scope(number)).expect("a token");
        }
        let kept = format!("{cache:?}");
        let kept: usize =
            kept.chars().skip(11).take_while(char::is_ascii_digit).collect::<String>().parse().expect("a number");
        assert!((50..=200).contains(&kept), "{cache:?}");
        let before = authority.requests();
        credential.get_token(&scope(999)).expect("a token");
        assert_eq!(authority.requests(), before, "the newest is there");
        credential.get_token(&scope(0)).expect("a token");
        assert_eq!(authority.requests(), before + 1, "the oldest is not");
    }
}

#[test]
fn a_handle_follows_its_token_through_renewal_and_clearing() {
    let authority = Authority::default();
    let cache = TokenCache::new();
    let credential = authority.credential(cache.clone());
    let handle = credential.for_scopes(SCOPE).expect("scopes");
    assert_eq!(authority.requests(), 0, "a handle asks nobody");
    let first = handle.token().expect("a token");
    assert!(Arc::ptr_eq(&first, &credential.get_token(&SCOPE).expect("a token")));
    cache.clear();
    let second = handle.token().expect("a token");
    assert_ne!(first, second);
    assert!(Arc::ptr_eq(&second, &handle.clone().token().expect("a token")));
    assert!(Arc::ptr_eq(&second, &credential.get_token(&SCOPE).expect("a token")));
    credential.reject(&second).expect("rejected");
    assert_ne!(handle.token().expect("a token"), second);
    assert_eq!(authority.requests(), 3);
    credential.for_scopes(["two words"]).expect_err("no scope");
}

#[test]
fn scopes_in_another_order_are_the_same_token_and_others_are_not() {
    let authority = Authority::default();
    let credential = authority.credential(TokenCache::new());
    let get = |scopes: &[&str]| credential.get_token(scopes).expect("a token");
    let both = get(&["a", "b"]);
    for same in [&["b", "a"][..], &["a", "b"], &["a", "b", "a"], &["b", "a"]] {
        assert_eq!(get(same), both, "{same:?}");
    }
    for other in [&["ab"][..], &["a"], &["b"], &["a", "b", "c"], &["A", "b"]] {
        assert_ne!(get(other), both, "{other:?}");
    }
    credential.get_token::<&str>(&[]).expect_err("no scope");
}
