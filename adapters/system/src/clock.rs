//! The system's two clocks.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use azlatch_core::{Mono, Now, Unix};

/// Reads wall and monotonic time together. Every clock of a process counts monotonic time from the same moment, so
/// that times can be compared whoever took them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

/// Monotonic time of the first look, a second, so that nothing is at zero.
const START: Duration = Duration::from_secs(1);

impl Clock {
    /// The clock.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    /// Both times.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { wall: wall(), mono: self.mono() }
    }

    /// Monotonic time alone.
    #[must_use]
    pub fn mono(&self) -> Mono {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        Mono(0).plus(ORIGIN.get_or_init(Instant::now).elapsed() + START)
    }
}

impl Clock {
    /// Wall time as of the last tick of the system's timer, a few milliseconds ago at most: cheaper to read.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn coarse_wall(&self) -> Unix {
        Unix(rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse).tv_sec)
    }

    /// Wall time; this system has no cheaper clock.
    #[cfg(not(target_os = "linux"))]
    #[must_use]
    pub fn coarse_wall(&self) -> Unix {
        wall()
    }
}

/// Seconds since 1970, negative before.
fn wall() -> Unix {
    let seconds = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
    Unix(match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => seconds(after),
        Err(before) => -seconds(before.duration()),
    })
}
