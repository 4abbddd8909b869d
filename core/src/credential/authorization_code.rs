//! `AuthorizationCodeCredential`: a code that the application received is redeemed, and gone on from.

use alloc::string::String;

use url::Url;

use super::options::checked_client_id;
use super::user::{User, user_options, user_queries};
use super::{Credential, Surroundings, TokenCachePersistenceOptions, TokenRequest};
use crate::authority::Tenant;
use crate::authority::discovery::Vouched;
use crate::cache::{Policy, Query, Subject};
use crate::error::{Error, ErrorKind};
use crate::grant::{ClientAuth, CodeInHand, Person, Refresh};
use crate::secret::{AuthorizationCode, ClientSecret, CodeVerifier};
use crate::wire::text::printable;

/// Redeems an authorization code (RFC 6749 §4.1.3) that the application received by ways of its own, once; after that
/// tokens for any resource are got with the refresh tokens of the person who signed in.
///
/// ```
/// use azlatch_core::credential::AuthorizationCodeCredential;
///
/// let credential = AuthorizationCodeCredential::new("contoso.example", "client-id", "the-code", "https://app.example/back")?
///     .client_secret("s3cret")
///     .code_verifier("the-verifier-whose-challenge-was-sent-along");
/// assert!(!format!("{credential:?}").contains("the-code"));
/// # Ok::<(), azlatch_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AuthorizationCodeCredential {
    user: User,
    code: AuthorizationCode,
    redirect_uri: String,
    verifier: Option<CodeVerifier>,
    auth: ClientAuth,
}

impl AuthorizationCodeCredential {
    /// Redeems `code`, which the authority sent to `redirect_uri` for application `client_id` in `tenant_id`.
    ///
    /// # Errors
    ///
    /// `Configuration` when one is empty, or cannot be what it is said to be.
    pub fn new(
        tenant_id: &str,
        client_id: &str,
        code: impl Into<AuthorizationCode>,
        redirect_uri: &str,
    ) -> Result<Self, Error> {
        let code = code.into();
        if code.expose_secret().is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "the authorization code is empty")
                .advise("pass the `code` parameter that the authority sent to the redirect address"));
        }
        // RFC 6749 §3.1.2: absolute, and without a fragment.
        if !Url::parse(redirect_uri).is_ok_and(|uri| uri.fragment().is_none()) {
            let mut message = String::from("this cannot be a redirect address: ");
            message.push_str(&printable(redirect_uri, 120));
            return Err(Error::new(ErrorKind::Configuration, message)
                .advise("pass the address, to the letter, to which the authority sent the code"));
        }
        let mut user = User::new(None);
        user.common.tenant = Tenant::new(tenant_id)?;
        user.tenant_named = true;
        user.client_id = Some(checked_client_id(client_id)?);
        Ok(Self { user, code, redirect_uri: redirect_uri.into(), verifier: None, auth: ClientAuth::Public })
    }

    /// Authenticates the application by its secret, as those must that keep one.
    #[must_use]
    pub fn client_secret(mut self, secret: impl Into<ClientSecret>) -> Self {
        self.auth = ClientAuth::Secret(secret.into());
        self
    }

    /// Proves by the verifier, whose challenge was sent along, that the code comes back to who asked for it (RFC 7636).
    #[must_use]
    pub fn code_verifier(mut self, verifier: impl Into<CodeVerifier>) -> Self {
        self.verifier = Some(verifier.into());
        self
    }
}

user_options!(AuthorizationCodeCredential);

impl Credential for AuthorizationCodeCredential {
    type Grant = Person<CodeInHand>;
    const NAME: &'static str = "AuthorizationCodeCredential";

    user_queries!();

    fn grant(&self, _request: &TokenRequest, query: &Query) -> Person<CodeInHand> {
        match query.subject {
            Subject::Newcomer(_) => Person::SignIn(CodeInHand::new(
                self.code.clone(),
                self.redirect_uri.clone(),
                self.verifier.clone(),
                self.auth.clone(),
            )),
            _ => Person::Silent(Refresh::new(self.auth.clone())),
        }
    }

    /// Only the first time: a code is good once.
    fn sign_in(&self, request: &TokenRequest, surroundings: &Surroundings, error: &Error) -> Option<TokenRequest> {
        let spent = surroundings.signed_in.is_some() || self.user.record.is_some();
        if spent { None } else { self.user.sign_in(request, surroundings, error) }
    }
}
