//! Writes, step by step: as the files driver makes them, or as it would with a bug.

use azlatch_core::effect::{Removed, Reply, Saved, StoreFault};

use crate::bug::DriverBug;
use crate::call::{At, Job, What, Write};
use crate::driver::{found, version};
use crate::world::World;

impl World {
    /// The next step of a save or a removal.
    pub(crate) fn work_write(&mut self, id: usize, mut write: Write) {
        let name = write.what.name().to_owned();
        let (lock_name, temporary_name) = (format!("{name}.azlatch-lock"), format!("{name}.azlatch-tmp"));
        let faulty = matches!(write.at, At::Create | At::WriteHalf | At::WriteRest | At::Sync | At::Rename);
        if faulty && !self.calm && self.random.chance(self.plan.disk_fault) {
            self.disk.unlink(&temporary_name);
            return self.abandon(id, write, &lock_name);
        }
        let half = |bytes: &[u8]| bytes.len() / 2;
        let bug = self.bug;
        let next = match write.at {
            At::OpenLock => {
                write.lock = Some(self.disk.open(&lock_name));
                At::TakeLock
            }
            At::TakeLock => {
                let inode = write.lock.unwrap_or_default();
                if self.disk.lock(inode, id) {
                    write.holds = true;
                } else if self.now < write.until {
                    let until = write.until;
                    self.calls[id].job = Job::Write(write);
                    return self.wait_for(id, inode, until);
                } else if bug != Some(DriverBug::GoesOnWithoutTheLock) {
                    self.calls[id].facts.trouble = true;
                    return self.reply(id, refuse(write.what, StoreFault::Busy));
                }
                At::RemoveLeftover
            }
            At::RemoveLeftover => {
                self.disk.unlink(&temporary_name);
                At::Open
            }
            At::Open => {
                write.opened = self.disk.find(&name);
                At::Compare
            }
            At::Compare => {
                let Some((same, next)) = self.compare(id, write, &lock_name) else { return };
                write = same;
                next
            }
            At::Create => {
                write.temporary = match bug {
                    Some(DriverBug::WritesInPlace) => {
                        let inode = self.disk.open(&name);
                        self.disk.truncate(inode);
                        Some(inode)
                    }
                    _ if self.disk.find(&temporary_name).is_some() => return self.abandon(id, write, &lock_name),
                    _ => Some(self.disk.create(&temporary_name)),
                };
                At::WriteHalf
            }
            At::WriteHalf => {
                let bytes = write.what.bytes();
                self.disk.write(write.temporary.unwrap_or_default(), &bytes[..half(bytes)]);
                At::WriteRest
            }
            At::WriteRest => {
                let bytes = write.what.bytes();
                self.disk.write(write.temporary.unwrap_or_default(), &bytes[half(bytes)..]);
                At::Sync
            }
            At::Sync => {
                if bug != Some(DriverBug::NeverSyncsTheFile) {
                    self.disk.sync(write.temporary.unwrap_or_default());
                }
                if bug == Some(DriverBug::WritesInPlace) { At::SyncNames } else { At::Rename }
            }
            At::Rename => {
                self.judge_write(id, &lock_name);
                self.disk.rename(&temporary_name, &name);
                At::SyncNames
            }
            At::Unlink => {
                self.judge_write(id, &lock_name);
                self.judge_removal(&name, &write.what);
                self.disk.unlink(&name);
                At::SyncNames
            }
            At::SyncNames => {
                if bug != Some(DriverBug::NeverSyncsTheNames) {
                    self.disk.sync_names();
                }
                At::Release
            }
            At::Release => {
                self.release(&write, &lock_name);
                let reply = match write.what {
                    What::Save(ask) => {
                        let stored = version(ask.op.bytes.expose_secret());
                        self.tally.saves += 1;
                        self.judge_stored(id, &ask.op.partition, ask.op.bytes.expose_secret());
                        ask.answer(Ok(Saved::Stored(stored)))
                    }
                    What::Remove(ask) => {
                        self.judge_removed(&ask.op.partition);
                        ask.answer(Ok(Removed::Gone))
                    }
                };
                return self.reply(id, reply);
            }
        };
        write.at = next;
        self.calls[id].job = Job::Write(write);
        let after = self.step_time();
        self.resume(id, after);
    }

    /// The next step, when what is stored is what the writer expects; else it is told what there is.
    fn compare(&mut self, id: usize, write: Write, lock_name: &str) -> Option<(Write, At)> {
        let current = write.opened.map(|inode| found(self.disk.read(inode)));
        let is = current.as_ref().map(|found| found.version);
        match &write.what {
            What::Save(ask) if is == ask.op.expect || self.bug == Some(DriverBug::NeverCompares) => {
                let (partition, bytes) = (ask.op.partition.clone(), ask.op.bytes.expose_secret().to_vec());
                self.offer(&partition, bytes);
                return Some((write, At::Create));
            }
            What::Remove(ask)
                if is == Some(ask.op.expect)
                    || (is.is_some() && self.bug == Some(DriverBug::RemovesWithoutComparing)) =>
            {
                return Some((write, At::Unlink));
            }
            _ => {}
        }
        self.say(|| format!("call {id}: somebody was faster"));
        self.tally.conflicts += 1;
        self.release(&write, lock_name);
        let reply = match (write.what, current) {
            (What::Save(ask), current) => {
                let bytes = current.as_ref().map(|found| found.bytes.expose_secret());
                self.judge_conflict(id, &ask.op.partition, bytes);
                ask.answer(Ok(Saved::Conflict(current)))
            }
            (What::Remove(ask), Some(current)) => ask.answer(Ok(Removed::Conflict(current))),
            (What::Remove(ask), None) => ask.answer(Ok(Removed::Gone)),
        };
        self.reply(id, reply);
        None
    }

    /// Locks are the system's: they go with the file handle.
    fn release(&mut self, write: &Write, lock_name: &str) {
        if let Some(inode) = write.lock.filter(|_| write.holds) {
            self.unlock(inode, lock_name);
        }
    }

    fn abandon(&mut self, id: usize, write: Write, lock_name: &str) {
        let fault = StoreFault::Io("no space is left".into());
        self.say(|| format!("call {id}: the write fails"));
        if self.bug != Some(DriverBug::KeepsItsLockAfterAFault) {
            self.release(&write, lock_name);
        }
        self.calls[id].facts.trouble = true;
        self.reply(id, refuse(write.what, fault));
    }
}

/// The answer to a write that fails.
pub(crate) fn refuse(what: What, fault: StoreFault) -> Reply {
    match what {
        What::Save(ask) => ask.answer(Err(fault)),
        What::Remove(ask) => ask.answer(Err(fault)),
    }
}

impl What {
    fn name(&self) -> &str {
        match self {
            Self::Save(ask) => ask.op.partition.name(),
            Self::Remove(ask) => ask.op.partition.name(),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Save(ask) => ask.op.bytes.expose_secret(),
            Self::Remove(_) => &[],
        }
    }
}
