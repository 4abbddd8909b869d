//! Documents on disk: conditional reads, compare-and-swap writes, compare-and-delete.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use azlatch_core::effect::{Found, Load, Loaded, Partition, Remove, Removed, Save, Saved, StoreFault, Version};
use azlatch_core::secret::Secret;
use twox_hash::XxHash3_128;

use crate::foreign;
use crate::place::{self, later};
use crate::turns::{Turn, Turns};

/// What is read back under the lock to compare versions.
const LIMIT: usize = 64 * 1024 * 1024;

pub(crate) fn load(directory: &Path, seen: &Seen, ask: &Load) -> Result<Loaded, StoreFault> {
    place::is_trusted(directory)?;
    let path = directory.join(ask.partition.name());
    if let Some(version) = ask.unless
        && seen.is_still(&ask.partition, &path, version)
    {
        return Ok(Loaded::Unchanged);
    }
    Ok(match read(&path, ask.limit)? {
        None => Loaded::Absent,
        Some((found, meta)) => {
            seen.remember(&ask.partition, &meta, found.version);
            if Some(found.version) == ask.unless { Loaded::Unchanged } else { Loaded::Found(found) }
        }
    })
}

pub(crate) fn save(directory: &Path, turns: &Turns<Partition>, ask: &Save) -> Result<Saved, StoreFault> {
    place::prepare(directory)?;
    let path = directory.join(ask.partition.name());
    let version = version(ask.bytes.expose_secret());
    let _writer = Writer::lock(turns, &ask.partition, &path, later(Instant::now(), ask.timeout))?;
    let current = read(&path, LIMIT)?.map(|(found, _)| found);
    if current.as_ref().map(|found| found.version) != ask.expect {
        return Ok(Saved::Conflict(current));
    }
    replace(directory, &path, ask.bytes.expose_secret())?;
    Ok(Saved::Stored(version))
}

pub(crate) fn remove(directory: &Path, turns: &Turns<Partition>, ask: &Remove) -> Result<Removed, StoreFault> {
    place::prepare(directory)?;
    let path = directory.join(ask.partition.name());
    let _writer = Writer::lock(turns, &ask.partition, &path, later(Instant::now(), ask.timeout))?;
    match read(&path, LIMIT)? {
        None => Ok(Removed::Gone),
        Some((found, _)) if found.version != ask.expect => Ok(Removed::Conflict(found)),
        Some(_) => {
            place::remove(&path)?;
            settle(directory);
            Ok(Removed::Gone)
        }
    }
}

/// The right to write one document: first among our threads, then our processes by a lock that the system frees when
/// we die, then the other libraries'.
struct Writer {
    _foreign: foreign::LockFile,
    _own: File,
    _turn: Turn<Partition>,
}

impl Writer {
    fn lock(turns: &Turns<Partition>, partition: &Partition, path: &Path, until: Instant) -> Result<Self, StoreFault> {
        let turn = turns.take(partition, until).ok_or(StoreFault::Busy)?;
        let (own, _) = place::lock(&with_suffix(path, "azlatch-lock"), until)?.ok_or(StoreFault::Busy)?;
        // What a killed writer left is as secret as the document, and goes even when we do not write.
        let temporary = temporary(path);
        place::remove(&temporary)?;
        let foreign = foreign::LockFile::take(&with_suffix(path, "lockfile"), &temporary, until)?;
        Ok(Self { _foreign: foreign, _own: own, _turn: turn })
    }
}

/// One name for all writers: what a killed one leaves behind, the next takes away.
fn temporary(path: &Path) -> PathBuf {
    with_suffix(path, "azlatch-tmp")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// The content of `path` and its version; `None` when it is not there.
fn read(path: &Path, limit: usize) -> Result<Option<(Found, Metadata)>, StoreFault> {
    let Some((mut file, meta)) = place::open(path)? else { return Ok(None) };
    let failed = |error: io::Error| place::fault(path, &error);
    let size = usize::try_from(meta.len()).unwrap_or(usize::MAX);
    if size > limit {
        return Err(StoreFault::TooLarge { limit });
    }
    // Never more than the size just seen: a file that grows meanwhile does not make the buffer (full of secrets) move.
    let mut bytes = vec![0; size];
    let mut length = 0;
    while length < size {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                drop(Secret::from(bytes));
                return Err(failed(error));
            }
        }
    }
    bytes.truncate(length);
    let version = version(&bytes);
    Ok(Some((Found { bytes: Secret::from(bytes), version }, meta)))
}

