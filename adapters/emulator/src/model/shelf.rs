//! A bounded store of things that are known by a secret: the secret itself is not kept, and the oldest go first.

use std::collections::{HashMap, VecDeque};

use super::mint::fingerprint;

/// What a thing is kept under: the SHA-256 of its secret.
pub(crate) type Key = [u8; 32];

/// At most `N` things.
#[derive(Clone)]
pub(crate) struct Shelf<T, const N: usize> {
    items: HashMap<Key, T>,
    order: VecDeque<Key>,
}

impl<T, const N: usize> Default for Shelf<T, N> {
    fn default() -> Self {
        Shelf { items: HashMap::new(), order: VecDeque::new() }
    }
}

impl<T, const N: usize> Shelf<T, N> {
    pub(crate) fn put(&mut self, secret: &str, item: T) {
        let key = fingerprint(secret);
        if self.items.insert(key, item).is_some() {
            return;
        }
        if self.order.len() >= N
            && let Some(oldest) = self.order.pop_front()
        {
            self.items.remove(&oldest);
        }
        self.order.push_back(key);
    }

    pub(crate) fn find(&self, secret: &str) -> Option<&T> {
        self.items.get(&fingerprint(secret))
    }

    pub(crate) fn find_mut(&mut self, secret: &str) -> Option<&mut T> {
        self.items.get_mut(&fingerprint(secret))
    }

    pub(crate) fn take(&mut self, secret: &str) -> Option<T> {
        let key = fingerprint(secret);
        let item = self.items.remove(&key)?;
        self.order.retain(|other| *other != key);
        Some(item)
    }

    pub(crate) fn at_mut(&mut self, key: &Key) -> Option<&mut T> {
        self.items.get_mut(key)
    }

    /// The newest of the things that `wanted` holds for.
    pub(crate) fn search(&self, wanted: impl Fn(&T) -> bool) -> Option<(Key, &T)> {
        let found = self.order.iter().rev().filter_map(|key| Some((*key, self.items.get(key)?)));
        found.into_iter().find(|(_, item)| wanted(item))
    }
}
