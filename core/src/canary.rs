//! Planted bugs, for the simulated world to find: compiled only under `cfg(canary)`, which no release ever sets.
//!
//! A harness that finds nothing proves nothing before it has found what is known to be there. Each hook is a line or
//! two in the real code, dead unless its bug is the one planted now.

use core::sync::atomic::{AtomicU32, Ordering};

/// A bug that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
#[allow(missing_docs, reason = "the names say it all, and nobody sees them outside of the project's tests")]
pub enum Bug {
    TenantForgotten = 1,
    AssertionForgotten,
    AccountForgotten,
    CloudForgotten,
    LockedTakenForEmpty,
    RetryAfterIgnored,
    SingleUseRepeated,
    ErrorThoughValid,
    ExpiredHandedOut,
    FutureTrusted,
    LockKeptWhenCancelled,
    RotationLostWhenCancelled,
    MarkNeverLeft,
    SecondLookSkipped,
    DeadDroppedUnseen,
    ConflictOverwritten,
    AccountLockForgotten,
    SignedOutComesBack,
    GuestTakenForAtHome,
    SlowDownIgnored,
    ListenerLeftOpen,
    StateNotCompared,
    FamilyTriedForever,
    SignInLostWhenCancelled,
    PolledAfterTheEnd,
    AccountLeftBehind,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::TenantForgotten,
        Self::AssertionForgotten,
        Self::AccountForgotten,
        Self::CloudForgotten,
        Self::LockedTakenForEmpty,
        Self::RetryAfterIgnored,
        Self::SingleUseRepeated,
        Self::ErrorThoughValid,
        Self::ExpiredHandedOut,
        Self::FutureTrusted,
        Self::LockKeptWhenCancelled,
        Self::RotationLostWhenCancelled,
        Self::MarkNeverLeft,
        Self::SecondLookSkipped,
        Self::DeadDroppedUnseen,
        Self::ConflictOverwritten,
        Self::AccountLockForgotten,
        Self::SignedOutComesBack,
        Self::GuestTakenForAtHome,
        Self::SlowDownIgnored,
        Self::ListenerLeftOpen,
        Self::StateNotCompared,
        Self::FamilyTriedForever,
        Self::SignInLostWhenCancelled,
        Self::PolledAfterTheEnd,
        Self::AccountLeftBehind,
    ];
}

/// Which bug is planted in this process; 0 for none.
static PLANTED: AtomicU32 = AtomicU32::new(0);

/// Plants `bug` in place of the one before.
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as u32), Ordering::Relaxed);
}

/// Whether `bug` is planted now.
pub(crate) fn is(bug: Bug) -> bool {
    PLANTED.load(Ordering::Relaxed) == bug as u32
}

/// Whether the bug that is planted now forgets to compare something.
pub(crate) fn forgets() -> bool {
    [Bug::TenantForgotten, Bug::AssertionForgotten, Bug::AccountForgotten, Bug::CloudForgotten].into_iter().any(is)
}