/// Steps 6 to 11 of a write, under the lock: a crash at any point leaves the old document or the new one.
fn replace(directory: &Path, path: &Path, bytes: &[u8]) -> Result<(), StoreFault> {
    let temporary = temporary(path);
    let written = write(&temporary, bytes);
    let renamed = written.and_then(|()| fs::rename(&temporary, path).map_err(|error| place::fault(path, &error)));
    if let Err(fault) = renamed {
        let _ = fs::remove_file(&temporary);
        return Err(fault);
    }
    settle(directory);
    Ok(())
}

/// How far ahead of its time a written file is dated.
const AHEAD: Duration = Duration::from_secs(1);

fn write(temporary: &Path, bytes: &[u8]) -> Result<(), StoreFault> {
    let failed = |error: io::Error| place::fault(temporary, &error);
    let mut file = place::create(temporary).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    // MSAL for Python notes the time after it has read, and overlooks a write that fell in between: a file that is
    // younger than any read is never overlooked. Failing, nothing of ours is lost, only what that program sees.
    let _ = file.set_modified(SystemTime::now() + AHEAD);
    // After a failed fsync the pages' state is unknown: the file is given up, never synced again.
    file.sync_all().map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if usize::try_from(size).ok() != Some(bytes.len()) {
        return Err(StoreFault::Io(format!(
            "{}: the system kept {size} of {} bytes",
            temporary.display(),
            bytes.len()
        )));
    }
    Ok(())
}

/// Makes a rename or removal outlast a power cut, where the system can; the change itself has happened already.
fn settle(directory: &Path) {
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
    }
}

/// A 128-bit digest of the content (XXH3): equal versions mean equal bytes.
///
/// It need not hold against an enemy: whoever can write the document needs no trick to lose an update, and what a token
/// says cannot be aimed at a seed that this process drew and never shows. It has to be quick, since each look at a file
/// takes one: where the processor does not help, SHA-256 costs several times as much as all the rest.
fn version(bytes: &[u8]) -> Version {
    static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(SystemTime::now()));
    Version(XxHash3_128::oneshot_with_seed(*SEED, bytes))
}

/// What files looked like when they were read, so that an unchanged one costs one `stat`.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashMap<Partition, Look>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    identity: Identity,
    version: Version,
}

/// File systems stamp times in ticks: two writes within this may look alike.
const TICK: Duration = Duration::from_secs(2);

impl Seen {
    /// Only a file that had been left alone for a while is remembered: then a later write must show.
    fn remember(&self, partition: &Partition, meta: &Metadata, version: Version) {
        let age = changed(meta).and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_none_or(|age| age <= TICK) {
            return;
        }
        let look = Look { identity: Identity::of(meta), version };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(partition.clone(), look);
    }

    /// Whether the file at `path` certainly still is `version`.
    fn is_still(&self, partition: &Partition, path: &Path, version: Version) -> bool {
        let look = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(partition).copied();
        let Some(look) = look.filter(|look| look.version == version) else { return false };
        fs::symlink_metadata(path).is_ok_and(|meta| Identity::of(&meta) == look.identity)
    }
}

/// When the file last changed, which nobody can date back.
#[cfg(unix)]
fn changed(meta: &Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt as _;
    let since = Duration::new(u64::try_from(meta.ctime()).ok()?, u32::try_from(meta.ctime_nsec()).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(not(unix))]
fn changed(meta: &Metadata) -> Option<SystemTime> {
    meta.modified().ok()
}

#[cfg(unix)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[cfg(unix)]
impl Identity {
    fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            file: (meta.dev(), meta.ino()),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

#[cfg(not(unix))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity(u64, Option<SystemTime>);

#[cfg(not(unix))]
impl Identity {
    fn of(meta: &Metadata) -> Self {
        Self(meta.len(), meta.modified().ok())
    }
}
