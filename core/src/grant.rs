//! The grants: one file an RFC. A grant turns what is wanted (and what the cache holds) into one exchange.

mod authorization_code;
mod browser;
mod client_credentials;
mod custom;
mod device_code;
#[cfg(feature = "username-password")]
mod password;
mod person;
mod redirect;
mod refresh;

pub use authorization_code::CodeInHand;
pub use browser::{Browser, Browsing, Manners, PromptBehavior};
pub use client_credentials::ClientCredentials;
pub use custom::{Consultation, Custom};
pub use device_code::{Device, DeviceAuthorization, Polling};
#[cfg(feature = "username-password")]
pub use password::{UserPassword, WithPassword};
pub use person::{Conversing, Person};
pub use redirect::RedirectUri;
pub use refresh::{ClientAuth, Refresh};

use alloc::string::{String, ToString};
use core::fmt;

use crate::cache::{HeldRefreshToken, Query};
use crate::effect::Ids;
use crate::error::Error;
use crate::flow::Flow;
use crate::scope::ScopeSet;
use crate::time::Mono;
use crate::token::{Exchange, Exchanged, Exchanger, Replay, Vouching, claims};
use crate::wire::form::Form;

/// A way to turn a cache miss into a token.
pub trait Grant: Send + 'static {
    /// The conversation with the authority.
    type Exchange: Flow<Output = Exchanged> + fmt::Debug + Send;

    /// Whether the grant spends a refresh token of the cache; without one it cannot begin.
    fn redeems(&self) -> bool {
        false
    }

    /// Begins an exchange for `terms`, spending `held` where the grant redeems.
    ///
    /// # Errors
    ///
    /// `InteractionRequired` when the grant redeems and nothing is held; `Configuration` when the terms make no
    /// request.
    fn exchange(&self, terms: &Terms<'_>, held: Option<&HeldRefreshToken>, ids: Ids) -> Result<Self::Exchange, Error>;
}

/// What an exchange is for, and within which limits.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    /// Which token.
    pub query: &'a Query,
    /// Claims of a challenge, as JSON.
    pub claims: Option<&'a String>,
    /// Whether an unknown host must be vouched for first.
    pub discovery: bool,
    /// Requests at most.
    pub tries: u8,
    /// The exchange ends by then.
    pub deadline: Mono,
}

impl Terms<'_> {
    /// What every token request says: who asks, by which grant, for what, with which claims.
    fn form(&self, grant_type: &'static str, scopes: &ScopeSet) -> Result<Form, Error> {
        let claims = claims::merge(self.claims.map(String::as_str), self.query.cae)?;
        Ok(Form::new()
            .plain("client_id", &self.query.client_id)
            .plain("grant_type", grant_type)
            .plain("scope", scopes.to_string())
            .plain("claims", claims.unwrap_or_default())
            .plain("client_info", "1"))
    }

    /// [`form`](Self::form) for a token of a person: with what makes the authority tell who it is, and give a refresh
    /// token.
    fn user_form(&self, grant_type: &'static str) -> Result<Form, Error> {
        self.form(grant_type, &self.user_scopes())
    }

    fn user_scopes(&self) -> ScopeSet {
        self.query.scopes.with(&["openid", "profile", "offline_access"])
    }

    /// One exchange of `form`, after the authority was vouched for if it must be.
    fn exchange(&self, form: Form, of_a_user: bool, replay: Replay, mut ids: Ids) -> Vouching<Exchange> {
        let exchange = Exchange::new(self.exchanger(of_a_user, replay), form, ids.fork());
        self.vouching(exchange, ids.fork())
    }

    fn vouching<F: Flow<Output = Exchanged>>(&self, then: F, ids: Ids) -> Vouching<F> {
        Vouching::new(&self.query.authority, self.discovery, self.deadline, then, ids)
    }

    fn exchanger(&self, of_a_user: bool, replay: Replay) -> Exchanger {
        Exchanger {
            authority: self.query.authority.clone(),
            tries: self.tries,
            deadline: self.deadline,
            of_a_user,
            replay,
        }
    }
}
