//! The suite for store drivers: what a flow may rely on, whichever driver keeps its documents and locks.
//!
//! The cases are written once, against [`Driver`]; what only files can do wrong is in the `files_` modules.

mod contention;
mod documents;
#[cfg(unix)]
mod files_content;
#[cfg(unix)]
mod files_foreign;
#[cfg(unix)]
mod files_modes;
#[cfg(unix)]
mod files_places;
#[cfg(unix)]
mod files_planted;
mod locks;

#[cfg(unix)]
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use azlatch::{Offload, OnAsyncStd};
use azlatch_core::Host;
use azlatch_core::effect::{
    Found, Guard, Ids, Load, Loaded, Lock, LockKey, Locked, Mark, Operation, Partition, Remove, Removed, Save, Saved,
    StoreFault, Unlock, Version,
};
use azlatch_files::Files;
use azlatch_memory::Memory;
use tempfile::TempDir;

use crate::http::Blocked;

/// A driver under test, holding a fresh store.
trait Driver: Default {
    /// What performs effects.
    type Host: Host + Clone + Send + 'static;

    /// Another way to the same data.
    fn handle(&self) -> Store<Self::Host>;
}

#[derive(Default)]
struct InMemory(Memory);

impl Driver for InMemory {
    type Host = Memory;

    fn handle(&self) -> Store<Memory> {
        Store(self.0.clone())
    }
}

/// Each handle is an instance of its own, as in another process.
struct OnFiles {
    directory: PathBuf,
    _scratch: TempDir,
}

impl Default for OnFiles {
    fn default() -> Self {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        Self { directory: scratch.path().join("store"), _scratch: scratch }
    }
}

#[cfg(unix)]
impl OnFiles {
    /// The path of `name` in the store's directory.
    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A store whose document was put there by another program.
    fn holding(bytes: &[u8]) -> Self {
        let store = Self::default();
        make_private(&store.directory);
        write_private(&store.path("p.nocae"), bytes);
        store
    }

    /// The names in the store's directory, in order.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.directory).expect("a directory").flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// A directory of ours alone, whatever the umask.
#[cfg(unix)]
fn make_private(directory: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(directory).expect("a directory");
}

/// A file of ours alone, whatever the umask.
#[cfg(unix)]
fn write_private(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes)).expect("a file");
}

/// Says, past the capture of the test harness, that a row was not tested.
#[cfg(unix)]
fn skip(row: &str, why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "SKIPPED {row}: {why}");
}

impl Driver for OnFiles {
    type Host = Files;

    fn handle(&self) -> Store<Files> {
        Store(Files::new(&self.directory))
    }
}

/// [`InMemory`] in an async world; every handle is a clone of one.
struct OffloadedMemory(Offload<Memory, OnAsyncStd>);

impl Default for OffloadedMemory {
    fn default() -> Self {
        Self(Offload::new(Memory::new(), OnAsyncStd::default()))
    }
}

impl Driver for OffloadedMemory {
    type Host = Blocked<Offload<Memory, OnAsyncStd>>;

    fn handle(&self) -> Store<Self::Host> {
        Store(Blocked(self.0.clone()))
    }
}

/// [`OnFiles`] in an async world; handles know nothing of each other.
#[derive(Default)]
struct OffloadedFiles(OnFiles);

impl Driver for OffloadedFiles {
    type Host = Blocked<Offload<Files, OnAsyncStd>>;

    fn handle(&self) -> Store<Self::Host> {
        Store(Blocked(Offload::new(self.0.handle().0, OnAsyncStd::default())))
    }
}

