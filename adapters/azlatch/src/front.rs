//! From scopes as callers write them to a token's place: no sorting, no digest, no allocation, no waiting.
//!
//! A credential keeps this for itself, beside the cache it may share: here a request is a few words, and their hash
//! finds the place. The first requests get a seat that is theirs for good, which costs one look. For all others there
//! is a map, cut in pieces, each replaced whole when something is added, so that readers never wait and adding stays
//! cheap however many there are.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use azlatch_core::credential::TokenRequest;
use foldhash::fast::RandomState;

use crate::slot::Slot;

/// Pieces of the map; a power of two.
const PIECES: usize = 256;

/// Rows of seats for the requests that come first; a power of two.
const ROWS: usize = 64;

/// Seats that one request may take: each hash has a row of two.
type Row = [OnceLock<(u64, Arc<Known>)>; 2];

pub(crate) struct Front {
    /// Never given to another: a request whose token moved to a new place is found in its piece.
    seats: Box<[Row]>,
    pieces: Box<[ArcSwap<Piece>]>,
    /// Requests that a piece remembers; past it those go whose token was used longest ago.
    room: usize,
    hash: RandomState,
}

type Piece = HashMap<u64, Arc<Known>, BuildHasherDefault<Hashed>>;

/// A request that was made before.
struct Known {
    /// Joined by spaces, which no scope has inside: one piece of memory to look at.
    scopes: Box<str>,
    count: usize,
    tenant: Option<Box<str>>,
    cae: bool,
    slot: Arc<Slot>,
}

/// What of a request says which token it means.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a, S> {
    pub(crate) scopes: &'a [S],
    pub(crate) tenant: Option<&'a str>,
    pub(crate) cae: bool,
}

impl<'a, S: AsRef<str>> Wanted<'a, S> {
    pub(crate) const fn scopes(scopes: &'a [S]) -> Self {
        Self { scopes, tenant: None, cae: false }
    }
}

impl Known {
    /// Whether this is what `wanted` means: the same scopes in any order.
    #[inline(always)]
    fn is<S: AsRef<str>>(&self, wanted: &Wanted<'_, S>) -> bool {
        let has = |scope: &S| self.scopes.split(' ').any(|s| s == scope.as_ref());
        let same = match wanted.scopes {
            [scope] => *self.scopes == *scope.as_ref(),
            scopes => scopes.iter().all(has),
        };
        same && self.count == wanted.scopes.len() && self.cae == wanted.cae && self.tenant.as_deref() == wanted.tenant
    }
}

impl Front {
    /// For a cache of so many tokens.
    pub(crate) fn new(entries: usize) -> Self {
        let empty = Arc::new(Piece::default());
        Self {
            seats: (0..ROWS).map(|_| Row::default()).collect(),
            pieces: (0..PIECES).map(|_| ArcSwap::new(empty.clone())).collect(),
            room: (entries / PIECES).saturating_mul(2).max(16),
            hash: RandomState::default(),
        }
    }

    /// Hands the slot that `wanted` means to `take`, when it is known. The hot path: inlined, so that what most requests
    /// leave out costs nothing.
    #[inline(always)]
    pub(crate) fn find<S: AsRef<str>, T>(
        &self,
        wanted: &Wanted<'_, S>,
        era: u64,
        take: impl Fn(&Arc<Slot>) -> Option<T>,
    ) -> Option<T> {
        let hash = in_era(self.hash_of(wanted), era);
        for seat in self.row(hash)? {
            if let Some((taker, known)) = seat.get()
                && *taker == hash
                && known.is(wanted)
                && let Some(found) = take(&known.slot)
            {
                return Some(found);
            }
        }
        let piece = self.piece(hash)?.load();
        piece.get(&hash).filter(|known| known.is(wanted)).and_then(|known| take(&known.slot))
    }

