//! One authority in memory for both: azlatch and `azure_identity` are asked the same and told the same.

#![allow(dead_code, reason = "no bench uses all of it")]

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use azlatch::{Adapters, Async, AsyncStd, Bind as _, Blocking, ClientSecretCredential, TokenCache};
use azlatch_core::Host;
use azlatch_core::effect::{Effect, Reply, Response};
use azure_core::credentials::{AccessToken, Secret, TokenCredential as _};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, ClientOptions, HttpClient, Request, StatusCode, Transport};
use azure_identity::{ClientSecretCredential as Other, ClientSecretCredentialOptions};

pub(crate) const TENANT: &str = "00000000-0000-0000-0000-0000000000a1";
pub(crate) const CLIENT: &str = "11111111-2222-3333-4444-555555555555";
pub(crate) const VAULT: [&str; 1] = ["https://vault.azure.net/.default"];
pub(crate) const GRAPH: [&str; 1] = ["https://graph.microsoft.com/.default"];
/// The fetch for this one hangs until it is let go.
pub(crate) const HUNG: [&str; 1] = ["https://hung.example/.default"];

/// The authority. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Authority(Arc<State>);

#[derive(Debug)]
struct State {
    requests: AtomicUsize,
    /// Milliseconds before each answer.
    pause: AtomicU64,
    down: AtomicBool,
    /// Whether those who hang may go.
    gone: (Mutex<bool>, Condvar),
    granted: String,
}

impl Authority {
    /// An authority whose tokens last `life` seconds and have the usual size.
    pub(crate) fn new(life: u64) -> Self {
        let token = format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.{}", "kZ3Jvd3RoLW9mLWEtdG9rZW4".repeat(60));
        let granted = format!(r#"{{"token_type":"Bearer","expires_in":{life},"access_token":"{token}"}}"#);
        Self(Arc::new(State {
            requests: AtomicUsize::new(0),
            pause: AtomicU64::new(0),
            down: AtomicBool::new(false),
            gone: (Mutex::new(false), Condvar::new()),
            granted,
        }))
    }

    pub(crate) fn pause(&self, millis: u64) {
        self.0.pause.store(millis, SeqCst);
    }

    /// From now on every answer is 503.
    pub(crate) fn fall(&self) {
        self.0.down.store(true, SeqCst);
    }

    pub(crate) fn requests(&self) -> usize {
        self.0.requests.load(SeqCst)
    }

    /// Lets those go that hang.
    pub(crate) fn release(&self) {
        *self.0.gone.0.lock().expect("no panic") = true;
        self.0.gone.1.notify_all();
    }

    fn answer(&self, body: &[u8]) -> (u16, &str) {
        self.0.requests.fetch_add(1, SeqCst);
        let pause = self.0.pause.load(SeqCst);
        if pause > 0 {
            thread::sleep(Duration::from_millis(pause));
        }
        if body.windows(4).any(|part| part == b"hung") {
            let gone = self.0.gone.0.lock().expect("no panic");
            drop(self.0.gone.1.wait_while(gone, |gone| !*gone).expect("no panic"));
        }
        if self.0.down.load(SeqCst) { (503, "") } else { (200, &self.0.granted) }
    }

    pub(crate) fn adapters(&self) -> Adapters {
        Adapters::in_environment([("HOME", "/nonexistent")].into_iter().collect()).expect("adapters").http(self.clone())
    }

    /// Our credential.
    pub(crate) fn blocking(&self) -> Blocking<ClientSecretCredential> {
        describe().blocking_with(&self.adapters()).expect("bound")
    }

    /// Ours with room for `count` tokens, and that many in it, that of [`VAULT`] among them.
    pub(crate) fn blocking_of(&self, count: usize) -> Blocking<ClientSecretCredential> {
        let adapters = self.adapters().token_cache(TokenCache::with_limits(200_000, 1 << 30));
        let credential = describe().blocking_with(&adapters).expect("bound");
        credential.get_token(&VAULT).expect("a token");
        (1..count).for_each(|i| drop(credential.get_token(&[scope(i)]).expect("a token")));
        credential
    }

    /// Ours on async-std.
    pub(crate) fn tasks(&self) -> AsyncStd<ClientSecretCredential> {
        Async::new(describe(), &self.adapters(), azlatch::OnAsyncStd::new(&self.adapters()).expect("a runtime"))
            .expect("bound")
    }

    /// The credential of `azure_identity`.
    pub(crate) fn other(&self) -> Arc<Other> {
        let client_options =
            ClientOptions { transport: Some(Transport::new(Arc::new(self.clone()))), ..Default::default() };
        let options = ClientSecretCredentialOptions { client_options };
        Other::new(TENANT, CLIENT.into(), Secret::new("s3cret"), Some(options)).expect("a credential")
    }
}

/// Our description, without the question whether the authority is a real one: `azure_identity` does not ask that.
pub(crate) fn describe() -> ClientSecretCredential {
    ClientSecretCredential::new(TENANT, CLIENT, "s3cret").expect("a credential").disable_instance_discovery()
}

pub(crate) fn scope(i: usize) -> String {
    format!("https://resource-{i:06}.example.net/.default")
}

impl Host for Authority {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        let Effect::Http(ask) = effect else { return Err(effect) };
        let body = ask.op.body.as_ref().map(|body| body.expose_secret()).unwrap_or_default();
        let (status, text) = self.answer(body);
        let response = Response::new(status, Vec::new(), text.as_bytes());
        Ok(ask.answer(Ok(response)))
    }
}

#[async_trait::async_trait]
impl HttpClient for Authority {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let body = match request.body() {
            azure_core::http::Body::Bytes(bytes) => bytes.clone(),
            azure_core::http::Body::SeekableStream(_) => Default::default(),
        };
        let (status, text) = self.answer(&body);
        Ok(AsyncRawResponse::from_bytes(StatusCode::from(status), Headers::new(), text.as_bytes().to_vec()))
    }
}

/// A hit of `azure_identity`, polled once: no executor costs less.
#[inline(always)]
pub(crate) fn hit_other(credential: &Other, scopes: &[&str]) -> AccessToken {
    ready(credential.get_token(scopes, None)).expect("a token")
}

/// What `future` has at once. Inlined: to be moved would cost a small future more than to be polled.
#[inline(always)]
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a hit waits for nothing"),
    }
}

/// What `future` comes to, however long it takes.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