macro_rules! suite {
    ($($module:ident { $($case:ident)* })*) => {
        mod memory {
            $($(#[test] fn $case() { super::$module::$case::<super::InMemory>() })*)*
        }
        mod files {
            $($(#[test] fn $case() { super::$module::$case::<super::OnFiles>() })*)*
        }
        mod offloaded_memory {
            $($(#[test] fn $case() { super::$module::$case::<super::OffloadedMemory>() })*)*
        }
        mod offloaded_files {
            $($(#[test] fn $case() { super::$module::$case::<super::OffloadedFiles>() })*)*
        }
    };
}

suite! {
    documents {
        nothing_stored_is_absent
        what_was_saved_is_found_by_every_handle
        a_conditional_load_is_unchanged_after_ones_own_save
        a_conditional_load_finds_a_siblings_save
        equal_versions_mean_equal_bytes
        a_save_over_another_version_brings_the_current_entry
        a_save_that_expects_nothing_finds_something
        a_save_that_expects_something_finds_nothing
        a_removed_partition_is_absent
        a_removal_of_another_version_brings_the_current_entry
        bytes_come_back_as_they_went
        a_document_beyond_the_limit_is_refused
        partitions_are_independent
        foreign_effects_are_handed_back
        endless_timeouts_are_borne
    }
    locks {
        a_free_lock_is_granted
        a_held_lock_is_busy
        a_held_lock_is_waited_for_as_long_as_patience_lasts
        a_released_lock_is_free
        c_05_locks_of_other_keys_never_wait
        a_mark_is_left_and_returned_and_wiped
        marks_come_back_as_they_went
        unlocking_twice_is_harmless
        unlocking_an_unknown_guard_is_harmless
        a_waiter_gets_the_lock_within_50_ms_of_its_release
    }
    contention {
        compare_and_swap_loses_nothing
        a_lock_keeps_everybody_else_out
        c_01_a_thousand_callers_each_get_their_turn
    }
}

/// A handle, with its questions as methods. Where no partition is named it is `p.nocae`.
#[derive(Clone)]
struct Store<H>(H);

/// Long enough to be no reason for failing.
const PATIENT: Duration = Duration::from_secs(30);

const LIMIT: usize = 16 * 1024 * 1024;

fn partition(name: &str) -> Partition {
    Partition::new(name).expect("a name")
}

impl<H: Host> Store<H> {
    fn ask<Op: Operation>(&mut self, op: Op) -> Op::Answer {
        let mut ids = Ids::root();
        let reply = self.0.perform(ids.ask(op)).unwrap_or_else(|effect| panic!("{} was declined", effect.name()));
        ids.take::<Op>(reply).expect("a reply to the question").expect("an answer")
    }

    fn load(&mut self) -> Result<Loaded, StoreFault> {
        self.load_unless(None)
    }

    fn load_unless(&mut self, unless: Option<Version>) -> Result<Loaded, StoreFault> {
        self.ask(Load { partition: partition("p.nocae"), unless, limit: LIMIT, timeout: PATIENT })
    }

    fn found(&mut self) -> Found {
        match self.load() {
            Ok(Loaded::Found(found)) => found,
            other => panic!("nothing was found: {other:?}"),
        }
    }

    fn save(&mut self, bytes: &[u8], expect: Option<Version>) -> Result<Saved, StoreFault> {
        self.save_by(bytes, expect, PATIENT)
    }

    fn save_by(&mut self, bytes: &[u8], expect: Option<Version>, timeout: Duration) -> Result<Saved, StoreFault> {
        self.ask(Save { partition: partition("p.nocae"), bytes: bytes.into(), expect, timeout })
    }

    fn stored(&mut self, bytes: &[u8], expect: Option<Version>) -> Version {
        match self.save(bytes, expect) {
            Ok(Saved::Stored(version)) => version,
            other => panic!("it was not stored: {other:?}"),
        }
    }

    fn remove(&mut self, expect: Version) -> Result<Removed, StoreFault> {
        self.ask(Remove { partition: partition("p.nocae"), expect, timeout: PATIENT })
    }

    fn lock(&mut self, key: u8, patience: Duration) -> Result<Option<Locked>, StoreFault> {
        self.ask(Lock { key: LockKey([key; 16]), patience })
    }

    fn held(&mut self, key: u8, patience: Duration) -> Locked {
        match self.lock(key, patience) {
            Ok(Some(locked)) => locked,
            other => panic!("the lock was not granted: {other:?}"),
        }
    }

    fn unlock(&mut self, guard: Guard, mark: Option<Mark>) {
        self.ask(Unlock { guard, mark });
    }
}
