//! Requests with tokens: https only, a token for each, one answer to a resource that refuses it.
//!
//! A [`Pipeline`] is a policy ([`Bearer`]), a source of tokens and what the two have learnt about the resources. It
//! stands in front of any HTTP client:
//!
//! | client | how |
//! |---|---|
//! | [ureq] | [`Pipeline::agent`]: an agent whose every request goes through the pipeline |
//! | any that blocks | [`Pipeline::send`]: a function that sends one request |
//! | any async one | `Pipeline::send_async`, under the feature `async` |
//!
//! What it does for each request:
//!
//! 1. Plain http is refused before a token is asked for ([emulators](Bearer::allow_insecure_loopback) apart). An
//!    `Authorization` header of the application's own is never sent.
//! 2. A 401 with a claims challenge is answered once: with the claims, and from then on with continuous access
//!    evaluation. The refused token is [rejected](TokenSource::reject), so that no cache hands it out again. The second
//!    401 is the application's, as every other response is.
//! 3. With [`Bearer::from_challenges`], as Key Vault is used, the first request to a host goes without token and body,
//!    and the resource says which token it wants. What it may ask for is [bounded](azlatch_core::bearer).
//!
//! A token that was got because of a refusal is used for 30 s at least, even if it is refused as well: a resource that
//! answers everything with 401 costs two tokens a minute, not one with every request. Only claims that differ each time
//! are asked for each time.
//!
//! # ureq
//!
//! ```no_run
//! use azlatch::pipeline::{Bearer, Pipeline};
//! use azlatch::prelude::*;
//!
//! let credential = ClientSecretCredential::new("tenant", "client-id", "secret")?.blocking()?;
//! let pipeline = Pipeline::new(Bearer::new(["https://management.azure.com/.default"])?, credential);
//! let agent = pipeline.agent(ureq::Agent::new_with_defaults());
//! let subscriptions = agent.get("https://management.azure.com/subscriptions?api-version=2022-12-01").call()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Any other client, and a token source of your own
//!
//! ```
//! use azlatch::pipeline::{Bearer, Pipeline};
//! use azlatch::{Blocking, Supplied};
//!
//! // Called once; the cache of all other credentials keeps what it supplies.
//! let source = Blocking::from_fn("vending machine", |call| {
//!     Ok(Supplied { value: format!("token-for-{}", call.scopes).into(), expires_on: None, refresh_on: None })
//! })?;
//! let pipeline = Pipeline::new(Bearer::new(["api/.default"])?, source);
//! let request = http::Request::post("https://api.example/orders").body("one of each")?;
//! let response = pipeline.send(request, |request| {
//!     // Here a client sends it.
//!     assert_eq!(request.headers()["authorization"], "Bearer token-for-api/.default");
//!     http::Response::builder().status(201).body(())
//! })?;
//! assert_eq!(response.status(), 201);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    feature = "async",
    doc = r#"
# Async

```
use azlatch::Error;
use azlatch::pipeline::{AsyncTokenSource, Bearer, Pipeline};
use azlatch::{AccessToken, TokenRequest};

// An `azlatch::Async` credential, or any other source.
struct Fixed;
impl AsyncTokenSource for Fixed {
    async fn token(&self, _request: &TokenRequest) -> Result<AccessToken, Error> {
        Ok("a-token".into())
    }
}

async fn order() -> Result<http::StatusCode, Box<dyn std::error::Error>> {
    let pipeline = Pipeline::new(Bearer::new(["api/.default"])?, Fixed);
    let request = http::Request::post("https://api.example/orders").body("one of each")?;
    let response = pipeline.send_async(request, async |_request| http::Response::builder().status(201).body(())).await?;
    Ok(response.status())
}
# drop(order());
```
"#
)]

mod agent;
mod exchange;
mod redirect;
mod shared;
mod sounding;
mod source;
mod turns;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

