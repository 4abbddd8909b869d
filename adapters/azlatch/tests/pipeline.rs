//! The pipeline in front of a client that is a function: what is sent, with which token, how often.

#[path = "pipeline/authority.rs"]
mod authority;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use authority::Authority;
use azlatch::pipeline::{Bearer, Pipeline, PipelineError, TokenSource};
use azlatch::prelude::*;
use azlatch::{AccessToken, Blocking, ErrorKind, Supplied};
use http::{Request, Response, StatusCode};

const SCOPE: &str = "https://api.example/.default";
const URL: &str = "https://api.example/things";
/// `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`
const CLAIMS: &str = r#"Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxIn19fQ==""#;

type Sent = (Option<String>, String);

/// A resource: says a status and a challenge to a token, and remembers what it was sent.
struct Resource<F>(F, Mutex<Vec<Sent>>);

impl<F: Fn(Option<&str>) -> (u16, &'static str)> Resource<F> {
    fn new(judge: F) -> Self {
        Self(judge, Mutex::default())
    }

    fn send(&self, request: Request<String>) -> Result<Response<()>, http::Error> {
        let header = request.headers().get("authorization");
        assert!(header.is_none_or(|header| header.is_sensitive()));
        let token = header.map(|header| header.to_str().expect("text").strip_prefix("Bearer ").expect("a bearer"));
        let (status, challenge) = (self.0)(token);
        self.1.lock().expect("no panic").push((token.map(str::to_owned), request.body().clone()));
        Response::builder().status(status).header("www-authenticate", challenge).body(())
    }

    fn tokens(&self) -> Vec<Option<String>> {
        self.1.lock().expect("no panic").iter().map(|(token, _)| token.clone()).collect()
    }
}

fn get(url: &str) -> Request<String> {
    Request::get(url).body(String::new()).expect("a request")
}

fn credential(authority: &Authority) -> Blocking<ClientSecretCredential> {
    ClientSecretCredential::new("tenant", "client", "s3cret")
        .expect("a credential")
        .blocking_with(&authority.adapters())
        .expect("bound")
}

fn pipeline(authority: &Authority) -> Pipeline<Blocking<ClientSecretCredential>> {
    Pipeline::new(Bearer::new([SCOPE]).expect("scopes"), credential(authority))
}

