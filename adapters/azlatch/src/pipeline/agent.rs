//! ureq: an agent whose requests go through a pipeline, and then by another agent.

use std::cell::RefCell;
use std::io::{Cursor, Read};
use std::time::Instant;

use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use http::request::Parts;
use http::{Request, Response};
use ureq::config::{Config, RedirectAuthHeaders};
use ureq::middleware::{Middleware, MiddlewareNext};
use ureq::{Agent, AsSendBody, Body, Error, SendBody, Timeout};

use super::exchange::Manner;
use super::redirect::{Leads, follow, is_redirect};
use super::sounding::{self, Length, Terms, sound};
use super::{Pipeline, PipelineError, TokenSource};

/// Bytes of a refusal that are read for the sake of its connection.
const MOST_USED_UP: u64 = 16 * 1024;

impl<S: TokenSource + 'static> Pipeline<S> {
    /// An agent that gives every request its token and sends it by `inner`.
    ///
    /// `inner` keeps its settings, connections and middleware, and so does each request that is
    /// [configured](ureq::RequestBuilder::config) for itself. Some differ in meaning:
    ///
    /// * **Redirects** within the site (scheme, host and port) are new requests with tokens; to any other site they are
    ///   followed without, whatever `redirect_auth_headers` says. They count against `max_redirects` as ever. The
    ///   redirect history begins with the last request that had a token.
    /// * **Timeouts** are those of each request that is sent, but `timeout_global` is for all of them; asking for a
    ///   token has a [time](super::Bearer::timeout) of its own.
    /// * **Bodies** up to [`body_limit`](Self::body_limit) are read into memory before they are sent. With a larger one
    ///   a 401 is final, though what it teaches is learnt.
    ///
    /// Shutting the agent down does not shut `inner` down.
    ///
    /// # Errors
    ///
    /// Requests fail as `inner`'s do. Why there is no token is in [`ureq::Error::Other`], as an
    /// [`azlatch::Error`](crate::Error).
    #[must_use]
    pub fn agent(&self, inner: Agent) -> Agent {
        let config = like(inner.config()).middleware(Through { pipeline: self.clone(), inner }).build();
        sounding::agent(config)
    }
}

/// The settings of another agent, without its middleware.
fn like(config: &Config) -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    let timeouts = config.timeouts();
    Agent::config_builder()
        .http_status_as_error(config.http_status_as_error())
        .https_only(config.https_only())
        .ip_family(config.ip_family())
        .tls_config(config.tls_config().clone())
        .proxy(config.proxy().cloned())
        .no_delay(config.no_delay())
        .max_redirects(config.max_redirects())
        .max_redirects_will_error(config.max_redirects_will_error())
        .redirect_auth_headers(config.redirect_auth_headers())
        .save_redirect_history(config.save_redirect_history())
        .user_agent(config.user_agent().clone())
        .accept(config.accept().clone())
        .accept_encoding(config.accept_encoding().clone())
        .max_response_header_size(config.max_response_header_size())
        .input_buffer_size(config.input_buffer_size())
        .output_buffer_size(config.output_buffer_size())
        .max_idle_connections(config.max_idle_connections())
        .max_idle_connections_per_host(config.max_idle_connections_per_host())
        .max_idle_age(config.max_idle_age())
        .allow_non_standard_methods(config.allow_non_standard_methods())
        .timeout_global(timeouts.global)
        .timeout_per_call(timeouts.per_call)
        .timeout_per_read(config.timeout_per_read())
        .timeout_per_write(config.timeout_per_write())
        .timeout_resolve(timeouts.resolve)
        .timeout_connect(timeouts.connect)
        .timeout_send_request(timeouts.send_request)
        .timeout_await_100(timeouts.await_100)
        .timeout_send_body(timeouts.send_body)
        .timeout_recv_response(timeouts.recv_response)
        .timeout_recv_body(timeouts.recv_body)
}

struct Through<S> {
    pipeline: Pipeline<S>,
    inner: Agent,
}

impl<S: TokenSource + 'static> Middleware for Through<S> {
    fn handle(&self, request: Request<SendBody<'_>>, next: MiddlewareNext<'_>) -> Result<Response<Body>, Error> {
        let began = Instant::now();
        let (mut parts, mut body) = request.into_parts();
        parts.headers.remove(AUTHORIZATION);
        let terms = sound(next, Request::from_parts(parts.clone(), body.as_body()))?;
        let mut trip = Trip { through: self, terms, began, left: terms.redirects };
        let payload = Payload::new(body, terms.body, self.pipeline.body_limit)?;
        if let (Payload::Stream(_), Length::Known(bytes)) = (&payload, terms.body) {
            parts.headers.insert(CONTENT_LENGTH, bytes.into());
        }
        trip.travel(parts, payload)
    }
}

/// One request of the application, with its redirects.
struct Trip<'a, S> {
    through: &'a Through<S>,
    terms: Terms,
    began: Instant,
    /// Redirects that may still be followed.
    left: u32,
}

