//! The cache in memory: a place for each token, with limits on their number and size.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use azlatch_core::Unix;
use azlatch_core::cache::{CacheKey, Query};
use azlatch_core::secret::AccessToken;
use azlatch_memory::Memory;

use crate::slot::{Hot, Origin, Slot};

/// Tokens in memory, for one credential or, handed to several, for all of them. Clones share.
///
/// Credentials that share a cache must not differ in what they may see: a token in it is found by tenant, client and
/// scopes, whatever secret the finder holds.
#[derive(Clone)]
pub struct TokenCache(Arc<Shared>);

struct Shared {
    memory: Memory,
    entries: usize,
    bytes: usize,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    by_key: HashMap<CacheKey, Arc<Slot>>,
    bytes: usize,
    /// How often everything was forgotten, or everything of one owner.
    clearings: u64,
    /// Which clearing was the last of an owner's own.
    departed: HashMap<CacheKey, u64>,
    /// And which counts for all owners that are not remembered any more.
    all_departed: u64,
}

/// Tokens kept at most, unless said otherwise.
const ENTRIES: usize = 10_000;

/// Owners who left that are told apart.
const DEPARTED: usize = 1_000;

/// Bytes of tokens kept at most, unless said otherwise.
const BYTES: usize = 64 * 1024 * 1024;

