//! A person's tokens: renewed in silence while that works, else got by a sign-in.

use alloc::boxed::Box;

use super::{Grant, Refresh, Terms};
use crate::cache::HeldRefreshToken;
use crate::effect::{Ids, Reply};
use crate::error::Error;
use crate::flow::{Flow, Step};
use crate::time::Now;
use crate::token::{Exchange, Exchanged, Vouching};

/// The grant of a credential for people, for one request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Person<S> {
    /// Who signed in earlier goes on without noticing.
    Silent(Refresh),
    /// Somebody signs in.
    SignIn(S),
}

impl<S: Grant> Grant for Person<S> {
    type Exchange = Conversing<S::Exchange>;

    fn redeems(&self) -> bool {
        matches!(self, Self::Silent(_))
    }

    fn exchange(&self, terms: &Terms<'_>, held: Option<&HeldRefreshToken>, ids: Ids) -> Result<Self::Exchange, Error> {
        Ok(match self {
            Self::Silent(refresh) => Conversing::Silent(Box::new(refresh.exchange(terms, held, ids)?)),
            Self::SignIn(grant) => Conversing::SignIn(Box::new(grant.exchange(terms, held, ids)?)),
        })
    }
}

/// The conversation that a [`Person`] has with the authority.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub enum Conversing<S> {
    /// About a refresh token.
    Silent(Box<Vouching<Exchange>>),
    /// About a sign-in.
    SignIn(Box<S>),
}

impl<S: Flow<Output = Exchanged>> Flow for Conversing<S> {
    type Output = Exchanged;

    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Exchanged> {
        match self {
            Self::Silent(exchange) => exchange.step(now, reply),
            Self::SignIn(exchange) => exchange.step(now, reply),
        }
    }

    fn cancel(&mut self) {
        match self {
            Self::Silent(exchange) => exchange.cancel(),
            Self::SignIn(exchange) => exchange.cancel(),
        }
    }
}