fn token(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn only_https_is_given_a_token() {
    let authority = Authority::default();
    let pipeline = pipeline(&authority);
    for url in ["http://api.example/", "http://localhost/", "https://me@api.example/", "/things"] {
        let error = pipeline.send(get(url), |_| -> Result<Response<()>, ()> { panic!("sent to {url}") });
        assert!(matches!(&error, Err(PipelineError::Token(e)) if e.kind() == ErrorKind::Configuration), "{error:?}");
    }
    assert_eq!(authority.asked().len(), 0);
}

#[test]
fn the_applications_own_authorization_is_never_sent() {
    let pipeline = Pipeline::new(Bearer::from_challenges(), credential(&Authority::default()));
    let resource = Resource::new(|_| (200, ""));
    let mut request = get(URL);
    request.headers_mut().insert("authorization", "Basic c2VjcmV0".parse().expect("a value"));
    pipeline.send(request, |request| resource.send(request)).expect("sent");
    assert_eq!(resource.tokens(), [None]);
}

#[test]
fn n_25_a_claims_challenge_is_answered_once_and_the_old_token_rejected() {
    let directory = tempfile::tempdir().expect("a directory");
    let persistent = |authority: &Authority, directory: &Path| {
        ClientSecretCredential::new("tenant", "client", "s3cret")
            .expect("a credential")
            .cache_persistence_options(TokenCachePersistenceOptions::default().allow_unencrypted_storage(true))
            .blocking_with(&authority.adapters().cache_directory(directory))
            .expect("bound")
    };
    let authority = Authority::default();
    let credential = persistent(&authority, directory.path());
    let pipeline = Pipeline::new(Bearer::new([SCOPE]).expect("scopes"), credential.clone());
    let resource = Resource::new(|token| if token == Some("token-0") { (401, CLAIMS) } else { (200, "") });
    let request = Request::post(URL).body("the body".to_owned()).expect("a request");
    let response = pipeline.send(request, |request| resource.send(request)).expect("sent");
    assert_eq!(response.status(), 200);
    let body = || "the body".to_owned();
    assert_eq!(*resource.1.lock().expect("no panic"), [(token("token-0"), body()), (token("token-1"), body())]);
    let asked = authority.asked();
    let claims = asked[1].split('&').find(|field| field.starts_with("claims=")).expect("claims");
    assert!(claims.contains("nbf") && claims.contains("xms_cc"), "{claims}");

    // From now on with continuous access evaluation, by clones as well, and without asking for more.
    let more = pipeline.clone().send(get(URL), |request| resource.send(request)).expect("sent");
    assert_eq!((more.status(), resource.tokens().last()), (StatusCode::OK, Some(&token("token-1"))));
    assert_eq!(authority.asked().len(), 2);

    for (name, other) in [("this", credential), ("another", persistent(&authority, directory.path()))] {
        let handed_out = other.get_token(&[SCOPE]).expect("a token");
        assert_ne!(handed_out.expose_secret(), "token-0", "by {name} credential");
    }
}

#[test]
fn a_second_401_is_the_applications() {
    let authority = Authority::default();
    let pipeline = pipeline(&authority);
    let resource = Resource::new(|_| (401, CLAIMS));
    let response = pipeline.send(get(URL), |request| resource.send(request)).expect("a response");
    assert_eq!(response.status(), 401);
    assert_eq!(resource.tokens(), [token("token-0"), token("token-1")]);
}

#[test]
fn t_04_a_refused_token_is_not_served_again_and_refusals_cost_two_tokens_not_a_hundred() {
    for challenge in ["Bearer", CLAIMS] {
        let authority = Authority::default();
        let pipeline = pipeline(&authority);
        let resource = Resource::new(|_| (401, challenge));
        for _ in 0..100 {
            let response = pipeline.send(get(URL), |request| resource.send(request)).expect("a response");
            assert_eq!(response.status(), 401);
        }
        let tokens = resource.tokens();
        assert_eq!((&tokens[0], tokens.last()), (&token("token-0"), Some(&token("token-1"))), "{challenge}");
        assert_eq!(authority.asked().len(), 2, "{challenge}");
    }
}

#[test]
fn a_vaults_challenge_says_which_token_it_wants_before_it_gets_the_body() {
    const VAULT: &str =
        r#"Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://vault.azure.net""#;
    let authority = Authority::default();
    let pipeline = Pipeline::new(Bearer::from_challenges(), credential(&authority));
    let resource = Resource::new(|token| if token.is_none() { (401, VAULT) } else { (200, "") });
    let lengths = Mutex::new(Vec::new());
    let put = || Request::put("https://mine.vault.azure.net/secrets/a").body("s3cret value".to_owned());
    for _ in 0..2 {
        let sent = pipeline.send(put().expect("a request"), |request| {
            let length = request.headers().get("content-length").map(|value| value.to_str().expect("text").to_owned());
            lengths.lock().expect("no panic").push(length);
            resource.send(request)
        });
        assert_eq!(sent.expect("sent").status(), 200);
    }
    let with = || (token("token-0"), "s3cret value".to_owned());
    assert_eq!(*resource.1.lock().expect("no panic"), [(None, String::new()), with(), with()]);
    assert_eq!(*lengths.lock().expect("no panic"), [token("0"), None, None]);
    assert_eq!(authority.asked().len(), 1);
}

#[test]
fn i_04_challenges_of_rogues_and_foreign_tenants_cost_nothing() {
    const MINE: &str = "https://mine.vault.azure.net/";
    for (url, challenge) in [
        // A rogue wants a token of Key Vault.
        (
            "https://rogue.example/",
            r#"Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://vault.azure.net""#,
        ),
        (MINE, r#"Bearer authorization="https://login.rogue.example/tenant", resource="https://vault.azure.net""#),
        // A tenant that the credential does not allow.
        (MINE, r#"Bearer authorization="https://login.microsoftonline.com/other", resource="https://vault.azure.net""#),
    ] {
        let authority = Authority::default();
        let pipeline = Pipeline::new(Bearer::from_challenges(), credential(&authority));
        let resource = Resource::new(|_| (401, challenge));
        let error = pipeline.send(get(url), |request| resource.send(request)).expect_err("refused");
        assert!(matches!(&error, PipelineError::Token(e) if e.kind() == ErrorKind::Configuration), "{error:?}");
        assert_eq!((resource.tokens(), authority.asked().len()), (vec![None], 0), "{challenge}");
    }
}

#[test]
fn a_function_is_called_once_for_many_requests_and_again_after_a_refusal() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let source = Blocking::from_fn("counter", move |_| {
        let value = format!("token-{}", counter.fetch_add(1, SeqCst)).into();
        Ok(Supplied { value, expires_on: None, refresh_on: None })
    });
    let pipeline = Pipeline::new(Bearer::new([SCOPE]).expect("scopes"), source.expect("a credential"));
    let good = Resource::new(|_| (200, ""));
    for _ in 0..100 {
        pipeline.send(get(URL), |request| good.send(request)).expect("sent");
    }
    assert_eq!(calls.load(SeqCst), 1);
    let bad = Resource::new(|_| (401, "Bearer"));
    pipeline.send(get(URL), |request| bad.send(request)).expect("a response");
    pipeline.send(get(URL), |request| good.send(request)).expect("sent");
    assert_eq!(good.tokens().last(), Some(&token("token-1")));
    // Rejected in the source, too, not only ruled out by the pipeline.
    assert_eq!(pipeline.source().get_token(&[SCOPE]).expect("a token").expose_secret(), "token-1");
}

/// A source whose renewals are slow, and fail when told to.
struct Slow {
    fails: bool,
    renewals: AtomicUsize,
}

impl TokenSource for Slow {
    fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        if request.demand == azlatch::Demand::Any {
            return Ok("old".into());
        }
        self.renewals.fetch_add(1, SeqCst);
        thread::sleep(Duration::from_millis(100));
        if self.fails { Err(Error::new(ErrorKind::Network, "the authority is down")) } else { Ok("new".into()) }
    }
}

#[test]
fn n_25_a_crowd_with_one_refused_token_costs_one_token() {
    for fails in [false, true] {
        let source = Arc::new(Slow { fails, renewals: AtomicUsize::new(0) });
        let pipeline = Pipeline::new(Bearer::new([SCOPE]).expect("scopes"), source.clone());
        let crowd = Barrier::new(16);
        let resource = Resource::new(|token| {
            if token == Some("old") {
                crowd.wait();
                return (401, CLAIMS);
            }
            (200, "")
        });
        let send = || pipeline.send(get(URL), |request| resource.send(request)).is_ok();
        let sent: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(send)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        assert_eq!(sent, [!fails; 16]);
        assert_eq!(source.renewals.load(SeqCst), 1, "fails: {fails}");
    }
}

/// A source whose renewals for one host hang until they are released, or five seconds.
struct Hanging {
    entered: Barrier,
    released: Mutex<mpsc::Receiver<()>>,
}

impl Hanging {
    const URL: &str = "https://hanging.example/";

    fn new() -> (mpsc::Sender<()>, Arc<Self>) {
        let (release, released) = mpsc::channel();
        (release, Arc::new(Self { entered: Barrier::new(2), released: Mutex::new(released) }))
    }
}

impl TokenSource for Hanging {
    fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        // It keeps no account of what was refused.
        let azlatch::Demand::Claims(_) = request.demand else { return Ok("old".into()) };
        if request.scopes.to_string().contains("hanging") {
            self.entered.wait();
            let _ = self.released.lock().expect("no panic").recv_timeout(Duration::from_secs(5));
        }
        Ok("new".into())
    }
}

