//! Plaintext file store for azlatch: one file a partition, replaced atomically, locked between processes, and laid out
//! as the other languages' libraries expect (`~/.IdentityService/<name>.nocae` and `.cae`).
//!
//! **Plain text: whoever can read the file can use the tokens.** Use it where no encrypted store can be had.
//!
//! # What is on disk
//!
//! | path | what | removed |
//! |---|---|---|
//! | `NAME` | the document, mode 0600 | by `cache clear` |
//! | `NAME.azlatch-lock` | lock of writers, empty | never |
//! | `NAME.azlatch-tmp` | a write in progress; a leftover is removed by the next writer | by rename |
//! | `NAME.lockfile` | the lock file of MSAL's libraries, held only during a write | after each write |
//! | `azlatch.locks/…` | one lock a token; holds the mark of an attempt that failed | never |
//!
//! # How a write goes
//!
//! Lock, read and compare, write a fresh temporary file, `fsync`, check its size, rename, `fsync` the directory. A
//! crash at any point leaves the old document or the new one. Locks are held by the operating system, so a dead
//! process holds none. Symbolic links are never followed, other people's files and directories never used.
//!
//! # Limits
//!
//! Locks are advisory (`flock`): they bind cooperating programs, and network file systems may not keep them. Lock files
//! of tokens stay behind, empty, one for each distinct token ever asked for.

mod document;
mod foreign;
mod locks;
mod place;
mod turns;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use azlatch_core::Host;
use azlatch_core::effect::{Effect, Partition, Reply};

/// The store; clones share locks and what is known of the files.
#[derive(Clone, Debug)]
pub struct Files(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    locks: locks::Locks,
    writers: turns::Turns<Partition>,
    seen: document::Seen,
}

/// The environment variable that says where that directory's parent is.
pub const HOME: &str = if cfg!(windows) { "LOCALAPPDATA" } else { "HOME" };

/// The directory, below the home directory, that the Azure Identity libraries of other languages use.
pub const DIRECTORY: &str = ".IdentityService";

impl Files {
    /// A store in `directory`, which is created on the first write.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Shared {
            // Without a slash at the end, behind which a symbolic link would not show.
            directory: directory.into().components().collect(),
            locks: locks::Locks::default(),
            writers: turns::Turns::default(),
            seen: document::Seen::default(),
        }))
    }

    /// Where the documents are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0.directory
    }
}

impl Host for Files {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        let Shared { directory, locks, writers, seen } = &*self.0;
        Ok(match effect {
            Effect::Load(ask) => {
                let answer = document::load(directory, seen, &ask.op);
                ask.answer(answer)
            }
            Effect::Save(ask) => {
                let answer = document::save(directory, writers, &ask.op);
                ask.answer(answer)
            }
            Effect::Remove(ask) => {
                let answer = document::remove(directory, writers, &ask.op);
                ask.answer(answer)
            }
            Effect::Lock(ask) => {
                let answer = locks.take(directory, &ask.op);
                ask.answer(answer)
            }
            Effect::Unlock(ask) => {
                locks.release(ask.op.guard, ask.op.mark.as_ref());
                ask.answer(())
            }
            other => return Err(other),
        })
    }
}
