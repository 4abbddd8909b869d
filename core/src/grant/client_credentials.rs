//! The client credentials grant (RFC 6749 §4.4): an application asks for itself.

use alloc::string::ToString;

use super::{Grant, Terms};
use crate::cache::HeldRefreshToken;
use crate::effect::Ids;
use crate::error::Error;
use crate::secret::ClientSecret;
use crate::token::{Exchange, Exchanger, Replay, claims};
use crate::wire::form::Form;

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
        let query = terms.query;
        let claims = claims::merge(terms.claims.map(|c| c.as_str()), query.cae)?;
        let form = Form::new()
            .plain("client_id", &query.client_id)
            .plain("grant_type", "client_credentials")
            .plain("scope", query.scopes.to_string())
            .plain("claims", claims.unwrap_or_default())
            .plain("client_info", "1")
            .secret("client_secret", self.secret.expose_secret());
        let how = Exchanger {
            authority: query.authority.clone(),
            discovery: terms.discovery,
            tries: terms.tries,
            deadline: terms.deadline,
            of_a_user: false,
            replay: Replay::Safe,
        };
        Ok(Exchange::new(how, form, ids))
    }
}
