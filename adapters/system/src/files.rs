//! Small files, read whole and under rules.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::path::Path;

use azlatch_core::effect::{FileFault, FileRules, ReadFile};
use azlatch_core::secret::Secret;

pub(crate) fn read(ask: &ReadFile) -> Result<Secret<[u8]>, FileFault> {
    let path = Path::new(&ask.path);
    if !path.is_absolute() {
        return Err(FileFault::Denied);
    }
    let mut options = OpenOptions::new();
    options.read(true);
    harden(&mut options, ask.rules);
    let file = options.open(path).map_err(|error| fault(&error))?;
    let meta = file.metadata().map_err(|error| fault(&error))?;
    let by_link = || fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink());
    if !meta.is_file() || (ask.rules == FileRules::NoLink && by_link()) {
        return Err(FileFault::Denied);
    }
    let most = u64::try_from(ask.limit).unwrap_or(u64::MAX).saturating_add(1);
    let room = usize::try_from(meta.len().min(most)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(room.saturating_add(1));
    file.take(most).read_to_end(&mut bytes).map_err(|error| fault(&error))?;
    if bytes.len() > ask.limit {
        return Err(FileFault::TooLarge);
    }
    Ok(bytes.into())
}

fn fault(error: &io::Error) -> FileFault {
    match error.kind() {
        io::ErrorKind::NotFound => FileFault::Absent,
        io::ErrorKind::PermissionDenied => FileFault::Denied,
        _ if is_link_refusal(error) => FileFault::Denied,
        kind => FileFault::Io(kind.to_string()),
    }
}

/// Never waiting for a FIFO's other end; where links are not allowed, never through one.
#[cfg(unix)]
fn harden(options: &mut OpenOptions, rules: FileRules) {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt as _;
    let links = if rules == FileRules::NoLink { OFlags::NOFOLLOW } else { OFlags::empty() };
    let flags = OFlags::NONBLOCK | OFlags::CLOEXEC | links;
    options.custom_flags(i32::try_from(flags.bits()).unwrap_or_default());
}

#[cfg(unix)]
fn is_link_refusal(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn harden(_: &mut OpenOptions, _: FileRules) {}

#[cfg(not(unix))]
fn is_link_refusal(_: &io::Error) -> bool {
    false
}
