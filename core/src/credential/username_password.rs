//! `UsernamePasswordCredential`: a program that knows somebody's password.

use alloc::string::String;

use super::options::checked_client_id;
use super::user::{User, user_options, user_queries};
use super::{Credential, Surroundings, TokenCachePersistenceOptions, TokenRequest};
use crate::authority::discovery::Vouched;
use crate::cache::{Policy, Query, Subject};
use crate::error::{Error, ErrorKind};
use crate::grant::{ClientAuth, Person, Refresh, UserPassword};
use crate::secret::Password;

/// Signs in with a user name and a password (RFC 6749 §4.3). **Deprecated**: RFC 9700 §2.4 forbids it to new programs,
/// no second factor is possible, and Entra refuses it to most tenants. For tests of old applications; feature
/// `username-password`.
///
/// Only users whose password Entra itself checks can sign in; for federated ones there is an error that says so.
///
/// ```
/// use azlatch_core::credential::UsernamePasswordCredential;
///
/// let credential = UsernamePasswordCredential::new("client-id", "ada@contoso.example", "pa55word")?;
/// assert!(!format!("{credential:?}").contains("pa55word"));
/// # Ok::<(), azlatch_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct UsernamePasswordCredential {
    user: User,
    username: String,
    password: Password,
}

impl UsernamePasswordCredential {
    /// As `username`, for application `client_id`.
    ///
    /// # Errors
    ///
    /// `Configuration` when one is empty, or cannot be what it is said to be.
    pub fn new(client_id: &str, username: &str, password: impl Into<Password>) -> Result<Self, Error> {
        let password = password.into();
        let empty = |what: &str| Error::new(ErrorKind::Configuration, alloc::format!("the {what} is empty"));
        if username.is_empty() || username.len() > 1024 || username.chars().any(char::is_control) {
            return Err(Error::new(ErrorKind::Configuration, "this cannot be a user name")
                .advise("a user name looks like ada@contoso.example"));
        }
        if password.expose_secret().is_empty() {
            return Err(empty("password").advise("set AZURE_PASSWORD, or pass the password"));
        }
        let mut user = User::new(None);
        user.client_id = Some(checked_client_id(client_id)?);
        Ok(Self { user, username: username.into(), password })
    }
}

user_options!(UsernamePasswordCredential);

impl Credential for UsernamePasswordCredential {
    type Grant = Person<UserPassword>;
    const NAME: &'static str = "UsernamePasswordCredential";

    user_queries!();

    fn grant(&self, _request: &TokenRequest, query: &Query) -> Person<UserPassword> {
        match query.subject {
            Subject::Newcomer(_) => {
                let grant = UserPassword::new(self.username.clone(), self.password.clone(), ClientAuth::Public);
                Person::SignIn(grant)
            }
            _ => Person::Silent(Refresh::new(ClientAuth::Public)),
        }
    }

    /// Whenever nothing less helps: nobody is disturbed by it.
    fn sign_in(&self, request: &TokenRequest, surroundings: &Surroundings, error: &Error) -> Option<TokenRequest> {
        self.user.sign_in(request, surroundings, error)
    }
}
