//! Scopes as a set: sorted, without duplicates, so that order never makes another cache entry (RFC 6749 §3.3).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Error, ErrorKind};

/// A set of scopes; compared by exact text, as RFC 6749 says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeSet(Vec<String>);

impl ScopeSet {
    /// The set of `scopes`.
    ///
    /// # Errors
    ///
    /// `Configuration` when it is empty, or a scope has a character that RFC 6749 §3.3 does not allow.
    pub fn new<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let set = Self(scopes.into_iter().map(|s| String::from(s.as_ref())).collect()).sorted();
        if set.0.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "no scope was given")
                .advise("name at least one scope, such as https://management.azure.com/.default"));
        }
        let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        match set.0.iter().find(|s| s.is_empty() || s.len() > 2048 || !s.bytes().all(allowed)) {
            None => Ok(set),
            Some(bad) => {
                let mut message = String::from("a scope has characters that no scope can have: ");
                message.push_str(&crate::wire::text::printable(bad, 80));
                Err(Error::new(ErrorKind::Configuration, message)
                    .advise("give each scope by itself, without spaces or quotes"))
            }
        }
    }

    /// The set in a space-separated text, as answers and caches write it; never fails, since matching decides.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.split_ascii_whitespace().map(String::from).collect()).sorted()
    }

    fn sorted(mut self) -> Self {
        self.0.sort_unstable();
        self.0.dedup();
        self
    }

    /// Whether every scope of this set is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|scope| other.0.binary_search(scope).is_ok())
    }

    /// Whether a token for `granted` answers a request for this set: every scope is there, letter case aside, as Entra
    /// and most of its libraries read them.
    #[must_use]
    pub fn is_granted_by(&self, granted: &Self) -> bool {
        self.is_subset(granted) || self.0.iter().all(|s| granted.0.iter().any(|g| g.eq_ignore_ascii_case(s)))
    }

    /// The scopes, sorted by code point.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This set with `more` added.
    #[must_use]
    pub fn with(&self, more: &[&str]) -> Self {
        let mut all = self.0.clone();
        all.extend(more.iter().copied().map(String::from));
        Self(all).sorted()
    }

    /// This set without the scopes that OpenID Connect reserves, which no resource grants.
    #[must_use]
    pub fn without_reserved(&self) -> Self {
        let reserved = |s: &&String| !matches!(s.as_str(), "openid" | "profile" | "offline_access");
        Self(self.0.iter().filter(reserved).cloned().collect())
    }
}

impl fmt::Display for ScopeSet {
    /// Joined by single spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope)?;
        }
        Ok(())
    }
}