    /// Remembers that `request` means `slot` in this era; in the next it may mean another.
    pub(crate) fn remember(&self, request: &TokenRequest, era: u64, slot: &Arc<Slot>) {
        let scopes: Vec<&str> = request.scopes.iter().collect();
        let wanted = Wanted { scopes: &scopes, tenant: request.tenant_id.as_deref(), cae: request.enable_cae };
        if self.find(&wanted, era, |known| Arc::ptr_eq(known, slot).then_some(())).is_some() {
            return;
        }
        let hash = in_era(self.hash_of(&wanted), era);
        let known = Arc::new(Known {
            scopes: scopes.join(" ").into(),
            count: scopes.len(),
            tenant: wanted.tenant.map(Into::into),
            cae: wanted.cae,
            slot: slot.clone(),
        });
        if self.row(hash).into_iter().flatten().any(|seat| seat.set((hash, known.clone())).is_ok()) {
            return;
        }
        let Some(piece) = self.piece(hash) else { return };
        piece.rcu(|piece| {
            let mut piece = Piece::clone(piece);
            if piece.len() >= self.room && !piece.contains_key(&hash) {
                thin(&mut piece);
            }
            piece.insert(hash, known.clone());
            piece
        });
    }

    fn row(&self, hash: u64) -> Option<&Row> {
        usize::try_from(hash % ROWS as u64).ok().and_then(|low| self.seats.get(low))
    }

    fn piece(&self, hash: u64) -> Option<&ArcSwap<Piece>> {
        // The map inside uses other bits of the hash than these.
        usize::try_from(hash >> 32).ok().and_then(|high| self.pieces.get(high % PIECES))
    }

    /// The same for any order of the scopes.
    #[inline(always)]
    fn hash_of<S: AsRef<str>>(&self, wanted: &Wanted<'_, S>) -> u64 {
        let scopes = wanted.scopes.iter().fold(0_u64, |sum, s| sum.wrapping_add(self.hash.hash_one(s.as_ref())));
        match (wanted.tenant, wanted.cae) {
            (None, false) => scopes,
            rest => scopes ^ self.hash.hash_one(rest),
        }
    }
}

/// The same request has another hash in each era.
#[inline(always)]
const fn in_era(hash: u64, era: u64) -> u64 {
    hash.wrapping_add(era.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Drops the quarter that was used longest ago.
fn thin(piece: &mut Piece) {
    let mut used: Vec<i64> = piece.values().map(|known| known.slot.used()).collect();
    let quarter = used.len() / 4;
    let (_, limit, _) = used.select_nth_unstable(quarter);
    let limit = *limit;
    let mut left = quarter;
    piece.retain(|_, known| {
        let old = left > 0 && known.slot.used() <= limit;
        left -= usize::from(old);
        !old
    });
}

/// The keys are hashes already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seated = self.seats.iter().flatten().filter(|seat| seat.get().is_some()).count();
        write!(f, "Front({} requests)", seated + self.pieces.iter().map(|piece| piece.load().len()).sum::<usize>())
    }
}

#[cfg(test)]
mod tests {
    use azlatch_core::credential::{ClientSecretCredential, Credential as _, Surroundings};

    use super::*;

    fn place(request: &TokenRequest) -> Arc<Slot> {
        let credential = ClientSecretCredential::new("tenant", "client", "secret").expect("a credential");
        let query = credential.query(request, &Surroundings::default()).expect("a query");
        Arc::new(Slot::new(query.key(), query.owner()))
    }

    #[test]
    fn every_request_is_found_with_a_seat_or_without_and_where_it_is_now() {
        let front = Front::new(10_000);
        let requests: Vec<_> = (0..3 * ROWS)
            .map(|i| TokenRequest::new([format!("{i}/b"), format!("{i}/a")]).expect("a request"))
            .collect();
        // Twice: what was thrown out of the cache comes back in another place.
        for _ in 0..2 {
            let slots: Vec<_> = requests.iter().map(place).collect();
            requests.iter().zip(&slots).for_each(|(request, slot)| front.remember(request, 3, slot));
            for (i, slot) in slots.iter().enumerate() {
                let (a, b) = (format!("{i}/a"), format!("{i}/b"));
                let is_there = |known: &Arc<Slot>| Arc::ptr_eq(known, slot).then_some(());
                assert!(front.find(&Wanted::scopes(&[&a, &b]), 3, is_there).is_some());
                assert!(front.find(&Wanted::scopes(&[&b, &a]), 3, is_there).is_some());
                assert!(front.find(&Wanted::scopes(&[&a]), 3, |_| Some(())).is_none());
                assert!(front.find(&Wanted { cae: true, ..Wanted::scopes(&[&a, &b]) }, 3, |_| Some(())).is_none());
                assert!(front.find(&Wanted::scopes(&[&a, &b]), 4, |_| Some(())).is_none(), "another's");
            }
        }
    }
}
