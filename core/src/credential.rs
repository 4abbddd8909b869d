//! Credentials as descriptions: plain data that says which token a request means and which grant gets it.
//!
//! A description does nothing by itself; an adapter binds it to a host. Names are Azure Identity's.

pub mod caching;
mod client_secret;
mod custom;
mod options;

pub use client_secret::ClientSecretCredential;
pub use custom::CustomCredential;
pub use options::{Surroundings, TokenCachePersistenceOptions, TokenRequest};

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
    fn grant(&self, request: &TokenRequest) -> Self::Grant;

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
        Ok(Acquire::new(query, self.grant(request), policy, request.demand.clone()))
    }
}
