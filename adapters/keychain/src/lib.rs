//! The operating system's encrypted stores as vaults of named secrets, where Azure Identity keeps its token cache.
//!
//! | system | store | address of the partition `NAME` |
//! |---|---|---|
//! | Linux | Secret Service (GNOME Keyring, KWallet, KeePassXC), default collection | attributes `xdg:schema` = `NAME`, `MsalClientID` = `Microsoft.Developer.IdentityService`; label `MSALCache` |
//! | macOS | Keychain, generic password | service `Microsoft.Developer.IdentityService`; account `NAME`, for `msal.cache.nocae` it is `MSALCache` |
//! | Windows | file protected by DPAPI for the user | `%LOCALAPPDATA%\.IdentityService\NAME` |
//!
//! These are azure-identity for Python's, so both read the same secret. A vault only reads, writes and removes: no
//! versions, no locks between processes.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use azlatch_core::effect::{Partition, StoreFault};
//! use azlatch_keychain::{Keychain, Terms, Vault as _};
//!
//! fn main() -> Result<(), StoreFault> {
//!     let name = Partition::new("msal.cache.nocae").ok_or(StoreFault::Unsupported)?;
//!     match Keychain::new().read(&name, Terms::silent(Duration::from_secs(5)))? {
//!         Some(secret) => println!("{} bytes", secret.expose_secret().len()),
//!         None => println!("nobody has signed in"),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # What holds for every vault
//!
//! * **Locked is not absent.** `None` means that the secret is certainly not there: a locked store that may hold it
//!   answers [`StoreFault::Locked`], so nobody takes it for an empty cache and writes over what is in it.
//! * **Every call ends by its deadline**, within a tenth of a second. All calls go to one thread, which the process
//!   does not wait for when it exits. After a deadline has passed, calls fail at once with [`StoreFault::Busy`] for
//!   three seconds; then one of them tries again.
//! * **A call cannot be taken back.** A write that ran out of time may still be carried out when the service wakes
//!   up, before any later call.
//! * **No dialog appears** unless [`Terms::prompting`] allows it.
//! * What is written is read back and compared: a store that cuts or drops a secret is found out at once.
//! * Secrets are wiped from the memory of this crate. The system's own libraries make copies that it cannot reach.
//!
//! # After `fork`
//!
//! A process that has used the Secret Service and then forks cannot use it in the child, where the threads that it
//! needs are gone: calls there fail at once, and say so. A child that is the first to use it can. Programs that put
//! themselves in the background do so before they sign in.

mod address;
mod files;
mod passwords;
#[cfg(target_os = "linux")]
mod secret_service;
mod system;
mod worker;

use std::fmt::Debug;
use std::time::Duration;

use azlatch_core::effect::{Partition, StoreFault};
use azlatch_core::secret::Secret;

pub use address::{Address, SERVICE};
pub use files::{ProtectedFiles, Protection};
pub use passwords::{GenericPasswords, Passwords};
#[cfg(target_os = "linux")]
pub use secret_service::{Foreign, Origin, SecretService};
#[cfg(windows)]
pub use system::Dpapi;
pub use system::Keychain;

/// No vault takes more, in bytes: the default limit of a token cache.
pub const LIMIT: usize = 16 << 20;

/// How a call is made: until when, and whether the person at the screen may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// The call ends within this, and a tenth of a second.
    pub timeout: Duration,
    /// Whether a dialog may appear, for a password or for consent.
    pub prompt: bool,
}

impl Terms {
    /// No dialog. Five seconds are enough for a healthy service.
    #[must_use]
    pub const fn silent(timeout: Duration) -> Self {
        Self { timeout, prompt: false }
    }

    /// A dialog may appear: leave time for a person, such as a minute.
    #[must_use]
    pub const fn prompting(timeout: Duration) -> Self {
        Self { timeout, prompt: true }
    }
}

/// An encrypted store of named secrets. Calls block; clones are the same vault.
pub trait Vault: Clone + Debug + Send + Sync + 'static {
    /// The secret called `name`; `None` when it is certainly not there.
    ///
    /// # Errors
    ///
    /// `Locked` when it is or may be in a locked store, `Denied` when the person or the system refused, `Busy` when
    /// there was no answer in time, `Unavailable` when there is no such store here, `TooLarge` over [`LIMIT`], `Io`
    /// for the rest.
    fn read(&self, name: &Partition, terms: Terms) -> Result<Option<Secret<[u8]>>, StoreFault>;

    /// Stores `secret` as `name`, in place of what was there.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read); `TooLarge` before anything is sent. After `Busy` the secret may be stored or not.
    fn write(&self, name: &Partition, secret: &Secret<[u8]>, terms: Terms) -> Result<(), StoreFault>;

    /// Removes `name`, and says whether it was there.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read).
    fn remove(&self, name: &Partition, terms: Terms) -> Result<bool, StoreFault>;

    /// Whether the store works: stores a few bytes under a name that nobody else uses, reads them, removes them.
    ///
    /// # Errors
    ///
    /// As for [`read`](Self::read): whatever would keep a real secret from being kept.
    fn probe(&self, terms: Terms) -> Result<(), StoreFault> {
        let name = address::unused();
        let secret = Secret::<[u8]>::from(name.name().as_bytes());
        let works = self.write(&name, &secret, terms).and_then(|()| self.read(&name, terms));
        // Also when something failed, since it may have been stored all the same.
        let removed = self.remove(&name, terms);
        match works? {
            Some(read) if read == secret => removed.map(drop),
            _ => Err(lost()),
        }
    }
}

/// The store said that it had stored something, and does not have it.
fn lost() -> StoreFault {
    StoreFault::Io("the store does not keep what it is given".to_owned())
}

/// Refuses what is too large, before anything is done with it.
fn fits(secret: &[u8]) -> Result<(), StoreFault> {
    if secret.len() > LIMIT { Err(StoreFault::TooLarge { limit: LIMIT }) } else { Ok(()) }
}
