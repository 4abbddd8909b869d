//! Use the cached token, use it and renew, or fetch: one pure function.
//!
//! | | |
//! |---|---|
//! | claims, force, or the token was rejected | fetch |
//! | no token, or it has expired | fetch |
//! | tried less than 30 s ago | use |
//! | made in the future (the clock was set back) | use and refresh |
//! | `refresh_on` has passed | use and refresh |
//! | little is left: 300 s, or half of a short life | use and refresh |
//! | else | use |
//!
//! A refresh that fails while the old token lives returns the old token.

use crate::time::Unix;

/// The times of a cached token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Life {
    /// When it was made.
    pub cached_at: Unix,
    /// When it ends.
    pub expires_on: Unix,
    /// When renewal is due, if the authority said.
    pub refresh_on: Option<Unix>,
}

/// What to do about a request for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    /// Hand out the cached token.
    Use,
    /// Renew; if that fails hand out the cached token.
    UseAndRefresh,
    /// Get a new one, or fail.
    Fetch,
}

/// Seconds before expiry at which renewal begins.
const WINDOW: i64 = 300;

/// Seconds between attempts to renew a token that is still good.
const PAUSE: i64 = 30;

/// Seconds by which clocks of one machine's past, or of two machines, may differ before it shows.
const SKEW: i64 = 300;

impl Life {
    /// Seconds from making to expiry, never negative.
    #[must_use]
    pub fn lifetime(&self) -> i64 {
        self.expires_on.since(self.cached_at).max(0)
    }

    /// Whether the token can still be handed out at `now`.
    #[must_use]
    pub fn is_alive(&self, now: Unix) -> bool {
        #[cfg(canary)]
        if crate::canary::is(crate::canary::Bug::ExpiredHandedOut) {
            return now < self.expires_on.plus(600);
        }
        now < self.expires_on
    }
}

/// The decision for a token of times `cached` (if any), last tried at `tried`; `must` when the cached one will not do.
#[must_use]
pub fn decide(cached: Option<Life>, tried: Option<Unix>, now: Unix, must: bool) -> Decision {
    let Some(life) = cached.filter(|life| !must && life.is_alive(now)) else { return Decision::Fetch };
    if tried.is_some_and(|at| (0..PAUSE).contains(&now.since(at))) {
        return Decision::Use;
    }
    let from_the_future = life.cached_at.since(now) > SKEW;
    #[cfg(canary)]
    let from_the_future = from_the_future && !crate::canary::is(crate::canary::Bug::FutureTrusted);
    let due = life.refresh_on.is_some_and(|at| now >= at);
    let short = life.expires_on.since(now) <= WINDOW.min(life.lifetime() / 2);
    if from_the_future || due || short { Decision::UseAndRefresh } else { Decision::Use }
}
