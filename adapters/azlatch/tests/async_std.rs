//! Credentials on async-std: what tasks see.
#![cfg(feature = "async-std")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use azlatch::prelude::*;
use azlatch::{Adapters, AsyncStd, ErrorKind, Source};
use azlatch_async_std::{block_on, spawn};
use azlatch_core::Host;
use azlatch_core::effect::{Effect, Reply, Response};

/// An authority in memory, which hangs for scopes that say so.
#[derive(Clone, Default)]
struct Authority(Arc<Orders>);

#[derive(Default)]
struct Orders {
    requests: AtomicUsize,
    panicking: AtomicBool,
}

impl Host for Authority {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        let Effect::Http(ask) = effect else { return Err(effect) };
        let number = self.0.requests.fetch_add(1, SeqCst);
        assert!(!self.0.panicking.load(SeqCst), "as ordered");
        let body = ask.op.body.as_ref().map(|body| String::from_utf8_lossy(body.expose_secret()).into_owned());
        let hung = body.is_some_and(|body| body.contains("hung"));
        thread::sleep(Duration::from_millis(if hung { 1000 } else { 100 }));
        let body = format!(r#"{{"access_token":"token-{number}","expires_in":3599}}"#);
        Ok(ask.answer(Ok(Response::new(200, Vec::new(), body.as_bytes()))))
    }
}

const SCOPE: &[&str] = &["https://vault.example/.default"];

fn credential(authority: &Authority, directory: Option<&std::path::Path>) -> AsyncStd<ClientSecretCredential> {
    let adapters = Adapters::in_environment([("HOME", "/nonexistent")].into_iter().collect()).expect("adapters");
    let adapters = adapters.http(authority.clone());
    let description = ClientSecretCredential::new("tenant", "client", "secret").expect("a credential");
    match directory {
        None => description.async_std_with(&adapters),
        Some(directory) => description
            .cache_persistence_options(TokenCachePersistenceOptions::default().allow_unencrypted_storage(true))
            .async_std_with(&adapters.cache_directory(directory)),
    }
    .expect("bound")
}

#[test]
fn c_01_a_thousand_tasks_make_one_request_in_memory_and_on_disk() {
    for persistent in [false, true] {
        let directory = tempfile::tempdir().expect("a directory");
        let authority = Authority::default();
        let credential = credential(&authority, persistent.then(|| directory.path()));
        let tasks: Vec<_> = (0..1000)
            .map(|_| {
                let credential = credential.clone();
                spawn(async move { credential.get_token(SCOPE).await.expect("a token").expose_secret().to_owned() })
            })
            .collect();
        for task in tasks {
            assert_eq!(block_on(task), "token-0");
        }
        assert_eq!(authority.0.requests.load(SeqCst), 1, "persistent: {persistent}");
    }
}

#[test]
fn c_05_a_hung_fetch_delays_no_other_token() {
    let authority = Authority::default();
    let credential = credential(&authority, None);
    block_on(credential.get_token(SCOPE)).expect("a token");
    let hanging = credential.clone();
    let hung = spawn(async move { hanging.get_token(&["https://hung.example/.default"]).await });
    thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    block_on(credential.get_token(SCOPE)).expect("a hit");
    block_on(credential.get_token(&["https://other.example/.default"])).expect("a miss");
    assert!(start.elapsed() < Duration::from_millis(600), "{:?}", start.elapsed());
    block_on(hung).expect("a token at last");
}

#[test]
fn c_07_a_driver_that_panics_is_an_error_and_leaves_no_lock() {
    let authority = Authority::default();
    let credential = credential(&authority, None);
    authority.0.panicking.store(true, SeqCst);
    let error = block_on(credential.get_token(SCOPE)).expect_err("it panicked");
    assert_eq!(error.kind(), ErrorKind::Misuse, "{error}");
    authority.0.panicking.store(false, SeqCst);
    let start = Instant::now();
    block_on(credential.get_token(SCOPE)).expect("a token");
    assert!(start.elapsed() < Duration::from_secs(2), "the lock was kept");
}

#[test]
fn a_follower_with_less_time_does_not_wait_for_the_leader() {
    let authority = Authority::default();
    let credential = credential(&authority, None);
    let request = TokenRequest::new(["https://hung.example/.default"]).expect("a request");
    let (patient, patiently) = (credential.clone(), request.clone());
    let leader = spawn(async move { patient.answer(&patiently).await });
    thread::sleep(Duration::from_millis(50));
    let start = Instant::now();
    let error = block_on(credential.answer(&request.clone().timeout(Duration::from_millis(200)))).expect_err("no time");
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(start.elapsed() < Duration::from_millis(700), "{:?}", start.elapsed());
    assert_eq!(block_on(leader).expect("a token").explain.source, Source::Network);
    assert_eq!(block_on(credential.answer(&request)).expect("a token").explain.source, Source::Memory);
}
