//! A fetch on its way, and what becomes of what it brings: kept in the token's place, told to everybody who waits.

use std::sync::Arc;

use azlatch_core::cache::{Acquire, Acquired, Demand};
use azlatch_core::credential::{Credential, Interaction, Surroundings, TokenRequest};
use azlatch_core::shield::Shield;
use azlatch_core::{AuthenticationRecord, Error, ErrorKind, Flow as _, Note, Source, Unix, run};

#[cfg(feature = "async")]
use super::from_memory;
use super::{Bound, instead, lost};
use crate::answer::{Answer, Landed};
use crate::flight::{Flight, Pilot};
use crate::slot::{Hot, Origin, Refusal, Slot};
use crate::store::Protection;

/// A fetch that is ours to run. Dropped before it lands (its driver panicked, its task was given up), it gives back
/// what it holds, and who waits for it gets the old token or asks again.
pub(crate) struct Lead<C: Credential> {
    pub(crate) bound: Arc<Bound<C>>,
    pub(crate) flow: Shield<Acquire<C::Grant>>,
    pub(crate) landing: Option<Landing>,
}

/// Where a fetch ends.
pub(crate) struct Landing {
    pub(crate) request: TokenRequest,
    /// When the credential's person was asked after.
    pub(crate) era: u64,
    pub(crate) slot: Arc<Slot>,
    pub(crate) origin: Arc<Origin>,
    /// How often the cache was cleared when it began.
    pub(crate) clearings: u64,
    /// The token that is handed out if the fetch fails.
    pub(crate) hot: Option<Arc<Hot>>,
    pub(crate) flight: Arc<Flight<Landed>>,
    pub(crate) pilot: Pilot<Landed>,
}

impl<C: Credential> Bound<C> {
    fn keep(&self, landing: &Landing, acquired: Acquired) -> Landed {
        let Acquired { token, mut explain, version, tried, record } = acquired;
        let shared = self.choice.store.protection() != Protection::Memory;
        match explain.source {
            Source::Store if !shared => explain.source = Source::Memory,
            Source::Network => explain.notes.extend(self.choice.warning.clone()),
            _ => {}
        }
        let token = Arc::new(token);
        if explain.notes.contains(&Note::SignedOut) {
            return Some(Ok(Answer { token, explain }));
        }
        let now = self.clock.now();
        let (mut slot, mut origin, mut era) = (landing.slot.clone(), landing.origin.clone(), Some(landing.era));
        if let Some(record) = record {
            self.session.arrived(&record, landing.request.tenant_id.is_none());
            era = Some(self.session.era()).filter(|_| self.session.signed_in().as_ref() == Some(&record));
            match self.moved_in(&landing.request, record, now.wall) {
                Ok(place) => (slot, origin) = place,
                // It was a request a moment ago.
                Err(error) => return Some(Err(error)),
            }
        }
        let spread = self.session.surroundings().holder;
        let checked = shared.then_some(now.mono).filter(|_| version.is_some());
        let hot = Hot::new(token.clone(), origin, version, tried, checked, spread);
        let fetched = explain.source == Source::Network;
        let hot = hot.calm_for_a_moment(now.wall);
        if !self.cache.keep(&slot, hot, now.wall, fetched, landing.clearings) {
            // What is left is the failure of the renewal, or a second look.
            return explain.notes.into_iter().find_map(|note| match note {
                Note::RefreshFailed(error) => Some(Err(error)),
                _ => None,
            });
        }
        if let Some(era) = era {
            self.front.remember(&landing.request, era, &slot);
        }
        Some(Ok(Answer { token, explain }))
    }

