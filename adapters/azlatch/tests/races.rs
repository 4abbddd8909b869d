//! What one caller must not do to another: impatience, rejection, clearing, panics.

#[cfg(feature = "async-std")]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use azlatch::prelude::*;
use azlatch::{Adapters, Blocking, CustomCredential, ErrorKind, Supplied, Token, TokenCache, Unix};
use azlatch_core::Host;
use azlatch_core::effect::{Effect, Reply, Response};

const SCOPE: [&str; 1] = ["https://vault.example/.default"];

/// A token of eight seconds is due after four.
const DUE: Duration = Duration::from_millis(4_200);

fn adapters() -> Adapters {
    Adapters::in_environment([("HOME", "/nonexistent")].into_iter().collect()).expect("adapters")
}

fn request() -> TokenRequest {
    TokenRequest::new(SCOPE).expect("a request")
}

fn within(millis: u64) -> TokenRequest {
    request().timeout(Duration::from_millis(millis))
}

/// The token of call `number`, which lives for `seconds`.
fn token(number: usize, seconds: i64) -> Supplied {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    let end = i64::try_from(now.as_secs()).expect("a time") + seconds;
    Supplied { value: format!("token-{number}").into(), expires_on: Some(Unix(end)), refresh_on: None }
}

fn down() -> Error {
    Error::new(ErrorKind::Network, "down")
}

/// A credential whose every call is counted and answered by `source`.
fn counted(
    adapters: Adapters,
    source: impl Fn(usize, Duration) -> Result<Supplied, Error> + Send + Sync + 'static,
) -> (CustomCredential, Adapters, Arc<AtomicUsize>) {
    let calls = Arc::<AtomicUsize>::default();
    let count = calls.clone();
    let adapters = adapters.call("source", move |call| source(count.fetch_add(1, SeqCst), call.timeout));
    (CustomCredential::new("source"), adapters, calls)
}

/// An authority that always answers, at once.
#[derive(Clone, Default)]
struct Authority(Arc<AtomicUsize>);

impl Host for Authority {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        let Effect::Http(ask) = effect else { return Err(effect) };
        let number = self.0.fetch_add(1, SeqCst);
        let body = format!(r#"{{"access_token":"token-{number}","expires_in":3599}}"#);
        Ok(ask.answer(Ok(Response::new(200, Vec::new(), body.as_bytes()))))
    }
}

fn describe() -> ClientSecretCredential {
    ClientSecretCredential::new("tenant", "client", "secret").expect("a credential")
}

fn lasting() -> ClientSecretCredential {
    describe().cache_persistence_options(TokenCachePersistenceOptions::default().allow_unencrypted_storage(true))
}

#[test]
fn a_caller_without_time_keeps_nobody_else_away() {
    let credential = describe().blocking_with(&adapters().http(Authority::default())).expect("bound");
    credential.answer(&within(0)).expect_err("no time");
    credential.get_token(&SCOPE).expect("the authority is up, and was never asked");
}

#[test]
fn a_hasty_callers_deadline_is_not_a_patient_ones() {
    let (credential, adapters, _) = counted(adapters(), |number, timeout| {
        let need = Duration::from_millis(1_000);
        thread::sleep(need.min(timeout));
        if timeout < need { Err(down()) } else { Ok(token(number, 3600)) }
    });
    let credential = credential.blocking_with(&adapters).expect("bound");
    let hasty = credential.clone();
    let leader = thread::spawn(move || hasty.answer(&within(600)).map(|answer| answer.token));
    thread::sleep(Duration::from_millis(100));
    let patient = credential.answer(&within(30_000));
    leader.join().expect("no panic").expect_err("no time");
    patient.expect("had time enough");
}

