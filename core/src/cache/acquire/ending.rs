//! The ends: with a new token, with the old one, with an error; stored, marked, unlocked.

use alloc::boxed::Box;
use core::mem;
use core::time::Duration;

use super::{Acquire, Ending, Outcome, State};
use crate::cache::base::Base;
use crate::cache::cooling;
use crate::cache::keep::{Amendment, Gain, Keep};
use crate::cache::lookup::Hit;
use crate::cache::policy::{Acquired, Demand};
use crate::effect::{Misuse, Reply, Unlock};
use crate::error::{Error, ErrorKind};
use crate::explain::{Explain, Note, Source};
use crate::flow::{Flow, Step};
use crate::grant::Grant;
use crate::time::Now;
use crate::token::Token;

/// Who allows this long and hears nothing knows that the authority is slow.
const PATIENT: Duration = Duration::from_secs(10);

impl<G: Grant> Acquire<G> {
    /// Fails for good: what proved to be dead, or was rejected by a resource, is removed first.
    pub(super) fn fail(&mut self, now: Now, error: Error) -> Step<Outcome> {
        let rejected = matches!(self.demand, Demand::Not(_));
        let learnt = !self.dead.is_empty() || self.stranger || rejected;
        if self.cancelled || !learnt || self.base.document().is_none() {
            return self.fall_back(now, error);
        }
        self.keep(now, None, Err(error))
    }

    pub(super) fn keep(&mut self, now: Now, gain: Option<Gain>, then: Result<Token, Error>) -> Step<Outcome> {
        let base = mem::replace(&mut self.base, Base::Nowhere);
        let rejected = match &self.demand {
            Demand::Not(rejected) => Some(rejected.clone()),
            _ => None,
        };
        let dead = mem::take(&mut self.dead);
        let stranger = mem::take(&mut self.stranger).then(|| self.query.clone());
        let amendment = Amendment { gain, dead, rejected, stranger, departed: None };
        let [jitter, ..] = self.key.0;
        let keep = Keep::new(self.partition(), base, amendment, jitter, self.ids.fork());
        self.keeping(now, Box::new(keep), Box::new(then), None)
    }

    pub(super) fn keeping(
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

    pub(super) fn hand_out(&mut self, hit: Hit) -> Step<Outcome> {
        let version = self.base.version();
        let token = Token::new(hit.access_token, hit.life, hit.scopes, self.query.authority.tenant.clone());
        self.end(Ok(Ending { token, source: Source::Store, version }))
    }

    /// Fails: with the old token while it lives, else with `error`, leaving a mark for whoever waits behind us.
    pub(super) fn fall_back(&mut self, now: Now, error: Error) -> Step<Outcome> {
        // Another's failure stays another's: told on as if it were new, it would never end.
        #[cfg(canary)]
        if crate::canary::is(crate::canary::Bug::MarkNeverLeft) {
            self.shared = true;
        }
        // A caller in a hurry learns nothing about the authority, and keeps nobody else away from it.
        let hasty = error.is_timeout() && self.usable.is_none() && self.policy.timeout < PATIENT;
        if !self.shared
            && !hasty
            && let Some(mark) = cooling::mark(&error, now.wall, self.holder())
        {
            self.mark = Some(mark);
        }
        // A caller that has gone needs no token, and a host that errs must hear of it.
        let stands = error.kind() != ErrorKind::Misuse && !self.cancelled;
        #[cfg(canary)]
        let stands = stands && !crate::canary::is(crate::canary::Bug::ErrorThoughValid);
        match self.usable.take().filter(|hit| stands && hit.life.is_alive(now.wall)) {
            Some(hit) => {
                self.notes.push(Note::RefreshFailed(error));
                self.hand_out(hit)
            }
            None => self.end(Err(error)),
        }
    }

    /// Releases the lock if it is held, then ends with `result`.
    pub(super) fn end(&mut self, result: Result<Ending, Error>) -> Step<Outcome> {
        #[cfg(canary)]
        if self.cancelled && crate::canary::is(crate::canary::Bug::LockKeptWhenCancelled) {
            return self.finish(result);
        }
        match self.guard.take() {
            Some(guard) => {
                self.state = State::Unlocking(Box::new(result));
                let mark = self.mark.clone();
                Step::Need(self.ids.ask(Unlock { guard, mark }))
            }
            None => self.finish(result),
        }
    }

    pub(super) fn finish(&mut self, result: Result<Ending, Error>) -> Step<Outcome> {
        self.state = State::Over;
        let notes = mem::take(&mut self.notes);
        // An error has no account of its own: that the store was no help is told as its cause.
        let trouble = notes.iter().find_map(|note| match note {
            Note::LoadFailed(fault) => Some(Error::from(fault.clone())),
            _ => None,
        });
        Step::Done(match result {
            Ok(Ending { token, source, version }) => Ok(Acquired {
                token,
                explain: Explain { source, notes },
                version,
                tried: self.mark.as_ref().map(|mark| mark.at),
                record: self.record.take(),
            }),
            Err(error) => Err(error.because_perhaps(trouble)),
        })
    }
}