pub use azlatch_core::bearer::Bearer;
use azlatch_core::cache::Demand;
use azlatch_core::credential::TokenRequest;
use azlatch_core::secret::AccessToken;
use azlatch_core::{Error, ErrorKind};
use exchange::{Errand, Exchange, Manner};
use http::{Request, Response, Uri};
use shared::Shared;
#[cfg(feature = "async")]
pub use source::AsyncTokenSource;
pub use source::TokenSource;

use crate::bound::out_of_time;

/// Bytes of a request's body that [`Pipeline::agent`] keeps to send them again, unless said otherwise.
const BODY_LIMIT: usize = 1024 * 1024;

/// Gives requests their tokens. Cheap to clone; what a clone learns all of them know.
pub struct Pipeline<S> {
    policy: Arc<Bearer>,
    source: Arc<S>,
    shared: Arc<Shared>,
    body_limit: usize,
}

/// Why there is no response.
#[derive(Debug)]
pub enum PipelineError<E> {
    /// The request must not be sent, or there is no token for it.
    Token(Error),
    /// The client could not send it.
    Send(E),
}

impl<S> Pipeline<S> {
    /// Requests by `policy` with tokens of `source`.
    #[must_use]
    pub fn new(policy: Bearer, source: S) -> Self {
        Self { policy: Arc::new(policy), source: Arc::new(source), shared: Arc::default(), body_limit: BODY_LIMIT }
    }

    /// How large a body [`agent`](Self::agent) keeps in memory to send it again, in bytes; 1 MiB unless said otherwise.
    ///
    /// A larger one is sent once, and a 401 in answer to it is final.
    #[must_use]
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Where the tokens come from.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    fn begin(&self, uri: &Uri) -> Result<(Exchange<'_>, Errand), Error> {
        Exchange::begin(&self.policy, &self.shared, &uri.to_string())
    }
}

impl<S: TokenSource> Pipeline<S> {
    /// Sends `request` by `send`, which is called three times at most, and says what came back at last.
    ///
    /// `send` must not follow a redirect to another site with the `Authorization` header that it is given.
    ///
    /// [`Bearer::timeout`] counts while another request is asking for the same token, too.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Token`] when the request must not have a token, or there is none; [`PipelineError::Send`] when
    /// `send` failed. A 401 is a response.
    pub fn send<B: Clone + Default, R, E>(
        &self,
        request: Request<B>,
        mut send: impl FnMut(Request<B>) -> Result<Response<R>, E>,
    ) -> Result<Response<R>, PipelineError<E>> {
        let blank = Blank::new(request);
        self.converse(blank.0.uri(), |_| true, |manner| send(blank.fill(&manner)))
    }

    /// As [`send`](Self::send), for a sender that fills in the request, and that may not be able to do so `again`: then
    /// the last response, which it is asked about, is final. Else that response is of no more use.
    fn converse<R, E>(
        &self,
        uri: &Uri,
        again: impl Fn(&mut Response<R>) -> bool,
        mut send: impl FnMut(Manner) -> Result<Response<R>, E>,
    ) -> Result<Response<R>, PipelineError<E>> {
        let (mut exchange, mut errand) = self.begin(uri)?;
        let mut last: Option<Response<R>> = None;
        loop {
            errand = match errand {
                Errand::Token(_) if last.as_mut().is_some_and(|last| !again(last)) => return finish(last),
                Errand::Token(request) => exchange.token(self.token(&request))?,
                Errand::Reject(token) => {
                    self.source.reject(&token);
                    exchange.rejected()?
                }
                Errand::Send(manner) => {
                    let response = send(manner).map_err(PipelineError::Send)?;
                    let next = exchange.answered(&response)?;
                    last = Some(response);
                    next
                }
                Errand::Finish => return finish(last),
            };
        }
    }

    fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        if request.demand == Demand::Any {
            return self.source.token(request);
        }
        let began = Instant::now();
        let _turn = self.shared.turns.take(request).ok_or_else(out_of_time)?;
        if let Some(outcome) = self.shared.settled(request, began, Instant::now()) {
            return outcome;
        }
        let left = left(request, began);
        let outcome = self.source.token(&left);
        self.shared.settle(request, left.timeout, outcome.clone(), Instant::now());
        outcome
    }
}