impl TokenCache {
    /// An empty cache of at most 10,000 tokens and 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(ENTRIES, BYTES)
    }

    /// An empty cache of at most `entries` tokens that take `bytes` together. Past either limit those go first that
    /// have ended, then those that were used longest ago. Up to three copies that busy threads have of a token are not
    /// counted.
    #[must_use]
    pub fn with_limits(entries: usize, bytes: usize) -> Self {
        let memory = Memory::with_limits(entries, bytes);
        Self(Arc::new(Shared { memory, entries, bytes, slots: Mutex::default() }))
    }

    /// Forgets everything, what is being renewed included; a token that is fetched meanwhile stays.
    pub fn clear(&self) {
        self.0.memory.clear();
        let mut slots = self.slots();
        slots.clearings += 1;
        slots.bytes = 0;
        slots.by_key.drain().for_each(|(_, slot)| {
            // Whoever asks from now on has a fetch of its own.
            slot.flights().clear();
            slot.put(None);
        });
    }

    /// How often something was forgotten.
    pub(crate) fn clearings(&self) -> u64 {
        self.slots().clearings
    }

    /// The tokens it holds at most.
    pub(crate) fn entries(&self) -> usize {
        self.0.entries
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// The place of the token that `query` means.
    pub(crate) fn slot(&self, query: &Query, now: Unix) -> Arc<Slot> {
        self.place(query.key(), || query.owner(), now)
    }

    fn place(&self, key: CacheKey, owner: impl FnOnce() -> CacheKey, now: Unix) -> Arc<Slot> {
        let mut slots = self.slots();
        if let Some(slot) = slots.by_key.get(&key) {
            return slot.clone();
        }
        let slot = Arc::new(Slot::new(key, owner()));
        slots.by_key.insert(key, slot.clone());
        self.limit(&mut slots, &slot, now);
        slot
    }

    /// Puts a token in its place, unless a newer one is there, it was rejected, or it was forgotten since `clearings`.
    /// Says whether it may be handed out.
    pub(crate) fn keep(&self, slot: &Arc<Slot>, hot: Hot, now: Unix, fetched: bool, clearings: u64) -> bool {
        let mut slots = self.slots();
        let mut rejected = slot.rejected();
        if rejected.as_ref().is_some_and(|rejected| hot.token.access_token == *rejected) {
            // A source that has nothing else to give is believed for once.
            return fetched;
        }
        if !fetched && slots.clearings != clearings {
            return false;
        }
        let departed = slots.departed.get(&slot.owner).copied().unwrap_or_default().max(slots.all_departed);
        if departed > clearings {
            // Its owner left while it was fetched: it is handed out this once.
            return true;
        }
        *rejected = None;
        drop(rejected);
        if !hot.token.life.is_alive(now) {
            return true;
        }
        // The place may have been cleared away meanwhile: then it is put back, or the one in its stead is used.
        let slot = slots.by_key.entry(slot.key).or_insert_with(|| slot.clone()).clone();
        let made = |hot: &Hot| hot.token.life.cached_at;
        // A thread that was handed the old token meanwhile must not undo a renewal.
        if slot.hot().is_some_and(|kept| made(&kept) > made(&hot) && made(&kept) <= now) {
            return true;
        }
        slot.touch(now);
        slots.bytes += hot.bytes();
        if let Some(old) = slot.put(Some(Arc::new(hot))) {
            slots.bytes = slots.bytes.saturating_sub(old.bytes());
        }
        self.limit(&mut slots, &slot, now);
        true
    }

    fn limit(&self, slots: &mut Slots, kept: &Arc<Slot>, now: Unix) {
        if slots.by_key.len() > self.0.entries || slots.bytes > self.0.bytes {
            slots.thin(kept, now, self.0.entries, self.0.bytes);
        }
    }

    /// Empties a place that still holds `hot`.
    pub(crate) fn forget(&self, slot: &Slot, hot: &Arc<Hot>) {
        let mut slots = self.slots();
        if slot.hot().is_some_and(|kept| Arc::ptr_eq(&kept, hot)) {
            slots.bytes = slots.bytes.saturating_sub(hot.bytes());
            slot.put(None);
        }
    }

    /// Forgets every token of `owner`.
    pub(crate) fn forget_all_of(&self, owner: CacheKey) {
        let mut slots = self.slots();
        slots.clearings += 1;
        let clearing = slots.clearings;
        if slots.departed.len() >= DEPARTED {
            // Then whatever is on its way for anybody counts as too late.
            slots.departed.clear();
            slots.all_departed = clearing;
        }
        slots.departed.insert(owner, clearing);
        let theirs: Vec<_> = slots.by_key.values().filter(|slot| slot.owner == owner).cloned().collect();
        for slot in theirs {
            // What is on its way is for those who asked before.
            slot.flights().clear();
            if let Some(hot) = slot.put(None) {
                slots.bytes = slots.bytes.saturating_sub(hot.bytes());
            }
        }
    }

    /// Makes sure that `token` is not handed out again from this place, and says where it is stored.
    pub(crate) fn bar(&self, slot: &Slot, token: &AccessToken) -> Option<Arc<Origin>> {
        let mut slots = self.slots();
        *slot.rejected() = Some(token.clone());
        let hot = slot.hot().filter(|hot| hot.token.access_token == *token)?;
        slots.bytes = slots.bytes.saturating_sub(hot.bytes());
        slot.put(None);
        Some(hot.origin.clone())
    }

    /// Makes sure that `token` is not handed out again, and says where it is stored.
    pub(crate) fn reject(&self, token: &AccessToken) -> Vec<Arc<Origin>> {
        let all: Vec<_> = self.slots().by_key.values().cloned().collect();
        let held = all.iter().filter(|slot| slot.hot().is_some_and(|hot| hot.token.access_token == *token));
        held.filter_map(|slot| {
            // A renewal that is on its way may come to nothing, and then it brings what was rejected.
            slot.flights().clear();
            self.bar(slot, token)
        })
        .collect()
    }

    /// A panic elsewhere leaves whole entries behind, so a poisoned lock is as good as any.
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// Drops an eighth of the entries at least, and more until both limits hold: rarely, so that each insertion stays
    /// cheap.
    fn thin(&mut self, kept: &Arc<Slot>, now: Unix, entries: usize, bytes: usize) {
        let rank = |slot: &Slot| match slot.hot() {
            Some(hot) if hot.token.life.is_alive(now) => (1, slot.used()),
            _ => (0, slot.used()),
        };
        let mut ranked: Vec<_> = self.by_key.values().map(|slot| (rank(slot), slot.key)).collect();
        ranked.sort_unstable();
        let enough = entries.saturating_sub(entries / 8).max(1);
        let light = bytes.saturating_sub(bytes / 8);
        for (_, key) in ranked {
            if self.by_key.len() <= enough && self.bytes <= light {
                break;
            }
            if key == kept.key {
                continue;
            }
            if let Some(hot) = self.by_key.remove(&key).and_then(|slot| slot.put(None)) {
                self.bytes = self.bytes.saturating_sub(hot.bytes());
            }
        }
    }
}

