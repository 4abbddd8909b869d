//! A credential bound to a cache and a store, whoever runs its flows: what a request comes to, step by step.
//!
//! ```text
//! request ─► calm hit ──────────────────────────────────────────► token      (hot path)
//!    │
//!    └─► board ─┬─ Hit: the token in memory does ───────────────► answer
//!               ├─ Check: is it still what the store holds? ─► board again
//!               ├─ Follow: somebody is fetching it ─► wait ─────► their answer, or board again
//!               └─ Lead: run this flow, then land it ───────────► answer for us and who follows
//! ```
//!
//! Blocking and async callers differ only in how they run and wait.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use azlatch_core::authority::discovery::Vouched;
use azlatch_core::cache::{Acquire, Acquired, Check, Decision, Demand, Policy, Query, decide, partition};
use azlatch_core::credential::{Credential, Surroundings, TokenRequest};
use azlatch_core::effect::Partition;
use azlatch_core::secret::AccessToken;
use azlatch_core::shield::Shield;
use azlatch_core::token::Token;
use azlatch_core::{Error, ErrorKind, Explain, Flow as _, Mono, Note, Source, run};
use azlatch_system::Clock;

use crate::adapters::Adapters;
use crate::answer::{Answer, Landed};
use crate::flight::{Flight, Pilot, Ride};
use crate::front::{Front, Wanted};
use crate::hot::TokenCache;
use crate::slot::{Hot, Slot};
use crate::store::{Choice, Protection};

/// A bound credential, without anything that runs it.
pub(crate) struct Bound<C> {
    pub(crate) credential: C,
    pub(crate) choice: Choice,
    pub(crate) clock: Clock,
    pub(crate) cache: TokenCache,
    surroundings: Surroundings,
    front: Front,
    vouched: OnceLock<Vouched>,
}

/// What a request comes to next.
pub(crate) enum Next<C: Credential> {
    /// A token in memory.
    Hit(Answer),
    /// Ask the store whether it still holds that token, say so to [`Bound::checked`], and board again.
    Check(Checking),
    /// Wait.
    Follow(Ride<Landed>),
    /// Run the flow and land it; the seat is the caller's own.
    Lead(Box<Lead<C>>, Ride<Landed>),
}

/// A token in memory and the question whether it is still the stored one.
pub(crate) struct Checking {
    pub(crate) check: Check,
    slot: Arc<Slot>,
    hot: Arc<Hot>,
}

/// A fetch that is ours to run. Dropped before it lands (its driver panicked, its task was given up), it gives back
/// what it holds, and who waits for it asks again.
pub(crate) struct Lead<C: Credential> {
    pub(crate) bound: Arc<Bound<C>>,
    pub(crate) flow: Shield<Acquire<C::Grant>>,
    landing: Option<Landing>,
}

/// Where a fetch ends.
struct Landing {
    slot: Arc<Slot>,
    /// The token that is handed out if the fetch fails.
    hot: Option<Arc<Hot>>,
    flight: Arc<Flight<Landed>>,
    pilot: Pilot<Landed>,
}

impl<C: Credential> Bound<C> {
    /// # Errors
    ///
    /// `Storage` when the credential wants to be persistent and nothing that is allowed can be used; `Configuration`
    /// when its cache's name or place cannot be.
    pub(crate) fn new(credential: C, adapters: &Adapters) -> Result<Self, Error> {
        let cache = adapters.cache();
        let choice = Choice::new(credential.persistence(), adapters, &cache)?;
        if let Some(options) = credential.persistence() {
            partition(&options.name, false)?;
        }
        let surroundings = Surroundings { holder: RandomState::new().hash_one(()), ..adapters.surroundings().clone() };
        let (front, vouched) = (Front::new(), OnceLock::new());
        Ok(Self { credential, choice, clock: *adapters.clock(), cache, surroundings, front, vouched })
    }

    /// The hot path: a token that is there, is good, and needs no thought.
    #[inline]
    pub(crate) fn hit<S: AsRef<str>>(&self, wanted: &Wanted<'_, S>) -> Option<Arc<Token>> {
        self.front.find(wanted, |slot| self.calm(slot))
    }

    pub(crate) fn calm(&self, slot: &Slot) -> Option<Arc<Token>> {
        slot.token(self.clock.coarse_wall(), || self.clock.mono())
    }

    /// The place of the token that `request` means.
    pub(crate) fn slot(&self, request: &TokenRequest) -> Result<Arc<Slot>, Error> {
        self.place(request).map(|(slot, ..)| slot)
    }

    fn place(&self, request: &TokenRequest) -> Result<(Arc<Slot>, Query, Policy), Error> {
        let query = self.credential.query(request, &self.surroundings)?;
        let policy = self.credential.policy(request, &query, &self.surroundings, self.vouched.get())?;
        let slot = self.cache.slot(query.key(), &policy.partition);
        self.front.remember(request, &slot);
        Ok((slot, query, policy))
    }

