//! One lock a token, between threads and processes: a file that is never unlinked, held by the operating system.
//!
//! The file's content is the mark that a failed holder leaves for the next.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use azlatch_core::Unix;
use azlatch_core::effect::{Guard, Lock, LockKey, Locked, Mark, StoreFault};

use crate::place::{self, later};
use crate::turns::{Turn, Turns};

#[derive(Debug, Default)]
pub(crate) struct Locks {
    turns: Turns<LockKey>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    files: HashMap<Guard, (File, Turn<LockKey>)>,
    granted: u64,
}

impl Locks {
    /// Takes the lock, or learns that it stayed busy.
    pub(crate) fn take(&self, directory: &Path, ask: &Lock) -> Result<Option<Locked>, StoreFault> {
        let until = later(Instant::now(), ask.patience);
        place::prepare(directory)?;
        let locks = directory.join("azlatch.locks");
        place::prepare(&locks)?;
        let Some(turn) = self.turns.take(&ask.key, until) else { return Ok(None) };
        let Some((mut file, queued)) = place::lock(&locks.join(ask.key.to_string()), until)? else {
            return Ok(None);
        };
        let mark = read(&mut file);
        let waited = queued || turn.waited;
        let mut held = self.held();
        held.granted += 1;
        let guard = Guard(held.granted);
        held.files.insert(guard, (file, turn));
        Ok(Some(Locked { guard, mark, waited }))
    }

    /// Leaves `mark` and lets go; giving back what is not held does nothing.
    pub(crate) fn release(&self, guard: Guard, mark: Option<&Mark>) {
        let held = self.held().files.remove(&guard);
        if let Some((mut file, _turn)) = held {
            // A mark that cannot be left costs the next holder a request, nothing more.
            let _ = write(&mut file, mark);
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const HEAD: &str = "azlatch mark 1";

fn write(file: &mut File, mark: Option<&Mark>) -> std::io::Result<()> {
    if mark.is_none() && file.metadata()?.len() == 0 {
        return Ok(());
    }
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    match mark {
        Some(Mark { at, until, holder, what }) => write!(file, "{HEAD}\n{at} {until} {holder}\n{what}\n"),
        None => Ok(()),
    }
}

/// The mark in the file; whatever is no mark is none.
fn read(file: &mut File) -> Option<Mark> {
    let mut text = String::new();
    file.take(2048).read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    if lines.next()? != HEAD {
        return None;
    }
    let mut numbers = lines.next()?.split(' ');
    let (at, until, holder) = (numbers.next()?, numbers.next()?, numbers.next()?);
    Some(Mark {
        at: Unix(at.parse().ok()?),
        until: Unix(until.parse().ok()?),
        holder: holder.parse().ok()?,
        what: lines.next()?.into(),
    })
}
