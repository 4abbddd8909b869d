//! One call of one caller: the running program, the question it waits on, and what the judge must remember of it.

use std::rc::Rc;

use azlatch_core::cache::Demand;
use azlatch_core::effect::{Ask, Http, Load, Lock, LockKey, Random, Receive, Remove, Reply, Save, Unlock, Wait};

use crate::disk::Inode;
use crate::flows::{Means, Running};
use crate::judge::Content;
use crate::wants::{Want, Who};

/// A question being worked on, step by step.
#[derive(Debug)]
pub(crate) enum Job {
    Idle,
    Http(Ask<Http>),
    Wait(Ask<Wait>),
    Random(Ask<Random>),
    Load {
        ask: Ask<Load>,
        opened: Option<Inode>,
    },
    Lock {
        ask: Ask<Lock>,
        opened: Option<Inode>,
        until: u64,
        waited: bool,
    },
    Unlock(Ask<Unlock>),
    Receive(Ask<Receive>, u64),
    Write(Write),
    /// An answer that is fixed and only takes its time.
    Late(Reply),
}

/// A save or a removal, in the middle of it.
#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) what: What,
    pub(crate) at: At,
    /// The lock file, as it was opened; whether we hold it.
    pub(crate) lock: Option<Inode>,
    pub(crate) holds: bool,
    pub(crate) opened: Option<Inode>,
    pub(crate) temporary: Option<Inode>,
    pub(crate) until: u64,
}

#[derive(Debug)]
pub(crate) enum What {
    Save(Ask<Save>),
    Remove(Ask<Remove>),
}

/// The next step of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    OpenLock,
    TakeLock,
    RemoveLeftover,
    Open,
    Compare,
    Create,
    WriteHalf,
    WriteRest,
    Sync,
    Rename,
    Unlink,
    SyncNames,
    Release,
}

/// How the call stands with the lock of its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    NotAsked,
    /// Since when, on the world's clock.
    Held(u64),
    /// It stayed busy, failed, or nobody keeps locks: on without it.
    Without,
}

/// What the judge remembers of a call.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) began: u64,
    /// How long its process had been stopped by then.
    pub(crate) stopped: u64,
    pub(crate) steps: u32,
    pub(crate) latest_wall: i64,
    /// The lowest wall clock since the last read.
    pub(crate) lowest_wall: i64,
    /// What the last successful read said.
    pub(crate) read: Option<Rc<Content>>,
    /// Whether the very last read failed.
    pub(crate) unreadable: bool,
    /// The store was no help at least once.
    pub(crate) trouble: bool,
    pub(crate) standing: Standing,
    pub(crate) lock_key: Option<LockKey>,
    /// The good token that was stored when the lock was granted.
    pub(crate) good_at_lock: Option<String>,
    pub(crate) stored_at_start: Rc<Content>,
    pub(crate) guards: Vec<u64>,
    /// The authority asked this call to be silent until then (monotonic).
    pub(crate) not_before: u64,
    /// When its last request failed in passing, and for how long that counts.
    pub(crate) failure: Option<(u64, u64)>,
    /// When it was over, or died.
    pub(crate) ended: Option<u64>,
    /// The refresh token that a sign-in brought.
    pub(crate) granted: Option<String>,
    /// No poll before then (monotonic), and the pause between two of them in milliseconds.
    pub(crate) poll_after: u64,
    pub(crate) interval: u64,
    /// When the device code ends (monotonic), and how many polls came after that.
    pub(crate) code_ends: Option<u64>,
    pub(crate) late_polls: u32,
    /// Refresh tokens and codes sent whose answer never came.
    pub(crate) lost: Vec<String>,
    /// The refresh token spent, and the one granted for it.
    pub(crate) rotated: Option<(String, String)>,
    pub(crate) requests: u32,
}

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) process: usize,
    /// Its number among the process's callers; `None` for programs beside them.
    pub(crate) caller: Option<usize>,
    pub(crate) want: Want,
    pub(crate) demand: Demand,
    /// `None` once it is over.
    pub(crate) running: Option<Running>,
    pub(crate) job: Job,
    /// Counts what is scheduled for it: what was scheduled before the last count is stale.
    pub(crate) tick: u32,
    pub(crate) crashed: bool,
    pub(crate) cancelled: bool,
    /// Somebody signs in, by these means.
    pub(crate) newcomer: Option<Means>,
    /// The code that somebody brought, and its verifier.
    pub(crate) brought: Option<(String, Option<String>)>,
    /// The timeout, in seconds.
    pub(crate) timeout: u64,
    /// It must succeed: faults are over.
    pub(crate) must: Must,
    pub(crate) facts: Facts,
}

/// What is expected of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Must {
    /// Anything that the invariants allow.
    Nothing,
    /// Success, at the latest after so many more tries: by clocks that disagree old marks may seem new.
    Succeed(u32),
    /// Success out of the store, without a request.
    Hit,
}

impl Call {
    /// The account that this call signs out.
    pub(crate) const fn leaving(&self) -> Option<(usize, usize)> {
        match (&self.running, self.want.who) {
            (Some(Running::SignOut(_)), Who::Person(person)) => Some((self.want.cloud, person)),
            _ => None,
        }
    }
}
