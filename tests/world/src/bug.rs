//! Bugs that can be planted in the store driver of the world, beside those that a canary build plants in the core.

/// A bug of the store driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum StoreBug {
    WritesInPlace,
    NeverCompares,
    UnlinksItsLock,
    GoesOnWithoutTheLock,
    NeverSyncsTheFile,
    NeverSyncsTheNames,
    RemovesWithoutComparing,
    KeepsItsLockAfterAFault,
}

impl StoreBug {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::WritesInPlace,
        Self::NeverCompares,
        Self::UnlinksItsLock,
        Self::GoesOnWithoutTheLock,
        Self::NeverSyncsTheFile,
        Self::NeverSyncsTheNames,
        Self::RemovesWithoutComparing,
        Self::KeepsItsLockAfterAFault,
    ];
}
