//! Values that must never be seen by accident.
//!
//! [`Secret`] wipes itself when dropped, prints as `[redacted]`, has no `Display`, and compares in constant time.
//! Each kind of secret is a type of its own, so a refresh token cannot be sent where an access token belongs.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::mem;

use zeroize::Zeroize;

/// Secret text (`Secret`) or secret bytes (`Secret<[u8]>`): wiped on drop, never printed.
pub struct Secret<T: Zeroize + AsBytes + ?Sized = str>(Box<T>);

/// What a [`Secret`] can hold: something with bytes to compare and wipe.
pub trait AsBytes {
    /// The bytes, for comparison and hashing.
    fn as_bytes(&self) -> &[u8];
}

impl AsBytes for str {
    fn as_bytes(&self) -> &[u8] {
        str::as_bytes(self)
    }
}

impl AsBytes for [u8] {
    fn as_bytes(&self) -> &[u8] {
        self
    }
}

impl<T: Zeroize + AsBytes + ?Sized> Secret<T> {
    /// The value itself. The name is long so that a reviewer sees every place that looks.
    #[must_use]
    pub fn expose_secret(&self) -> &T {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    /// Takes the text over; a spare capacity is given up by a copy that is wiped.
    fn from(mut text: String) -> Self {
        if text.capacity() == text.len() {
            return Self(text.into_boxed_str());
        }
        let kept = Self::from(text.as_str());
        text.zeroize();
        kept
    }
}

impl From<&[u8]> for Secret<[u8]> {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<Vec<u8>> for Secret<[u8]> {
    /// Takes the bytes over; a spare capacity is given up by a copy that is wiped.
    fn from(mut bytes: Vec<u8>) -> Self {
        if bytes.capacity() == bytes.len() {
            return Self(bytes.into_boxed_slice());
        }
        let kept = Self::from(bytes.as_slice());
        bytes.zeroize();
        kept
    }
}

impl From<Secret> for Secret<[u8]> {
    /// Takes the text over: nothing is copied.
    fn from(mut text: Secret) -> Self {
        Self(mem::take(&mut text.0).into_boxed_bytes())
    }
}

impl TryFrom<Secret<[u8]>> for Secret {
    type Error = Secret<[u8]>;

    /// Takes the bytes over when they are UTF-8, else gives them back: nothing is copied either way.
    fn try_from(mut bytes: Secret<[u8]>) -> Result<Self, Secret<[u8]>> {
        match String::from_utf8(mem::take(&mut bytes.0).into_vec()) {
            Ok(text) => Ok(Self(text.into_boxed_str())),
            Err(error) => Err(Secret(error.into_bytes().into_boxed_slice())),
        }
    }
}

impl Clone for Secret {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Clone for Secret<[u8]> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize + AsBytes + ?Sized> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize + AsBytes + ?Sized> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Zeroize + AsBytes + ?Sized> PartialEq for Secret<T> {
    /// Constant-time in the content; only the length shows.
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        let differing = a.iter().zip(b).fold(0_u8, |seen, (x, y)| seen | (x ^ y));
        a.len() == b.len() && core::hint::black_box(differing) == 0
    }
}

impl<T: Zeroize + AsBytes + ?Sized> Eq for Secret<T> {}

impl<T: Zeroize + AsBytes + ?Sized> Hash for Secret<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_bytes().hash(state);
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(Secret);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn expose_secret(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<Secret> for $name {
            fn from(secret: Secret) -> Self {
                Self(secret)
            }
        }
    )*};
}

kinds! {
    /// An access token: opaque text for the `Authorization` header (RFC 6749 §1.4).
    AccessToken;
    /// A refresh token: exchanged for access tokens, often single-use (RFC 6749 §1.5).
    RefreshToken;
    /// A confidential client's password (RFC 6749 §2.3.1).
    ClientSecret;
    /// A person's password (RFC 6749 §4.3).
    Password;
    /// An authorization code: good once, and briefly (RFC 6749 §4.1.2).
    AuthorizationCode;
    /// A PKCE verifier: proves that the code comes back to who asked for it (RFC 7636 §4.1).
    CodeVerifier;
    /// A device code: whoever has it gets the tokens once the person has agreed (RFC 8628 §3.2).
    DeviceCode;
    /// An id token: used for account hints only, never verified here (OpenID Connect Core §2).
    IdToken;
}