/// A resource of its own at each host; none of them is content with the first token.
fn renewing<S: TokenSource>(pipeline: &Pipeline<S>, url: &str) -> Result<StatusCode, Error> {
    let sent = pipeline.send(get(url), |request| {
        let challenge = match request.headers().get("authorization") {
            None => format!(r#"Bearer authorization="https://login.microsoftonline.com/tenant", resource="{url}""#),
            Some(header) if header == "Bearer old" => CLAIMS.to_owned(),
            Some(_) => return Response::builder().body(()),
        };
        Response::builder().status(401).header("www-authenticate", challenge).body(())
    });
    sent.map(|response| response.status()).map_err(|error| match error {
        PipelineError::Token(error) => error,
        PipelineError::Send(error) => panic!("{error}"),
    })
}

#[test]
fn c_05_a_hanging_renewal_delays_no_other() {
    let (release, source) = Hanging::new();
    let pipeline = Pipeline::new(Bearer::from_challenges(), source.clone());
    thread::scope(|scope| {
        let hanging = scope.spawn(|| renewing(&pipeline, Hanging::URL));
        source.entered.wait();
        for i in 0..200 {
            assert_eq!(renewing(&pipeline, &format!("https://api{i}.example/")), Ok(StatusCode::OK));
        }
        assert!(!hanging.is_finished(), "the others waited for it");
        release.send(()).expect("still there");
        assert_eq!(hanging.join().expect("no panic"), Ok(StatusCode::OK));
    });
}

#[test]
fn c_05_who_waits_for_a_hanging_renewal_waits_no_longer_than_allowed() {
    let (release, source) = Hanging::new();
    let policy = Bearer::from_challenges().timeout(Duration::from_millis(50));
    let pipeline = Pipeline::new(policy, source.clone());
    thread::scope(|scope| {
        let hanging = scope.spawn(|| renewing(&pipeline, Hanging::URL));
        source.entered.wait();
        let error = renewing(&pipeline, Hanging::URL).expect_err("the time is over");
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Network, true));
        assert!(!hanging.is_finished());
        release.send(()).expect("still there");
        assert_eq!(hanging.join().expect("no panic"), Ok(StatusCode::OK));
        assert_eq!(renewing(&pipeline, Hanging::URL), Ok(StatusCode::OK), "with the token that came late");
    });
}

#[test]
fn no_secret_is_shown() {
    let pipeline = pipeline(&Authority::default());
    let resource = Resource::new(|_| (401, "Bearer"));
    let response = pipeline.send(get(URL), |request| resource.send(request)).expect("a response");
    let failed = pipeline.send(get(URL), |_| -> Result<Response<()>, _> { Err(std::io::Error::other("torn")) });
    let unusable = Blocking::from_fn("broken", |_| {
        Ok(Supplied { value: "token-9\r\nx: y".into(), expires_on: None, refresh_on: None })
    });
    let unusable = Pipeline::new(Bearer::new([SCOPE]).expect("scopes"), unusable.expect("a credential"));
    let unusable = unusable.send(get(URL), |request| resource.send(request));
    assert!(unusable.is_err());
    let shown = format!("{pipeline:?} {pipeline:#?} {response:?} {failed:?} {unusable:?}");
    for secret in ["token-", "s3cret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
