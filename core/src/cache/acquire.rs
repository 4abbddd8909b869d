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
//! * Single flight is the lock and the second look: threads, tasks and processes are one mechanism.
//! * A holder that fails leaves a [`Mark`] in the lock, so that followers share its error instead of asking again.
//! * A token in hand is never lost to storage trouble: it is returned, and [`Explain`] tells.
//! * Nothing is written after a read that said anything but what is stored.
//! * Cancelled, it asks for nothing but clean-up: what was granted is saved, what is held is released.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::base::Base;
use super::cooling;
use super::decision::{Decision, Life, decide};
use super::keep::{Amendment, Keep};
use super::key::Query;
use super::lookup::{self, HeldRefreshToken, Hit};
use super::policy::{Acquired, Demand, Policy};
use crate::authority::discovery::Vouched;
use crate::effect::{Guard, Ids, Load, Lock, Mark, Misuse, Reply, Unlock, Version, Wait};
use crate::error::{Error, ErrorKind};
use crate::explain::{Explain, Note, Source};
use crate::flow::{Flow, Step};
use crate::grant::{Grant, Terms};
use crate::time::{Mono, Now, Unix};
use crate::token::{Exchanged, Granted, Refused, Token};

/// How long a lock is waited for, within the deadline.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that writes in place is done with it after this.
const SETTLE: Duration = Duration::from_millis(100);

