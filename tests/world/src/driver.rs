//! The store driver of the world: the steps of the files driver, one at a time, so that anything can happen between
//! any two of them.
//!
//! ```text
//! load   open ─► read
//! save   open lock ─► take it ─► remove leftover ─► open ─► compare ─► create tmp ─► write ─► write ─► sync
//!        ─► rename ─► sync names ─► release
//! remove open lock ─► take it ─► remove leftover ─► open ─► compare ─► unlink ─► sync names ─► release
//! ```
//!
//! Not modelled: the lock files of other libraries, modes and owners, the shortcut by modification time.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem;

use azlatch_core::effect::{Effect, Found, Guard, Load, Loaded, Locked, ReceiveFault, StoreFault, Version};
use azlatch_core::secret::Secret;

use crate::bug::DriverBug;
use crate::call::{At, Job, What, Write};
use crate::disk::Inode;
use crate::world::{Event, Trouble, World};
use crate::writing::refuse;

/// Equal versions mean equal bytes; a hash that only chance could fool is good enough here.
pub(crate) fn version(bytes: &[u8]) -> Version {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Version(u128::from(hasher.finish()))
}

pub(crate) fn found(bytes: &[u8]) -> Found {
    Found { bytes: Secret::from(bytes), version: version(bytes) }
}

impl World {
    /// A call asks something of the world.
    pub(crate) fn ask(&mut self, id: usize, effect: Effect) {
        self.judge_effect(id, &effect);
        let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let write = |what, until| {
            let at = At::OpenLock;
            Job::Write(Write { what, at, lock: None, holds: false, opened: None, temporary: None, until })
        };
        self.calls[id].tick += 1;
        let after = match &effect {
            Effect::Wait(ask) => millis(ask.op.span).max(1),
            _ => self.step_time(),
        };
        let job = match effect {
            Effect::Http(ask) => {
                self.send(id, &ask.op);
                self.calls[id].job = Job::Http(ask);
                return;
            }
            Effect::Lock(ask) if self.plan.lockless => return self.reply(id, Effect::Lock(ask).decline()),
            Effect::Wait(ask) => Job::Wait(ask),
            Effect::Random(ask) => Job::Random(ask),
            Effect::Load(ask) => Job::Load { ask, opened: None },
            Effect::Lock(ask) => {
                let until = self.now.saturating_add(millis(ask.op.patience));
                Job::Lock { ask, opened: None, until, waited: false }
            }
            Effect::Unlock(ask) => Job::Unlock(ask),
            Effect::Listen(ask) => {
                let listening = self.listen(id, &ask.op);
                Job::Late(ask.answer(listening))
            }
            Effect::Browse(ask) => {
                let opened = self.browse(id, &ask.op);
                Job::Late(ask.answer(opened))
            }
            Effect::Receive(ask) => {
                let until = self.now.saturating_add(millis(ask.op.span));
                self.calls[id].job = Job::Receive(ask, until);
                return self.resume(id, 0);
            }
            Effect::Close(ask) => {
                self.close(id, &ask.op);
                Job::Late(ask.answer(()))
            }
            Effect::Prompt(ask) => {
                let shown = self.prompt(id, &ask.op);
                Job::Late(ask.answer(shown))
            }
            Effect::Save(ask) => {
                let until = self.now.saturating_add(millis(ask.op.timeout));
                write(What::Save(ask), until)
            }
            Effect::Remove(ask) => {
                let until = self.now.saturating_add(millis(ask.op.timeout));
                write(What::Remove(ask), until)
            }
            other => return self.reply(id, other.decline()),
        };
        if let Some(trouble) = self.troubled(&job) {
            return self.fail(id, job, trouble);
        }
        self.calls[id].job = job;
        self.resume(id, after);
    }

    pub(crate) fn step_time(&mut self) -> u64 {
        self.random.below(self.plan.disk + 1)
    }

    /// The call's job goes on after so many milliseconds; what was scheduled for it before is void.
    pub(crate) fn resume(&mut self, id: usize, after: u64) {
        self.calls[id].tick += 1;
        let tick = self.calls[id].tick;
        self.schedule(after, Event::Work { call: id, tick });
    }

    fn troubled(&mut self, job: &Job) -> Option<Trouble> {
        if self.calm || !matches!(job, Job::Load { .. } | Job::Lock { .. } | Job::Write(_)) {
            return None;
        }
        match self.trouble {
            Some((trouble, until)) if self.now < until && self.random.chance(600) => Some(trouble),
            _ if self.random.chance(self.plan.flaky) => Some(self.random.pick(&Trouble::ALL)),
            _ => None,
        }
    }

    /// Answers `job` with a fault. A store that hangs does so only when the driver's time is up; a crowded one at once.
    fn fail(&mut self, id: usize, job: Job, trouble: Trouble) {
        let fault = match trouble {
            Trouble::Locked => StoreFault::Locked,
            Trouble::Denied => StoreFault::Denied("not yours".into()),
            Trouble::Busy | Trouble::Hung => StoreFault::Busy,
            Trouble::Io => StoreFault::Io("the disk failed".into()),
        };
        self.say(|| format!("call {id}: the store says {fault}"));
        self.tally.store_faults += 1;
        let hung = trouble == Trouble::Hung;
        self.calls[id].facts.trouble = true;
        let late = |span: std::time::Duration| if hung { u64::try_from(span.as_millis()).unwrap_or(0) } else { 0 };
        let (after, reply) = match job {
            Job::Load { ask, .. } => {
                self.calls[id].facts.unreadable = true;
                (late(ask.op.timeout), ask.answer(Err(fault)))
            }
            Job::Lock { ask, .. } => match fault {
                StoreFault::Busy => (late(ask.op.patience), ask.answer(Ok(None))),
                fault => (0, ask.answer(Err(fault))),
            },
            Job::Write(write) => {
                let after = if hung { write.until.saturating_sub(self.now) } else { 0 };
                (after, refuse(write.what, fault))
            }
            other => {
                self.calls[id].job = other;
                return;
            }
        };
        // The answer is fixed; it only takes its time.
        self.calls[id].job = Job::Late(reply);
        self.resume(id, after);
    }

