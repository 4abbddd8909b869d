//! Which store a credential's tokens go to.

use azlatch_core::credential::TokenCachePersistenceOptions;
use azlatch_core::effect::{Effect, Reply, StoreFault};
use azlatch_core::{Error, ErrorKind, Host, Note};
use azlatch_files::Files;
use azlatch_memory::Memory;

use crate::adapters::Adapters;
use crate::hot::TokenCache;

/// How stored tokens are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protection {
    /// Only in this process's memory.
    Memory,
    /// In a file that only this user may read, in plain text.
    Plaintext,
}

/// The chosen store.
#[derive(Clone, Debug)]
pub(crate) enum Store {
    Memory(Memory),
    Files(Files),
}

/// What was chosen, and what the user must know of it.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) store: Store,
    pub(crate) warning: Option<Note>,
}

impl Choice {
    /// The store for these options.
    ///
    /// # Errors
    ///
    /// `Storage` when plain text is not allowed, `Configuration` when the directory cannot be one.
    pub(crate) fn new(
        options: Option<&TokenCachePersistenceOptions>,
        adapters: &Adapters,
        cache: &TokenCache,
    ) -> Result<Self, Error> {
        let memory = || Store::Memory(cache.memory().clone());
        let Some(options) = options else { return Ok(Self { store: memory(), warning: None }) };
        if !options.allow_unencrypted_storage {
            return Err(Error::new(ErrorKind::Storage, "no encrypted store can be used: this version of azlatch has none")
                .advise("allow plain text with allow_unencrypted_storage (--allow-unencrypted-storage), or leave persistence off"));
        }
        Ok(match adapters.directory()? {
            Some(directory) => Self { store: Store::Files(Files::new(directory)), warning: None },
            // Nowhere to keep anything: memory still works, and the account of every fetch says so.
            None => {
                let why = "no home directory is set, so nothing outlives this process".to_owned();
                Self { store: memory(), warning: Some(Note::LoadFailed(StoreFault::Unavailable(why))) }
            }
        })
    }
}

impl Store {
    pub(crate) const fn protection(&self) -> Protection {
        match self {
            Self::Memory(_) => Protection::Memory,
            Self::Files(_) => Protection::Plaintext,
        }
    }
}

impl Host for Store {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match self {
            Self::Memory(store) => store.perform(effect),
            Self::Files(store) => store.perform(effect),
        }
    }
}
