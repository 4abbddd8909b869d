//! Bugs that can be planted in the drivers of the world, beside those that a canary build plants in the core.

/// A bug of the driver of the store, or of what keeps sign-ins in mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it all")]
pub enum DriverBug {
    WritesInPlace,
    NeverCompares,
    UnlinksItsLock,
    GoesOnWithoutTheLock,
    NeverSyncsTheFile,
    NeverSyncsTheNames,
    RemovesWithoutComparing,
    KeepsItsLockAfterAFault,
    AppliesAnothersRecord,
}

impl DriverBug {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::WritesInPlace,
        Self::NeverCompares,
        Self::UnlinksItsLock,
        Self::GoesOnWithoutTheLock,
        Self::NeverSyncsTheFile,
        Self::NeverSyncsTheNames,
        Self::RemovesWithoutComparing,
        Self::KeepsItsLockAfterAFault,
        Self::AppliesAnothersRecord,
    ];
}