/// `forget` is done to a token while it is renewed in vain: what the next caller gets must be another.
fn while_renewal_fails(forget: impl Fn(&Blocking<CustomCredential>, &TokenCache, &Token)) {
    let cache = TokenCache::new();
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let gates = (entered.clone(), leave.clone());
    let (credential, adapters, _) = counted(adapters().token_cache(cache.clone()), move |number, _| {
        if number != 1 {
            return Ok(token(number, 8));
        }
        gates.0.wait();
        gates.1.wait();
        Err(down())
    });
    let credential = credential.blocking_with(&adapters).expect("bound");
    let old = credential.get_token(&SCOPE).expect("a token");
    thread::sleep(DUE);
    let renewing = credential.clone();
    let renewing = thread::spawn(move || renewing.get_token(&SCOPE));
    entered.wait();
    forget(&credential, &cache, &old);
    leave.wait();
    let _ = renewing.join().expect("no panic");
    // Another one, or the error of the renewal.
    assert!(credential.get_token(&SCOPE).map_or(true, |token| token != old));
}

#[test]
fn what_is_rejected_while_it_is_renewed_in_vain_stays_rejected() {
    while_renewal_fails(|credential, _, old| credential.reject(old).expect("rejected"));
}

#[test]
fn c_12_what_is_cleared_while_it_is_renewed_in_vain_stays_cleared() {
    while_renewal_fails(|_, cache, _| cache.clear());
}

#[test]
fn a_follower_without_time_gets_the_token_that_still_lives() {
    let (credential, adapters, _) = counted(adapters(), |number, _| {
        if number > 0 {
            thread::sleep(Duration::from_millis(1_500));
        }
        Ok(token(number, 12))
    });
    let credential = credential.blocking_with(&adapters).expect("bound");
    credential.get_token(&SCOPE).expect("a token");
    // A quarter of its life is left: it is ending.
    thread::sleep(Duration::from_millis(9_200));
    let leader = credential.clone();
    let leader = thread::spawn(move || leader.get_token(&SCOPE));
    thread::sleep(Duration::from_millis(200));
    let hasty = credential.answer(&within(300));
    leader.join().expect("no panic").expect("a token");
    hasty.expect("no error while a token lives");
}

#[test]
fn the_same_claims_are_asked_for_once() {
    let (credential, adapters, calls) = counted(adapters(), |number, _| {
        thread::sleep(Duration::from_millis(50));
        Ok(token(number, 3600))
    });
    let credential = credential.blocking_with(&adapters).expect("bound");
    let start = Barrier::new(40);
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                start.wait();
                credential.answer(&request().claims(r#"{"access_token":{}}"#)).expect("a token");
            });
        }
    });
    let calls = calls.load(SeqCst);
    assert!(calls < 4, "{calls} calls");
}

#[test]
fn a_rejection_reaches_the_store_that_holds_the_token() {
    let directory = tempfile::tempdir().expect("a directory");
    let bind = |description: ClientSecretCredential, cache: &TokenCache| {
        let adapters = adapters().http(Authority::default()).cache_directory(directory.path());
        description.blocking_with(&adapters.token_cache(cache.clone())).expect("bound")
    };
    let shared = TokenCache::new();
    let token = bind(lasting(), &shared).get_token(&SCOPE).expect("a token");
    let passing = bind(describe(), &shared);
    assert_eq!(passing.get_token(&SCOPE).expect("a token"), token, "shared");
    passing.reject(&token).expect("rejected");
    let elsewhere = bind(lasting(), &TokenCache::new()).answer(&request()).expect("a token");
    assert_eq!(elsewhere.explain.source, azlatch::Source::Network, "the file has it no longer");
}