    /// Where the token lives that `who` signed in for with `request`, whoever has come or gone since.
    fn moved_in(
        &self,
        request: &TokenRequest,
        who: AuthenticationRecord,
        now: Unix,
    ) -> Result<(Arc<Slot>, Arc<Origin>), Error> {
        let mut request = request.clone().interaction(Interaction::Never);
        request.demand = Demand::Any;
        let own_tenant = request.tenant_id.is_none().then(|| who.tenant_id.clone());
        let around = Surroundings::clone(&self.session.surroundings());
        let surroundings = Surroundings { signed_in: Some(who), own_tenant, ..around };
        let query = self.credential.query(&request, &surroundings)?;
        let policy = self.credential.policy(&request, &query, &surroundings, self.vouched.get())?;
        let origin = Origin { store: self.choice.store.clone(), partition: policy.place.partition(&query) };
        Ok((self.cache.slot(&query, now), Arc::new(origin)))
    }

    /// A valid token in memory outlives any trouble of the authority or the store.
    fn fall_back(&self, landing: &Landing, error: Error) -> Result<Answer, Error> {
        let now = self.clock.now();
        // Rejected or cleared since, it is not in its place any more.
        let Some(hot) = landing.hot.as_ref().filter(|hot| hot.token.life.is_alive(now.wall)) else { return Err(error) };
        if !landing.slot.hot().is_some_and(|kept| kept.token.access_token == hot.token.access_token) {
            return Err(error);
        }
        if error.kind() != ErrorKind::Cancelled {
            let spread = self.session.surroundings().holder;
            landing.slot.replace(hot, Some(Arc::new(hot.tried(now.wall, spread))));
        }
        Ok(instead(hot, error))
    }
}

impl<C: Credential> Lead<C> {
    /// Whether there is a token that does until this fetch is over.
    #[cfg(feature = "async")]
    pub(crate) fn meanwhile(&self) -> Option<Answer> {
        let hot = self.landing.as_ref()?.hot.as_ref()?;
        let ending = hot.token.life.is_ending(self.bound.clock.now().wall);
        (!ending).then(|| from_memory(hot))
    }

    /// The flow ended with `result`: keeps what it brought, and tells everybody.
    pub(crate) fn land(mut self, result: Result<Acquired, Error>) -> Landed {
        if let Some(vouched) = self.flow.flow().vouched() {
            // Losing the race means that another thread was told the same.
            let _ = self.bound.vouched.set(vouched.clone());
        }
        let landing = self.landing.take()?;
        landing.slot.refuse(landing.refusal(&self.bound, &result));
        let landed = match result {
            Ok(acquired) => self.bound.keep(&landing, acquired),
            Err(error) => Some(self.bound.fall_back(&landing, error)),
        };
        landing.end(landed.clone());
        landed
    }
}

impl Landing {
    /// What is worth remembering of a refusal that only a person can mend. At the door nothing is: who comes next is
    /// another, or thinks better of it.
    fn refusal<C>(&self, bound: &Bound<C>, result: &Result<Acquired, Error>) -> Option<Refusal> {
        let error = result.as_ref().err().filter(|error| error.needs_interaction() && error.oauth().is_some())?;
        let worthwhile = self.request.demand == Demand::Any && self.request.interaction != Interaction::Required;
        let refusal = || Refusal { error: error.clone(), at: bound.clock.mono(), arrivals: bound.session.arrivals() };
        worthwhile.then(refusal)
    }

    fn end(self, landed: Landed) {
        self.slot.flights().retain(|fetch| !Arc::ptr_eq(&fetch.flight, &self.flight));
        self.pilot.land(landed);
    }
}

impl<C: Credential> Drop for Lead<C> {
    fn drop(&mut self) {
        if let Some(landing) = self.landing.take() {
            // Stepped out of turn, the flow asks for nothing but to give back its lock and to close its listener.
            self.flow.cancel();
            let mut host = (self.bound.choice.store.clone(), self.bound.system.clone());
            let _ = run(&mut self.flow, || self.bound.clock.now(), &mut host);
            match self.bound.fall_back(&landing, lost()) {
                Ok(answer) => landing.end(Some(Ok(answer))),
                // Whoever waits asks anew.
                Err(_) => landing.slot.flights().retain(|fetch| !Arc::ptr_eq(&fetch.flight, &landing.flight)),
            }
        }
    }
}
