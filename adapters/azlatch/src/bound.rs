//! A credential bound to a cache and a store, whoever runs its flows: what a request comes to, step by step.
//!
//! ```text
//! request ─► calm hit ──────────────────────────────────────────► token      (hot path)
//!    │
//!    └─► board ─┬─ Hit: the token in memory does ───────────────► answer
//!               ├─ Check: is it still what the store holds? ─► board again
//!               ├─ Follow: somebody is fetching it ─► wait ─────► their answer, or board again
//!               ├─ Queue: somebody is signing in ─► wait ───────► their error, or the request anew
//!               └─ Lead: run this flow, then land it ───────────► answer for us and who follows
//! ```
//!
//! Blocking and async callers differ only in how they run and wait.

mod asking;
mod landing;

pub(crate) use asking::{Asking, Since};
use landing::Landing;
pub(crate) use landing::Lead;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, OnceLock};
use std::thread::ThreadId;
use std::time::Duration;

use azlatch_core::authority::discovery::Vouched;
use azlatch_core::cache::{Acquire, Check, Decision, Demand, Policy, Subject, decide, partition};
use azlatch_core::credential::{Credential, Surroundings, TokenRequest};
use azlatch_core::secret::AccessToken;
use azlatch_core::shield::Shield;
use azlatch_core::token::Token;
use azlatch_core::{Error, ErrorKind, Explain, Mono, Note, Source};
use azlatch_system::{Clock, System};

use crate::adapters::Adapters;
use crate::answer::{Answer, Landed};
use crate::flight::{Flight, Ride};
use crate::front::{Front, Wanted};
use crate::hot::TokenCache;
use crate::scoped::Seat;
use crate::session::Session;
use crate::slot::{Fetch, Hot, Origin, Slot};
use crate::store::{Choice, Store};

/// A bound credential, without anything that runs it.
pub(crate) struct Bound<C> {
    pub(crate) credential: C,
    pub(crate) choice: Choice,
    pub(crate) clock: Clock,
    pub(crate) cache: TokenCache,
    pub(crate) session: Session,
    /// Gives back what a fetch that was given up holds of the machine.
    system: System,
    front: Front,
    vouched: OnceLock<Vouched>,
}

/// What a request comes to next.
pub(crate) enum Next<C: Credential> {
    /// A token in memory.
    Hit(Answer),
    /// Ask the store whether it still holds that token, say so to [`Checking::found`], and board again.
    Check(Checking),
    /// Wait.
    Follow(Ride<Landed>, Spare),
    /// Somebody is signing in: wait, and make the request anew. What keeps that one from signing in is this caller's
    /// trouble too if it asks for the same, or if the trouble is the [person's](is_the_persons).
    Queue(Ride<Landed>, bool),
    /// Somebody signed in just now: make the request anew.
    Anew,
    /// Run the flow and land it; the seat is the caller's own.
    Lead(Box<Lead<C>>, Ride<Landed>),
}

/// A token in memory and the question whether it is still the stored one. Dropped without an answer, it was not asked.
pub(crate) struct Checking {
    pub(crate) check: Check,
    cache: TokenCache,
    slot: Arc<Slot>,
    hot: Arc<Hot>,
    before: Option<Mono>,
}

/// The token that a caller has if all else fails.
#[derive(Default)]
pub(crate) struct Spare(Option<Arc<Hot>>);

