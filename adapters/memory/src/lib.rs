//! In-memory store for azlatch: versioned documents and keyed locks, shared by every clone of a [`Memory`].
//!
//! ```
//! use azlatch_core::effect::Partition;
//! use azlatch_memory::Memory;
//!
//! let store = Memory::new();
//! assert!(store.partitions().is_empty());
//! # let _ = Partition::new("msal.cache.nocae");
//! ```

mod locks;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use azlatch_core::Host;
use azlatch_core::effect::{
    Effect, Found, Load, Loaded, Partition, Remove, Removed, Reply, Save, Saved, StoreFault, Version,
};
use azlatch_core::secret::Secret;
use locks::Locks;

/// The store; clones share it. Nothing in it outlives the process.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    documents: Mutex<Documents>,
    locks: Locks,
}

#[derive(Debug, Default)]
struct Documents {
    stored: BTreeMap<Partition, Found>,
    written: u128,
}

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The partitions that hold something.
    #[must_use]
    pub fn partitions(&self) -> Vec<Partition> {
        self.documents().stored.keys().cloned().collect()
    }

    /// Forgets every document.
    pub fn clear(&self) {
        self.documents().stored.clear();
    }

    /// A panicking thread leaves no half-done change behind (each is one assignment), so its mark is ignored.
    fn documents(&self) -> MutexGuard<'_, Documents> {
        self.0.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self, ask: &Load) -> Result<Loaded, StoreFault> {
        match self.documents().stored.get(&ask.partition) {
            None => Ok(Loaded::Absent),
            Some(found) if Some(found.version) == ask.unless => Ok(Loaded::Unchanged),
            Some(found) if found.bytes.expose_secret().len() > ask.limit => {
                Err(StoreFault::TooLarge { limit: ask.limit })
            }
            Some(found) => Ok(Loaded::Found(found.clone())),
        }
    }

    fn save(&self, ask: &Save) -> Result<Saved, StoreFault> {
        let mut documents = self.documents();
        let current = documents.stored.get(&ask.partition);
        if current.map(|found| found.version) != ask.expect {
            return Ok(Saved::Conflict(current.cloned()));
        }
        documents.written += 1;
        let version = Version(documents.written);
        let bytes: Secret<[u8]> = ask.bytes.clone();
        documents.stored.insert(ask.partition.clone(), Found { bytes, version });
        Ok(Saved::Stored(version))
    }

    fn remove(&self, ask: &Remove) -> Result<Removed, StoreFault> {
        let mut documents = self.documents();
        match documents.stored.get(&ask.partition) {
            Some(found) if found.version != ask.expect => Ok(Removed::Conflict(found.clone())),
            _ => {
                documents.stored.remove(&ask.partition);
                Ok(Removed::Gone)
            }
        }
    }
}

impl Host for Memory {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        Ok(match effect {
            Effect::Load(ask) => {
                let answer = self.load(&ask.op);
                ask.answer(answer)
            }
            Effect::Save(ask) => {
                let answer = self.save(&ask.op);
                ask.answer(answer)
            }
            Effect::Remove(ask) => {
                let answer = self.remove(&ask.op);
                ask.answer(answer)
            }
            Effect::Lock(ask) => {
                let answer = self.0.locks.take(ask.op.key, ask.op.patience);
                ask.answer(Ok(answer))
            }
            Effect::Unlock(ask) => {
                self.0.locks.release(ask.op.guard, ask.op.mark.clone());
                ask.answer(())
            }
            other => return Err(other),
        })
    }
}
