//! The pipeline in front of an async client, on a runtime of a few lines.

#[path = "pipeline/authority.rs"]
mod authority;

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use authority::Authority;
use azlatch::pipeline::{AsyncTokenSource, Bearer, Pipeline, PipelineError};
use azlatch::prelude::*;
use azlatch::{AccessToken, Async, Demand, ErrorKind, Runtime, Supplied, Work};
use azlatch_core::effect::{Effect, Reply};
use azlatch_core::{AsyncHost, Host as _};
use http::{Request, Response};

const SCOPE: &str = "https://api.example/.default";
const URL: &str = "https://api.example/things";
const CLAIMS: &str = r#"Bearer error="insufficient_claims", claims="e30=""#;

/// A thread for each task and for all work that blocks.
#[derive(Clone, Default)]
struct Threads(Authority);

struct Driver(Authority);

impl AsyncHost for Driver {
    async fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        self.0.perform(effect)
    }
}

impl Runtime for Threads {
    type Driver = Driver;

    fn driver(&self) -> Driver {
        Driver(self.0.clone())
    }

    fn spawn(&self, task: Work) {
        thread::spawn(|| block_on(task));
    }

    fn sleep(&self, _span: Duration) -> Work {
        Box::pin(pending())
    }

    fn offload(&self, work: Box<dyn FnOnce() + Send>) {
        thread::spawn(work);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// Answers a request, and notes its token and body.
#[derive(Default)]
struct Resource {
    sent: Mutex<Vec<String>>,
}

impl Resource {
    async fn answer(&self, request: Request<&str>, refused: &str) -> Result<Response<()>, http::Error> {
        let header = request.headers().get("authorization").expect("a token").to_str().expect("text");
        self.sent.lock().expect("no panic").push(format!("{header} {}", request.body()));
        let status = if header.ends_with(refused) { 401 } else { 200 };
        Response::builder().status(status).header("www-authenticate", CLAIMS).body(())
    }

    fn sent(&self) -> Vec<String> {
        self.sent.lock().expect("no panic").clone()
    }
}

fn post() -> Request<&'static str> {
    Request::post(URL).body("the body").expect("a request")
}

fn bearer() -> Bearer {
    Bearer::new([SCOPE]).expect("scopes")
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn n_25_a_claims_challenge_is_answered_once_and_the_old_token_rejected() {
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = Threads::default();
    let bind = || {
        let options = TokenCachePersistenceOptions::default().allow_unencrypted_storage(true);
        let credential = ClientSecretCredential::new("tenant", "client", "s3cret").expect("a credential");
        let adapters = runtime.0.adapters().cache_directory(directory.path());
        Async::new(credential.cache_persistence_options(options), &adapters, runtime.clone()).expect("bound")
    };
    let (pipeline, resource) = (Pipeline::new(bearer(), bind()), Resource::default());
    let sent = pipeline.send_async(post(), |request| resource.answer(request, "token-0"));
    assert_eq!(block_on(is_send(sent)).expect("sent").status(), 200);
    assert_eq!(resource.sent(), ["Bearer token-0 the body", "Bearer token-1 the body"]);
    assert!(runtime.0.asked()[1].contains("xms_cc"));
    for credential in [pipeline.source().clone(), bind()] {
        assert_ne!(block_on(credential.get_token(&[SCOPE])).expect("a token").expose_secret(), "token-0");
    }
}

#[test]
fn plain_http_is_refused_and_refusals_are_paced() {
    let authority = Authority::default();
    let credential = ClientSecretCredential::new("tenant", "client", "s3cret").expect("a credential");
    let credential = Async::new(credential, &authority.adapters(), Threads(authority.clone())).expect("bound");
    let pipeline = Pipeline::new(bearer(), credential);
    let plain = Request::get("http://api.example/").body("").expect("a request");
    let refused = block_on(pipeline.send_async(plain, async |_| -> Result<Response<()>, ()> { panic!("sent") }));
    assert!(matches!(&refused, Err(PipelineError::Token(e)) if e.kind() == ErrorKind::Configuration), "{refused:?}");
    assert_eq!(authority.asked().len(), 0);

    let resource = Resource::default();
    for _ in 0..50 {
        let response = block_on(pipeline.send_async(post(), |request| resource.answer(request, "")));
        assert_eq!(response.expect("a response").status(), 401);
    }
    assert_eq!(authority.asked().len(), 2);
}

#[test]
fn a_function_is_called_once_for_many_requests() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let source = Async::from_fn("counter", Threads::default(), move |_| {
        let value = format!("token-{}", counter.fetch_add(1, SeqCst)).into();
        Ok(Supplied { value, expires_on: None, refresh_on: None })
    });
    let (pipeline, resource) = (Pipeline::new(bearer(), source.expect("a credential")), Resource::default());
    for _ in 0..100 {
        block_on(pipeline.send_async(post(), |request| resource.answer(request, "nobody"))).expect("sent");
    }
    assert_eq!(calls.load(SeqCst), 1);
}

/// A source whose renewals wait until everybody has come.
#[derive(Default)]
struct Slow(AtomicUsize);

impl AsyncTokenSource for Slow {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        if request.demand == Demand::Any {
            return Ok("old".into());
        }
        self.0.fetch_add(1, SeqCst);
        thread::sleep(Duration::from_millis(100));
        Ok("new".into())
    }
}

#[test]
fn n_25_a_crowd_with_one_refused_token_costs_one_token() {
    let source = Arc::new(Slow::default());
    let (pipeline, resource) = (Pipeline::new(bearer(), source.clone()), Resource::default());
    let crowd = std::sync::Barrier::new(16);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let sent = pipeline.send_async(post(), |request| {
                    if request.headers()["authorization"] == "Bearer old" {
                        crowd.wait();
                    }
                    resource.answer(request, "old")
                });
                assert_eq!(block_on(sent).expect("sent").status(), 200);
            });
        }
    });
    assert_eq!(source.0.load(SeqCst), 1);
}

/// A source whose renewals for one host never end.
struct Hanging;

impl AsyncTokenSource for Hanging {
    async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        match request.demand == Demand::Any {
            true => Ok("old".into()),
            false if request.scopes.to_string().contains("hanging") => pending().await,
            false => Ok("new".into()),
        }
    }
}

#[test]
fn c_05_a_hanging_renewal_delays_no_other() {
    let pipeline = Pipeline::new(Bearer::from_challenges(), Hanging);
    let renewing = |url: String| {
        let pipeline = &pipeline;
        async move {
            let request = Request::get(&url).body("").expect("a request");
            let answer = async |request: Request<&str>| {
                let challenge = match request.headers().get("authorization") {
                    None => format!(r#"Bearer authorization="https://login.microsoftonline.com/t", resource="{url}""#),
                    Some(header) if header == "Bearer old" => CLAIMS.to_owned(),
                    Some(_) => return Response::builder().body(()),
                };
                Response::builder().status(401).header("www-authenticate", challenge).body(())
            };
            pipeline.send_async(request, answer).await.expect("sent").status()
        }
    };
    let mut nobody = Context::from_waker(Waker::noop());
    let mut hanging = pin!(renewing("https://hanging.example/".to_owned()));
    assert!(hanging.as_mut().poll(&mut nobody).is_pending());
    for i in 0..200 {
        let other = pin!(renewing(format!("https://api{i}.example/"))).poll(&mut nobody);
        assert!(matches!(other, Poll::Ready(status) if status == 200), "api{i} waits for another");
    }
}
