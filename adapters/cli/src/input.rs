//! What comes from files and from standard input: small, whole, and named when it cannot be read.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use azlatch::{Error, ErrorKind};

/// Files of secrets and certificates are small.
const LIMIT: u64 = 1024 * 1024;

pub(crate) fn required<'a>(value: Option<&'a str>, missing: &str, advice: &str) -> Result<&'a str, Error> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| Error::new(ErrorKind::Configuration, missing).advise(advice))
}

/// The text of a file or, for `-`, of stdin, without the line's end.
pub(crate) fn text(path: &Path, what: &str) -> Result<String, Error> {
    let bytes = if path == Path::new("-") { read_stdin()? } else { read(path, what)? };
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| Error::new(ErrorKind::Configuration, format!("{what} is not text")))?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

pub(crate) fn read(path: &Path, what: &str) -> Result<Vec<u8>, Error> {
    let failed =
        |why: String| Error::new(ErrorKind::Configuration, format!("{what} {} cannot be read: {why}", path.display()));
    let file = fs::File::open(path).map_err(|error| failed(error.kind().to_string()))?;
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| failed(error.kind().to_string()))?;
    if bytes.len() as u64 > LIMIT { Err(failed("it is larger than 1 MiB".into())) } else { Ok(bytes) }
}

fn read_stdin() -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(LIMIT).read_to_end(&mut bytes);
    read.map_err(|error| Error::new(ErrorKind::Configuration, format!("stdin cannot be read: {}", error.kind())))?;
    Ok(bytes)
}
