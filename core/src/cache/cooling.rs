//! Marks: how a holder that failed tells whoever takes the lock next, so that nobody asks again one by one.
//!
//! A passing failure keeps everybody away for as long as the authority said, else for a moment. Any failure is shared
//! by those who were already waiting when it happened and hold the same secret: they asked the same question.

use core::time::Duration;

use crate::effect::Mark;
use crate::error::{Error, ErrorKind};
use crate::time::Unix;

/// Seconds for which the authority is left alone after a passing failure that named no time.
const COOL: i64 = 5;

/// Seconds for which it is left alone when it says that we go round in circles (AADSTS50196).
const LOOP: i64 = 60;

/// Seconds for which it is left alone at most, whatever it said.
const LONGEST: i64 = 3600;

/// Seconds by which the clock of a mark may be ahead of ours and still be believed.
const SKEW: i64 = 300;

/// The mark that `error` leaves; `None` when it says nothing about the authority.
pub(super) fn mark(error: &Error, now: Unix, holder: u64) -> Option<Mark> {
    if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Misuse | ErrorKind::Configuration | ErrorKind::Storage)
    {
        return None;
    }
    let going_round = error.oauth().is_some_and(|oauth| oauth.codes.contains(&50_196));
    let cool = match (error.retry_after(), error.is_retryable()) {
        // Up to the next whole second, and one more for the part of this one that has passed: never early.
        (Some(span), _) => {
            let whole = i64::try_from(span.as_millis().div_ceil(1000)).unwrap_or(LONGEST);
            whole.saturating_add(1).clamp(1, LONGEST)
        }
        (None, true) => COOL,
        (None, false) if going_round => LOOP,
        (None, false) => 0,
    };
    Some(Mark { at: now, until: now.plus(cool), holder, what: error.to_mark() })
}

/// A failure that is shared.
pub(super) struct Shared {
    pub(super) error: Error,
    /// Nobody asks before this, when the authority is to be left alone.
    pub(super) until: Option<Unix>,
}

/// The failure that `mark` tells of, when it counts for us.
///
/// `flight` is since when we were waiting for the lock, and for whom, when we were.
pub(super) fn shared(mark: &Mark, flight: Option<(Unix, u64)>, now: Unix) -> Option<Shared> {
    if mark.at.since(now) > SKEW {
        return None;
    }
    // By whichever clock it is shorter: one may have been set back since.
    let left = mark.until.since(now).min(mark.until.since(mark.at)).clamp(0, LONGEST);
    let cooling = left > 0;
    let same_flight = flight.is_some_and(|(began, holder)| mark.at >= began && mark.holder == holder);
    (cooling || same_flight).then(|| Shared {
        error: Error::from_mark(&mark.what, cooling.then(|| Duration::from_secs(left.unsigned_abs()))),
        until: cooling.then_some(mark.until),
    })
}
