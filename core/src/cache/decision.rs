//! Use the cached token, use it and renew, or fetch: one pure function.
//!
//! | | |
//! |---|---|
//! | claims, force, or the token was rejected | fetch |
//! | no token, or it has expired | fetch |
//! | tried less than 30 s ago | use |
//! | made in the future (the clock was set back) | use and refresh |
//! | it is [due](Life::due): `refresh_on` has passed, or little is left (300 s, or half of a short life) | use and refresh |
//! | else | use |
//!
//! A refresh that fails while the old token lives returns the old token. Holders of one token do not come due in the
//! same second: each waits a moment of its own, up to a minute.

use core::ops::Range;

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

/// Seconds over which the holders of one token spread their renewals.
const SPREAD: i64 = 60;

/// Seconds before expiry from which on nobody is content with the old token while another renews it.
const LAST: i64 = 30;

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
        now < self.expires_on
    }

    /// The moment from which renewal is due for the holder of number `spread`: `refresh_on`, or when little is left,
    /// and then up to a minute later (a fifth of what is left, for short lives).
    #[must_use]
    pub fn due(&self, spread: u64) -> Unix {
        let little = self.expires_on.plus(WINDOW.min(self.lifetime() / 2).saturating_neg());
        let first = self.refresh_on.map_or(little, |at| at.min(little));
        let room = SPREAD.min(self.expires_on.since(first) / 5).max(0).unsigned_abs();
        let late = spread.checked_rem(room.saturating_add(1)).unwrap_or_default();
        first.plus(i64::try_from(late).unwrap_or_default())
    }

    /// Whether so little is left that the token may end before it is used: 30 s, or a quarter of a short life.
    #[must_use]
    pub fn is_ending(&self, now: Unix) -> bool {
        self.expires_on.since(now) <= LAST.min(self.lifetime() / 4)
    }

    /// A span in which [`decide`] says [`Use`](Decision::Use), for a token last tried at `tried` by the holder of number
    /// `spread`: within it a hit needs no decision, only two comparisons.
    #[must_use]
    pub fn calm(&self, tried: Option<Unix>, spread: u64) -> Range<Unix> {
        let due = self.due(spread);
        let (from, until) = match tried {
            Some(at) if self.is_from_the_future(at) => (at, at.plus(PAUSE)),
            Some(at) => (at, at.plus(PAUSE).max(due)),
            None => (self.cached_at.plus(SKEW.saturating_neg()), due),
        };
        from..until.min(self.expires_on)
    }

    /// Whether the token says that it was made in the future, beyond what clocks may differ.
    #[must_use]
    pub fn is_from_the_future(&self, now: Unix) -> bool {
        self.cached_at.since(now) > SKEW
    }
}

/// The decision for a token of times `cached` (if any), last tried at `tried`, by the holder of number `spread`; `must`
/// when the cached one will not do.
#[must_use]
pub fn decide(cached: Option<Life>, tried: Option<Unix>, now: Unix, must: bool, spread: u64) -> Decision {
    let Some(life) = cached.filter(|life| !must && life.is_alive(now)) else { return Decision::Fetch };
    if tried.is_some_and(|at| (0..PAUSE).contains(&now.since(at))) {
        return Decision::Use;
    }
    if life.is_from_the_future(now) || now >= life.due(spread) { Decision::UseAndRefresh } else { Decision::Use }
}
