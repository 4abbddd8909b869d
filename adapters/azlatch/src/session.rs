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
    /// How many came through it.
    arrivals: AtomicU64,
}

impl Session {
    pub(crate) fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings: ArcSwap::from_pointee(surroundings),
            era: AtomicU64::new(0),
            arrivals: AtomicU64::new(0),
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

    /// How many signed in so far: who saw fewer asks anew before asking a person.
    pub(crate) fn arrivals(&self) -> u64 {
        self.arrivals.load(Ordering::Acquire)
    }

    /// From now on the credential is `who`'s, who signed in to the credential's own tenant, or to another.
    pub(crate) fn arrived(&self, who: &AuthenticationRecord, own_tenant: bool) {
        let before = self.surroundings.rcu(|now| {
            let known = now.own_tenant.clone().filter(|_| is_same_person(now.signed_in.as_ref(), who));
            let own_tenant = if own_tenant { Some(who.tenant_id.clone()) } else { known };
            Surroundings { signed_in: Some(who.clone()), own_tenant, ..Surroundings::clone(now) }
        });
        self.turn(&before);
        self.arrivals.fetch_add(1, Ordering::Release);
    }

    /// From now on the credential is nobody's.
    pub(crate) fn left(&self) {
        let nobody =
            |now: &Arc<Surroundings>| Surroundings { signed_in: None, own_tenant: None, ..Surroundings::clone(now) };
        self.turn(&self.surroundings.rcu(nobody));
    }

    /// Begins an era, unless everything is as it was `before`.
    fn turn(&self, before: &Surroundings) {
        if *before != **self.surroundings.load() {
            self.era.fetch_add(1, Ordering::Release);
        }
    }
}

fn is_same_person(before: Option<&AuthenticationRecord>, who: &AuthenticationRecord) -> bool {
    before.is_some_and(|before| before.home_account_id == who.home_account_id)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("signed_in", &self.signed_in()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_person_begins_an_era_and_takes_along_what_was_learnt() {
        let session = Session::new(Surroundings::default());
        let record = |home: &str, tenant: &str| {
            let text = format!(
                r#"{{"authority":"login.test","clientId":"app","homeAccountId":"{home}","tenantId":"{tenant}"}}"#
            );
            AuthenticationRecord::from_json(&text).expect("a record")
        };
        let own = |session: &Session| session.surroundings().own_tenant.as_ref().map(ToString::to_string);
        // Who, to which tenant, whether that is the credential's own; the own tenant then known, and the era.
        for (home, tenant, is_own, known, era) in [
            ("ada", "t1", true, Some("t1"), 1),
            ("ada", "t1", true, Some("t1"), 1),
            ("ada", "abroad", false, Some("t1"), 2),
            ("bob", "abroad", false, None, 3),
            ("bob", "t2", true, Some("t2"), 4),
        ] {
            session.arrived(&record(home, tenant), is_own);
            assert_eq!((own(&session).as_deref(), session.era()), (known, era), "{home} in {tenant}");
        }
        session.left();
        assert_eq!((own(&session), session.signed_in(), session.era(), session.arrivals()), (None, None, 5, 5));
    }
}
