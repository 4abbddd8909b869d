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

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use azlatch_core::Host;
use azlatch_core::effect::{
    Effect, Found, Load, Loaded, Partition, Remove, Removed, Reply, Save, Saved, StoreFault, Version,
};
use locks::Locks;

/// The store; clones share it. Nothing in it outlives the process.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    documents: Mutex<Documents>,
    locks: Locks,
}

#[derive(Debug)]
struct Documents {
    stored: HashMap<Partition, Stored>,
    /// Counts everything that happens, so that versions differ and what was used longest ago is known.
    clock: u64,
    bytes: usize,
    most: usize,
    most_bytes: usize,
}

#[derive(Debug)]
struct Stored {
    found: Found,
    used: u64,
}

impl Default for Documents {
    fn default() -> Self {
        Self { stored: HashMap::new(), clock: 0, bytes: 0, most: usize::MAX, most_bytes: usize::MAX }
    }
}

impl Documents {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn put(&mut self, partition: Partition, found: Found) {
        let used = self.tick();
        self.bytes += found.bytes.expose_secret().len();
        if let Some(old) = self.stored.insert(partition, Stored { found, used }) {
            self.bytes -= old.found.bytes.expose_secret().len();
        }
        if self.stored.len() > self.most || self.bytes > self.most_bytes {
            self.thin(used);
        }
    }

    fn discard(&mut self, partition: &Partition) {
        if let Some(old) = self.stored.remove(partition) {
            self.bytes -= old.found.bytes.expose_secret().len();
        }
    }

    /// Drops what was used longest ago until both limits hold with an eighth to spare, but not what came at `latest`.
    fn thin(&mut self, latest: u64) {
        let mut ranked: Vec<_> = self.stored.iter().map(|(partition, s)| (s.used, partition.clone())).collect();
        ranked.sort_unstable();
        let (enough, light) = (self.most - self.most / 8, self.most_bytes - self.most_bytes / 8);
        for (used, partition) in ranked {
            if used == latest || (self.stored.len() <= enough && self.bytes <= light) {
                break;
            }
            self.discard(&partition);
        }
    }
}

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store of at most `documents` documents that take `bytes` together: past either limit those go that
    /// were used longest ago.
    #[must_use]
    pub fn with_limits(documents: usize, bytes: usize) -> Self {
        let limited = Documents { most: documents, most_bytes: bytes, ..Documents::default() };
        Self(Arc::new(Shared { documents: Mutex::new(limited), locks: Locks::default() }))
    }

    /// The partitions that hold something, by name.
    #[must_use]
    pub fn partitions(&self) -> Vec<Partition> {
        let mut partitions: Vec<_> = self.documents().stored.keys().cloned().collect();
        partitions.sort_unstable();
        partitions
    }

    /// Forgets every document.
    pub fn clear(&self) {
        let mut documents = self.documents();
        documents.stored.clear();
        documents.bytes = 0;
    }

    /// A panicking thread leaves no half-done change behind (each is one assignment), so its mark is ignored.
    fn documents(&self) -> MutexGuard<'_, Documents> {
        self.0.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self, ask: &Load) -> Result<Loaded, StoreFault> {
        let mut documents = self.documents();
        let now = documents.tick();
        let Some(stored) = documents.stored.get_mut(&ask.partition) else { return Ok(Loaded::Absent) };
        stored.used = now;
        if Some(stored.found.version) == ask.unless {
            return Ok(Loaded::Unchanged);
        }
        if stored.found.bytes.expose_secret().len() > ask.limit {
            return Err(StoreFault::TooLarge { limit: ask.limit });
        }
        Ok(Loaded::Found(stored.found.clone()))
    }

    fn save(&self, ask: &Save) -> Result<Saved, StoreFault> {
        let mut documents = self.documents();
        let current = documents.stored.get(&ask.partition).map(|stored| &stored.found);
        if current.map(|found| found.version) != ask.expect {
            return Ok(Saved::Conflict(current.cloned()));
        }
        let version = Version(documents.tick().into());
        documents.put(ask.partition.clone(), Found { bytes: ask.bytes.clone(), version });
        Ok(Saved::Stored(version))
    }

    fn remove(&self, ask: &Remove) -> Result<Removed, StoreFault> {
        let mut documents = self.documents();
        match documents.stored.get(&ask.partition) {
            Some(stored) if stored.found.version != ask.expect => Ok(Removed::Conflict(stored.found.clone())),
            _ => {
                documents.discard(&ask.partition);
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
