//! The heart: look, lock, look again, fetch, save, unlock.
//!
//! ```text
//! Start ─► Loading ─hit─► Done
//!             │ miss
//!             ▼
//!          Locking ─busy, and the old token still lives─► Done
//!             │ held, busy past patience, or nobody locks here
//!             ▼
//!          Rechecking ─somebody else fetched it, or failed just now─► Unlocking
//!             │     ▲
//!             │     └─ Settling (a damaged or empty document is looked at twice)
//!             ▼                 invalid_grant, or an answer lost
//!          Granting ◄─moved─ Doubting ◄─────────────────────────── Granting
//!             │
//!             ▼
//!          Keeping (merge under compare-and-swap) ─► Unlocking ─► Done
//! ```
//!
//! Somebody who is yet to sign in has nothing cached, and nobody is kept waiting behind a person: Start ─► Granting ─►
//! Arriving (whose document is it?) ─► Keeping ─► Done, without a lock.
//!
//! * Single flight is the lock and the second look: threads, tasks and processes are one mechanism. The lock is the
//!   token's; where a refresh token is spent it is the account's, since all tokens of the account come of that one.
//! * A holder that fails leaves a [`Mark`] in the lock, so that followers share its error instead of asking again.
//! * A token in hand is never lost to storage trouble: it is returned, and [`Explain`] tells.
//! * Nothing is written after a read that said anything but what is stored.
//! * Cancelled, it asks for nothing but clean-up: what was granted is saved, what is held is released.

mod arrive;
mod ending;
mod fetch;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::base::Base;
use super::cooling;
use super::decision::{Decision, decide};
use super::keep::Keep;
use super::key::{CacheKey, Query, Subject};
use super::lookup::{self, HeldRefreshToken, Hit};
use super::policy::{Acquired, Demand, Policy};
use crate::authority::discovery::Vouched;
use crate::effect::{Guard, Ids, Load, Lock, LockKey, Mark, Misuse, Partition, Reply, Unlock, Version, Wait};
use crate::error::Error;
use crate::explain::{Note, Source};
use crate::flow::{Flow, Step};
use crate::grant::Grant;
use crate::record::AuthenticationRecord;
use crate::secret::AccessToken;
use crate::time::{Mono, Now, Unix};
use crate::token::{Granted, Token};

/// A program that writes in place is done with it after this.
const SETTLE: Duration = Duration::from_millis(100);

/// The acquisition of one token.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Acquire<G: Grant> {
    query: Query,
    key: CacheKey,
    grant: G,
    policy: Policy,
    demand: Demand,
    began: Now,
    base: Base,
    /// The cached token that is handed out if renewal fails.
    usable: Option<Hit>,
    guard: Option<Guard>,
    mark: Option<Mark>,
    /// Whether somebody else held the lock when we asked for it.
    waited: bool,
    /// The error at hand is another's, told by the mark.
    shared: bool,
    /// The tokens that were there at the first look. Dead ones too: by a clock that is set back they live again.
    seen: Vec<AccessToken>,
    /// When an exchange that holds the lock must be over, so that those who wait outlast it.
    exchange_by: Mono,
    /// When the exchange that is going on must be over.
    asked_until: Mono,
    /// Refresh tokens to try, best first; the first is being spent.
    held: Vec<HeldRefreshToken>,
    dead: Vec<HeldRefreshToken>,
    doubted: bool,
    /// The document was damaged or empty at first sight, and is looked at again.
    settled: bool,
    /// The client proved not to belong to the family whose refresh token it tried.
    stranger: bool,
    /// Who signed in.
    record: Option<AuthenticationRecord>,
    cancelled: bool,
    notes: Vec<Note>,
    vouched: Option<Vouched>,
    ids: Ids,
    state: State<G::Exchange>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
enum State<X> {
    Start,
    Loading,
    Locking,
    Rechecking,
    Settling(Mono),
    Granting(X),
    Arriving(Box<Granted>),
    Doubting(Error),
    Keeping(Box<Keep>, Box<Result<Token, Error>>),
    Unlocking(Box<Result<Ending, Error>>),
    Over,
}

/// What [`Acquired`] is made of once the lock is released.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
struct Ending {
    token: Token,
    source: Source,
    version: Option<Version>,
}

type Outcome = Result<Acquired, Error>;

