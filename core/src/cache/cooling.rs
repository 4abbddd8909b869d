//! Marks: how a holder that failed tells whoever takes the lock next, so that nobody asks again one by one.
//!
//! A passing failure keeps everybody away for as long as the authority said, else for a moment. Any failure is shared
//! by those who were already waiting when it happened: they asked the same question at the same time.

use core::time::Duration;

use crate::effect::Mark;
use crate::error::{Error, ErrorKind};
use crate::time::Unix;

/// Seconds for which the authority is left alone after a passing failure that named no time.
const COOL: i64 = 5;

/// Seconds for which it is left alone at most, whatever it said.
const LONGEST: i64 = 3600;

/// Seconds by which the clock of a mark may be ahead of ours and still be believed.
const SKEW: i64 = 300;

/// The mark that `error` leaves; `None` when it says nothing about the authority.
pub(super) fn mark(error: &Error, now: Unix) -> Option<Mark> {
    if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Misuse | ErrorKind::Configuration) {
        return None;
    }
    let cool = match (error.retry_after(), error.is_retryable()) {
        (Some(span), _) => i64::try_from(span.as_secs()).unwrap_or(LONGEST).clamp(1, LONGEST),
        (None, true) => COOL,
        (None, false) => 0,
    };
    Some(Mark { at: now, until: now.plus(cool), what: error.to_mark() })
}

/// A failure that is shared.
pub(super) struct Shared {
    pub(super) error: Error,
    /// Nobody asks before this, when the authority is to be left alone.
    pub(super) until: Option<Unix>,
}

/// The failure that `mark` tells of, when it counts for us; `waiting_since` when we were already waiting for the lock.
pub(super) fn shared(mark: &Mark, waiting_since: Option<Unix>, now: Unix) -> Option<Shared> {
    if mark.at.since(now) > SKEW {
        return None;
    }
    let left = mark.until.since(now).clamp(0, LONGEST);
    let cooling = left > 0;
    let same_flight = waiting_since.is_some_and(|began| mark.at >= began);
    (cooling || same_flight).then(|| Shared {
        error: Error::from_mark(&mark.what, cooling.then(|| Duration::from_secs(left.unsigned_abs()))),
        until: cooling.then_some(mark.until),
    })
}
