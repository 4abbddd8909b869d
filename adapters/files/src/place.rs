//! Opening files safely: no links followed, nobody else's places used, nothing that could block.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use azlatch_core::effect::StoreFault;

/// The fault that an I/O error at `path` means. Absence is not a fault and is handled by the callers.
pub(crate) fn fault(path: &Path, error: &io::Error) -> StoreFault {
    let said = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreFault::Denied(said),
        io::ErrorKind::NotADirectory => StoreFault::Unavailable(said),
        _ if is_link_refusal(error) => StoreFault::Denied(format!("{} is a symbolic link", path.display())),
        _ => StoreFault::Io(said),
    }
}

/// Makes sure that `directory` is there (0700 if it had to be made) and ours alone to write.
pub(crate) fn prepare(directory: &Path) -> Result<(), StoreFault> {
    if is_trusted(directory)? {
        return Ok(());
    }
    if let Err(error) = make_private(directory)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(match error.kind() {
            io::ErrorKind::NotFound => {
                StoreFault::Unavailable(format!("{}: its parent directory does not exist", directory.display()))
            }
            _ => fault(directory, &error),
        });
    }
    is_trusted(directory).map(drop)
}

/// Whether `directory` is there; then it may be trusted.
pub(crate) fn is_trusted(directory: &Path) -> Result<bool, StoreFault> {
    match fs::symlink_metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(fault(directory, &error)),
        Ok(meta) if !meta.is_dir() => Err(StoreFault::Denied(format!("{} is not a directory", directory.display()))),
        Ok(meta) => verify_owner(directory, &meta, 0o022).map(|()| true),
    }
}

/// Opens `path` for reading: a regular file of ours, whatever it was called before; `None` when it is not there.
pub(crate) fn open(path: &Path) -> Result<Option<(File, fs::Metadata)>, StoreFault> {
    let Some(file) = open_plainly(path)? else { return Ok(None) };
    let meta = file.metadata().map_err(|error| fault(path, &error))?;
    verify_file(path, &meta)?;
    if !make_unreadable_to_others(&file, &meta) {
        return Ok(Some((file, meta)));
    }
    // Its times have just changed.
    let meta = file.metadata().map_err(|error| fault(path, &error))?;
    Ok(Some((file, meta)))
}

/// Opens the lock file of another library: whoever made it, and whatever its mode, since it is only looked at.
pub(crate) fn open_foreign(path: &Path) -> Result<Option<File>, StoreFault> {
    let Some(file) = open_plainly(path)? else { return Ok(None) };
    verify_regular(path, &file.metadata().map_err(|error| fault(path, &error))?)?;
    Ok(Some(file))
}

fn open_plainly(path: &Path) -> Result<Option<File>, StoreFault> {
    let mut options = OpenOptions::new();
    options.read(true);
    harden(&mut options);
    match options.open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault(path, &error)),
    }
}

/// Makes `path`, which must not be there.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    harden(&mut options);
    options.open(path)
}

/// Removes `path`; that it was not there is no fault.
pub(crate) fn remove(path: &Path) -> Result<(), StoreFault> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fault(path, &error)),
        _ => Ok(()),
    }
}

/// The moment `span` after `from`, as far as the clock reaches.
pub(crate) fn later(from: Instant, span: Duration) -> Instant {
    const AGES: Duration = Duration::from_secs(365 * 24 * 3600);
    from + span.min(AGES)
}

/// Takes the exclusive lock of the file at `path` by `until`, making the file if need be, and says whether
/// somebody else held it first; `None` when it stayed busy.
pub(crate) fn lock(path: &Path, until: Instant) -> Result<Option<(File, bool)>, StoreFault> {
    let mut pause = Duration::from_micros(200);
    let (mut file, mut meta) = open_lock(path)?;
    let mut waited = false;
    loop {
        match file.try_lock() {
            Ok(()) if is_at(&meta, path) => return Ok(Some((file, waited))),
            // Somebody removed the directory while we waited: this lock keeps nobody out any more.
            Ok(()) => (file, meta) = open_lock(path)?,
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(None),
            Err(TryLockError::WouldBlock) => {
                waited = true;
                thread::sleep(pause.min(until.saturating_duration_since(Instant::now())));
                pause = (pause * 2).min(Duration::from_millis(10));
            }
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            // A file system that keeps no locks is not pretended to.
            Err(TryLockError::Error(error)) => return Err(fault(path, &error)),
        }
    }
}