impl Default for TokenCache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots();
        let tokens = slots.by_key.values().filter(|slot| slot.hot().is_some()).count();
        write!(f, "TokenCache({tokens} tokens in {} places)", slots.by_key.len())
    }
}

#[cfg(test)]
mod tests {
    use azlatch_core::ScopeSet;
    use azlatch_core::authority::Tenant;
    use azlatch_core::cache::Life;
    use azlatch_core::effect::Partition;
    use azlatch_core::token::Token;

    use super::*;
    use crate::store::Store;

    const NOW: Unix = Unix(1_800_000_000);

    fn hot(text: &str, made: i64) -> Hot {
        let life = Life { cached_at: NOW.plus(made), expires_on: NOW.plus(3600), refresh_on: None };
        let tenant = Tenant::new("t").expect("a tenant");
        let token = Token::new(text.into(), life, ScopeSet::parse("s"), tenant);
        let partition = Partition::new("p").expect("a name");
        let origin = Origin { store: Store::Memory(Memory::new()), partition };
        Hot::new(Arc::new(token), Arc::new(origin), None, None, None, 0)
    }

    fn held(slot: &Slot) -> Option<String> {
        slot.hot().map(|hot| hot.token.expose_secret().to_owned())
    }

    #[test]
    fn a_token_gives_way_to_a_newer_one_only() {
        let cache = TokenCache::new();
        let slot = cache.place(CacheKey([1; 32]), || CacheKey([2; 32]), NOW);
        for (text, made, expected) in
            [("b", -10, "b"), ("a", -20, "b"), ("c", -5, "c"), ("future", 60, "future"), ("d", 0, "d")]
        {
            assert!(cache.keep(&slot, hot(text, made), NOW, true, 0), "{text} may be handed out");
            assert_eq!(held(&slot).as_deref(), Some(expected));
        }
    }

    #[test]
    fn c_12_what_was_fetched_while_its_owner_left_is_not_kept() {
        let cache = TokenCache::new();
        let place = |key: u8, owner: u8| cache.place(CacheKey([key; 32]), || CacheKey([owner; 32]), NOW);
        let (theirs, others) = (place(1, 1), place(2, 2));
        let before = cache.clearings();
        cache.forget_all_of(CacheKey([1; 32]));
        assert!(cache.keep(&theirs, hot("a", 0), NOW, true, before), "whoever asked is served");
        assert_eq!(held(&theirs), None);
        cache.keep(&others, hot("b", 0), NOW, true, before);
        assert_eq!(held(&others).as_deref(), Some("b"));
        assert!(!cache.keep(&theirs, hot("a", 0), NOW, false, before), "read from a store that it has left since");
        cache.keep(&theirs, hot("c", 0), NOW, true, cache.clearings());
        assert_eq!(held(&theirs).as_deref(), Some("c"), "somebody came back");
    }

    #[test]
    fn what_was_there_before_a_clearing_or_a_rejection_does_not_come_back() {
        let cache = TokenCache::new();
        let slot = cache.place(CacheKey([1; 32]), || CacheKey([2; 32]), NOW);
        cache.keep(&slot, hot("a", 0), NOW, true, 0);
        let before = cache.clearings();
        cache.clear();
        assert!(!cache.keep(&slot, hot("a", 0), NOW, false, before), "read from a store that was cleared since");
        assert_eq!(held(&slot), None);
        assert!(cache.keep(&slot, hot("b", 0), NOW, true, before), "fetched, it is nobody's old token");
        assert_eq!(cache.reject(&"b".into()).len(), 1);
        assert!(!cache.keep(&slot, hot("b", 0), NOW, false, cache.clearings()));
        assert!(
            cache.keep(&slot, hot("b", 0), NOW, true, cache.clearings()),
            "a source that has nothing else, for once"
        );
        assert_eq!(held(&slot), None);
        assert!(cache.keep(&slot, hot("c", 0), NOW, false, cache.clearings()));
        assert_eq!(held(&slot).as_deref(), Some("c"));
        cache.keep(&slot, hot("b", 1), NOW, true, cache.clearings());
        assert_eq!(held(&slot).as_deref(), Some("b"), "another came meanwhile: the rejection is over");
    }
}