#[cfg(feature = "async")]
impl<S: AsyncTokenSource> Pipeline<S> {
    /// As [`send`](Self::send), without blocking.
    ///
    /// Dropping the future drops the request; what has been learnt until then stays known.
    ///
    /// The pipeline knows no runtime, and so no time: who waits while another request asks for the same token waits as
    /// long as that request asks. [`Async`](crate::Async) credentials need no longer than [`Bearer::timeout`]; a source
    /// that may hang is bounded by dropping the future.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_async<B: Clone + Default, R, E, F>(
        &self,
        request: Request<B>,
        mut send: impl FnMut(Request<B>) -> F,
    ) -> Result<Response<R>, PipelineError<E>>
    where
        F: Future<Output = Result<Response<R>, E>>,
    {
        let blank = Blank::new(request);
        let (mut exchange, mut errand) = self.begin(blank.0.uri())?;
        let mut last = None;
        loop {
            errand = match errand {
                Errand::Token(request) => exchange.token(self.token_async(&request).await)?,
                Errand::Reject(token) => {
                    self.source.reject(&token).await;
                    exchange.rejected()?
                }
                Errand::Send(manner) => {
                    let response = send(blank.fill(&manner)).await.map_err(PipelineError::Send)?;
                    let next = exchange.answered(&response)?;
                    last = Some(response);
                    next
                }
                Errand::Finish => return finish(last),
            };
        }
    }

    async fn token_async(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        if request.demand == Demand::Any {
            return self.source.token(request).await;
        }
        let began = Instant::now();
        let _turn = self.shared.turns.take_async(request).await;
        if let Some(outcome) = self.shared.settled(request, began, Instant::now()) {
            return outcome;
        }
        let left = left(request, began);
        let outcome = self.source.token(&left).await;
        self.shared.settle(request, left.timeout, outcome.clone(), Instant::now());
        outcome
    }
}

/// `request` in the time that it has left, having waited for its turn since `began`.
fn left(request: &TokenRequest, began: Instant) -> TokenRequest {
    request.clone().timeout(request.timeout.saturating_sub(began.elapsed()))
}

/// The application's request, from which those that are sent are made.
struct Blank<B>(Request<()>, B);

impl<B: Clone + Default> Blank<B> {
    fn new(request: Request<B>) -> Self {
        let (parts, body) = request.into_parts();
        Self(Request::from_parts(parts, ()), body)
    }

    fn fill(&self, manner: &Manner) -> Request<B> {
        let (mut parts, ()) = self.0.clone().into_parts();
        manner.dress(&parts.method, &mut parts.headers);
        Request::from_parts(parts, if manner.body { self.1.clone() } else { B::default() })
    }
}

/// The application's response. A conversation that ends has sent something, so it is there.
fn finish<R, E>(last: Option<Response<R>>) -> Result<Response<R>, PipelineError<E>> {
    last.ok_or_else(|| PipelineError::Token(Error::new(ErrorKind::Misuse, "a request ended that was never sent")))
}

impl<S> Clone for Pipeline<S> {
    fn clone(&self) -> Self {
        let Self { policy, source, shared, body_limit } = self;
        Self { policy: policy.clone(), source: source.clone(), shared: shared.clone(), body_limit: *body_limit }
    }
}

impl<S> fmt::Debug for Pipeline<S> {
    /// Without the source, which may not know that tokens are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, source: _, shared, body_limit } = self;
        f.debug_struct("Pipeline")
            .field("policy", policy)
            .field("shared", shared)
            .field("body_limit", body_limit)
            .finish_non_exhaustive()
    }
}

impl<E> From<Error> for PipelineError<E> {
    fn from(error: Error) -> Self {
        Self::Token(error)
    }
}

impl<E: fmt::Display> fmt::Display for PipelineError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(error) => error.fmt(f),
            Self::Send(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error> std::error::Error for PipelineError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Token(error) => error.source(),
            Self::Send(error) => error.source(),
        }
    }
}
