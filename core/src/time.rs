//! Two clocks that cannot be mistaken for each other.
//!
//! Expiry crosses processes, so it is wall time; waits and back-off must survive a clock that is set, so they are
//! monotonic. Nothing here reads a clock: the host hands [`Now`] to every step. All arithmetic saturates.

use core::fmt;
use core::time::Duration;

/// Wall time: whole seconds since 1970-01-01T00:00:00Z, as `expires_on` is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unix(pub i64);

/// Monotonic time: milliseconds since a moment of the host's choosing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mono(pub u64);

/// Both clocks, read together by the host just before a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Now {
    /// Wall time, for expiry.
    pub wall: Unix,
    /// Monotonic time, for deadlines and waits.
    pub mono: Mono,
}

impl Unix {
    /// The moment `seconds` after this one (before it, when negative).
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this moment; negative when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Mono {
    /// The moment `span` after this one.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The span from this moment to `later`, zero when it has passed.
    #[must_use]
    pub const fn until(self, later: Self) -> Duration {
        Duration::from_millis(later.0.saturating_sub(self.0))
    }
}

impl fmt::Display for Unix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