impl<S: TokenSource + 'static> Trip<'_, S> {
    fn travel(&mut self, mut parts: Parts, payload: Payload<'_>) -> Result<Response<Body>, Error> {
        let mut payload = RefCell::new(payload);
        loop {
            let response = self.send(&parts, &payload)?;
            if !is_redirect(&response) || self.terms.redirects == 0 {
                return self.hand_over(response);
            }
            if self.left == 0 {
                return if self.terms.too_many_is_error { Err(Error::TooManyRedirects) } else { Ok(response) };
            }
            self.left -= 1;
            let leads = follow(&mut parts, &response)?;
            payload = RefCell::new(Payload::Absent);
            if leads == Leads::Out {
                let response = self.run(Request::from_parts(parts, ()), self.left)?;
                let too_many = self.left == 0 && is_redirect(&response) && self.terms.too_many_is_error;
                return if too_many { Err(Error::TooManyRedirects) } else { self.hand_over(response) };
            }
        }
    }

    /// One conversation.
    fn send(&self, parts: &Parts, payload: &RefCell<Payload<'_>>) -> Result<Response<Body>, Error> {
        let again = |last: &mut Response<Body>| {
            let again = !matches!(*payload.borrow(), Payload::Spent);
            if again {
                use_up(last);
            }
            again
        };
        let sent = self.through.pipeline.converse(&parts.uri, again, |manner: Manner| {
            let mut parts = parts.clone();
            manner.dress(&parts.method, &mut parts.headers);
            if !manner.body {
                if !matches!(*payload.borrow(), Payload::Absent) {
                    parts.headers.insert(CONTENT_LENGTH, 0.into());
                }
                return self.run(Request::from_parts(parts, SendBody::none()), 0);
            }
            let payload = &mut *payload.borrow_mut();
            match payload {
                Payload::Absent => self.run(Request::from_parts(parts, SendBody::none()), 0),
                Payload::Bytes(bytes) => self.run(Request::from_parts(parts, bytes.as_slice()), 0),
                Payload::Stream(stream) => {
                    let response = self.run(Request::from_parts(parts, SendBody::from_reader(stream)), 0);
                    *payload = Payload::Spent;
                    response
                }
                // Nothing asks for it: a conversation that cannot send again has ended.
                Payload::Spent => Err(Error::BodyExceedsLimit(self.through.pipeline.body_limit as u64)),
            }
        });
        sent.map_err(|error| match error {
            PipelineError::Send(error) => error,
            PipelineError::Token(error) => Error::Other(Box::new(error)),
        })
    }

    /// Sends by the inner agent, which follows `redirects` by itself, and takes every status for an answer.
    fn run(&self, request: Request<impl AsSendBody>, redirects: u32) -> Result<Response<Body>, Error> {
        let mut config = self
            .through
            .inner
            .configure_request(request)
            .http_status_as_error(false)
            .max_redirects(redirects)
            .redirect_auth_headers(RedirectAuthHeaders::Never);
        if let Some(within) = self.terms.within {
            match within.saturating_sub(self.began.elapsed()) {
                left if left.is_zero() => return Err(Error::Timeout(Timeout::Global)),
                left => config = config.timeout_global(Some(left)),
            }
        }
        self.through.inner.run(config.build())
    }

    fn hand_over(&self, response: Response<Body>) -> Result<Response<Body>, Error> {
        let status = response.status();
        if self.terms.status_as_error && (status.is_client_error() || status.is_server_error()) {
            return Err(Error::StatusCode(status.as_u16()));
        }
        Ok(response)
    }
}

/// Reads what is left of `response` if that is little: its connection serves the next request.
fn use_up(response: &mut Response<Body>) {
    if response.body().content_length().is_some_and(|bytes| bytes <= MOST_USED_UP) {
        // If it cannot be read, there will be another connection.
        let _ = std::io::copy(&mut response.body_mut().as_reader(), &mut std::io::sink());
    }
}

/// A request's body.
enum Payload<'b> {
    Absent,
    /// Can be sent as often as needed.
    Bytes(Vec<u8>),
    /// Can be sent once.
    Stream(Box<dyn Read + 'b>),
    /// Was sent.
    Spent,
}

impl<'b> Payload<'b> {
    /// Reads `body` if it is no longer than `limit`.
    fn new(body: SendBody<'b>, length: Length, limit: usize) -> Result<Self, Error> {
        let mut reader = body.into_reader();
        let limit = limit as u64;
        match length {
            Length::Absent => return Ok(Self::Absent),
            Length::Known(bytes) if bytes > limit => return Ok(Self::Stream(Box::new(reader))),
            Length::Known(_) | Length::Unknown => {}
        }
        let mut bytes = Vec::new();
        reader.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(match bytes.len() as u64 > limit {
            false => Self::Bytes(bytes),
            true => Self::Stream(Box::new(Cursor::new(bytes).chain(reader))),
        })
    }
}
