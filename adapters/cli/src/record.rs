//! Files that a sign-in leaves: the record of who signed in, and a sign-in that is under way.

use std::io::{self, Write as _};
use std::path::Path;

use azlatch::{AuthenticationRecord, Error, ErrorKind};

use crate::input::{read as read_bytes, text};

/// The record that `login` wrote, or any Azure Identity library.
pub(crate) fn read(path: &Path) -> Result<AuthenticationRecord, Error> {
    if !path.exists() {
        let message = format!("there is no record of a sign-in at {}", path.display());
        return Err(Error::new(ErrorKind::InteractionRequired, message).advise("sign in, with --record to write it"));
    }
    AuthenticationRecord::from_json(&text(path, "the record")?)
}

/// Writes `content` whole or not at all, for this user's eyes.
pub(crate) fn write(path: &Path, content: &str, what: &str) -> Result<(), Error> {
    let written = || -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(content.as_bytes())?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|failed| failed.error)
    };
    written().map_err(|error| {
        let message = format!("{what} cannot be written to {}: {}", path.display(), error.kind());
        Error::new(ErrorKind::Configuration, message)
    })
}

/// Whether a file could be written there, before somebody is troubled for its content.
pub(crate) fn check(path: &Path, what: &str) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match tempfile::NamedTempFile::new_in(folder) {
        Ok(_) if !path.is_dir() => Ok(()),
        _ => {
            let message = format!("{what} cannot be written to {}", path.display());
            Err(Error::new(ErrorKind::Configuration, message).advise("name a file in a directory of yours"))
        }
    }
}

/// The text of a file that may not be there.
pub(crate) fn read_if_there(path: &Path, what: &str) -> Result<Option<String>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let bytes = read_bytes(path, what)?;
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| Error::new(ErrorKind::Configuration, format!("{what} {} is not text", path.display())))
}
