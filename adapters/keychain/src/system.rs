//! This system's vault: a thin name over one of the kinds, and the calls that it stands on.

use azlatch_core::effect::{Partition, StoreFault};
use azlatch_core::secret::Secret;

use crate::{Terms, Vault};

/// The encrypted store of the system that this was built for: the Secret Service, the macOS Keychain, or files under
/// Windows' DPAPI. On other systems every call says `Unsupported`.
#[derive(Clone, Debug)]
pub struct Keychain(platform::Kind);

impl Keychain {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(platform::vault())
    }
}

impl Default for Keychain {
    fn default() -> Self {
        Self::new()
    }
}

impl Vault for Keychain {
    fn read(&self, name: &Partition, terms: Terms) -> Result<Option<Secret<[u8]>>, StoreFault> {
        self.0.read(name, terms)
    }

    fn write(&self, name: &Partition, secret: &Secret<[u8]>, terms: Terms) -> Result<(), StoreFault> {
        self.0.write(name, secret, terms)
    }

    fn remove(&self, name: &Partition, terms: Terms) -> Result<bool, StoreFault> {
        self.0.remove(name, terms)
    }
}

#[cfg(windows)]
pub use platform::Dpapi;

#[cfg(target_os = "linux")]
mod platform {
    pub(super) use crate::SecretService as Kind;

    pub(super) fn vault() -> Kind {
        Kind::new()
    }
}

#[cfg(target_os = "macos")]
mod platform {
    use security_framework::base::Error;
    use security_framework::os::macos::keychain::SecKeychain;
    use security_framework::passwords::{
        PasswordOptions, delete_generic_password, generic_password, set_generic_password,
    };

    use crate::{GenericPasswords, Passwords};

    pub(super) type Kind = GenericPasswords<SecurityFramework>;

    pub(super) fn vault() -> Kind {
        GenericPasswords::new(SecurityFramework)
    }

    #[derive(Clone, Copy, Debug)]
    pub(super) struct SecurityFramework;

    impl Passwords for SecurityFramework {
        fn get(&self, service: &str, account: &str, prompt: bool) -> Result<Vec<u8>, i32> {
            quietly(prompt, || generic_password(PasswordOptions::new_generic_password(service, account)))
        }

        fn set(&self, service: &str, account: &str, password: &[u8], prompt: bool) -> Result<(), i32> {
            quietly(prompt, || set_generic_password(service, account, password))
        }

        fn delete(&self, service: &str, account: &str, prompt: bool) -> Result<(), i32> {
            quietly(prompt, || delete_generic_password(service, account))
        }
    }

    /// Without `prompt`, the whole process shows no Keychain dialog meanwhile: the system has no narrower switch.
    fn quietly<T>(prompt: bool, call: impl FnOnce() -> Result<T, Error>) -> Result<T, i32> {
        // Its end would switch them on in a program that has switched them off for itself.
        let is_switch = !prompt && SecKeychain::user_interaction_allowed().map_err(Error::code)?;
        let _switch = is_switch.then(SecKeychain::disable_user_interaction).transpose().map_err(Error::code)?;
        call().map_err(Error::code)
    }
}

#[cfg(windows)]
mod platform {
    use std::path::PathBuf;
    use std::{env, io};

    use windows_dpapi::{Scope, decrypt_data, encrypt_data};

    use crate::{ProtectedFiles, Protection};

    pub(super) type Kind = ProtectedFiles<Dpapi>;

    pub(super) fn vault() -> Kind {
        let local = env::var_os("LOCALAPPDATA").map(PathBuf::from).filter(|path| path.is_absolute());
        ProtectedFiles::new(local.map(|path| path.join(".IdentityService")), Dpapi)
    }

    /// Windows' Data Protection API, for the current user, without extra entropy.
    #[derive(Clone, Copy, Debug)]
    pub struct Dpapi;

    impl Protection for Dpapi {
        fn protect(&self, secret: &[u8]) -> io::Result<Vec<u8>> {
            encrypt_data(secret, Scope::User, None).map_err(|error| cause(&error.chain().collect::<Vec<_>>()))
        }

        fn unprotect(&self, protected: &[u8]) -> io::Result<Vec<u8>> {
            decrypt_data(protected, Scope::User, None).map_err(|error| cause(&error.chain().collect::<Vec<_>>()))
        }
    }

    /// The system's own error at the bottom of the library's.
    fn cause(chain: &[&(dyn std::error::Error + 'static)]) -> io::Error {
        let code = chain.iter().find_map(|error| error.downcast_ref::<io::Error>()?.raw_os_error());
        code.map_or_else(|| io::Error::other("DPAPI failed"), io::Error::from_raw_os_error)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod platform {
    use super::{Partition, Secret, StoreFault, Terms, Vault};

    pub(super) fn vault() -> Kind {
        Kind
    }

    /// No store that this crate knows.
    #[derive(Clone, Copy, Debug)]
    pub(super) struct Kind;

    impl Vault for Kind {
        fn read(&self, _: &Partition, _: Terms) -> Result<Option<Secret<[u8]>>, StoreFault> {
            Err(StoreFault::Unsupported)
        }

        fn write(&self, _: &Partition, _: &Secret<[u8]>, _: Terms) -> Result<(), StoreFault> {
            Err(StoreFault::Unsupported)
        }

        fn remove(&self, _: &Partition, _: Terms) -> Result<bool, StoreFault> {
            Err(StoreFault::Unsupported)
        }
    }
}
