//! Keyed locks with a mark that passes from holder to holder.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use azlatch_core::effect::{Guard, LockKey, Locked, Mark};

/// Marks that are kept beyond this many keys are swept, oldest first out.
const MARKS: usize = 4096;

/// As good as for ever.
const AGES: Duration = Duration::from_secs(365 * 24 * 3600);

#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    queues: HashMap<LockKey, Queue>,
    keys: HashMap<Guard, LockKey>,
    marks: HashMap<LockKey, Mark>,
    granted: u64,
}

/// A key that somebody holds or waits for.
#[derive(Debug, Default)]
struct Queue {
    held: bool,
    waiting: usize,
    freed: Arc<Condvar>,
}

impl Locks {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock within `patience`; `None` when it stayed busy.
    pub(crate) fn take(&self, key: LockKey, patience: Duration) -> Option<Locked> {
        let until = Instant::now().checked_add(patience);
        let mut state = self.state();
        let mut waited = false;
        while let Some(queue) = state.queues.get_mut(&key).filter(|queue| queue.held) {
            let left = until.map_or(AGES, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return None;
            }
            waited = true;
            queue.waiting += 1;
            let freed = queue.freed.clone();
            state = freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            if let Some(queue) = state.queues.get_mut(&key) {
                queue.waiting -= 1;
            }
        }
        state.queues.entry(key).or_default().held = true;
        state.granted += 1;
        let guard = Guard(state.granted);
        state.keys.insert(guard, key);
        Some(Locked { guard, mark: state.marks.get(&key).cloned(), waited })
    }

    /// Gives the lock back; giving back what is not held does nothing.
    pub(crate) fn release(&self, guard: Guard, mark: Option<Mark>) {
        let mut state = self.state();
        let Some(key) = state.keys.remove(&guard) else { return };
        match mark {
            Some(mark) => drop(state.marks.insert(key, mark)),
            None => drop(state.marks.remove(&key)),
        }
        if state.marks.len() > MARKS
            && let Some(oldest) = state.marks.iter().min_by_key(|(_, mark)| mark.at).map(|(key, _)| *key)
        {
            state.marks.remove(&oldest);
        }
        match state.queues.get_mut(&key) {
            // One is woken, not all: a thousand callers of one token would wake each other half a million times.
            Some(queue) if queue.waiting > 0 => {
                queue.held = false;
                queue.freed.notify_one();
            }
            _ => drop(state.queues.remove(&key)),
        }
    }
}