    /// What to do about `request`.
    pub(crate) fn board(self: &Arc<Self>, request: &TokenRequest) -> Result<Next<C>, Error> {
        let (slot, query, policy) = self.place(request)?;
        let now = self.clock.now();
        let mut hot = slot.hot();
        if let (Demand::Not(rejected), Some(found)) = (&request.demand, &hot)
            && found.token.access_token == *rejected
        {
            self.cache.forget(&slot, found);
        }
        let rejected = slot.rejected().clone();
        let demand = match (&request.demand, rejected) {
            (Demand::Any, Some(rejected)) => Demand::Not(rejected),
            (demand, _) => demand.clone(),
        };
        if demand != Demand::Any {
            hot = None;
        }
        let mut ending = true;
        if let Some(found) = &hot {
            if found.is_stale(|| now.mono) {
                found.claim_check(now.mono);
                if let Some(version) = found.version {
                    let check = Check::new(slot.partition.clone(), version);
                    return Ok(Next::Check(Checking { check, slot: slot.clone(), hot: found.clone() }));
                }
            }
            match decide(Some(found.token.life), found.tried, now.wall, false, self.surroundings.holder) {
                Decision::Use => {
                    slot.touch(now.wall);
                    return Ok(Next::Hit(Answer { token: found.token.clone(), explain: Explain::new(Source::Memory) }));
                }
                Decision::UseAndRefresh => ending = found.token.life.is_ending(now.wall),
                Decision::Fetch => hot = None,
            }
        }
        // Whoever wants any token shares one fetch; whoever wants a special one has a fetch of its own.
        let shares = request.demand == Demand::Any;
        let mut current = slot.flight();
        if shares && let Some(ride) = current.as_ref().and_then(Flight::board) {
            return Ok(match hot {
                // Somebody renews it already: until that is done the old token does.
                Some(hot) if !ending => {
                    Next::Hit(Answer { token: hot.token.clone(), explain: Explain::new(Source::Memory) })
                }
                _ => Next::Follow(ride),
            });
        }
        let grant = self.credential.grant(request);
        let (flow, recall) = Shield::new(Acquire::new(query, grant, policy, demand));
        let (flight, pilot, ride) = Flight::new(recall);
        if shares {
            *current = Some(flight.clone());
        }
        drop(current);
        let landing = Some(Landing { slot, hot, flight, pilot });
        Ok(Next::Lead(Box::new(Lead { bound: self.clone(), flow, landing }), ride))
    }

    /// The store was asked.
    pub(crate) fn checked(&self, checking: &Checking, still: bool) {
        if !still {
            // Somebody logged out, cleared or renewed: what the store has now counts, and nothing else.
            self.cache.forget(&checking.slot, &checking.hot);
        }
    }

    fn keep(&self, slot: &Arc<Slot>, acquired: Acquired) -> Answer {
        let Acquired { token, mut explain, version, tried } = acquired;
        let shared = self.choice.store.protection() != Protection::Memory;
        match explain.source {
            Source::Store if !shared => explain.source = Source::Memory,
            Source::Network => explain.notes.extend(self.choice.warning.clone()),
            _ => {}
        }
        let token = Arc::new(token);
        let now = self.clock.now();
        let mut rejected = slot.rejected();
        if rejected.as_ref().is_some_and(|rejected| token.access_token != *rejected) {
            *rejected = None;
        }
        drop(rejected);
        if token.life.is_alive(now.wall) {
            let checked = shared.then_some(now.mono).filter(|_| version.is_some());
            let hot = Hot::new(token.clone(), version, tried, checked, self.surroundings.holder);
            self.cache.keep(slot, hot, now.wall);
        }
        Answer { token, explain }
    }

    /// A valid token in memory outlives any trouble of the authority or the store.
    fn fall_back(&self, slot: &Slot, hot: Option<Arc<Hot>>, error: Error) -> Landed {
        let now = self.clock.now();
        let Some(hot) = hot.filter(|hot| hot.token.life.is_alive(now.wall)) else { return Err(error) };
        slot.replace(&hot, Some(Arc::new(hot.tried(now.wall, self.surroundings.holder))));
        let explain = Explain { source: Source::Memory, notes: vec![Note::RefreshFailed(error)] };
        Ok(Answer { token: hot.token.clone(), explain })
    }

    /// Forgets `token` in memory, and says which documents may hold it.
    pub(crate) fn reject(&self, token: &AccessToken) -> Vec<Partition> {
        let mut places = self.cache.reject(token);
        if let Some(options) = self.credential.persistence() {
            places.extend([false, true].into_iter().filter_map(|cae| partition(&options.name, cae).ok()));
        }
        places.sort_unstable();
        places.dedup();
        places
    }
}

impl<C: Credential> Lead<C> {
    /// The flow ended with `result`: keeps what it brought, and tells everybody.
    pub(crate) fn land(mut self, result: Result<Acquired, Error>) -> Landed {
        let bound = self.bound.clone();
        if let Some(vouched) = self.flow.flow().vouched() {
            // Losing the race means that another thread was told the same.
            let _ = bound.vouched.set(vouched.clone());
        }
        let Some(Landing { slot, hot, flight, pilot }) = self.landing.take() else { return result.map(Answer::from) };
        let landed = match result {
            Ok(acquired) => Ok(bound.keep(&slot, acquired)),
            Err(error) => bound.fall_back(&slot, hot, error),
        };
        let mut current = slot.flight();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, &flight)) {
            *current = None;
        }
        drop(current);
        pilot.land(landed.clone());
        landed
    }
}

impl<C: Credential> Drop for Lead<C> {
    fn drop(&mut self) {
        if let Some(landing) = self.landing.take() {
            // Stepped out of turn, the flow asks for nothing but to give back its lock.
            self.flow.cancel();
            let _ = run(&mut self.flow, || self.bound.clock.now(), &mut self.bound.choice.store.clone());
            drop(landing);
        }
    }
}

/// What a caller hears whose time ran out while another was fetching.
pub(crate) fn out_of_time() -> Error {
    Error::new(ErrorKind::Network, "the time allowed ran out while another caller was asking the authority")
        .advise("allow more time")
}

/// What is left of `timeout`, `began` being when it started.
pub(crate) fn left(clock: &Clock, began: Mono, timeout: Duration) -> Duration {
    clock.mono().until(began.plus(timeout))
}
