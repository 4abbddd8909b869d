//! Storage as values: partitions under compare-and-swap, and locks that carry a mark from one holder to the next.

use alloc::string::{String, ToString as _};
use core::fmt;
use core::time::Duration;

use crate::error::{Error, ErrorKind};
use crate::secret::Secret;
use crate::time::Unix;

/// The name of one stored document, such as `msal.cache.nocae`: 1 to 128 of `A-Z a-z 0-9 . _ -`, no leading dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(String);

impl Partition {
    /// Checks `name`; `None` when a driver could not use it as a file name as it stands.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let fits = (1..=128).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain);
        fits.then(|| Self(name.into()))
    }

    /// A name of our own making, which needs no check.
    pub(crate) const fn of_digest(name: String) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Where a damaged document of this partition is kept aside, once.
    #[must_use]
    pub fn aside(&self) -> Self {
        let mut name = self.0.clone();
        name.push_str(".damaged");
        Self(name)
    }
}

/// Which state of a partition: equal versions mean equal bytes. What the number is made of is the driver's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub u128);

/// Read a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Load {
    /// Which document.
    pub partition: Partition,
    /// Answer [`Loaded::Unchanged`] when the stored version is still this one.
    pub unless: Option<Version>,
    /// A document larger than this is refused unread ([`StoreFault::TooLarge`]).
    pub limit: usize,
    /// The driver answers within this.
    pub timeout: Duration,
}

/// What a [`Load`] found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Loaded {
    /// Nothing is stored: the only answer that starts a new document.
    Absent,
    /// Still the version that the question named.
    Unchanged,
    /// This.
    Found(Found),
}

/// A stored document and its version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// The bytes, untrusted.
    pub bytes: Secret<[u8]>,
    /// Their version.
    pub version: Version,
}

/// Compare and swap: store `bytes` if the stored version is still `expect`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Save {
    /// Which document.
    pub partition: Partition,
    /// The new content.
    pub bytes: Secret<[u8]>,
    /// The version this content was made from; `None` when nothing was stored.
    pub expect: Option<Version>,
    /// The driver answers within this.
    pub timeout: Duration,
}

/// What became of a [`Save`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Saved {
    /// Stored, as this version.
    Stored(Version),
    /// Somebody else wrote first; here is what is stored now (`None`: nothing).
    Conflict(Option<Found>),
}

/// Compare and delete: remove the partition if the stored version is still `expect`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Remove {
    /// Which document.
    pub partition: Partition,
    /// The version that may go.
    pub expect: Version,
    /// The driver answers within this.
    pub timeout: Duration,
}

/// What became of a [`Remove`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Removed {
    /// It is gone, by us or before us.
    Gone,
    /// Somebody else wrote; here is what is stored now.
    Conflict(Found),
}

/// What a lock protects: a digest of the token's cache key, so that no token waits for another, or of the account where
/// a refresh token is spent, since all its tokens come of that one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LockKey(pub [u8; 16]);

impl fmt::Display for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockKey({self})")
    }
}

/// Take a lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lock {
    /// Which one.
    pub key: LockKey,
    /// How long to wait for the holder; zero means try once.
    pub patience: Duration,
}

/// A lock that is now held, and what its last holder left.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Locked {
    /// Proof, to be given back with [`Unlock`].
    pub guard: Guard,
    /// The mark of a holder that failed, if one was left and the driver keeps them.
    pub mark: Option<Mark>,
    /// Whether somebody else held the lock when it was asked for.
    pub waited: bool,
}

/// Names a held lock to the driver that granted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Guard(pub u64);

/// Give a lock back, leaving a mark for whoever takes it next (`None` wipes the old one).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unlock {
    /// The lock.
    pub guard: Guard,
    /// What to leave.
    pub mark: Option<Mark>,
}

/// The cooling-off mark of a failed attempt: followers share its error instead of asking again one by one.
///
/// Holds no secret, so that a driver may keep it in a plain file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// When the attempt failed.
    pub at: Unix,
    /// Nobody asks the authority for this token before this.
    pub until: Unix,
    /// Whose attempt it was: a number that means something to its own process only.
    pub holder: u64,
    /// What went wrong, as the core wrote it: at most 1 KiB of printable text.
    pub what: String,
}

/// Why storage did not do as asked. Locked, missing, hung and empty are different answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreFault {
    /// There, but locked until the user unlocks it.
    Locked,
    /// Access was refused, or the place is not safe to use (owner, mode, symbolic link).
    Denied(String),
    /// Somebody else holds it, or it did not answer in time.
    Busy,
    /// The store is definitely not there: no service, no home directory.
    Unavailable(String),
    /// The driver cannot do this at all.
    Unsupported,
    /// Larger than the store or the limit allows, in bytes.
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The store reported an error of its own.
    Io(String),
}

impl fmt::Display for StoreFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => f.write_str("the store is locked"),
            Self::Denied(why) => write!(f, "the store may not be used: {why}"),
            Self::Busy => f.write_str("the store is busy"),
            Self::Unavailable(why) => write!(f, "the store is not available: {why}"),
            Self::Unsupported => f.write_str("the store cannot do this"),
            Self::TooLarge { limit } => write!(f, "the content is larger than the store's limit of {limit} bytes"),
            Self::Io(what) => write!(f, "the store failed: {what}"),
        }
    }
}

impl From<StoreFault> for Error {
    fn from(fault: StoreFault) -> Self {
        Self::new(ErrorKind::Storage, fault.to_string())
    }
}
