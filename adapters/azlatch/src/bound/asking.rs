//! One call of an application, from the request as it was made to its end: tried, made anew, turned into a sign-in.

use std::borrow::Cow;

use azlatch_core::credential::{Credential, TokenRequest};
use azlatch_core::{Error, Mono};

use super::Bound;
use crate::answer::Answer;

/// A request on its way.
pub(crate) struct Asking<'a> {
    wanted: &'a TokenRequest,
    /// What is tried: what was wanted, or the sign-in that it takes.
    pub(crate) request: Cow<'a, TokenRequest>,
    pub(crate) since: Since,
}

/// When a try began, and how many had signed in when its request was last made anew: whoever finds more of them at the
/// door asks again before asking a person.
#[derive(Clone, Copy)]
pub(crate) struct Since {
    pub(super) arrivals: u64,
    pub(super) began: Mono,
}

impl<'a> Asking<'a> {
    pub(crate) fn new<C: Credential>(bound: &Bound<C>, wanted: &'a TokenRequest) -> Self {
        let since = Since { arrivals: bound.session.arrivals(), began: bound.clock.mono() };
        Self { wanted, request: Cow::Borrowed(wanted), since }
    }

    /// What the call comes to, now that one try came to `tried` (nothing, when somebody else signed in meanwhile); nothing
    /// when there is another try.
    pub(crate) fn end<C: Credential>(
        &mut self,
        bound: &Bound<C>,
        tried: Result<Option<Answer>, Error>,
    ) -> Option<Result<Answer, Error>> {
        let error = match tried {
            Ok(Some(answer)) => return Some(Ok(answer)),
            Ok(None) => {
                *self = Self::new(bound, self.wanted);
                return None;
            }
            Err(error) => error,
        };
        match bound.credential.sign_in(&self.request, &bound.session.surroundings(), &error) {
            Some(sign_in) => {
                self.request = Cow::Owned(sign_in);
                self.since.began = bound.clock.mono();
                None
            }
            // Too late to sign in, since somebody did.
            None if error.needs_interaction() && bound.session.arrivals() != self.since.arrivals => {
                *self = Self::new(bound, self.wanted);
                None
            }
            None => Some(Err(error)),
        }
    }
}
