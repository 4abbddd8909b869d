//! Decoded tokens by key: a hit runs no flow, waits for nobody's I/O, and costs one clone of an `Arc`.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use azlatch_core::cache::CacheKey;
use azlatch_core::effect::Version;
use azlatch_core::token::Token;
use azlatch_core::{Mono, Unix};
use azlatch_memory::Memory;

/// Tokens in memory, for one credential or, handed to several, for all of them. Clones share.
///
/// Credentials that share a cache must not differ in what they may see: a token in it is found by tenant, client and
/// scopes, whatever secret the finder holds.
#[derive(Clone, Default)]
pub struct TokenCache(Arc<Shared>);

#[derive(Default)]
struct Shared {
    memory: Memory,
    hot: RwLock<HashMap<CacheKey, Hot>>,
}

/// A token that was handed out.
#[derive(Clone, Debug)]
pub(crate) struct Hot {
    pub(crate) token: Arc<Token>,
    /// When it was last known to be what the store holds.
    pub(crate) checked: Mono,
    /// The version of the document that held it.
    pub(crate) version: Option<Version>,
    /// When renewal last failed.
    pub(crate) tried: Option<Unix>,
}

/// Tokens kept at most; past it the expired go first, then the one least recently checked.
const LIMIT: usize = 10_000;

impl TokenCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.0.memory.clear();
        self.write(HashMap::clear);
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    pub(crate) fn find(&self, key: &CacheKey) -> Option<Hot> {
        self.0.hot.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(crate) fn keep(&self, key: CacheKey, hot: Hot, now: Unix) {
        self.write(|map| {
            if map.len() >= LIMIT && !map.contains_key(&key) {
                map.retain(|_, hot| hot.token.life.is_alive(now));
                if map.len() >= LIMIT
                    && let Some(oldest) = map.iter().min_by_key(|(_, hot)| hot.checked).map(|(key, _)| *key)
                {
                    map.remove(&oldest);
                }
            }
            // A thread that was handed the old token meanwhile must not undo a renewal.
            let made = |hot: &Hot| hot.token.life.cached_at;
            let newer = map.get(&key).is_some_and(|kept| made(kept) > made(&hot) && made(kept) <= now);
            if !newer {
                map.insert(key, hot);
            }
        });
    }

    /// Changes the entry of `key`, if it still holds `token`.
    pub(crate) fn note(&self, key: &CacheKey, token: &Arc<Token>, change: impl FnOnce(&mut Hot)) {
        self.write(|map| {
            if let Some(hot) = map.get_mut(key).filter(|hot| Arc::ptr_eq(&hot.token, token)) {
                change(hot);
            }
        });
    }

    pub(crate) fn forget(&self, key: &CacheKey) {
        self.write(|map| drop(map.remove(key)));
    }

    /// A panic elsewhere leaves whole entries behind, so a poisoned lock is as good as any.
    fn write(&self, change: impl FnOnce(&mut HashMap<CacheKey, Hot>)) {
        change(&mut self.0.hot.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = self.0.hot.read().unwrap_or_else(PoisonError::into_inner).len();
        write!(f, "TokenCache({tokens} tokens)")
    }
}