fn open_lock(path: &Path) -> Result<(File, fs::Metadata), StoreFault> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    harden(&mut options);
    let file = options.open(path).map_err(|error| fault(path, &error))?;
    let meta = file.metadata().map_err(|error| fault(path, &error))?;
    verify_file(path, &meta)?;
    verify_only_name(path, &meta)?;
    Ok((file, meta))
}

fn verify_regular(path: &Path, meta: &fs::Metadata) -> Result<(), StoreFault> {
    if meta.is_file() {
        return Ok(());
    }
    Err(StoreFault::Denied(format!("{} is not a regular file", path.display())))
}

fn verify_file(path: &Path, meta: &fs::Metadata) -> Result<(), StoreFault> {
    verify_regular(path, meta)?;
    verify_owner(path, meta, 0o022)
}

#[cfg(unix)]
mod unix {
    use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
    use std::io;
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
    use std::path::Path;

    use azlatch_core::effect::StoreFault;
    use rustix::fs::OFlags;

    /// Never through a link, never waiting for a FIFO's other end, never inherited; new files are ours alone.
    pub(super) fn harden(options: &mut OpenOptions) {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        options.mode(0o600).custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
    }

    pub(super) fn make_private(directory: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(directory)
    }

    pub(super) fn verify_owner(path: &Path, meta: &Metadata, writable_by_others: u32) -> Result<(), StoreFault> {
        let me = rustix::process::geteuid().as_raw();
        if meta.uid() != me {
            return Err(StoreFault::Denied(format!("{} belongs to another user", path.display())));
        }
        if meta.mode() & writable_by_others != 0 {
            return Err(StoreFault::Denied(format!(
                "{} can be written by other users; take that right away with chmod go-w",
                path.display()
            )));
        }
        Ok(())
    }

    /// A document that others may read is made private; what they have read already nobody can help. Tells whether
    /// that was tried.
    pub(super) fn make_unreadable_to_others(file: &File, meta: &Metadata) -> bool {
        let is_readable = meta.mode() & 0o077 != 0;
        if is_readable {
            // Failing leaves things as they were, which was good enough to read.
            let _ = file.set_permissions(Permissions::from_mode(0o600));
        }
        is_readable
    }

    /// A second name could be anybody's file, which a mark would be written over.
    pub(super) fn verify_only_name(path: &Path, meta: &Metadata) -> Result<(), StoreFault> {
        match meta.nlink() {
            0 | 1 => Ok(()),
            _ => Err(StoreFault::Denied(format!("{} is a hard link to another file", path.display()))),
        }
    }

    /// Whether the open file of `meta` is what `path` names.
    pub(super) fn is_at(meta: &Metadata, path: &Path) -> bool {
        let identity = |meta: &Metadata| (meta.dev(), meta.ino());
        std::fs::symlink_metadata(path).is_ok_and(|there| identity(&there) == identity(meta))
    }

    pub(super) fn is_link_refusal(error: &io::Error) -> bool {
        error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
    }
}

#[cfg(unix)]
use unix::{harden, is_at, is_link_refusal, make_private, make_unreadable_to_others, verify_only_name, verify_owner};

#[cfg(not(unix))]
mod elsewhere {
    use std::fs::{self, File, Metadata, OpenOptions};
    use std::io;
    use std::path::Path;

    use azlatch_core::effect::StoreFault;

    pub(super) fn harden(_: &mut OpenOptions) {}

    pub(super) fn make_private(directory: &Path) -> io::Result<()> {
        fs::create_dir(directory)
    }

    /// The profile directory's access list keeps other users out.
    pub(super) fn verify_owner(_: &Path, _: &Metadata, _: u32) -> Result<(), StoreFault> {
        Ok(())
    }

    pub(super) fn make_unreadable_to_others(_: &File, _: &Metadata) -> bool {
        false
    }

    pub(super) fn verify_only_name(_: &Path, _: &Metadata) -> Result<(), StoreFault> {
        Ok(())
    }

    /// Files that are open are not removed here.
    pub(super) fn is_at(_: &Metadata, _: &Path) -> bool {
        true
    }

    pub(super) fn is_link_refusal(_: &io::Error) -> bool {
        false
    }
}

#[cfg(not(unix))]
use elsewhere::{
    harden, is_at, is_link_refusal, make_private, make_unreadable_to_others, verify_only_name, verify_owner,
};
