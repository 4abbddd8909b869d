//! Credentials as descriptions: plain data that says which token a request means and which grant gets it.
//!
//! A description does nothing by itself; an adapter binds it to a host. Names are Azure Identity's.

mod authorization_code;
pub mod caching;
mod client_secret;
mod custom;
mod device_code;
mod interactive_browser;
mod options;
mod user;
#[cfg(feature = "username-password")]
mod username_password;

pub use authorization_code::AuthorizationCodeCredential;

pub use client_secret::ClientSecretCredential;
pub use custom::CustomCredential;
pub use device_code::DeviceCodeCredential;
pub use interactive_browser::InteractiveBrowserCredential;
pub use options::{Interaction, Surroundings, TokenCachePersistenceOptions, TokenRequest};
pub use user::{DEVELOPER_CLIENT_ID, UserCredential};
#[cfg(feature = "username-password")]
pub use username_password::UsernamePasswordCredential;

use crate::authority::discovery::Vouched;
use crate::cache::{Acquire, Policy, Query};
use crate::error::Error;
use crate::grant::Grant;

/// A credential: which token a request means, and how it is acquired.
pub trait Credential: Send + Sync + 'static {
    /// The grant that answers a cache miss.
    type Grant: Grant;

    /// Azure Identity's name of the credential.
    const NAME: &'static str;

    /// Which token `request` means.
    ///
    /// # Errors
    ///
    /// `Configuration` when the request's scopes or tenant cannot be asked for by this credential.
    fn query(&self, request: &TokenRequest, surroundings: &Surroundings) -> Result<Query, Error>;

    /// Where and within which limits the token that `query` means is acquired; `vouched` is what earlier flows of this
    /// credential learnt about the authority.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query).
    fn policy(
        &self,
        request: &TokenRequest,
        query: &Query,
        surroundings: &Surroundings,
        vouched: Option<&Vouched>,
    ) -> Result<Policy, Error>;

    /// The grant that gets it when it is not cached.
    fn grant(&self, request: &TokenRequest, query: &Query) -> Self::Grant;

    /// The request that has somebody sign in, after `error` said that `request` cannot be answered without; `None` when
    /// nobody can, or nobody may be asked.
    ///
    /// Its acquisition brings a token for `request`, and [who signed in](crate::cache::Acquired::record), for
    /// [`Surroundings::signed_in`].
    fn sign_in(&self, _request: &TokenRequest, _surroundings: &Surroundings, _error: &Error) -> Option<TokenRequest> {
        None
    }

    /// The persistent cache that the application asked for; `None` keeps tokens in memory.
    fn persistence(&self) -> Option<&TokenCachePersistenceOptions>;

    /// The flow that acquires it.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query).
    fn acquire(
        &self,
        request: &TokenRequest,
        surroundings: &Surroundings,
        vouched: Option<&Vouched>,
    ) -> Result<Acquire<Self::Grant>, Error> {
        let query = self.query(request, surroundings)?;
        let policy = self.policy(request, &query, surroundings, vouched)?;
        let grant = self.grant(request, &query);
        Ok(Acquire::new(query, grant, policy, request.demand.clone()))
    }
}
