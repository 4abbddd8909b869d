//! What is known of the stored document: the ground that a save is made from.

use alloc::vec::Vec;

use super::document::Document;
use crate::effect::{Found, Load, Loaded, Misuse, Partition, StoreFault, Version};
use crate::explain::Note;
use crate::secret::Secret;
use core::time::Duration;

/// The largest document that is read, and therefore written.
pub(super) const LIMIT: usize = 16 * 1024 * 1024;

/// What the last read of a partition said.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub(super) enum Base {
    /// Nobody stores anything here.
    Nowhere,
    /// The read failed: nothing may be written.
    Unreadable(StoreFault),
    /// Nothing is stored yet.
    Absent,
    /// This is stored.
    Stored(Document, Version),
    /// Something is stored that is no document.
    Damaged(Secret<[u8]>, Version),
}

impl Base {
    /// The question that asks for `partition`, unless it still is what we know.
    pub(super) fn load(&self, partition: &Partition, timeout: Duration) -> Load {
        Load {
            partition: partition.clone(),
            unless: self.version(),
            limit: LIMIT,
            timeout: timeout.min(Duration::from_secs(5)),
        }
    }

    /// Takes the answer in; what is worth telling goes to `notes`.
    pub(super) fn learn(
        &mut self,
        answer: Result<Option<Result<Loaded, StoreFault>>, Misuse>,
        notes: &mut Vec<Note>,
    ) -> Result<(), Misuse> {
        let note = match answer? {
            None => {
                *self = Self::Nowhere;
                Some(Note::NoStore)
            }
            #[cfg(canary)]
            Some(Err(StoreFault::Locked)) if crate::canary::is(crate::canary::Bug::LockedTakenForEmpty) => {
                *self = Self::Absent;
                None
            }
            Some(Err(fault)) => {
                *self = Self::Unreadable(fault.clone());
                Some(Note::LoadFailed(fault))
            }
            Some(Ok(Loaded::Unchanged)) => None,
            Some(Ok(Loaded::Absent)) => {
                *self = Self::Absent;
                None
            }
            Some(Ok(Loaded::Found(found))) => {
                let empty = found.bytes.expose_secret().trim_ascii().is_empty();
                *self = Self::from(Some(found));
                empty.then_some(Note::Empty)
            }
        };
        if let Some(note) = note.filter(|note| !notes.contains(note)) {
            notes.push(note);
        }
        Ok(())
    }

    /// Planted: the new version is taken for one that holds what we knew.
    #[cfg(canary)]
    pub(super) fn overwrite(&mut self, found: Option<Found>) {
        if let (Self::Stored(_, version), Some(found)) = (self, found) {
            *version = found.version;
        }
    }

    pub(super) const fn version(&self) -> Option<Version> {
        match self {
            Self::Stored(_, version) | Self::Damaged(_, version) => Some(*version),
            _ => None,
        }
    }

    pub(super) const fn document(&self) -> Option<&Document> {
        match self {
            Self::Stored(document, _) => Some(document),
            _ => None,
        }
    }

    /// Whether a program that writes in place may have been caught in the middle of it.
    pub(super) fn is_suspect(&self) -> bool {
        matches!(self, Self::Damaged(..)) || self.document().is_some_and(Document::is_empty)
    }

    /// Whether a save may follow: only after a read that said what is stored.
    pub(super) const fn is_writable(&self) -> bool {
        matches!(self, Self::Absent | Self::Stored(..) | Self::Damaged(..))
    }
}

impl From<Option<Found>> for Base {
    fn from(found: Option<Found>) -> Self {
        match found {
            None => Self::Absent,
            // What a program leaves that died while writing, or that keeps its tokens in a keyring and touches the file.
            Some(Found { bytes, version }) if bytes.expose_secret().trim_ascii().is_empty() => {
                Self::Stored(Document::default(), version)
            }
            Some(Found { bytes, version }) => match Document::take(bytes) {
                Ok(document) => Self::Stored(document, version),
                Err(bytes) => Self::Damaged(bytes, version),
            },
        }
    }
}