/// The acquisition of one token.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Acquire<G: Grant> {
    query: Query,
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
    /// Refresh tokens to try, best first; the first is being spent.
    held: Vec<HeldRefreshToken>,
    dead: Vec<HeldRefreshToken>,
    doubted: bool,
    /// The document was damaged or empty at first sight, and is looked at again.
    settled: bool,
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
    pub const fn new(query: Query, grant: G, policy: Policy, demand: Demand) -> Self {
        Self {
            query,
            grant,
            policy,
            demand,
            began: Now { wall: Unix(0), mono: Mono(0) },
            base: Base::Nowhere,
            usable: None,
            guard: None,
            mark: None,
            waited: false,
            held: Vec::new(),
            dead: Vec::new(),
            doubted: false,
            settled: false,
            cancelled: false,
            notes: Vec::new(),
            vouched: None,
            ids: Ids::root(),
            state: State::Start,
        }
    }

    fn deadline(&self) -> Mono {
        self.began.mono.plus(self.policy.timeout)
    }

    fn load(&mut self, now: Now, next: State<G::Exchange>) -> Step<Outcome> {
        self.state = next;
        let load = self.base.load(&self.policy.partition, now.mono.until(self.deadline()));
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
            Demand::Fresh => hit.as_ref().is_some_and(|hit| hit.life.cached_at <= self.began.wall),
            Demand::Claims(_) => true,
            Demand::Not(rejected) => hit.as_ref().is_some_and(|hit| hit.access_token == *rejected),
        };
        (decide(hit.as_ref().map(|hit| hit.life), tried, now.wall, must), hit)
    }

    fn loaded(&mut self, now: Now, reply: Reply) -> Step<Outcome> {
        if self.learn(reply).is_err() {
            return self.end(Err(Error::misuse()));
        }
        if self.cancelled {
            return self.end(Err(Error::cancelled()));
        }
        let patience = match self.look(now, None) {
            (Decision::Use, Some(hit)) => return self.hand_out(hit),
            // Somebody may be renewing it already: then the old token does.
            (Decision::UseAndRefresh, hit) => {
                self.usable = hit;
                Duration::ZERO
            }
            _ => PATIENCE.min(now.mono.until(self.deadline())),
        };
        self.state = State::Locking;
        Step::Need(self.ids.ask(Lock { key: self.query.key().lock(), patience }))
    }

    fn locked(&mut self, now: Now, reply: Reply) -> Step<Outcome> {
        let answer = match self.ids.take::<Lock>(reply) {
            Err(Misuse) => return self.end(Err(Error::misuse())),
            Ok(answer) => answer,
        };
        if let Some(Ok(Some(locked))) = &answer {
            self.guard = Some(locked.guard);
            self.waited = locked.waited;
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
        let same_flight = self.waited && !matches!(self.demand, Demand::Claims(_));
        let shared = cooling::shared(self.mark.as_ref()?, same_flight.then_some(self.began.wall), now.wall)?;
        self.notes.extend(shared.until.map(Note::CoolingOff));
        Some(shared.error)
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

    /// Begins an exchange, spending the best refresh token where the grant redeems one.
    fn begin(&mut self, now: Now) -> Step<Outcome> {
        if self.base.is_suspect() && !mem::replace(&mut self.settled, true) {
            return self.settle(now, now.mono.plus(SETTLE));
        }
        if G::REDEEMS {
            if let Base::Unreadable(fault) = &self.base {
                let error = Error::from(fault.clone());
                return self.end(Err(error));
            }
            self.held = self.base.document().map(|d| lookup::refresh_tokens(d, &self.query)).unwrap_or_default();
        }
        self.exchange(now)
    }

    fn exchange(&mut self, now: Now) -> Step<Outcome> {
        let deadline = self.deadline();
        if now.mono >= deadline {
            let error = Error::new(ErrorKind::Network, "the time allowed ran out before the authority could be asked");
            return self.fall_back(now, error.advise("allow more time"));
        }
        let claims = match &self.demand {
            Demand::Claims(claims) => Some(claims),
            _ => None,
        };
        let terms = Terms {
            query: &self.query,
            claims,
            discovery: self.policy.discovery && self.vouched.is_none(),
            // With a usable token in hand nobody waits for retries.
            tries: if self.usable.is_some() { 1 } else { self.policy.tries },
            deadline,
        };
        match self.grant.exchange(&terms, self.held.first(), self.ids.fork()) {
            Ok(exchange) => self.granting(now, exchange, None),
            Err(error) => self.fall_back(now, error),
        }
    }

    fn granting(&mut self, now: Now, mut exchange: G::Exchange, reply: Option<Reply>) -> Step<Outcome> {
        match exchange.step(now, reply) {
            Step::Need(effect) => {
                self.state = State::Granting(exchange);
                Step::Need(effect)
            }
            Step::Done(Exchanged { result, vouched }) => {
                self.vouched = vouched.or(self.vouched.take());
                match result {
                    Ok(granted) => self.granted(now, granted),
                    Err(refused) => self.refused(now, refused),
                }
            }
        }
    }

    fn granted(&mut self, now: Now, granted: Granted) -> Step<Outcome> {
        let scopes = granted.scopes.clone().unwrap_or_else(|| self.query.scopes.clone());
        let life = Life { cached_at: granted.acquired, expires_on: granted.expires_on, refresh_on: granted.refresh_on };
        let token = Token::new(granted.access_token.clone(), life, scopes, self.query.authority.tenant.clone());
        self.mark = None;
        if !granted.is_cacheable() {
            self.notes.push(Note::NotCached);
        }
        let used = if self.held.is_empty() { None } else { Some(self.held.remove(0)) };
        let worth_keeping = granted.is_cacheable() || granted.refresh_token.is_some();
        if !worth_keeping || !self.base.is_writable() {
            return self.end(Ok(Ending { token, source: Source::Network, version: None }));
        }
        self.keep(now, Some((granted, used)), Ok(token))
    }

    fn refused(&mut self, now: Now, refused: Refused) -> Step<Outcome> {
        let Refused { error, doubtful } = refused;
        if !G::REDEEMS || self.cancelled || !doubtful {
            return self.fall_back(now, error);
        }
        if !mem::replace(&mut self.doubted, true) {
            return self.load(now, State::Doubting(error));
        }
        self.give_up(now, error)
    }

    /// Believes that the refresh token just tried is no good: tries the next one, or remembers it as dead and fails.
    fn give_up(&mut self, now: Now, error: Error) -> Step<Outcome> {
        let refused = error.oauth().is_some_and(|o| o.error == "invalid_grant");
        let is_dead = error
            .oauth()
            .and_then(|o| o.suberror.as_deref())
            .is_some_and(|s| matches!(s, "bad_token" | "token_expired"));
        if refused && !self.held.is_empty() {
            let tried = self.held.remove(0);
            if is_dead {
                self.dead.push(tried);
            }
            if !self.held.is_empty() {
                return self.exchange(now);
            }
        }
        if self.dead.is_empty() || !self.base.is_writable() {
            return self.fall_back(now, error);
        }
        self.keep(now, None, Err(error))
    }

    /// Doubt: if the stored token moved while we were asking, somebody else rotated it; theirs is the good one.
    fn doubted(&mut self, now: Now, error: Error, reply: Reply) -> Step<Outcome> {
        let spent = self.held.first().map(|held| held.refresh_token.clone());
        if self.learn(reply).is_err() {
            return self.end(Err(Error::misuse()));
        }
        if self.cancelled {
            return self.end(Err(Error::cancelled()));
        }
        if let (Decision::Use, Some(hit)) = self.look(now, None) {
            self.notes.push(Note::Rotated);
            return self.hand_out(hit);
        }
        let held = self.base.document().map(|d| lookup::refresh_tokens(d, &self.query)).unwrap_or_default();
        let moved = held.first().is_some_and(|newest| Some(&newest.refresh_token) != spent.as_ref());
        if !moved {
            return self.give_up(now, error);
        }
        self.notes.push(Note::Rotated);
        self.held = held;
        self.exchange(now)
    }

    fn keep(
        &mut self,
        now: Now,
        granted: Option<(Granted, Option<HeldRefreshToken>)>,
        then: Result<Token, Error>,
    ) -> Step<Outcome> {
        let base = mem::replace(&mut self.base, Base::Nowhere);
        let amendment = Amendment { query: self.query.clone(), granted, dead: mem::take(&mut self.dead) };
        let [jitter, ..] = self.query.key().0;
        let keep = Keep::new(self.policy.partition.clone(), base, amendment, jitter, self.ids.fork());
        self.keeping(now, Box::new(keep), Box::new(then), None)
    }

    fn keeping(
        &mut self,
        now: Now,
        mut keep: Box<Keep>,
        then: Box<Result<Token, Error>>,
        reply: Option<Reply>,
    ) -> Step<Outcome> {
        match keep.step(now, reply) {
            Step::Need(effect) => {
                self.state = State::Keeping(keep, then);
                Step::Need(effect)
            }
            Step::Done(Err(Misuse)) => self.end(Err(Error::misuse())),
            Step::Done(Ok(kept)) => {
                self.notes.extend(kept.notes);
                match *then {
                    Ok(token) => self.end(Ok(Ending { token, source: Source::Network, version: kept.version })),
                    Err(error) => self.fall_back(now, error),
                }
            }
        }
    }

    fn hand_out(&mut self, hit: Hit) -> Step<Outcome> {
        let version = self.base.version();
        let token = Token::new(hit.access_token, hit.life, hit.scopes, self.query.authority.tenant.clone());
        self.end(Ok(Ending { token, source: Source::Store, version }))
    }

    /// Fails: with the old token while it lives, else with `error`, leaving a mark for whoever waits behind us.
    fn fall_back(&mut self, now: Now, error: Error) -> Step<Outcome> {
        let shared = self.notes.iter().any(|note| matches!(note, Note::CoolingOff(_)));
        if !shared && let Some(mark) = cooling::mark(&error, now.wall) {
            self.mark = Some(mark);
        }
        // A caller that has gone needs no token, and a host that errs must hear of it.
        let stands = error.kind() != ErrorKind::Misuse && !self.cancelled;
        match self.usable.take().filter(|hit| stands && hit.life.is_alive(now.wall)) {
            Some(hit) => {
                self.notes.push(Note::RefreshFailed(error));
                self.hand_out(hit)
            }
            None => self.end(Err(error)),
        }
    }

    /// Releases the lock if it is held, then ends with `result`.
    fn end(&mut self, result: Result<Ending, Error>) -> Step<Outcome> {
        match self.guard.take() {
            Some(guard) => {
                self.state = State::Unlocking(Box::new(result));
                let mark = self.mark.take();
                Step::Need(self.ids.ask(Unlock { guard, mark }))
            }
            None => self.finish(result),
        }
    }

    fn finish(&mut self, result: Result<Ending, Error>) -> Step<Outcome> {
        self.state = State::Over;
        let notes = mem::take(&mut self.notes);
        Step::Done(result.map(|Ending { token, source, version }| Acquired {
            token,
            explain: Explain { source, notes },
            version,
            vouched: self.vouched.take(),
        }))
    }
}

impl<G: Grant> Flow for Acquire<G> {
    type Output = Outcome;

    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Outcome> {
        match (mem::replace(&mut self.state, State::Over), reply) {
            (State::Start, None) if self.cancelled => self.end(Err(Error::cancelled())),
            (State::Start, None) => {
                self.began = now;
                self.load(now, State::Loading)
            }
            (State::Loading, Some(reply)) => self.loaded(now, reply),
            (State::Locking, Some(reply)) => self.locked(now, reply),
            (State::Rechecking, Some(reply)) => self.rechecked(now, reply),
            (State::Settling(until), Some(reply)) => self.settled(now, until, reply),
            (State::Granting(exchange), reply) => self.granting(now, exchange, reply),
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
