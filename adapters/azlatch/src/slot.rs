//! The place of one token in memory: read without waiting, renewed by one caller at a time.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use azlatch_core::cache::{CacheKey, Demand};
use azlatch_core::credential::TokenRequest;
use azlatch_core::effect::{Partition, Version};
use azlatch_core::secret::AccessToken;
use azlatch_core::token::Token;
use azlatch_core::{Mono, Unix};

use crate::answer::Landed;
use crate::flight::Flight;
use crate::lanes::Lanes;
use crate::store::Store;

/// One key's token, if it is there, and the fetch that is on its way, if one is.
pub(crate) struct Slot {
    pub(crate) key: CacheKey,
    /// Whose token it is.
    pub(crate) owner: CacheKey,
    hot: ArcSwapOption<Hot>,
    /// When it was last handed out, in seconds: what nobody uses goes first.
    used: AtomicI64,
    flights: Mutex<Vec<Fetch>>,
    /// What a resource refused: whatever the store still says, it is not handed out again.
    rejected: Mutex<Option<AccessToken>>,
}

/// A fetch on its way, and for whom it will do: those who want the same.
pub(crate) struct Fetch {
    pub(crate) demand: Demand,
    /// Where several requests wait at one place, whose it is.
    pub(crate) request: Option<TokenRequest>,
    pub(crate) flight: Arc<Flight<Landed>>,
    /// The thread that runs it, where a thread does: it must not wait for itself.
    pub(crate) thread: Option<ThreadId>,
}

/// Where a token is stored.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) store: Store,
    pub(crate) partition: Partition,
}

/// A token that was handed out.
#[derive(Debug)]
pub(crate) struct Hot {
    pub(crate) token: Arc<Token>,
    pub(crate) origin: Arc<Origin>,
    /// What threads that use it at once have of it.
    lanes: Lanes,
    /// The version of the document that held it.
    pub(crate) version: Option<Version>,
    /// When renewal last failed.
    pub(crate) tried: Option<Unix>,
    /// When it was last known to be what the store holds, in milliseconds of the monotonic clock; `u64::MAX` when
    /// nobody else can change it there.
    checked: AtomicU64,
    /// From when until when there is nothing to decide.
    calm: std::ops::Range<Unix>,
}

/// A hit older than this is held against the store, when there is one that others write to.
const FRESH: Duration = Duration::from_secs(5);

impl Hot {
    /// `token`, in `version` of a store that others write to if `checked` says when; due for holder `spread`.
    pub(crate) fn new(
        token: Arc<Token>,
        origin: Arc<Origin>,
        version: Option<Version>,
        tried: Option<Unix>,
        checked: Option<Mono>,
        spread: u64,
    ) -> Self {
        let calm = token.life.calm(tried, spread);
        let checked = AtomicU64::new(checked.map_or(u64::MAX, |Mono(at)| at));
        Self { token, origin, lanes: Lanes::new(), version, tried, checked, calm }
    }

    /// The same, after an attempt to renew it failed at `now`.
    pub(crate) fn tried(&self, now: Unix, spread: u64) -> Self {
        let checked = Some(self.checked.load(Relaxed)).filter(|at| *at != u64::MAX).map(Mono);
        Self::new(self.token.clone(), self.origin.clone(), self.version, Some(now), checked, spread)
    }

    /// The same, with nothing to decide for a second: somebody elsewhere is renewing it.
    pub(crate) fn calm_for_a_moment(mut self, now: Unix) -> Self {
        if !self.is_calm(now) && !self.token.life.is_ending(now) {
            self.calm = now..now.plus(2);
        }
        self
    }

    /// Whether there is nothing to decide about it at `wall`.
    fn is_calm(&self, wall: Unix) -> bool {
        self.calm.contains(&wall)
    }

    /// Whether others may have changed what is stored since it was last looked at.
    pub(crate) fn is_stale(&self, now: impl FnOnce() -> Mono) -> bool {
        match self.checked.load(Relaxed) {
            u64::MAX => false,
            at => Mono(at).until(now()) >= FRESH,
        }
    }

    /// Takes it upon the caller to look: for everybody else it is fresh from now on. Says when it was looked at before.
    pub(crate) fn claim_check(&self, Mono(now): Mono) -> Mono {
        Mono(self.checked.swap(now, Relaxed))
    }

    /// The caller did not look after all.
    pub(crate) fn disclaim_check(&self, Mono(before): Mono) {
        self.checked.store(before, Relaxed);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.token.expose_secret().len() + size_of::<Self>() + size_of::<Token>()
    }
}

impl Slot {
    pub(crate) fn new(key: CacheKey, owner: CacheKey) -> Self {
        Self {
            key,
            owner,
            hot: ArcSwapOption::empty(),
            used: AtomicI64::new(0),
            flights: Mutex::new(Vec::new()),
            rejected: Mutex::new(None),
        }
    }

    /// The token, when it can be handed out without a thought: the hot path.
    pub(crate) fn token(&self, wall: Unix, mono: impl FnOnce() -> Mono) -> Option<Arc<Token>> {
        let hot = self.hot.load();
        let hot = hot.as_ref()?;
        if !hot.is_calm(wall) || hot.is_stale(mono) {
            return None;
        }
        if self.used.load(Relaxed) != wall.0 {
            self.used.store(wall.0, Relaxed);
        }
        Some(hot.lanes.take(&hot.token))
    }

    pub(crate) fn hot(&self) -> Option<Arc<Hot>> {
        self.hot.load_full()
    }

    /// Puts `hot` in, and says what was there.
    pub(crate) fn put(&self, hot: Option<Arc<Hot>>) -> Option<Arc<Hot>> {
        self.hot.swap(hot)
    }

    /// Puts `new` in place of `old`, if that is still there.
    pub(crate) fn replace(&self, old: &Arc<Hot>, new: Option<Arc<Hot>>) {
        let _ = self.hot.compare_and_swap(old, new);
    }

    pub(crate) fn touch(&self, wall: Unix) {
        self.used.store(wall.0, Relaxed);
    }

    pub(crate) fn used(&self) -> i64 {
        self.used.load(Relaxed)
    }

    pub(crate) fn flights(&self) -> MutexGuard<'_, Vec<Fetch>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn rejected(&self) -> MutexGuard<'_, Option<AccessToken>> {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("key", &self.key).field("hot", &self.hot()).finish_non_exhaustive()
    }
}
