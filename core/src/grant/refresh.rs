//! The refresh token grant (RFC 6749 §6): a user's token renewed without the user.
//!
//! Entra rotates refresh tokens, so the request is single-use: when its answer is lost it is not sent again before
//! the store has been looked at once more.

use super::{Grant, Terms};
use crate::cache::HeldRefreshToken;
use crate::effect::Ids;
use crate::error::{Error, ErrorKind};
use crate::secret::ClientSecret;
use crate::token::{Exchange, Replay, Vouching};
use crate::wire::form::Form;

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

impl ClientAuth {
    /// `form` with what proves who the client is.
    pub(super) fn sign(&self, form: Form) -> Form {
        match self {
            Self::Public => form,
            Self::Secret(secret) => form.secret("client_secret", secret.expose_secret()),
        }
    }
}

impl Refresh {
    /// By a client that authenticates with `auth`.
    #[must_use]
    pub const fn new(auth: ClientAuth) -> Self {
        Self { auth }
    }
}

impl Grant for Refresh {
    type Exchange = Vouching<Exchange>;

    fn redeems(&self) -> bool {
        true
    }

    fn exchange(&self, terms: &Terms<'_>, held: Option<&HeldRefreshToken>, ids: Ids) -> Result<Self::Exchange, Error> {
        let Some(held) = held else {
            return Err(Error::new(ErrorKind::InteractionRequired, "nobody is signed in for this account")
                .advise("sign in first"));
        };
        let form = terms.user_form("refresh_token")?.secret("refresh_token", held.refresh_token.expose_secret());
        Ok(terms.exchange(self.auth.sign(form), true, Replay::Once, ids))
    }
}
