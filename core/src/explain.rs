//! Why this token: where it came from, and what else happened on the way.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::effect::StoreFault;
use crate::error::Error;
use crate::time::Unix;

/// Where a token came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// This process's memory.
    Memory,
    /// The store shared with other processes or credentials.
    Store,
    /// The authority, just now.
    Network,
}

impl Source {
    /// `memory`, `store` or `network`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Store => "store",
            Self::Network => "network",
        }
    }
}

/// Something worth knowing that happened on the way to a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Note {
    /// No store was there to look in.
    NoStore,
    /// The store could not be read; nothing will be written to it.
    LoadFailed(StoreFault),
    /// The store holds nothing at all: a program died while writing it, or keeps its tokens elsewhere.
    Empty,
    /// The stored document was damaged; a new one is started.
    Damaged {
        /// Whether the damaged bytes were kept aside for inspection by this run.
        kept_aside: bool,
    },
    /// Another caller held the lock for too long; we went on without it.
    LockBusy,
    /// The lock could not be used; compare-and-swap alone protected the document.
    LockFailed(StoreFault),
    /// The token is good but was not stored.
    SaveFailed(String),
    /// The token is due for renewal, but the attempt failed; the old one is still valid.
    RefreshFailed(Error),
    /// Nobody asks the authority for this token before then.
    CoolingOff(Unix),
    /// The refresh token was refused, but somebody else had stored a newer one, which was used.
    Rotated,
    /// The account signed out while its token was renewed: the token is handed out this once, and not kept.
    SignedOut,
    /// The answer cannot be cached: it was already expired, or bound to something unknown.
    NotCached,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStore => f.write_str("no store was there to look in"),
            Self::LoadFailed(fault) => write!(f, "the store was not read, so nothing was written to it: {fault}"),
            Self::Empty => f.write_str(
                "the stored cache was empty: a program died while writing it, or keeps its tokens elsewhere",
            ),
            Self::Damaged { kept_aside: true } => {
                f.write_str("the stored cache was damaged; it was kept aside and a new one started")
            }
            Self::Damaged { kept_aside: false } => f.write_str("the stored cache was damaged; a new one was started"),
            Self::LockBusy => f.write_str("another caller held the lock for too long; went on without it"),
            Self::LockFailed(fault) => write!(f, "no lock could be taken: {fault}"),
            Self::SaveFailed(why) => write!(f, "the token was not stored: {why}"),
            Self::RefreshFailed(error) => write!(f, "renewal failed, the old token is still valid: {error}"),
            Self::CoolingOff(until) => write!(f, "the authority is left alone until {until}"),
            Self::Rotated => f.write_str("another process had rotated the refresh token; used its newer one"),
            Self::SignedOut => f.write_str("the account signed out meanwhile, so nothing of it was kept"),
            Self::NotCached => f.write_str("the answer could not be cached"),
        }
    }
}

/// The account of one acquisition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Explain {
    /// Where the token came from.
    pub source: Source,
    /// What happened on the way, in order.
    pub notes: Vec<Note>,
}

impl Explain {
    /// An account with nothing to tell.
    #[must_use]
    pub const fn new(source: Source) -> Self {
        Self { source, notes: Vec::new() }
    }

    /// Each note as a line of text.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.notes.iter().map(Note::to_string)
    }
}
