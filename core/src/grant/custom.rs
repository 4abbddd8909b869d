//! Any way to a token that application code knows: the application is called, and what it supplies is believed.

use alloc::string::String;
use core::time::Duration;

use super::{Grant, Terms};
use crate::cache::HeldRefreshToken;
use crate::effect::{Call, Ids, Reply, Supplied};
use crate::error::{Error, ErrorKind};
use crate::flow::{Flow, Step};
use crate::secret::AccessToken;
use crate::time::{Mono, Now, Unix};
use crate::token::{Exchanged, Granted, Refused};
use crate::wire::text::is_access_token;

/// The grant of a custom credential.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Custom {
    what: String,
    tenant: Option<String>,
}

impl Custom {
    /// By calling what was registered as `what`, in `tenant` if the request names one.
    #[must_use]
    pub const fn new(what: String, tenant: Option<String>) -> Self {
        Self { what, tenant }
    }
}

impl Grant for Custom {
    type Exchange = Consultation;

    fn exchange(&self, terms: &Terms<'_>, _held: Option<&HeldRefreshToken>, ids: Ids) -> Result<Consultation, Error> {
        let call = Call {
            what: self.what.clone(),
            scopes: terms.query.scopes.clone(),
            tenant: self.tenant.clone(),
            claims: terms.claims.cloned(),
            cae: terms.query.cae,
            timeout: Duration::ZERO,
        };
        Ok(Consultation { state: State::Start(call), deadline: terms.deadline, ids })
    }
}

/// One call of application code.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Consultation {
    state: State,
    deadline: Mono,
    ids: Ids,
}

#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
enum State {
    Start(Call),
    Calling { asked: Unix },
    Over,
}

impl Flow for Consultation {
    type Output = Exchanged;

    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Exchanged> {
        let result = match (core::mem::replace(&mut self.state, State::Over), reply) {
            (State::Start(call), None) => {
                self.state = State::Calling { asked: now.wall };
                return Step::Need(self.ids.ask(Call { timeout: now.mono.until(self.deadline), ..call }));
            }
            (State::Calling { asked }, Some(reply)) => match self.ids.take::<Call>(reply) {
                Ok(Some(supplied)) => supplied.and_then(|supplied| believe(supplied, asked)),
                Ok(None) => Err(Error::new(ErrorKind::Configuration, "nothing here calls application code")
                    .advise("bind the credential together with its token source")),
                Err(_) => Err(Error::misuse()),
            },
            _ => Err(Error::misuse()),
        };
        Step::Done(Exchanged { result: result.map_err(Refused::from), vouched: None })
    }

    /// A call that was made is waited for.
    fn cancel(&mut self) {
        if let State::Start(_) = self.state {
            self.state = State::Over;
        }
    }
}

fn believe(supplied: Supplied, asked: Unix) -> Result<Granted, Error> {
    if !is_access_token(supplied.value.expose_secret()) {
        return Err(Error::new(
            ErrorKind::AuthenticationFailed,
            "the custom token is empty, too large, or cannot stand in a header",
        )
        .advise("supply the token alone: visible ASCII without spaces, and without the word Bearer"));
    }
    Ok(Granted::of(AccessToken::from(supplied.value), asked, supplied.expires_on, supplied.refresh_on))
}
