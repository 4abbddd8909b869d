//! The client credentials grant (RFC 6749 §4.4): an application asks for itself.

use super::{Grant, Terms};
use crate::cache::HeldRefreshToken;
use crate::effect::Ids;
use crate::error::Error;
use crate::secret::ClientSecret;
use crate::token::{Exchange, Replay};

/// The grant of an application that authenticates with a secret in the body (RFC 6749 §2.3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientCredentials {
    secret: ClientSecret,
}

impl ClientCredentials {
    /// With `secret`.
    #[must_use]
    pub const fn new(secret: ClientSecret) -> Self {
        Self { secret }
    }
}

impl Grant for ClientCredentials {
    type Exchange = Exchange;
    const REDEEMS: bool = false;

    fn exchange(&self, terms: &Terms<'_>, _held: Option<&HeldRefreshToken>, ids: Ids) -> Result<Exchange, Error> {
        let form = terms.form("client_credentials", &terms.query.scopes)?;
        let form = form.secret("client_secret", self.secret.expose_secret());
        Ok(Exchange::new(terms.exchanger(false, Replay::Safe), form, ids))
    }
}
