//! The refresh token grant (RFC 6749 §6): a user's token renewed without the user.
//!
//! Entra rotates refresh tokens, so the request is single-use: when its answer is lost it is not sent again before
//! the store has been looked at once more.

use super::{Grant, Terms};
use crate::cache::HeldRefreshToken;
use crate::effect::Ids;
use crate::error::{Error, ErrorKind};
use crate::secret::ClientSecret;
use crate::token::{Exchange, Replay};

/// The grant of a signed-in user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refresh {
    auth: ClientAuth,
}

/// How the client authenticates itself beside the grant: one way at most (RFC 6749 §2.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClientAuth {
    /// Not at all: a public client.
    Public,
    /// By its secret.
    Secret(ClientSecret),
}

impl Refresh {
    /// By a client that authenticates with `auth`.
    #[must_use]
    pub const fn new(auth: ClientAuth) -> Self {
        Self { auth }
    }
}

impl Grant for Refresh {
    type Exchange = Exchange;
    const REDEEMS: bool = true;

    fn exchange(&self, terms: &Terms<'_>, held: Option<&HeldRefreshToken>, ids: Ids) -> Result<Exchange, Error> {
        let Some(held) = held else {
            return Err(Error::new(ErrorKind::InteractionRequired, "nobody is signed in for this account")
                .advise("sign in first"));
        };
        let scopes = terms.query.scopes.with(&["openid", "profile", "offline_access"]);
        let form = terms.form("refresh_token", &scopes)?.secret("refresh_token", held.refresh_token.expose_secret());
        let form = match &self.auth {
            ClientAuth::Public => form,
            ClientAuth::Secret(secret) => form.secret("client_secret", secret.expose_secret()),
        };
        Ok(Exchange::new(terms.exchanger(true, Replay::Once), form, ids))
    }
}
