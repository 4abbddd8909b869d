//! A conversation from which lessons have been taken: what is left for blocking and async callers to do.

use std::time::Instant;

use azlatch_core::bearer::{Ask, Bearer, Conversation, Heard};
use azlatch_core::credential::TokenRequest;
use azlatch_core::secret::AccessToken;
use azlatch_core::{Error, ErrorKind};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Response};

use super::shared::Shared;

/// What is to be done next.
pub(super) enum Errand {
    /// Get a token; then [`Exchange::token`].
    Token(TokenRequest),
    /// Tell the source that a token was refused; then [`Exchange::rejected`].
    Reject(AccessToken),
    /// Send the request; then [`Exchange::answered`].
    Send(Manner),
    /// The last response is the application's.
    Finish,
}

/// How a request is to be sent.
pub(super) struct Manner {
    authorization: Option<HeaderValue>,
    /// Whether its body goes along.
    pub(super) body: bool,
}

pub(super) struct Exchange<'s> {
    talk: Conversation,
    shared: &'s Shared,
}

impl<'s> Exchange<'s> {
    pub(super) fn begin(policy: &Bearer, shared: &'s Shared, url: &str) -> Result<(Self, Errand), Error> {
        let (talk, ask) = shared.begin(policy, url)?;
        let mut exchange = Self { talk, shared };
        let errand = exchange.errand(ask)?;
        Ok((exchange, errand))
    }

    pub(super) fn token(&mut self, token: Result<AccessToken, Error>) -> Result<Errand, Error> {
        self.hear(Heard::Token(token))
    }

    pub(super) fn rejected(&mut self) -> Result<Errand, Error> {
        self.hear(Heard::Learnt)
    }

    pub(super) fn answered<B>(&mut self, response: &Response<B>) -> Result<Errand, Error> {
        // A value that is no text is no challenge that could be followed.
        let challenges: Vec<_> =
            response.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect();
        self.hear(Heard::Response { status: response.status().as_u16(), challenges: &challenges })
    }

    fn hear(&mut self, heard: Heard<'_>) -> Result<Errand, Error> {
        let ask = self.talk.hear(heard)?;
        self.errand(ask)
    }

    fn errand(&mut self, mut ask: Ask) -> Result<Errand, Error> {
        loop {
            match ask {
                Ask::GetToken(request) => return Ok(Errand::Token(request)),
                Ask::Send { authorization, body } => {
                    let authorization = authorization.map(|value| header(value.expose_secret())).transpose()?;
                    return Ok(Errand::Send(Manner { authorization, body }));
                }
                Ask::Learn(lesson) => match self.shared.learn(lesson, Instant::now()) {
                    Some(token) => return Ok(Errand::Reject(token)),
                    None => ask = self.talk.hear(Heard::Learnt)?,
                },
                Ask::Finish => return Ok(Errand::Finish),
            }
        }
    }
}

/// A header that those who print headers leave out.
fn header(value: &str) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::from_str(value).map_err(|_| {
        Error::new(ErrorKind::AuthenticationFailed, "the token source's token cannot stand in a header")
    })?;
    header.set_sensitive(true);
    Ok(header)
}

impl Manner {
    /// Makes `headers` those of a request that is sent in this manner.
    pub(super) fn dress(&self, method: &Method, headers: &mut HeaderMap) {
        headers.remove(AUTHORIZATION);
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        if !self.body {
            let told = [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT].map(|name| headers.remove(name).is_some());
            if told.contains(&true) || carries_body(method) {
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
    }
}

/// Whether requests by `method` have a body, be it empty.
pub(super) fn carries_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}