#[test]
fn c_10_a_source_that_asks_for_its_own_token_is_told_at_once() {
    let own: Arc<std::sync::OnceLock<Blocking<CustomCredential>>> = Arc::default();
    let inside = own.clone();
    let (credential, adapters, _) = counted(adapters(), move |_, _| {
        let token = inside.get().expect("bound").get_token(&SCOPE)?;
        Ok(Supplied { value: token.expose_secret().into(), expires_on: None, refresh_on: None })
    });
    let credential = credential.blocking_with(&adapters).expect("bound");
    own.set(credential.clone()).expect("once");
    let began = std::time::Instant::now();
    assert_eq!(credential.get_token(&SCOPE).expect_err("no token").kind(), ErrorKind::Misuse);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn m_07_requests_that_fail_fill_no_memory() {
    let (credential, adapters, _) = counted(adapters(), |_, _| Err(down()));
    let cache = TokenCache::with_limits(100, 1 << 20);
    let credential = credential.blocking_with(&adapters.token_cache(cache.clone())).expect("bound");
    for number in 0..1000 {
        credential.get_token(&[format!("scope-{number}")]).expect_err("down");
    }
    let held = format!("{cache:?}");
    let places = held.trim_end_matches(" places)").rsplit(' ').next().and_then(|number| number.parse::<usize>().ok());
    assert!(places.is_some_and(|places| places <= 100), "{held}");
}

#[test]
fn claims_do_not_ride_along_with_an_ordinary_fetch() {
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let gates = (entered.clone(), leave.clone());
    let (credential, adapters, calls) = counted(adapters(), move |number, _| {
        if number == 0 {
            gates.0.wait();
            gates.1.wait();
        }
        Ok(token(number, 3600))
    });
    let credential = credential.blocking_with(&adapters).expect("bound");
    let ordinary = credential.clone();
    let ordinary = thread::spawn(move || ordinary.get_token(&SCOPE).expect("a token"));
    entered.wait();
    let special = credential.clone();
    let special = thread::spawn(move || special.answer(&request().claims("{}")).expect("a token").token);
    thread::sleep(Duration::from_millis(200));
    leave.wait();
    let (ordinary, special) = (ordinary.join().expect("no panic"), special.join().expect("no panic"));
    assert_eq!(calls.load(SeqCst), 2);
    assert_ne!(ordinary, special);
}

#[test]
fn what_was_rejected_is_not_handed_out_though_the_store_keeps_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let authority = Authority::default();
    let adapters = adapters().http(authority.clone()).cache_directory(directory.path());
    let credential = lasting().blocking_with(&adapters).expect("bound");
    let token = credential.get_token(&SCOPE).expect("a token");
    let kept = std::fs::read(directory.path().join("msal.cache.nocae")).expect("a document");
    credential.reject(&token).expect("rejected");
    std::fs::write(directory.path().join("msal.cache.nocae"), kept).expect("written back by another program");
    assert_ne!(credential.get_token(&SCOPE).expect("a token"), token);
}

#[cfg(feature = "async-std")]
mod asynchronous {
    use std::time::Instant;

    use azlatch_async_std::{block_on, sleep};

    use super::*;

    #[test]
    fn a_source_that_panics_takes_no_valid_token_away() {
        let (credential, adapters, _) = counted(adapters(), |number, _| {
            assert_eq!(number, 0, "as ordered");
            Ok(token(number, 20))
        });
        let credential = credential.async_std_with(&adapters).expect("bound");
        block_on(async {
            let old = credential.get_token(&SCOPE).await.expect("a token");
            sleep(Duration::from_millis(12_500)).await;
            assert_eq!(credential.get_token(&SCOPE).await.expect("no error while a token lives"), old);
        });
    }

    #[test]
    fn who_asks_first_is_answered_in_time_too() {
        let free = Arc::<AtomicBool>::default();
        let held = free.clone();
        let (credential, adapters, _) = counted(adapters(), move |_, _| {
            while !held.load(SeqCst) {
                thread::sleep(Duration::from_millis(10));
            }
            Err(down())
        });
        let credential = credential.async_std_with(&adapters).expect("bound");
        let began = Instant::now();
        thread::spawn(move || {
            thread::sleep(Duration::from_secs(5));
            free.store(true, SeqCst);
        });
        block_on(credential.answer(&within(500))).expect_err("no answer");
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    }

    #[test]
    fn who_renews_is_not_kept_waiting_and_may_leave() {
        let (credential, adapters, calls) = counted(adapters(), |number, _| {
            thread::sleep(Duration::from_millis(if number == 0 { 0 } else { 300 }));
            Ok(token(number, 8))
        });
        let credential = credential.async_std_with(&adapters).expect("bound");
        block_on(async {
            let old = credential.get_token(&SCOPE).await.expect("a token");
            sleep(DUE).await;
            let began = Instant::now();
            assert_eq!(credential.get_token(&SCOPE).await.expect("a token"), old);
            assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
            sleep(Duration::from_millis(700)).await;
            assert_ne!(credential.get_token(&SCOPE).await.expect("a token"), old, "renewed though nobody waited");
            assert_eq!(calls.load(SeqCst), 2);
        });
    }
}
