//! One request of the application on its way: what to do next, given what was heard.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt;
use core::mem;

use super::Bearer;
use super::known::{Known, Lesson, Refusals, ResourceChallenge};
use super::site::Site;
use crate::cache::Demand;
use crate::credential::TokenRequest;
use crate::error::{Error, ErrorKind};
use crate::secret::{AccessToken, Secret};
use crate::token::claims;
use crate::wire::challenge::{self, Challenge};
use crate::wire::text::is_access_token;

/// What the adapter is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Get a token; answered by [`Heard::Token`].
    ///
    /// A token source that keeps tokens must heed `demand`: [`Demand::Not`] and [`Demand::Claims`] rule out what is
    /// cached.
    GetToken(TokenRequest),
    /// Send the request to its URL, following no redirect to another site; answered by [`Heard::Response`].
    ///
    /// A response that came before is of no use any more. When sending fails, the failure is the application's and the
    /// conversation is dropped.
    Send {
        /// The value of the `Authorization` header: `Bearer` and the token. `None`: no such header, not even the
        /// application's own.
        authorization: Option<Secret>,
        /// Whether the body goes along; else it is empty (`Content-Length: 0`) and must be kept for later. The body
        /// must be one that can be sent again.
        body: bool,
    },
    /// Keep what was found out, for this client's other requests ([`Known::learn`]); answered by [`Heard::Learnt`].
    Learn(Lesson),
    /// The last response is the application's.
    Finish,
}

/// What the adapter has to say.
#[derive(Clone, PartialEq, Eq)]
pub enum Heard<'a> {
    /// The token source's answer.
    Token(Result<AccessToken, Error>),
    /// The resource's answer.
    Response {
        /// The status.
        status: u16,
        /// The values of its `WWW-Authenticate` fields, one text a field.
        challenges: &'a [&'a str],
    },
    /// A lesson has been kept.
    Learnt,
}

impl fmt::Debug for Heard<'_> {
    /// Without the challenges, which are as long as the server likes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(token) => f.debug_tuple("Token").field(token).finish(),
            Self::Response { status, challenges } => write!(f, "Response({status}, {} challenges)", challenges.len()),
            Self::Learnt => f.write_str("Learnt"),
        }
    }
}

/// What the last ask is answered by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Asking(TokenRequest),
    Sending,
    Learning,
    Over,
}

/// A token that is on its way, and the request that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pass {
    request: TokenRequest,
    token: AccessToken,
}

/// The way of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    bearer: Bearer,
    site: Site,
    /// What a challenge said about this host, when it is followed.
    followed: Option<ResourceChallenge>,
    /// Whether the client is on continuous access evaluation.
    cae: bool,
    /// Whether a claims challenge has been answered: there is no second answer.
    claimed: bool,
    /// Tokens that will not do, for when a challenge says which is wanted.
    ruled_out: Refusals,
    /// What the last request was sent with; `None` before there is a token.
    pass: Option<Pass>,
    upcoming: VecDeque<Ask>,
    state: State,
}

impl Conversation {
    /// Begins to send a request to `url` for a client that has learnt what is `known`.
    ///
    /// # Errors
    ///
    /// `Configuration` when `url` is not https, has a host that some parser could take for another, or a user name;
    /// or when what is known of the host is not what `bearer` may follow.
    pub fn begin(bearer: &Bearer, url: &str, known: &Known) -> Result<(Self, Ask), Error> {
        let Some(site) = Site::new(url) else {
            return Err(Error::new(ErrorKind::Configuration, "the request's URL has no host that is what it says")
                .advise("use an https URL with a plain host and no user name"));
        };
        let emulator = bearer.insecure_loopback && site.is_loopback();
        if !site.is_secure() && !emulator {
            return Err(Error::new(ErrorKind::Configuration, "a token is never sent over plain http")
                .advise("use https; for an emulator on this machine there is `allow_insecure_loopback`"));
        }
        let followed = match &bearer.scopes {
            None => known.challenge(&site).cloned(),
            Some(_) => None,
        };
        let cae = bearer.enable_cae || known.is_cae();
        let request = match (&bearer.scopes, &followed) {
            (Some(scopes), _) => Some(bearer.request(scopes.clone(), bearer.tenant_id.clone(), cae)),
            (None, Some(challenge)) => {
                challenge.check(bearer)?;
                Some(challenge.request(bearer, cae))
            }
            (None, None) => None,
        };
        let first = match request {
            Some(request) => Ask::GetToken(known.refusals.apply(request)),
            None => Ask::Send { authorization: None, body: false },
        };
        let ruled_out = match first {
            Ask::Send { .. } => known.refusals.clone(),
            _ => Refusals::default(),
        };
        let mut conversation = Self {
            bearer: bearer.clone(),
            site,
            followed,
            cae,
            claimed: false,
            ruled_out,
            pass: None,
            upcoming: VecDeque::from([first]),
            state: State::Over,
        };
        let ask = conversation.next();
        Ok((conversation, ask))
    }

