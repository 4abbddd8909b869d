//! `DeviceCodeCredential`: a person signs in with a browser on another device.

use core::time::Duration;

use super::user::{User, asking_options, user_options, user_queries};
use super::{Credential, Surroundings, TokenCachePersistenceOptions, TokenRequest};
use crate::authority::discovery::Vouched;
use crate::cache::{Policy, Query, Subject};
use crate::error::Error;
use crate::grant::{ClientAuth, Device, DeviceAuthorization, Person, Refresh};

/// Signs a person in who types a code into a browser elsewhere (RFC 8628), once; after that tokens for any resource are
/// got silently.
///
/// Show the code only to the person who asked to sign in: whoever is talked into typing another's code gives away an
/// account.
///
/// ```
/// use azlatch_core::credential::DeviceCodeCredential;
///
/// let credential = DeviceCodeCredential::new().tenant_id("contoso.example")?.disable_automatic_authentication();
/// # Ok::<(), azlatch_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DeviceCodeCredential {
    user: User,
    pending: Option<DeviceAuthorization>,
}

impl Default for DeviceCodeCredential {
    fn default() -> Self {
        Self::new()
    }
}

impl DeviceCodeCredential {
    /// For whichever organization the person belongs to, signing in to the Azure CLI's application, for as long as the
    /// code is good.
    #[must_use]
    pub fn new() -> Self {
        // Codes live for a quarter of an hour; the last poll may come a little later.
        Self { user: User::new(Some(Duration::from_secs(960))), pending: None }
    }

    /// Goes on with the sign-in that another process began, as [`Prompt::pending`](crate::effect::Prompt::pending) told.
    #[must_use]
    pub fn resume(mut self, pending: DeviceAuthorization) -> Self {
        self.user.client_id.get_or_insert_with(|| pending.client_id().into());
        self.user.common.authority_host.get_or_insert_with(|| pending.authority().host.clone());
        if !self.user.tenant_named {
            self.user.common.tenant = pending.authority().tenant.clone();
            self.user.tenant_named = true;
        }
        self.pending = Some(pending);
        self
    }
}

user_options!(DeviceCodeCredential);
asking_options!(DeviceCodeCredential);

impl Credential for DeviceCodeCredential {
    type Grant = Person<Device>;
    const NAME: &'static str = "DeviceCodeCredential";

    user_queries!();

    fn grant(&self, _request: &TokenRequest, query: &Query) -> Person<Device> {
        match query.subject {
            Subject::Newcomer(_) => Person::SignIn(Device::new(self.pending.clone())),
            _ => Person::Silent(Refresh::new(ClientAuth::Public)),
        }
    }

    fn sign_in(&self, request: &TokenRequest, surroundings: &Surroundings, error: &Error) -> Option<TokenRequest> {
        self.user.ask(request, surroundings, error)
    }
}