impl<G: Grant> Acquire<G> {
    /// The acquisition of the token that `query` asks for, by `grant` when it is not cached.
    #[must_use]
    pub fn new(query: Query, grant: G, policy: Policy, demand: Demand) -> Self {
        let key = query.key();
        Self {
            query,
            key,
            grant,
            policy,
            demand,
            began: Now { wall: Unix(0), mono: Mono(0) },
            base: Base::Nowhere,
            usable: None,
            guard: None,
            mark: None,
            waited: false,
            shared: false,
            seen: Vec::new(),
            exchange_by: Mono(0),
            asked_until: Mono(0),
            held: Vec::new(),
            dead: Vec::new(),
            doubted: false,
            settled: false,
            stranger: false,
            record: None,
            cancelled: false,
            notes: Vec::new(),
            vouched: None,
            ids: Ids::of(key.flow()),
            state: State::Start,
        }
    }

    /// That the authority's host was vouched for, also when the acquisition failed: later ones need not ask again.
    #[must_use]
    pub const fn vouched(&self) -> Option<&Vouched> {
        self.vouched.as_ref()
    }

    fn deadline(&self) -> Mono {
        self.began.mono.plus(self.policy.timeout)
    }

    /// So many quarters of the time that is left: whoever waits for a lock waits three, whoever holds it is done with
    /// the authority after two, and the last is for going on alone.
    fn share(&self, now: Now, quarters: u32) -> Duration {
        now.mono.until(self.deadline()).saturating_mul(quarters).checked_div(4).unwrap_or_default()
    }

    fn partition(&self) -> Partition {
        self.policy.place.partition(&self.query)
    }

    /// What the lock stands for: the token. Where a refresh token is spent, the account, whose tokens all come of it:
    /// two of them renewed at once would spend it twice, and an authority that watches for that signs the person out.
    fn lock_key(&self) -> LockKey {
        let key = if self.grant.redeems() { self.query.account_key() } else { self.key };
        #[cfg(canary)]
        let key = if crate::canary::is(crate::canary::Bug::AccountLockForgotten) { self.key } else { key };
        key.lock(&self.partition())
    }

    /// Whose attempt a mark tells of. Behind an account's lock others wait for other tokens: a refusal is not theirs.
    fn holder(&self) -> u64 {
        if self.grant.redeems() { self.policy.holder ^ self.key.number() } else { self.policy.holder }
    }

    fn load(&mut self, now: Now, next: State<G::Exchange>) -> Step<Outcome> {
        self.state = next;
        let load = self.base.load(&self.partition(), now.mono.until(self.deadline()));
        Step::Need(self.ids.ask(load))
    }

    /// Takes in the answer to a load.
    fn learn(&mut self, reply: Reply) -> Result<(), Misuse> {
        let answer = self.ids.take::<Load>(reply);
        self.base.learn(answer, &mut self.notes)
    }

    /// What the document, as last read, has for us.
    fn look(&self, now: Now, tried: Option<Unix>) -> (Decision, Option<Hit>) {
        let hit = self.base.document().and_then(|document| lookup::access_token(document, &self.query, now.wall));
        let must = match &self.demand {
            Demand::Any => false,
            Demand::Fresh => hit.as_ref().is_some_and(|hit| self.seen.contains(&hit.access_token)),
            Demand::Claims(_) => true,
            Demand::Not(rejected) => hit.as_ref().is_some_and(|hit| hit.access_token == *rejected),
        };
        (decide(hit.as_ref().map(|hit| hit.life), tried, now.wall, must, self.policy.holder), hit)
    }

    fn loaded(&mut self, now: Now, reply: Reply) -> Step<Outcome> {
        if self.learn(reply).is_err() {
            return self.end(Err(Error::misuse()));
        }
        if self.cancelled {
            return self.end(Err(Error::cancelled()));
        }
        if self.demand == Demand::Fresh {
            let document = self.base.document();
            let there = document.map(|document| lookup::access_tokens(document, &self.query));
            self.seen = there.into_iter().flatten().map(|hit| hit.access_token).collect();
        }
        let patience = match self.look(now, None) {
            (Decision::Use, Some(hit)) => return self.hand_out(hit),
            // Somebody may be renewing it already: then the old token does, unless it ends on the way.
            (Decision::UseAndRefresh, hit) => {
                let ending = hit.as_ref().is_some_and(|hit| hit.life.is_ending(now.wall));
                self.usable = hit;
                if ending { self.share(now, 3) } else { Duration::ZERO }
            }
            _ => self.share(now, 3),
        };
        self.state = State::Locking;
        Step::Need(self.ids.ask(Lock { key: self.lock_key(), patience }))
    }

