//! The authorization code grant (RFC 6749 §4.1.3): a code that somebody brought is redeemed, once.

use alloc::string::String;

use super::{ClientAuth, Grant, Terms};
use crate::cache::HeldRefreshToken;
use crate::effect::Ids;
use crate::error::Error;
use crate::secret::{AuthorizationCode, CodeVerifier};
use crate::token::{Exchange, Replay, Vouching};
use crate::wire::form::Form;

/// The grant of an application that has got a code by ways of its own, as web servers do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CodeInHand {
    code: AuthorizationCode,
    redirect_uri: String,
    verifier: Option<CodeVerifier>,
    auth: ClientAuth,
}

impl CodeInHand {
    /// Redeems `code`, which the authority sent to `redirect_uri`; `verifier` is the one whose challenge was sent along
    /// (RFC 7636), if one was.
    #[must_use]
    pub const fn new(
        code: AuthorizationCode,
        redirect_uri: String,
        verifier: Option<CodeVerifier>,
        auth: ClientAuth,
    ) -> Self {
        Self { code, redirect_uri, verifier, auth }
    }
}

impl Grant for CodeInHand {
    type Exchange = Vouching<Exchange>;

    fn exchange(&self, terms: &Terms<'_>, _held: Option<&HeldRefreshToken>, ids: Ids) -> Result<Self::Exchange, Error> {
        let form = self.auth.sign(terms.user_form("authorization_code")?);
        let form = with_code(form, &self.code, &self.redirect_uri, self.verifier.as_ref());
        Ok(terms.exchange(form, true, Replay::Once, ids))
    }
}

/// `form` with what redeems a code; the address is the very one that the code was sent to (O-14).
pub(super) fn with_code(
    form: Form,
    code: &AuthorizationCode,
    redirect_uri: &str,
    verifier: Option<&CodeVerifier>,
) -> Form {
    let form = form.plain("redirect_uri", redirect_uri).secret("code", code.expose_secret());
    match verifier {
        Some(verifier) => form.secret("code_verifier", verifier.expose_secret()),
        None => form,
    }
}