    /// One step of a call's job.
    pub(crate) fn work(&mut self, id: usize) {
        match mem::replace(&mut self.calls[id].job, Job::Idle) {
            Job::Idle => self.advance(id, None),
            Job::Late(reply) => self.reply(id, reply),
            Job::Wait(ask) => self.reply(id, ask.answer(())),
            Job::Receive(ask, until) => {
                let listener = usize::try_from(ask.op.listener).unwrap_or_default();
                let it = &mut self.listeners[listener];
                let (open, late) = (it.open, self.now > it.until);
                if let Some(redirect) = it.arrived.take() {
                    self.reply(id, ask.answer(Ok(Some(redirect))));
                } else if !open || late {
                    self.reply(id, ask.answer(Err(ReceiveFault::Closed)));
                } else if self.now >= until {
                    self.reply(id, ask.answer(Ok(None)));
                } else {
                    self.calls[id].job = Job::Receive(ask, until);
                    self.resume(id, until - self.now);
                }
            }
            Job::Random(ask) => {
                let bytes: Vec<u8> = (0..ask.op.len).map(|_| self.random.draw().to_le_bytes()[0]).collect();
                self.reply(id, ask.answer(Ok(bytes.into())));
            }
            Job::Load { ask, opened: None } => match self.disk.find(ask.op.partition.name()) {
                None => {
                    self.judge_read(id, &ask.op.partition, None);
                    self.reply(id, ask.answer(Ok(Loaded::Absent)));
                }
                opened => {
                    self.calls[id].job = Job::Load { ask, opened };
                    let after = self.step_time();
                    self.resume(id, after);
                }
            },
            Job::Load { ask, opened: Some(inode) } => {
                let loaded = self.read(id, &ask.op, inode);
                self.reply(id, ask.answer(Ok(loaded)));
            }
            Job::Lock { ask, opened, until, waited } => self.work_lock(id, ask, opened, until, waited),
            Job::Unlock(ask) => {
                self.give_back(id, ask.op.guard.0, ask.op.mark.clone());
                self.reply(id, ask.answer(()));
            }
            Job::Write(write) => self.work_write(id, write),
            other @ Job::Http(_) => self.calls[id].job = other,
        }
    }

    fn read(&mut self, id: usize, load: &Load, inode: Inode) -> Loaded {
        let found = found(self.disk.read(inode));
        self.judge_read(id, &load.partition, Some(found.bytes.expose_secret()));
        if load.unless == Some(found.version) { Loaded::Unchanged } else { Loaded::Found(found) }
    }

    fn work_lock(
        &mut self,
        id: usize,
        ask: azlatch_core::effect::Ask<azlatch_core::effect::Lock>,
        opened: Option<Inode>,
        until: u64,
        waited: bool,
    ) {
        let name = format!("{}.lock", ask.op.key);
        let Some(inode) = opened else {
            let opened = Some(self.disk.open(&name));
            self.calls[id].job = Job::Lock { ask, opened, until, waited };
            let after = self.step_time();
            return self.resume(id, after);
        };
        if self.disk.lock(inode, id) {
            self.granted += 1;
            let guard = Guard(self.granted);
            self.guards.insert(guard.0, (id, inode, name));
            let mark = self.disk.mark(inode).clone();
            self.judge_grant(id, ask.op.key, guard.0);
            self.reply(id, ask.answer(Ok(Some(Locked { guard, mark, waited }))));
        } else if self.now >= until {
            self.reply(id, ask.answer(Ok(None)));
        } else {
            self.calls[id].job = Job::Lock { ask, opened, until, waited: true };
            self.wait_for(id, inode, until);
        }
    }

    pub(crate) fn wait_for(&mut self, id: usize, inode: Inode, until: u64) {
        self.waiting.entry(inode).or_default().push(id);
        let after = until.saturating_sub(self.now);
        self.resume(id, after);
    }

    /// A lock is given back, with a mark for whoever comes next.
    pub(crate) fn give_back(&mut self, id: usize, guard: u64, mark: Option<azlatch_core::effect::Mark>) {
        self.calls[id].facts.guards.retain(|held| *held != guard);
        if let Some((_, inode, name)) = self.guards.remove(&guard) {
            *self.disk.mark(inode) = mark;
            self.unlock(inode, &name);
        }
    }

    pub(crate) fn unlock(&mut self, inode: Inode, name: &str) {
        self.disk.unlock(inode);
        if self.bug == Some(DriverBug::UnlinksItsLock) {
            self.disk.unlink(name);
        }
        self.wake(inode);
    }

    pub(crate) fn wake(&mut self, inode: Inode) {
        for waiting in self.waiting.remove(&inode).unwrap_or_default() {
            // Some have given up meanwhile, and do something else.
            let still = match &self.calls[waiting].job {
                Job::Lock { opened, .. } => *opened == Some(inode),
                Job::Write(write) => write.at == At::TakeLock && write.lock == Some(inode),
                _ => false,
            };
            if still {
                let after = 1 + self.random.below(10);
                self.resume(waiting, after);
            }
        }
    }
}
