//! Windows: files that the Data Protection API encrypts for the user, one a partition.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use azlatch_core::effect::{Partition, StoreFault};
use azlatch_core::secret::Secret;

use crate::worker::Worker;
use crate::{Address, LIMIT, Terms, Vault, fits, lost};

static WORKER: Worker<()> = Worker::new();

/// How much larger than its secret a protected file may be, in bytes. DPAPI adds some 200.
const OVERHEAD: u64 = 64 << 10;

/// `ERROR_ACCESS_DENIED`, `ERROR_SHARING_VIOLATION`, `ERROR_LOCK_VIOLATION`: another program has the file open.
const IN_USE: [i32; 3] = [5, 32, 33];

/// Encryption that the system ties to the user: `CryptProtectData`, without extra entropy and without dialogs.
pub trait Protection: Clone + Debug + Send + Sync + 'static {
    /// `secret`, encrypted.
    ///
    /// # Errors
    ///
    /// What the system said.
    fn protect(&self, secret: &[u8]) -> io::Result<Vec<u8>>;

    /// What [`protect`](Self::protect) made of a secret, undone.
    ///
    /// # Errors
    ///
    /// What the system said, such as error 13 (`ERROR_INVALID_DATA`) for anything that it did not make.
    fn unprotect(&self, protected: &[u8]) -> io::Result<Vec<u8>>;
}

/// A vault of protected files in one directory, named as [`Address::file`] says. An empty file is no secret.
///
/// A file is replaced by renaming: whoever reads it finds the old secret or the new one.
#[derive(Clone, Debug)]
pub struct ProtectedFiles<P> {
    directory: Option<PathBuf>,
    protection: P,
}

impl<P: Protection> ProtectedFiles<P> {
    /// In `directory`, which the first write makes. `None` when there is nowhere to keep files: then every call says
    /// `Unavailable`.
    #[must_use]
    pub const fn new(directory: Option<PathBuf>, protection: P) -> Self {
        Self { directory, protection }
    }

    fn call<T: Send + 'static>(
        &self,
        name: &Partition,
        terms: Terms,
        call: impl FnOnce(&P, &Path, Instant) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let name = Address::file(name)?;
        let nowhere = || StoreFault::Unavailable("no directory for local application data".to_owned());
        let path = self.directory.as_ref().ok_or_else(nowhere)?.join(name.as_str());
        let protection = self.protection.clone();
        WORKER.run(terms, move |(), until| call(&protection, &path, until))
    }
}

impl<P: Protection> Vault for ProtectedFiles<P> {
    fn read(&self, name: &Partition, terms: Terms) -> Result<Option<Secret<[u8]>>, StoreFault> {
        self.call(name, terms, |protection, path, _| read(protection, path))
    }

    fn write(&self, name: &Partition, secret: &Secret<[u8]>, terms: Terms) -> Result<(), StoreFault> {
        fits(secret.expose_secret())?;
        let secret = secret.clone();
        self.call(name, terms, move |protection, path, until| {
            let protected = protection.protect(secret.expose_secret()).map_err(|error| fault(path, &error))?;
            replace(path, &protected, until).map_err(|error| fault(path, &error))?;
            if read(protection, path)? == Some(secret) { Ok(()) } else { Err(lost()) }
        })
    }

    fn remove(&self, name: &Partition, terms: Terms) -> Result<bool, StoreFault> {
        self.call(name, terms, |_, path, until| match insist(until, || fs::remove_file(path)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(fault(path, &error)),
        })
    }
}

fn read(protection: &impl Protection, path: &Path) -> Result<Option<Secret<[u8]>>, StoreFault> {
    let protected = match File::open(path).and_then(|file| content(&file)) {
        Ok(protected) => protected,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(path, &error)),
    };
    if protected.is_empty() {
        return Ok(None);
    }
    let secret = match u64::try_from(protected.len()) {
        Ok(length) if length <= LIMIT as u64 + OVERHEAD => protection.unprotect(&protected),
        _ => return Err(StoreFault::TooLarge { limit: LIMIT }),
    };
    let secret = Secret::<[u8]>::from(secret.map_err(|error| fault(path, &error))?);
    fits(secret.expose_secret()).map(|()| Some(secret))
}

/// What is in the file, as far as it can be a vault's: one byte over the limit says that it is not.
fn content(file: &File) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(LIMIT as u64 + OVERHEAD + 1).read_to_end(&mut content)?;
    Ok(content)
}

fn replace(path: &Path, content: &[u8], until: Instant) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut scratch = path.as_os_str().to_owned();
    scratch.push(format!(".azlatch-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let write = |mut file: File| file.write_all(content).and_then(|()| file.sync_all());
    let written = OpenOptions::new().write(true).create_new(true).open(&scratch).and_then(write);
    let replaced = written.and_then(|()| insist(until, || fs::rename(&scratch, path)));
    if replaced.is_err() {
        let _ = fs::remove_file(&scratch);
    }
    replaced
}

/// Does `change` again, for a second at most, while another program has the file open.
fn insist(until: Instant, change: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let until = until.min(Instant::now() + Duration::from_secs(1));
    loop {
        match change() {
            Err(error) if cfg!(windows) && is_in_use(&error) && Instant::now() < until => {
                thread::sleep(Duration::from_millis(5));
            }
            done => return done,
        }
    }
}

fn is_in_use(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| IN_USE.contains(&code))
}

fn fault(path: &Path, error: &io::Error) -> StoreFault {
    let said = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => StoreFault::Denied(said),
        _ => StoreFault::Io(said),
    }
}
