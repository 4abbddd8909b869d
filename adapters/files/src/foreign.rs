//! The lock file of MSAL's libraries: its mere existence is the lock, so a crash leaves it locked for ever.
//!
//! We take it for the moment of a write, so that Python, Node and Go keep out; we clear it away when its owner is
//! dead, which they never do. Only holders of our own lock come here: two of us never clear at once, and a lock file
//! that names us was left by one of us that died.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use azlatch_core::effect::StoreFault;

use crate::place::{self, later};

/// A living owner is waited for this long.
const PATIENCE: Duration = Duration::from_secs(2);

/// A lock file that names no owner is dead after this; its owner writes its name right after making it.
const NAMELESS: Duration = Duration::from_secs(60);

/// No write takes this long: the owner's number has come to belong to another process.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// What we call ourselves in the lock file, behind the process's number.
const NAME: &str = "azlatch";

/// The lock, held until dropped.
#[derive(Debug)]
pub(crate) struct LockFile {
    path: PathBuf,
    _file: File,
}

impl LockFile {
    /// Takes the lock by `until`; `scratch` is a free name in the same directory that only holders of our own
    /// lock use.
    ///
    /// # Errors
    ///
    /// `Busy` when a living owner keeps it, `Denied` when what is there is no file.
    pub(crate) fn take(path: &Path, scratch: &Path, until: Instant) -> Result<Self, StoreFault> {
        let until = until.min(later(Instant::now(), PATIENCE));
        loop {
            match make(path, scratch) {
                Ok(file) => return Ok(Self { path: path.into(), _file: file }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(place::fault(path, &error)),
            }
            match owner(path)? {
                Owner::Dead => place::remove(path)?,
                Owner::Alive | Owner::Leaving if Instant::now() >= until => return Err(StoreFault::Busy),
                Owner::Alive => thread::sleep(Duration::from_millis(5)),
                Owner::Leaving => {}
            }
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes the lock file with our name already in it: dying between making and naming it would lock everybody out.
fn make(path: &Path, scratch: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let named = |mut file: File| {
        // Go's library locks the file itself beside making it; for a moment's hold, best effort is enough.
        let _ = file.try_lock();
        file.write_all(format!("{} {NAME}", process::id()).as_bytes()).map(|()| file)
    };
    let file = place::create(scratch).and_then(named);
    let linked = file.and_then(|file| fs::hard_link(scratch, path).map(|()| file));
    let _ = fs::remove_file(scratch);
    match linked {
        Err(error) if is_no_link(&error) => place::create(path).and_then(named),
        linked => linked,
    }
}

/// Whether the file system has no hard links, so that making and naming are two steps after all.
fn is_no_link(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
}

/// What can be told of the process that made the lock file.
enum Owner {
    Alive,
    Dead,
    /// The lock file was taken away while we were looking.
    Leaving,
}

/// Whether somebody still holds the lock file, or its process lives.
fn owner(path: &Path) -> Result<Owner, StoreFault> {
    let Some(file) = place::open_foreign(path)? else { return Ok(Owner::Leaving) };
    // .NET and Go keep it locked, which holds across containers, where process numbers mean nothing.
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Ok(Owner::Alive);
    }
    let meta = file.metadata().ok();
    let age = meta.and_then(|meta| meta.modified().ok()).and_then(|at| at.elapsed().ok()).unwrap_or_default();
    let mut said = Vec::new();
    // What cannot be read says nothing.
    let _ = file.take(256).read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said);
    // `1234 python`, `{1234} {program}`, a byte order mark first: the first run of digits is the process.
    let digits: String = said.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    let dead = match digits.parse::<i32>() {
        Ok(pid) => said == format!("{pid} {NAME}") || !is_alive(pid) || age > FORGOTTEN,
        Err(_) => age > NAMELESS,
    };
    Ok(if dead { Owner::Dead } else { Owner::Alive })
}

#[cfg(unix)]
fn is_alive(pid: i32) -> bool {
    let Some(pid) = rustix::process::Pid::from_raw(pid) else { return false };
    // Not being allowed to ask means that somebody is there.
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_: i32) -> bool {
    true
}
