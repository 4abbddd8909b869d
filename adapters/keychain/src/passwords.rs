//! macOS: generic passwords of the default keychain, by service and account.

use std::fmt::Debug;

use azlatch_core::effect::{Partition, StoreFault};
use azlatch_core::secret::Secret;

use crate::worker::Worker;
use crate::{Address, LIMIT, SERVICE, Terms, Vault, fits, lost};

static WORKER: Worker<()> = Worker::new();

/// The calls that [`GenericPasswords`] needs; failures are `OSStatus` codes of Security.framework.
pub trait Passwords: Clone + Debug + Send + Sync + 'static {
    /// The password of `account` at `service`. No dialog appears unless `prompt` is true.
    ///
    /// # Errors
    ///
    /// `-25300` (`errSecItemNotFound`) when there is none, `-25308` (`errSecInteractionNotAllowed`) when a dialog
    /// would have been needed, or another status.
    fn get(&self, service: &str, account: &str, prompt: bool) -> Result<Vec<u8>, i32>;

    /// Adds the password, or replaces it.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    fn set(&self, service: &str, account: &str, password: &[u8], prompt: bool) -> Result<(), i32>;

    /// Deletes the password.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    fn delete(&self, service: &str, account: &str, prompt: bool) -> Result<(), i32>;
}

/// A vault of generic passwords: service `Microsoft.Developer.IdentityService`, account as [`Address::account`] says.
#[derive(Clone, Debug, Default)]
pub struct GenericPasswords<P>(P);

impl<P: Passwords> GenericPasswords<P> {
    /// Over these calls.
    #[must_use]
    pub const fn new(passwords: P) -> Self {
        Self(passwords)
    }

    /// Has `call` done in time. A dialog that nobody answers stays: the system has no way to close it.
    fn call<T: Send + 'static>(
        &self,
        name: &Partition,
        terms: Terms,
        call: impl FnOnce(&P, &str) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let account = Address::account(name)?;
        let passwords = self.0.clone();
        WORKER.run(terms, move |(), _| call(&passwords, account.as_str()))
    }
}

impl<P: Passwords> Vault for GenericPasswords<P> {
    fn read(&self, name: &Partition, terms: Terms) -> Result<Option<Secret<[u8]>>, StoreFault> {
        self.call(name, terms, move |passwords, account| get(passwords, account, terms))
    }

    fn write(&self, name: &Partition, secret: &Secret<[u8]>, terms: Terms) -> Result<(), StoreFault> {
        fits(secret.expose_secret())?;
        let secret = secret.clone();
        self.call(name, terms, move |passwords, account| {
            passwords.set(SERVICE, account, secret.expose_secret(), terms.prompt).map_err(fault)?;
            if get(passwords, account, terms)? == Some(secret) { Ok(()) } else { Err(lost()) }
        })
    }

    fn remove(&self, name: &Partition, terms: Terms) -> Result<bool, StoreFault> {
        self.call(name, terms, move |passwords, account| match passwords.delete(SERVICE, account, terms.prompt) {
            Ok(()) => Ok(true),
            Err(NOT_FOUND) => Ok(false),
            Err(status) => Err(fault(status)),
        })
    }
}

fn get(passwords: &impl Passwords, account: &str, terms: Terms) -> Result<Option<Secret<[u8]>>, StoreFault> {
    let secret = match passwords.get(SERVICE, account, terms.prompt) {
        Ok(password) => Secret::<[u8]>::from(password),
        Err(NOT_FOUND) => return Ok(None),
        Err(status) => return Err(fault(status)),
    };
    if secret.expose_secret().len() > LIMIT { Err(StoreFault::TooLarge { limit: LIMIT }) } else { Ok(Some(secret)) }
}

/// `errSecItemNotFound`.
const NOT_FOUND: i32 = -25300;

/// The fault that an `OSStatus` means.
fn fault(status: i32) -> StoreFault {
    match status {
        // Interaction is not allowed, or required.
        -25308 | -25315 => StoreFault::Locked,
        // Authentication failed, canceled by the user, no entitlement, access by this program refused.
        -25293 | -128 | -34018 | -25243 | -61 => StoreFault::Denied(format!("the Keychain refused (status {status})")),
        // Not available, no such keychain, no default keychain.
        -25291 | -25294 | -25307 => StoreFault::Unavailable(format!("no Keychain (status {status})")),
        status => StoreFault::Io(format!("the Keychain failed (status {status})")),
    }
}