    fn locked(&mut self, now: Now, reply: Reply) -> Step<Outcome> {
        let answer = match self.ids.take::<Lock>(reply) {
            Err(Misuse) => return self.end(Err(Error::misuse())),
            Ok(answer) => answer,
        };
        if let Some(Ok(Some(locked))) = &answer {
            self.guard = Some(locked.guard);
            self.waited = locked.waited;
            self.exchange_by = now.mono.plus(self.share(now, 2));
            self.mark = locked.mark.clone();
        }
        if self.cancelled {
            return self.end(Err(Error::cancelled()));
        }
        match answer {
            None => return self.begin(now),
            Some(Ok(Some(_))) => {}
            Some(Ok(None)) => match self.usable.take() {
                Some(hit) => return self.hand_out(hit),
                None => self.notes.push(Note::LockBusy),
            },
            Some(Err(fault)) => self.notes.push(Note::LockFailed(fault)),
        }
        #[cfg(canary)]
        if crate::canary::is(crate::canary::Bug::SecondLookSkipped) {
            return self.begin(now);
        }
        self.load(now, State::Rechecking)
    }

    fn rechecked(&mut self, now: Now, reply: Reply) -> Step<Outcome> {
        if self.learn(reply).is_err() {
            return self.end(Err(Error::misuse()));
        }
        if self.cancelled {
            return self.end(Err(Error::cancelled()));
        }
        let tried = self.mark.as_ref().map(|mark| mark.at);
        match self.look(now, tried) {
            (Decision::Use, Some(hit)) => return self.hand_out(hit),
            (Decision::UseAndRefresh, hit) => self.usable = hit,
            // A read that failed says nothing against the token that was seen before.
            _ if matches!(self.base, Base::Unreadable(_)) => {}
            _ => self.usable = None,
        }
        match self.shared_error(now) {
            Some(error) => self.fall_back(now, error),
            None => self.begin(now),
        }
    }

    /// The error of the lock's last holder, when it is ours too.
    fn shared_error(&mut self, now: Now) -> Option<Error> {
        // A request with claims differs from its neighbours', so their failure is no evidence.
        let alike = self.waited && !matches!(self.demand, Demand::Claims(_));
        let flight = alike.then(|| (self.began.wall, self.holder()));
        let found = cooling::shared(self.mark.as_ref()?, flight, now.wall)?;
        self.shared = true;
        self.notes.extend(found.until.map(Note::CoolingOff));
        Some(found.error)
    }

    /// Rests before a second look at a document that is damaged or empty: some programs write in place, and may be in the middle of it.
    fn settle(&mut self, now: Now, until: Mono) -> Step<Outcome> {
        self.state = State::Settling(until);
        Step::Need(self.ids.ask(Wait { until, span: now.mono.until(until) }))
    }

    fn settled(&mut self, now: Now, until: Mono, reply: Reply) -> Step<Outcome> {
        match self.ids.take::<Wait>(reply) {
            Err(Misuse) => self.end(Err(Error::misuse())),
            Ok(_) if self.cancelled => self.end(Err(Error::cancelled())),
            Ok(Some(())) if now.mono < until => self.settle(now, until),
            Ok(_) => self.load(now, State::Rechecking),
        }
    }
}

impl<G: Grant> Flow for Acquire<G> {
    type Output = Outcome;

    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Outcome> {
        match (mem::replace(&mut self.state, State::Over), reply) {
            (State::Start, None) if self.cancelled => self.end(Err(Error::cancelled())),
            (State::Start, None) => {
                self.began = now;
                match self.query.subject {
                    Subject::Newcomer(_) => self.begin(now),
                    _ => self.load(now, State::Loading),
                }
            }
            (State::Loading, Some(reply)) => self.loaded(now, reply),
            (State::Locking, Some(reply)) => self.locked(now, reply),
            (State::Rechecking, Some(reply)) => self.rechecked(now, reply),
            (State::Settling(until), Some(reply)) => self.settled(now, until, reply),
            (State::Granting(exchange), reply) => self.granting(now, exchange, reply),
            (State::Arriving(granted), Some(reply)) => self.arrived(now, *granted, reply),
            (State::Doubting(error), Some(reply)) => self.doubted(now, error, reply),
            (State::Keeping(keep, then), reply) => self.keeping(now, keep, then, reply),
            // Declined or done, the lock is not ours to worry about any more.
            (State::Unlocking(result), Some(reply)) => match self.ids.take::<Unlock>(reply) {
                Ok(_) => self.finish(*result),
                Err(Misuse) => self.finish(Err(Error::misuse())),
            },
            _ => self.end(Err(Error::misuse())),
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        if let State::Granting(exchange) = &mut self.state {
            exchange.cancel();
        }
    }
}
