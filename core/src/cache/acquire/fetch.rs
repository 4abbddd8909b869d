//! Asking the authority: begin, judge, doubt.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::{Acquire, Ending, Outcome, SETTLE, State};
use crate::cache::base::Base;
use crate::cache::decision::{Decision, Life};
use crate::cache::keep::Gain;
use crate::cache::key::Subject;
use crate::cache::lookup::{self, HeldRefreshToken};
use crate::cache::policy::Demand;
use crate::effect::Reply;
use crate::error::{Error, ErrorKind};
use crate::explain::{Note, Source};
use crate::flow::{Flow, Step};
use crate::grant::{Grant, Terms};
use crate::time::Now;
use crate::token::{Exchanged, Granted, Refused, Token};

/// How long whoever renews a good token is kept waiting.
const BRIEFLY: Duration = Duration::from_secs(5);

impl<G: Grant> Acquire<G> {
    /// Begins an exchange, spending the best refresh token where the grant redeems one.
    pub(super) fn begin(&mut self, now: Now) -> Step<Outcome> {
        if self.base.is_suspect() && !mem::replace(&mut self.settled, true) {
            return self.settle(now, now.mono.plus(SETTLE));
        }
        if self.grant.redeems() {
            if let Base::Unreadable(fault) = &self.base {
                let error = Error::from(fault.clone());
                return self.fall_back(now, error);
            }
            self.held = self.candidates();
        }
        self.exchange(now)
    }

    /// The refresh tokens worth trying: the newest few, so that a hostile document costs a few requests.
    pub(super) fn candidates(&self) -> Vec<HeldRefreshToken> {
        let mut held = self.base.document().map(|d| lookup::refresh_tokens(d, &self.query)).unwrap_or_default();
        held.truncate(4);
        held
    }

    pub(super) fn exchange(&mut self, now: Now) -> Step<Outcome> {
        let mut deadline = if self.guard.is_some() { self.exchange_by } else { self.deadline() };
        if self.usable.as_ref().is_some_and(|hit| !hit.life.is_ending(now.wall)) {
            // With a good token in hand nobody waits long for a better one.
            deadline = deadline.min(now.mono.plus(BRIEFLY));
        }
        self.asked_until = deadline;
        if now.mono >= deadline {
            let error = Error::new(ErrorKind::Network, "the time allowed ran out before the authority could be asked");
            return self.fall_back(now, error.advise("allow more time").for_want_of_time());
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

    pub(super) fn granting(&mut self, now: Now, mut exchange: G::Exchange, reply: Option<Reply>) -> Step<Outcome> {
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

    pub(super) fn granted(&mut self, now: Now, granted: Granted) -> Step<Outcome> {
        match self.query.subject {
            Subject::Newcomer(_) => self.arrive(now, granted),
            _ => self.store(now, granted),
        }
    }

    pub(super) fn store(&mut self, now: Now, granted: Granted) -> Step<Outcome> {
        let scopes = granted.scopes.clone().unwrap_or_else(|| self.query.scopes.clone());
        let life = Life { cached_at: granted.acquired, expires_on: granted.expires_on, refresh_on: granted.refresh_on };
        let token = Token::new(granted.access_token.clone(), life, scopes, self.query.authority.tenant.clone());
        if let (Subject::Account(wanted), Some(told)) = (&self.query.subject, granted.home_account_id())
            && *wanted != told
        {
            let error = Error::new(ErrorKind::AuthenticationFailed, "the authority answered for another account");
            return self.fall_back(now, error.advise("sign in again with the account that is wanted"));
        }
        self.mark = None;
        self.shared = false;
        if !granted.is_cacheable() {
            self.notes.push(Note::NotCached);
        }
        let used = if self.held.is_empty() { None } else { Some(self.held.remove(0)) };
        let worth_keeping = granted.is_cacheable() || granted.refresh_token.is_some();
        #[cfg(canary)]
        let worth_keeping =
            worth_keeping && !(self.cancelled && crate::canary::is(crate::canary::Bug::RotationLostWhenCancelled));
        if !worth_keeping || !self.base.is_writable() {
            return self.end(Ok(Ending { token, source: Source::Network, version: None }));
        }
        self.keep(now, Some(Gain { query: self.query.clone(), granted, used }), Ok(token))
    }

    pub(super) fn refused(&mut self, now: Now, refused: Refused) -> Step<Outcome> {
        let Refused { mut error, doubtful } = refused;
        if error.is_retryable() && now.mono >= self.asked_until {
            // Whatever the words, it came when the time was up.
            error = error.for_want_of_time();
        }
        if !self.grant.redeems() || self.cancelled || !doubtful {
            return self.fail(now, error);
        }
        if !mem::replace(&mut self.doubted, true) {
            return self.load(now, State::Doubting(error));
        }
        self.give_up(now, error)
    }

    /// Believes that the refresh token just tried is no good: tries the next one, or remembers it as dead and fails.
    pub(super) fn give_up(&mut self, now: Now, error: Error) -> Step<Outcome> {
        let refused = error.oauth().is_some_and(|o| o.error == "invalid_grant");
        let is_dead = error
            .oauth()
            .and_then(|o| o.suberror.as_deref())
            .is_some_and(|s| matches!(s, "bad_token" | "token_expired"));
        if refused && !self.held.is_empty() {
            let tried = self.held.remove(0);
            let mismatch = error.oauth().and_then(|o| o.suberror.as_deref()) == Some("client_mismatch");
            if mismatch && !tried.own {
                self.stranger = true;
                self.held.retain(|held| held.own);
            }
            if is_dead {
                self.dead.push(tried);
            }
            if !self.held.is_empty() {
                return self.exchange(now);
            }
        }
        self.fail(now, error)
    }

    /// Doubt: if the stored token moved while we were asking, somebody else rotated it; theirs is the good one.
    pub(super) fn doubted(&mut self, now: Now, error: Error, reply: Reply) -> Step<Outcome> {
        let spent = self.held.first().map(|held| held.refresh_token.clone());
        if self.learn(reply).is_err() {
            return self.end(Err(Error::misuse()));
        }
        if self.cancelled {
            return self.end(Err(Error::cancelled()));
        }
        match self.look(now, None) {
            (Decision::Use, Some(hit)) => {
                self.notes.push(Note::Rotated);
                return self.hand_out(hit);
            }
            // Somebody else's, and due already: better than an error.
            (Decision::UseAndRefresh, hit) => self.usable = hit,
            _ => {}
        }
        if matches!(self.base, Base::Unreadable(_) | Base::Nowhere) {
            // Nothing that is granted now could be stored: nothing is spent.
            return self.fall_back(now, error);
        }
        if error.retry_after().is_some() {
            // Theirs may be the good one, but the authority is to be left alone all the same.
            return self.fall_back(now, error);
        }
        let held = self.candidates();
        let moved = held.first().is_some_and(|newest| Some(&newest.refresh_token) != spent.as_ref());
        if !moved {
            return self.give_up(now, error);
        }
        self.notes.push(Note::Rotated);
        self.held = held;
        self.exchange(now)
    }
}
