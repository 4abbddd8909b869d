//! Who signed in to a bound credential, and the door through which people come: one at a time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, Guard};
use azlatch_core::AuthenticationRecord;
use azlatch_core::cache::CacheKey;
use azlatch_core::credential::Surroundings;

use crate::slot::Slot;

pub(crate) struct Session {
    surroundings: ArcSwap<Surroundings>,
    /// How often it became another's: what was remembered for the one before counts no more.
    era: AtomicU64,
    /// Whoever needs a sign-in waits for the one that is going on, whatever it is for.
    door: Arc<Slot>,
}

impl Session {
    pub(crate) fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings: ArcSwap::from_pointee(surroundings),
            era: AtomicU64::new(0),
            door: Arc::new(Slot::new(CacheKey([0; 32]), CacheKey([0; 32]))),
        }
    }

    #[inline]
    pub(crate) fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    pub(crate) fn surroundings(&self) -> Guard<Arc<Surroundings>> {
        self.surroundings.load()
    }

    pub(crate) const fn door(&self) -> &Arc<Slot> {
        &self.door
    }

    pub(crate) fn signed_in(&self) -> Option<AuthenticationRecord> {
        self.surroundings.load().signed_in.clone()
    }

    /// From now on the credential is `who`'s.
    pub(crate) fn belongs_to(&self, who: Option<AuthenticationRecord>) {
        let before = self.surroundings.rcu(|now| Surroundings { signed_in: who.clone(), ..Surroundings::clone(now) });
        if before.signed_in != who {
            self.era.fetch_add(1, Ordering::Release);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("signed_in", &self.signed_in()).finish_non_exhaustive()
    }
}