    /// What to do, now that the last ask has been answered.
    ///
    /// # Errors
    ///
    /// The token source's own; `AuthenticationFailed` when its token cannot stand in a header; `Configuration` when a
    /// challenge must not be followed; `Misuse` when the answer is to another ask. After an error, and after
    /// [`Ask::Finish`], there is nothing more to say.
    pub fn hear(&mut self, heard: Heard<'_>) -> Result<Ask, Error> {
        match (mem::replace(&mut self.state, State::Over), heard) {
            (State::Asking(request), Heard::Token(token)) => self.present(request, token?)?,
            (State::Sending, Heard::Response { status: 401, challenges }) => {
                self.refused(&challenge::parse(challenges.iter().copied()))?;
            }
            (State::Sending, Heard::Response { .. }) | (State::Learning, Heard::Learnt) => {}
            _ => {
                self.upcoming.clear();
                return Err(Error::misuse());
            }
        }
        Ok(self.next())
    }

    fn next(&mut self) -> Ask {
        let ask = self.upcoming.pop_front().unwrap_or(Ask::Finish);
        self.state = match &ask {
            Ask::GetToken(request) => State::Asking(request.clone()),
            Ask::Send { .. } => State::Sending,
            Ask::Learn(_) => State::Learning,
            Ask::Finish => State::Over,
        };
        ask
    }

    fn learn(&mut self, lesson: Lesson) {
        self.upcoming.push_back(Ask::Learn(lesson));
    }

    /// A token is there: send it, unless it is the very one that has just been refused.
    fn present(&mut self, mut request: TokenRequest, token: AccessToken) -> Result<(), Error> {
        if !is_access_token(token.expose_secret()) {
            return Err(Error::new(
                ErrorKind::AuthenticationFailed,
                "the token source's token cannot stand in a header",
            )
            .advise("check where the token comes from: it has blanks, line breaks or other foreign characters"));
        }
        if self.pass.as_ref().is_some_and(|pass| pass.token == token) {
            return Ok(());
        }
        if let Demand::Not(refused) = mem::take(&mut request.demand)
            && refused != token
        {
            self.learn(Lesson::Replaced(refused));
        }
        let mut header = String::with_capacity(token.expose_secret().len().saturating_add(7));
        header.push_str("Bearer ");
        header.push_str(token.expose_secret());
        self.upcoming.push_back(Ask::Send { authorization: Some(header.into()), body: true });
        self.pass = Some(Pass { request, token });
        Ok(())
    }

    /// A 401: what it was sent with will not do; perhaps the resource said what will.
    fn refused(&mut self, challenges: &[Challenge]) -> Result<(), Error> {
        let Some(Pass { request, token }) = self.pass.clone() else { return self.follow(challenges) };
        self.learn(Lesson::Refused { request: request.clone(), token });
        // Claims that could not be sent are none.
        let wanted = challenges.iter().filter_map(Challenge::claims).find(|c| claims::merge(Some(c), true).is_ok());
        match (wanted, self.followed.take()) {
            (Some(wanted), followed) => {
                self.followed = followed;
                if mem::replace(&mut self.claimed, true) {
                    return Ok(());
                }
                if !mem::replace(&mut self.cae, true) {
                    self.learn(Lesson::Cae);
                }
                self.upcoming.push_back(Ask::GetToken(request.enable_cae(true).claims(wanted)));
            }
            (None, Some(outdated)) => self.learn(Lesson::Outdated(outdated)),
            (None, None) => {}
        }
        Ok(())
    }

    /// The bare request was refused, as expected: get the token that the resource asks for.
    fn follow(&mut self, challenges: &[Challenge]) -> Result<(), Error> {
        let Some(challenge) = ResourceChallenge::find(challenges, &self.site) else { return Ok(()) };
        challenge.check(&self.bearer)?;
        self.learn(Lesson::Challenge(challenge.clone()));
        let request = challenge.request(&self.bearer, self.cae);
        self.upcoming.push_back(Ask::GetToken(self.ruled_out.apply(request)));
        self.followed = Some(challenge);
        Ok(())
    }
}
