//! Keyed locks with a mark that passes from holder to holder.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use azlatch_core::effect::{Guard, LockKey, Locked, Mark};

/// Marks that are kept beyond this many keys are swept, oldest first out.
const MARKS: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Locks {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<LockKey, Guard>,
    keys: HashMap<Guard, LockKey>,
    marks: HashMap<LockKey, Mark>,
    granted: u64,
}

impl Locks {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock within `patience`; `None` when it stayed busy.
    pub(crate) fn take(&self, key: LockKey, patience: Duration) -> Option<Locked> {
        let until = Instant::now().checked_add(patience);
        let mut state = self.state();
        while state.held.contains_key(&key) {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return None;
            }
            let left = left.unwrap_or(Duration::from_secs(60));
            state = self.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.granted += 1;
        let guard = Guard(state.granted);
        state.held.insert(key, guard);
        state.keys.insert(guard, key);
        Some(Locked { guard, mark: state.marks.get(&key).cloned() })
    }

    /// Gives the lock back; giving back what is not held does nothing.
    pub(crate) fn release(&self, guard: Guard, mark: Option<Mark>) {
        let mut state = self.state();
        let Some(key) = state.keys.remove(&guard) else { return };
        state.held.remove(&key);
        match mark {
            Some(mark) => drop(state.marks.insert(key, mark)),
            None => drop(state.marks.remove(&key)),
        }
        if state.marks.len() > MARKS
            && let Some(oldest) = state.marks.iter().min_by_key(|(_, mark)| mark.at).map(|(key, _)| *key)
        {
            state.marks.remove(&oldest);
        }
        drop(state);
        self.freed.notify_all();
    }
}
