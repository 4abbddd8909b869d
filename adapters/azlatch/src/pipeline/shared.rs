//! What the requests of one pipeline share: what it has learnt, and the tokens it asked for because of a refusal.
//!
//! A refusal may cost a token, so both a crowd and a resource that refuses everything are kept from asking for many:
//!
//! * A token that replaces a refused one is asked for by one request at a time; who waited for the same one shares it,
//!   or the failure to get it.
//! * A token that was got because of a refusal is not given up for [`PAUSE`], and the same claims are not asked for
//!   again meanwhile: a resource that answers everything with 401 costs a token every half minute, not with every
//!   request.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use azlatch_core::Error;
use azlatch_core::bearer::{Ask, Bearer, Conversation, Known, Lesson};
use azlatch_core::credential::TokenRequest;
use azlatch_core::secret::AccessToken;

use super::turns::Turns;

/// How long a token stands that was got because another was refused.
const PAUSE: Duration = Duration::from_secs(30);

/// Renewals remembered at most.
const MOST_RENEWALS: usize = 64;

#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// One is held while a token is asked for because of a refusal.
    pub(super) turns: Turns,
}

#[derive(Default)]
struct State {
    known: Known,
    renewals: VecDeque<Renewal>,
}

/// A token that was asked for because another was refused.
struct Renewal {
    request: TokenRequest,
    outcome: Result<AccessToken, Error>,
    at: Instant,
}

impl Shared {
    pub(super) fn begin(&self, policy: &Bearer, url: &str) -> Result<(Conversation, Ask), Error> {
        Conversation::begin(policy, url, &self.state().known)
    }

    /// Keeps `lesson`; a token that comes back is to be rejected by the source.
    pub(super) fn learn(&self, lesson: Lesson, now: Instant) -> Option<AccessToken> {
        let mut state = self.state();
        let refused = match &lesson {
            Lesson::Refused { token, .. } if state.is_recent(token, now) => return None,
            Lesson::Refused { token, .. } => Some(token.clone()),
            _ => None,
        };
        state.known.learn(lesson);
        refused
    }

    /// What `request` came to for somebody else, if that holds for a caller who has waited since `began`.
    pub(super) fn settled(
        &self,
        request: &TokenRequest,
        began: Instant,
        now: Instant,
    ) -> Option<Result<AccessToken, Error>> {
        let state = self.state();
        let renewal = state.renewals.iter().rev().find(|renewal| renewal.request == *request)?;
        let holds = match renewal.outcome {
            Ok(_) => renewal.is_recent(now),
            // An error is shared with those who waited for it, and kept from nobody else.
            Err(_) => renewal.at >= began,
        };
        holds.then(|| renewal.outcome.clone())
    }

    /// Keeps what `request` came to, for those who wait; who asked had this much time.
    pub(super) fn settle(
        &self,
        request: &TokenRequest,
        within: Duration,
        outcome: Result<AccessToken, Error>,
        now: Instant,
    ) {
        // Who waited long had little time left; others may have enough.
        if outcome.is_err() && within < request.timeout / 2 {
            return;
        }
        let mut state = self.state();
        state.renewals.retain(|renewal| renewal.request != *request);
        if state.renewals.len() >= MOST_RENEWALS {
            state.renewals.pop_front();
        }
        state.renewals.push_back(Renewal { request: request.clone(), outcome, at: now });
    }

    /// Each change is whole, so what a panicking thread leaves behind is good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether `token` came in place of a refused one, a moment ago.
    fn is_recent(&self, token: &AccessToken, now: Instant) -> bool {
        self.renewals.iter().any(|renewal| renewal.outcome.as_ref() == Ok(token) && renewal.is_recent(now))
    }
}

impl Renewal {
    fn is_recent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.at) < PAUSE
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shared").field(&self.state().known).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What requests have unless something else is said.
    const TIME: Duration = Duration::from_secs(30);

    fn claims(claims: &str) -> TokenRequest {
        TokenRequest::new(["api/.default"]).expect("a request").claims(claims)
    }

    #[test]
    fn a_token_got_after_a_refusal_stands_for_the_pause_and_no_longer() {
        let (shared, start) = (Shared::default(), Instant::now());
        shared.settle(&claims("{}"), TIME, Ok("new".into()), start);
        let refused = |token: &str| Lesson::Refused { request: claims("{}"), token: token.into() };
        for (token, after, rejected) in [("new", 0, false), ("new", 29, false), ("old", 0, true), ("new", 30, true)] {
            let now = start + Duration::from_secs(after);
            assert_eq!(shared.learn(refused(token), now).is_some(), rejected, "{token} after {after} s");
        }
    }

    #[test]
    fn a_token_is_shared_for_the_pause_and_an_error_with_those_who_waited() {
        let (shared, start) = (Shared::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        shared.settle(&claims("{}"), TIME, Ok("new".into()), start);
        let down = || Err(Error::new(crate::ErrorKind::Network, "down"));
        shared.settle(&claims("[]"), TIME, down(), after(5));
        shared.settle(&claims("[2]"), TIME / 3, down(), after(5));
        shared.settle(&claims("[3]"), TIME / 3, Ok("new".into()), after(5));
        for (asked, began, now, found) in [
            ("{}", 0, 29, Some(true)),
            ("{}", 20, 29, Some(true)),
            ("{}", 0, 30, None),
            ("[]", 4, 6, Some(false)),
            ("[]", 6, 6, None),
            ("[1]", 0, 1, None),
            ("[2]", 4, 6, None),
            ("[3]", 4, 6, Some(true)),
        ] {
            let settled = shared.settled(&claims(asked), after(began), after(now));
            assert_eq!(settled.map(|outcome| outcome.is_ok()), found, "{asked} since {began} at {now}");
        }
    }

    #[test]
    fn renewals_are_bounded() {
        let (shared, now) = (Shared::default(), Instant::now());
        for i in 0..100 {
            shared.settle(&claims(&i.to_string()), TIME, Ok("new".into()), now);
        }
        assert_eq!(shared.state().renewals.len(), MOST_RENEWALS);
        assert!(shared.settled(&claims("99"), now, now).is_some());
    }
}
