//! Instance discovery: is an unknown host an authority at all?
//!
//! Asked only for hosts outside the compiled-in table, only when a token must be fetched, and at most once a
//! credential: the public cloud vouches for the host before any secret is sent to it.

use alloc::format;
use core::mem;
use core::time::Duration;

use super::{Authority, cloud};
use crate::effect::{Http, Ids, Reply, Response};
use crate::error::{Error, ErrorKind};
use crate::flow::{Flow, Step};
use crate::time::{Mono, Now};
use crate::token::post::retry_after;
use crate::wire::form::query_value;
use crate::wire::json::Object;

/// The public cloud said that the host is an authority. Only [`Discovery`] can make one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Vouched(pub(crate) super::AuthorityHost);

/// Asks the public cloud about one host.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Discovery {
    authority: Authority,
    deadline: Mono,
    ids: Ids,
    cancelled: bool,
    state: State,
}

#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
enum State {
    Start,
    Asking,
    Over,
}

impl Discovery {
    /// A question about `authority`'s host, answered before `deadline`.
    #[must_use]
    pub const fn new(authority: Authority, deadline: Mono, ids: Ids) -> Self {
        Self { authority, deadline, ids, cancelled: false, state: State::Start }
    }
}

impl Flow for Discovery {
    type Output = Result<Vouched, Error>;

    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Self::Output> {
        match (mem::replace(&mut self.state, State::Over), reply) {
            (State::Start | State::Asking, _) if self.cancelled => Step::Done(Err(Error::cancelled())),
            (State::Start, None) => {
                self.state = State::Asking;
                let endpoint = query_value(&self.authority.authorization_endpoint());
                let url = format!(
                    "https://{}/common/discovery/instance?api-version=1.1&authorization_endpoint={endpoint}",
                    cloud::PUBLIC
                );
                let timeout = now.mono.until(self.deadline).min(Duration::from_secs(10));
                let ask = Http::get(url, 64 * 1024, timeout).header("accept", "application/json");
                Step::Need(self.ids.ask(ask))
            }
            (State::Asking, Some(reply)) => Step::Done(match self.ids.take::<Http>(reply) {
                Err(_) => Err(Error::misuse()),
                Ok(None) => Err(Error::new(ErrorKind::Network, "this host cannot send HTTP requests")),
                Ok(Some(Err(failure))) => {
                    let cause = Error::from(&failure);
                    Err(self.unknown().with_retry(cause.is_retryable(), None).because(cause))
                }
                Ok(Some(Ok(response))) => self.judge(&response, now),
            }),
            _ => Step::Done(Err(Error::misuse())),
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
    }
}

impl Discovery {
    fn judge(&self, response: &Response, now: Now) -> Result<Vouched, Error> {
        let object = core::str::from_utf8(response.body.expose_secret()).ok().and_then(|text| Object::parse(text).ok());
        let text = |name| object.as_ref().and_then(|o| o.text(name));
        match response.status {
            200 if text("tenant_discovery_endpoint").is_some() => Ok(Vouched(self.authority.host.clone())),
            400 if text("error").is_some_and(|e| e == "invalid_instance") => Err(Error::new(
                ErrorKind::Configuration,
                format!("{} is not an authority that Microsoft Entra ID knows", self.authority.host),
            )
            .advise("correct the authority host, or switch instance discovery off if you run this authority yourself")),
            _ => Err(self.unknown().with_retry(true, retry_after(response, now.wall))),
        }
    }

    fn unknown(&self) -> Error {
        Error::new(ErrorKind::Network, format!("could not find out whether {} is an authority", self.authority.host))
            .advise("check the network, or switch instance discovery off if you run this authority yourself")
    }
}
