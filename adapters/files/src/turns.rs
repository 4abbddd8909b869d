//! Turns between the threads of one process: one at a time waits at a file, the others wait here, where waiting costs
//! neither a file descriptor nor a look at the clock.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Turns at the things that `K` names; clones share them.
#[derive(Debug)]
pub(crate) struct Turns<K>(Arc<Mutex<HashMap<K, Queue>>>);

#[derive(Debug, Default)]
struct Queue {
    taken: bool,
    waiting: usize,
    freed: Arc<Condvar>,
}

/// A turn, ended by dropping it.
#[derive(Debug)]
pub(crate) struct Turn<K: Eq + Hash> {
    turns: Turns<K>,
    key: K,
    /// Whether another thread had the turn before us.
    pub(crate) waited: bool,
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash> Turns<K> {
    /// Takes the turn at `key` by `until`; `None` when it was never free.
    pub(crate) fn take(&self, key: &K, until: Instant) -> Option<Turn<K>> {
        let mut queues = self.queues();
        let mut waited = false;
        while let Some(queue) = queues.get_mut(key).filter(|queue| queue.taken) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            waited = true;
            queue.waiting += 1;
            let freed = queue.freed.clone();
            queues = freed.wait_timeout(queues, left).unwrap_or_else(PoisonError::into_inner).0;
            if let Some(queue) = queues.get_mut(key) {
                queue.waiting -= 1;
            }
        }
        queues.entry(key.clone()).or_default().taken = true;
        Some(Turn { turns: Self(self.0.clone()), key: key.clone(), waited })
    }
}

impl<K> Turns<K> {
    /// A thread that panicked has changed nothing by halves.
    fn queues(&self) -> MutexGuard<'_, HashMap<K, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Turn<K> {
    fn drop(&mut self) {
        let mut queues = self.turns.queues();
        match queues.get_mut(&self.key) {
            Some(queue) if queue.waiting > 0 => {
                queue.taken = false;
                queue.freed.notify_one();
            }
            _ => drop(queues.remove(&self.key)),
        }
    }
}
