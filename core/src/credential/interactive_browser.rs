//! `InteractiveBrowserCredential`: a person signs in with the system's browser.

use alloc::string::String;
use core::time::Duration;

use super::user::{User, asking_options, user_options, user_queries};
use super::{Credential, Surroundings, TokenCachePersistenceOptions, TokenRequest};
use crate::authority::discovery::Vouched;
use crate::cache::{Policy, Query, Subject};
use crate::error::Error;
use crate::grant::{Browser, ClientAuth, Manners, Person, PromptBehavior, RedirectUri, Refresh};

/// Signs a person in with the system's browser, once; after that tokens for any resource are got silently.
///
/// The browser comes back to a listener on this machine (RFC 8252), with PKCE (RFC 7636) always.
///
/// ```
/// use azlatch_core::AuthenticationRecord;
/// use azlatch_core::credential::{Credential, Interaction, InteractiveBrowserCredential, Surroundings, TokenRequest};
///
/// let credential = InteractiveBrowserCredential::new().tenant_id("contoso.example")?.redirect_uri("http://localhost:8400")?;
/// let request = TokenRequest::new(["https://vault.azure.net/.default"])?;
/// // Nobody has signed in, so there is no question to ask; but there is a sign-in.
/// let error = credential.query(&request, &Surroundings::default()).unwrap_err();
/// let sign_in = credential.sign_in(&request, &Surroundings::default(), &error).unwrap();
/// assert_eq!(sign_in.interaction, Interaction::Required);
/// let flow = credential.acquire(&sign_in, &Surroundings::default(), None)?;
/// # Ok::<(), azlatch_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct InteractiveBrowserCredential {
    user: User,
    redirect: RedirectUri,
    manners: Manners,
}

impl Default for InteractiveBrowserCredential {
    fn default() -> Self {
        Self::new()
    }
}

impl InteractiveBrowserCredential {
    /// For whichever organization the person belongs to, signing in to the Azure CLI's application, within five
    /// minutes.
    #[must_use]
    pub fn new() -> Self {
        Self {
            user: User::new(Some(Duration::from_secs(300))),
            redirect: RedirectUri::default(),
            manners: Manners::default(),
        }
    }

    /// Comes back to this address, as it is registered for the application: `http://localhost[:port][/path]`.
    ///
    /// # Errors
    ///
    /// `Configuration` when it is not http on this machine.
    pub fn redirect_uri(mut self, uri: &str) -> Result<Self, Error> {
        self.redirect = RedirectUri::new(uri)?;
        Ok(self)
    }

    /// The user name to begin with.
    #[must_use]
    pub fn login_hint(mut self, username: impl Into<String>) -> Self {
        self.manners.login_hint = Some(username.into());
        self
    }

    /// The organization, by its domain, whose own sign-in page to go to at once.
    #[must_use]
    pub fn domain_hint(mut self, domain: impl Into<String>) -> Self {
        self.manners.domain_hint = Some(domain.into());
        self
    }

    /// What the page asks, whatever it could do without. Unless said otherwise it asks which account is meant, when no
    /// user name says so.
    #[must_use]
    pub const fn prompt(mut self, prompt: PromptBehavior) -> Self {
        self.manners.prompt = Some(prompt);
        self
    }
}

user_options!(InteractiveBrowserCredential);
asking_options!(InteractiveBrowserCredential);

impl Credential for InteractiveBrowserCredential {
    type Grant = Person<Browser>;
    const NAME: &'static str = "InteractiveBrowserCredential";

    user_queries!();

    fn grant(&self, request: &TokenRequest, query: &Query) -> Person<Browser> {
        match query.subject {
            Subject::Newcomer(_) => {
                let login_hint = self.manners.login_hint.clone().or_else(|| request.login_hint.clone());
                let manners = Manners { login_hint, ..self.manners.clone() };
                Person::SignIn(Browser::new(self.redirect.clone(), manners))
            }
            _ => Person::Silent(Refresh::new(ClientAuth::Public)),
        }
    }

    fn sign_in(&self, request: &TokenRequest, surroundings: &Surroundings, error: &Error) -> Option<TokenRequest> {
        self.user.ask(request, surroundings, error)
    }
}
