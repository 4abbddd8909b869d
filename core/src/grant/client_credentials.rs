//! The client credentials grant (RFC 6749 §4.4): an application asks for itself.

use super::{Grant, Terms};
use crate::cache::HeldRefreshToken;
use crate::effect::Ids;
use crate::error::Error;
use crate::secret::ClientSecret;
use crate::token::{Exchange, Replay, Vouching};

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
    type Exchange = Vouching<Exchange>;

    fn exchange(&self, terms: &Terms<'_>, _held: Option<&HeldRefreshToken>, ids: Ids) -> Result<Self::Exchange, Error> {
        let form = terms.form("client_credentials", &terms.query.scopes)?;
        let form = form.secret("client_secret", self.secret.expose_secret());
        Ok(terms.exchange(form, false, Replay::Safe, ids))
    }
}
