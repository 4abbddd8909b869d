//! The lock file of MSAL's libraries: its mere existence is the lock, so a crash leaves it locked for ever.
//!
//! We take it for the moment of a write, so that Python, Node and Go keep out; we clear it away when its owner is
//! dead, which they never do. Only holders of our own lock come here, so two of us never clear at once.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use azlatch_core::effect::StoreFault;

use crate::place;

/// A living owner is waited for this long.
const PATIENCE: Duration = Duration::from_secs(2);

/// A lock file that names no owner is dead after this; its owner writes its name right after making it.
const NAMELESS: Duration = Duration::from_secs(60);

/// The lock, held until dropped.
#[derive(Debug)]
pub(crate) struct LockFile {
    path: PathBuf,
    _file: File,
}

impl LockFile {
    /// Takes the lock by `until`.
    ///
    /// # Errors
    ///
    /// `Busy` when a living owner keeps it.
    pub(crate) fn take(path: &Path, until: Instant) -> Result<Self, StoreFault> {
        let until = until.min(Instant::now() + PATIENCE);
        loop {
            match place::create(path) {
                Ok(mut file) => {
                    // Go's library locks the file itself beside making it. Both are best effort for a moment's hold.
                    let _ = file.try_lock();
                    let _ = write!(file, "{} azlatch", process::id());
                    return Ok(Self { path: path.into(), _file: file });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(place::fault(path, &error)),
            }
            if is_abandoned(path) {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(place::fault(path, &error)),
                    _ => continue,
                }
            }
            if Instant::now() >= until {
                return Err(StoreFault::Busy);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the owner of the lock file is gone: its process is dead, or it never said who it is.
fn is_abandoned(path: &Path) -> bool {
    let Ok(Some(file)) = place::open(path) else { return false };
    let age =
        file.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok()).unwrap_or_default();
    let mut said = String::new();
    if file.take(256).read_to_string(&mut said).is_err() {
        return age > NAMELESS;
    }
    // `1234 python`, `{1234} {program}`, a byte order mark first: the first run of digits is the process.
    let digits: String = said.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    match digits.parse::<i32>() {
        Ok(pid) => !is_alive(pid),
        Err(_) => age > NAMELESS,
    }
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