/// A flow keeps to its time by itself; storing what it brings may take this much longer.
pub(crate) const SAVING: Duration = Duration::from_secs(1);

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
        let (front, vouched) = (Front::new(cache.entries()), OnceLock::new());
        let (session, system) = (Session::new(surroundings), adapters.system());
        Ok(Self { credential, choice, clock: *adapters.clock(), cache, session, system, front, vouched })
    }

    /// The hot path: a token that is there, is good, and needs no thought.
    #[inline]
    pub(crate) fn hit<S: AsRef<str>>(&self, wanted: &Wanted<'_, S>) -> Option<Arc<Token>> {
        self.front.find(wanted, self.session.era(), |slot| self.calm(slot))
    }

    #[inline]
    pub(crate) fn calm(&self, slot: &Slot) -> Option<Arc<Token>> {
        slot.token(self.clock.coarse_wall(), || self.clock.mono())
    }

    /// The place of the token that `request` means, once it is known whose it is.
    ///
    /// # Errors
    ///
    /// `Configuration` when it is no request of this credential's.
    pub(crate) fn seat(&self, request: &TokenRequest) -> Result<Option<Seat>, Error> {
        let era = self.session.era();
        match self.credential.query(request, &self.session.surroundings()) {
            Ok(query) => Ok(Some(Seat { era, slot: self.cache.slot(&query, self.clock.now().wall) })),
            Err(error) if error.needs_interaction() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What to do about `request`, and within which time; it began when `since` says, and `thread` is the caller's, where
    /// it blocks.
    pub(crate) fn board(
        self: &Arc<Self>,
        request: &TokenRequest,
        since: Since,
        thread: Option<ThreadId>,
    ) -> Result<(Next<C>, Duration), Error> {
        let era = self.session.era();
        let surroundings = self.session.surroundings();
        let query = self.credential.query(request, &surroundings)?;
        let policy = self.credential.policy(request, &query, &surroundings, self.vouched.get())?;
        let now = self.clock.now();
        let left = left(&self.clock, since.began, policy.timeout);
        let at_the_door = matches!(query.subject, Subject::Newcomer(_));
        let slot = if at_the_door { self.session.door().clone() } else { self.cache.slot(&query, now.wall) };
        let mut hot = slot.hot();
        if let Demand::Not(rejected) = &request.demand {
            self.cache.bar(&slot, rejected);
        }
        let demand = match (&request.demand, slot.rejected().clone()) {
            (Demand::Any, Some(rejected)) => Demand::Not(rejected),
            (demand, _) => demand.clone(),
        };
        if demand != Demand::Any {
            hot = None;
        }
        let mut ending = true;
        if let Some(found) = &hot {
            if found.is_stale(|| now.mono) {
                let before = found.claim_check(now.mono);
                if let Some(version) = found.version {
                    let checking = Checking {
                        check: Check::new(found.origin.partition.clone(), version),
                        cache: self.cache.clone(),
                        slot,
                        hot: found.clone(),
                        before: Some(before),
                    };
                    return Ok((Next::Check(checking), left));
                }
            }
            match decide(Some(found.token.life), found.tried, now.wall, false, surroundings.holder) {
                Decision::Use => {
                    slot.touch(now.wall);
                    self.front.remember(request, era, &slot);
                    return Ok((Next::Hit(from_memory(found)), left));
                }
                Decision::UseAndRefresh => ending = found.token.life.is_ending(now.wall),
                Decision::Fetch => hot = None,
            }
        }
        // Asked again a moment later, the authority would say the same.
        if hot.is_none()
            && demand == Demand::Any
            && let Some(error) = slot.refused(now.mono, since.arrivals)
        {
            return Err(error);
        }
        let mut flights = slot.flights();
        if at_the_door && self.session.arrivals() != since.arrivals {
            return Ok((Next::Anew, left));
        }
        if thread.is_some() && flights.iter().any(|fetch| fetch.thread == thread) {
            return Err(Error::new(
                ErrorKind::Misuse,
                "the token source asked for the very token that it is to supply",
            )
            .advise("use another credential inside the source"));
        }
        let mut alike = flights.iter().filter(|fetch| at_the_door || fetch.demand == demand);
        if let Some((ride, theirs)) = alike.find_map(|fetch| Some((Flight::board(&fetch.flight)?, &fetch.request))) {
            let next = match hot {
                _ if at_the_door => Next::Queue(ride, theirs.as_ref() == Some(request)),
                // Somebody renews it already: until that is done the old token does.
                Some(hot) if !ending => Next::Hit(from_memory(&hot)),
                spare => Next::Follow(ride, Spare(spare)),
            };
            return Ok((next, left));
        }
        let policy = Policy { timeout: left, ..policy };
        let origin = Origin { store: self.choice.store.clone(), partition: policy.place.partition(&query) };
        let grant = self.credential.grant(request, &query);
        let (flow, recall) = Shield::new(Acquire::new(query, grant, policy, demand.clone()));
        let (flight, pilot, ride) = Flight::new(recall, left.saturating_add(SAVING));
        let theirs = at_the_door.then(|| request.clone());
        flights.push(Fetch { demand, request: theirs, flight: flight.clone(), thread });
        drop(flights);
        let (request, origin, clearings) = (request.clone(), Arc::new(origin), self.cache.clearings());
        let landing = Some(Landing { request, era, slot, origin, clearings, hot, flight, pilot });
        Ok((Next::Lead(Box::new(Lead { bound: self.clone(), flow, landing }), ride), left))
    }

    /// Whether a follower that hears `error` of a leader with less time has enough of its own left to ask again.
    pub(crate) fn may_ask_again(&self, error: &Error, since: Since, request: &TokenRequest) -> bool {
        error.is_timeout() && !left(&self.clock, since.began, request.timeout).is_zero()
    }

    /// Forgets `token` in memory, and says where it may be stored.
    pub(crate) fn reject(&self, token: &AccessToken) -> Vec<Origin> {
        let mut places: Vec<Origin> = self.cache.reject(token).into_iter().map(Arc::unwrap_or_clone).collect();
        if let Some(options) = self.credential.persistence() {
            let own = [false, true].into_iter().filter_map(|cae| partition(&options.name, cae).ok());
            places.extend(own.map(|partition| Origin { store: self.choice.store.clone(), partition }));
        }
        places
    }
}

fn from_memory(hot: &Hot) -> Answer {
    Answer { token: hot.token.clone(), explain: Explain::new(Source::Memory) }
}

fn instead(hot: &Hot, error: Error) -> Answer {
    Answer { explain: Explain { source: Source::Memory, notes: vec![Note::RefreshFailed(error)] }, ..from_memory(hot) }
}

impl Spare {
    /// This token while it lives, else `error`.
    pub(crate) fn or(&self, error: Error, clock: &Clock) -> Result<Answer, Error> {
        match self.0.as_ref().filter(|hot| hot.token.life.is_alive(clock.now().wall)) {
            Some(hot) => Ok(instead(hot, error)),
            None => Err(error),
        }
    }
}

impl Checking {
    /// Where the token is stored.
    pub(crate) fn store(&self) -> &Store {
        &self.hot.origin.store
    }

    /// The store was asked: whether it `still` holds the token.
    pub(crate) fn found(mut self, still: bool) {
        self.before = None;
        if !still {
            // Somebody logged out, cleared or renewed: what the store has now counts, and nothing else.
            self.cache.forget(&self.slot, &self.hot);
        }
    }
}

impl Drop for Checking {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            self.hot.disclaim_check(before);
        }
    }
}

/// Whether `error` of a sign-in is about the person or the machine, rather than about what was asked for: then nobody
/// who waits behind it need trouble them again.
pub(crate) fn is_the_persons(error: &Error) -> bool {
    let declined = |error: &str| matches!(error, "access_denied" | "authorization_declined");
    error.is_unavailable() || error.is_timeout() || error.oauth().is_some_and(|oauth| declined(&oauth.error))
}

/// What is heard of a fetch that ended before it was over.
pub(crate) fn lost() -> Error {
    Error::new(ErrorKind::Misuse, "the fetch of the token was given up before it was over")
        .advise("look for a driver or token source that panicked, or a runtime that was shut down")
}

/// What a caller hears whose time ran out while another was fetching.
pub(crate) fn out_of_time() -> Error {
    Error::new(ErrorKind::Network, "the time allowed ran out while another caller was asking the authority")
        .advise("allow more time")
}

/// What is left of `timeout`, `began` being when it started.
fn left(clock: &Clock, began: Mono, timeout: Duration) -> Duration {
    clock.mono().until(began.plus(timeout))
}
