//! The grants: one file an RFC. A grant turns what is wanted (and what the cache holds) into one exchange.

mod client_credentials;
mod custom;
mod refresh;

pub use client_credentials::ClientCredentials;
pub use custom::{Consultation, Custom};
pub use refresh::{ClientAuth, Refresh};

use alloc::string::{String, ToString};
use core::fmt;

use crate::cache::{HeldRefreshToken, Query};
use crate::effect::Ids;
use crate::error::Error;
use crate::flow::Flow;
use crate::scope::ScopeSet;
use crate::time::Mono;
use crate::token::{Exchanged, Exchanger, Replay, claims};
use crate::wire::form::Form;

/// A way to turn a cache miss into a token.
pub trait Grant: Send + 'static {
    /// The conversation with the authority.
    type Exchange: Flow<Output = Exchanged> + fmt::Debug + Send;

    /// Whether the grant spends a refresh token of the cache; without one it cannot begin.
    const REDEEMS: bool;

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

    fn exchanger(&self, of_a_user: bool, replay: Replay) -> Exchanger {
        Exchanger {
            authority: self.query.authority.clone(),
            discovery: self.discovery,
            tries: self.tries,
            deadline: self.deadline,
            of_a_user,
            replay,
        }
    }
}
