//! Bound credentials: one request for many, no request for hits, and what happens when drivers err.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use azlatch::prelude::*;
use azlatch::{Adapters, Blocking, ErrorKind, Note, Protection, Source, TokenCache};
use azlatch_core::Host;
use azlatch_core::effect::{Effect, Reply, Response};

/// An authority in memory: counts, and does as it is told.
#[derive(Clone, Default)]
struct Authority(Arc<Orders>);

#[derive(Default)]
struct Orders {
    tokens: AtomicUsize,
    discoveries: AtomicUsize,
    slow: AtomicBool,
    down: AtomicBool,
    refusing: AtomicBool,
    panicking: AtomicBool,
}

impl Host for Authority {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        let Effect::Http(ask) = effect else { return Err(effect) };
        let json = |status, body: String| Response::new(status, Vec::new(), body.as_bytes());
        if ask.op.url.contains("/discovery/") {
            self.0.discoveries.fetch_add(1, SeqCst);
            return Ok(ask.answer(Ok(json(200, r#"{"tenant_discovery_endpoint":"https://x/"}"#.into()))));
        }
        let number = self.0.tokens.fetch_add(1, SeqCst);
        assert!(!self.0.panicking.load(SeqCst), "as ordered");
        let body = ask.op.body.as_ref().map(|body| String::from_utf8_lossy(body.expose_secret()).into_owned());
        if self.0.slow.load(SeqCst) || body.is_some_and(|body| body.contains("hung")) {
            thread::sleep(Duration::from_millis(300));
        }
        let answer = if self.0.down.load(SeqCst) {
            Response::new(503, vec![("retry-after".into(), "600".into())], b"".as_slice())
        } else if self.0.refusing.load(SeqCst) {
            json(401, r#"{"error":"invalid_client","error_codes":[7000215]}"#.into())
        } else {
            json(200, format!(r#"{{"access_token":"token-{number}","expires_in":3599}}"#))
        };
        Ok(ask.answer(Ok(answer)))
    }
}

impl Authority {
    fn requests(&self) -> usize {
        self.0.tokens.load(SeqCst)
    }

    fn adapters(&self) -> Adapters {
        Adapters::in_environment([("HOME", "/nonexistent")].into_iter().collect()).expect("adapters").http(self.clone())
    }

    fn credential(&self) -> Blocking<ClientSecretCredential> {
        describe().blocking_with(&self.adapters()).expect("bound")
    }

    fn persistent(&self, directory: &std::path::Path) -> Blocking<ClientSecretCredential> {
        let plain = TokenCachePersistenceOptions::default().allow_unencrypted_storage(true);
        let adapters = self.adapters().cache_directory(directory);
        describe().cache_persistence_options(plain).blocking_with(&adapters).expect("bound")
    }
}

const VAULT: &[&str] = &["https://vault.example/.default"];

fn describe() -> ClientSecretCredential {
    ClientSecretCredential::new("tenant", "client", "secret").expect("a credential")
}

fn request() -> TokenRequest {
    TokenRequest::new(VAULT).expect("a request")
}

/// What `count` threads get that ask at the same moment.
fn crowd<T: Send>(count: usize, ask: impl Fn() -> T + Sync) -> Vec<T> {
    let start = Barrier::new(count);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    ask()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

#[test]
fn c_01_many_cold_callers_make_one_request() {
    let authority = Authority::default();
    authority.0.slow.store(true, SeqCst);
    let credential = authority.credential();
    let tokens = crowd(100, || credential.get_token(VAULT).expect("a token").expose_secret().to_owned());
    assert!(tokens.iter().all(|token| token == "token-0"));
    assert_eq!(authority.requests(), 1);
}

#[test]
fn c_02_many_callers_share_one_failure() {
    for (refusing, kind) in [(false, ErrorKind::Network), (true, ErrorKind::AuthenticationFailed)] {
        let authority = Authority::default();
        authority.0.slow.store(true, SeqCst);
        authority.0.down.store(!refusing, SeqCst);
        authority.0.refusing.store(refusing, SeqCst);
        let credential = authority.credential();
        let errors = crowd(50, || credential.get_token(VAULT).expect_err("no token").kind());
        assert!(errors.iter().all(|error| *error == kind), "{errors:?}");
        assert_eq!(authority.requests(), 1, "{kind:?}");
        // A refusal is not remembered: whoever asks later asks the authority. An overload is.
        authority.0.down.store(false, SeqCst);
        authority.0.refusing.store(false, SeqCst);
        assert_eq!(credential.get_token(VAULT).is_ok(), refusing);
        assert_eq!(authority.requests(), if refusing { 2 } else { 1 });
    }
}

#[test]
fn c_02_a_refusal_does_not_outlive_its_cause_in_a_busy_process() {
    let authority = Authority::default();
    authority.0.slow.store(true, SeqCst);
    authority.0.refusing.store(true, SeqCst);
    let credential = authority.credential();
    let mended = Instant::now() + Duration::from_millis(500);
    let done = crowd(8, || {
        while credential.get_token(VAULT).is_err() {
            if Instant::now() > mended {
                authority.0.refusing.store(false, SeqCst);
            }
            if Instant::now() > mended + Duration::from_secs(10) {
                return false;
            }
        }
        true
    });
    assert!(done.into_iter().all(|done| done), "a refusal was shared for ever");
}

#[test]
fn c_05_a_hung_fetch_delays_no_other_token() {
    let authority = Authority::default();
    let credential = authority.credential();
    credential.get_token(VAULT).expect("a token");
    thread::scope(|scope| {
        scope.spawn(|| credential.get_token(&["https://hung.example/.default"]));
        thread::sleep(Duration::from_millis(50));
        let start = Instant::now();
        credential.get_token(VAULT).expect("a hit");
        credential.get_token(&["https://other.example/.default"]).expect("a miss");
        assert!(start.elapsed() < Duration::from_millis(150), "{:?}", start.elapsed());
    });
}

#[test]
fn c_07_a_driver_that_panics_leaves_no_lock() {
    for persistent in [false, true] {
        let authority = Authority::default();
        let directory = tempfile::tempdir().expect("a directory");
        let credential = if persistent { authority.persistent(directory.path()) } else { authority.credential() };
        authority.0.panicking.store(true, SeqCst);
        assert!(catch_unwind(AssertUnwindSafe(|| credential.get_token(VAULT))).is_err());
        authority.0.panicking.store(false, SeqCst);
        let start = Instant::now();
        credential.get_token(VAULT).expect("a token");
        assert!(start.elapsed() < Duration::from_secs(2), "the lock was kept");
    }
}

#[test]
fn clones_share_and_credentials_share_when_told_to() {
    let authority = Authority::default();
    let credential = authority.credential();
    let token = credential.get_token(VAULT).expect("a token");
    assert!(Arc::ptr_eq(&token, &credential.clone().get_token(VAULT).expect("a token")));
    authority.credential().get_token(VAULT).expect("a token");
    assert_eq!(authority.requests(), 2, "another credential has a cache of its own");

    let adapters = authority.adapters().token_cache(TokenCache::new());
    for _ in 0..2 {
        describe().blocking_with(&adapters).expect("bound").get_token(VAULT).expect("a token");
    }
    assert_eq!(authority.requests(), 3);
}

#[test]
fn tenants_scopes_and_cae_are_different_tokens() {
    let authority = Authority::default();
    let credential =
        describe().additionally_allowed_tenants(["*"]).blocking_with(&authority.adapters()).expect("bound");
    let requests = [request(), request().tenant_id("other"), request().enable_cae(true)];
    for expected in [[Source::Network; 3], [Source::Memory; 3]] {
        let sources = requests.each_ref().map(|request| credential.answer(request).expect("a token").explain.source);
        assert_eq!(sources, expected);
    }
    let refused = describe().blocking_with(&authority.adapters()).expect("bound").answer(&requests[1]);
    assert_eq!(refused.expect_err("not allowed").kind(), ErrorKind::Configuration);
}

#[test]
fn force_claims_and_rejection_get_new_tokens() {
    let authority = Authority::default();
    let credential = authority.credential();
    let first = credential.get_token(VAULT).expect("a token");
    let forced = credential.answer(&request().force_refresh()).expect("a token");
    assert_eq!((forced.token.expose_secret(), forced.explain.source), ("token-1", Source::Network));
    assert_ne!(first, forced.token);
    let challenged = credential.answer(&request().claims(r#"{"access_token":{"nbf":null}}"#)).expect("a token");
    assert_eq!(challenged.token.expose_secret(), "token-2");
    // The claims were for once: the new token serves from now on.
    assert_eq!(credential.get_token(VAULT).expect("a token").expose_secret(), "token-2");

    authority.0.down.store(true, SeqCst);
    credential.answer(&request().rejecting("token-2".into())).expect_err("the authority is down");
    credential.get_token(VAULT).expect_err("what was rejected is not handed out again");
}

#[test]
fn a_valid_token_outlives_a_store_that_cannot_be_used() {
    let authority = Authority::default();
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("no-directory");
    std::fs::write(&file, "").expect("written");
    let credential = authority.persistent(&file);
    let answer = credential.answer(&request()).expect("a token");
    assert!(answer.explain.notes.iter().any(|note| matches!(note, Note::LoadFailed(_))), "{:?}", answer.explain);
    assert_eq!(credential.answer(&request()).expect("a token").explain.source, Source::Memory);
    assert_eq!(authority.requests(), 1);
}

#[test]
fn persistence_is_plain_text_by_name_or_an_error() {
    let authority = Authority::default();
    let directory = tempfile::tempdir().expect("a directory");
    let adapters = authority.adapters().cache_directory(directory.path());
    let options = TokenCachePersistenceOptions::default();
    let encrypted = describe().cache_persistence_options(options.clone()).blocking_with(&adapters);
    assert_eq!(encrypted.expect_err("nothing encrypts").kind(), ErrorKind::Storage);
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0, "nothing is written");

    let plain = options.allow_unencrypted_storage(true);
    let bad_name = describe().cache_persistence_options(plain.clone().name("../escape")).blocking_with(&adapters);
    assert_eq!(bad_name.expect_err("no name").kind(), ErrorKind::Configuration);
    let relative = describe().cache_persistence_options(plain).blocking_with(&adapters.cache_directory("relative"));
    assert_eq!(relative.expect_err("no place").kind(), ErrorKind::Configuration);
    assert_eq!(authority.persistent(directory.path()).protection(), Protection::Plaintext);
    assert_eq!(authority.credential().protection(), Protection::Memory);
}

#[test]
fn what_is_cleared_elsewhere_is_gone_here_within_seconds() {
    let authority = Authority::default();
    let directory = tempfile::tempdir().expect("a directory");
    let credential = authority.persistent(directory.path());
    credential.get_token(VAULT).expect("a token");
    std::fs::remove_file(directory.path().join("msal.cache.nocae")).expect("cleared");
    assert_eq!(
        credential.answer(&request()).expect("a token").explain.source,
        Source::Memory,
        "a fresh hit asks nobody"
    );
    thread::sleep(Duration::from_millis(5100));
    authority.0.down.store(true, SeqCst);
    credential.get_token(VAULT).expect_err("cleared, and the authority is down");
}

#[test]
fn an_unknown_authority_is_vouched_for_once() {
    let authority = Authority::default();
    let unknown = describe().authority_host("login.contoso.example").expect("a host");
    let credential = unknown.clone().blocking_with(&authority.adapters()).expect("bound");
    authority.0.refusing.store(true, SeqCst);
    credential.get_token(VAULT).expect_err("refused");
    authority.0.refusing.store(false, SeqCst);
    for scope in ["a", "b", "a"] {
        credential.get_token(&[format!("https://{scope}.example/.default")]).expect("a token");
    }
    assert_eq!(authority.0.discoveries.load(SeqCst), 1);
    let trusting = unknown.disable_instance_discovery().blocking_with(&authority.adapters()).expect("bound");
    trusting.get_token(VAULT).expect("a token");
    assert_eq!(authority.0.discoveries.load(SeqCst), 1);
}
