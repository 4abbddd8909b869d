//! The least that a hit can cost: a map, a clock, a comparison, an `Arc`; no renewal, no store, no limits to what
//! it holds.

#![allow(dead_code, reason = "no bench uses all of it")]

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::{Arc, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::{ArcSwap, ArcSwapOption};
use azlatch::Token;
use azlatch_system::Clock;
use foldhash::fast::RandomState;

/// A token and what it was asked for with.
pub(crate) struct Entry {
    scopes: Vec<String>,
    token: Arc<Token>,
}

impl Entry {
    pub(crate) fn new(scopes: &[&str], token: &Token) -> Self {
        Self { scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(), token: Arc::new(token.clone()) }
    }

    fn take(&self, scopes: &[&str], now: i64) -> Option<Arc<Token>> {
        let same = self.scopes.len() == scopes.len() && scopes.iter().all(|s| self.scopes.iter().any(|own| own == s));
        (same && self.token.life.expires_on.0 > now).then(|| self.token.clone())
    }
}

/// A map that is replaced whole: readers wait for nobody.
pub(crate) struct Swapped {
    hash: RandomState,
    map: ArcSwap<HashMap<u64, Entry, RandomState>>,
}

impl Swapped {
    pub(crate) fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let hash = RandomState::default();
        let key = |entry: &Entry| entry.scopes.iter().fold(0_u64, |sum, s| sum.wrapping_add(hash.hash_one(s.as_str())));
        let map = entries.into_iter().map(|entry| (key(&entry), entry)).collect();
        Self { map: ArcSwap::from_pointee(map), hash }
    }

    pub(crate) fn get(&self, scopes: &[&str]) -> Option<Arc<Token>> {
        let key = scopes.iter().fold(0_u64, |sum, s| sum.wrapping_add(self.hash.hash_one(*s)));
        self.map.load().get(&key)?.take(scopes, Clock::new().coarse_wall().0)
    }
}

/// The same for tasks.
impl Swapped {
    pub(crate) async fn get_async(&self, scopes: &[&str]) -> Option<Arc<Token>> {
        self.get(scopes)
    }
}

/// A map behind a lock, and the usual clock.
pub(crate) struct Locked(RwLock<HashMap<Vec<String>, Entry>>);

impl Locked {
    pub(crate) fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self(RwLock::new(entries.into_iter().map(|entry| (entry.scopes.clone(), entry)).collect()))
    }

    pub(crate) fn get(&self, scopes: &[&str]) -> Option<Arc<Token>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let key: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.0.read().ok()?.get(&key)?.take(scopes, i64::try_from(now).ok()?)
    }
}

/// One token in a place of its own.
pub(crate) struct Place(ArcSwapOption<Entry>);

impl Place {
    pub(crate) fn new(entry: Entry) -> Self {
        Self(ArcSwapOption::from_pointee(entry))
    }

    pub(crate) fn get(&self) -> Option<Arc<Token>> {
        let entry = self.0.load();
        let entry = entry.as_ref()?;
        (entry.token.life.expires_on.0 > Clock::new().coarse_wall().0).then(|| entry.token.clone())
    }
}
