//! One token in several copies, so that threads that use it at the same moment do not wait for each other.
//!
//! An `Arc` counts its users in one place, and a processor that changes the count takes it away from all others: two
//! threads that want the same token all the time would be slower together than one alone. So threads are dealt to a
//! few lanes, and a lane that asks for a token often gets a copy to count by itself.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use azlatch_core::token::Token;

/// Lanes; copies of one token at most. A power of two.
const LANES: usize = 4;

/// Of so many hits one makes the lane's copy: what is rarely asked for is not worth its memory.
const PATIENCE: u32 = 64;

thread_local! {
    /// This thread's lane, once it has one.
    static LANE: Cell<Option<usize>> = const { Cell::new(None) };
    /// Its hits in lanes that had no copy.
    static BORROWED: Cell<u32> = const { Cell::new(0) };
}

/// The copies of a token.
#[derive(Debug)]
pub(crate) struct Lanes {
    /// The lane that got the token, and has the token itself.
    home: usize,
    others: [OnceLock<Arc<Token>>; LANES - 1],
}

impl Lanes {
    /// Those of a token that this thread got.
    pub(crate) fn new() -> Self {
        Self { home: lane(), others: Default::default() }
    }

    /// This thread's copy of `token`, which must be the same each time.
    #[inline]
    pub(crate) fn take(&self, token: &Arc<Token>) -> Arc<Token> {
        let away = lane().wrapping_sub(self.home) % LANES;
        match away.checked_sub(1).and_then(|other| self.others.get(other)) {
            None => token.clone(),
            Some(other) => match other.get() {
                Some(copy) => copy.clone(),
                None => borrow(token, other),
            },
        }
    }
}

/// What a lane without a copy gets: the token itself, and now and then a copy to keep.
#[cold]
fn borrow(token: &Arc<Token>, copy: &OnceLock<Arc<Token>>) -> Arc<Token> {
    let borrowed = BORROWED.get().wrapping_add(1);
    BORROWED.set(borrowed);
    match borrowed % PATIENCE {
        0 => copy.get_or_init(|| Arc::new(Token::clone(token))).clone(),
        _ => token.clone(),
    }
}

/// This thread's lane.
#[inline]
fn lane() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    LANE.get().unwrap_or_else(|| {
        let lane = NEXT.fetch_add(1, Relaxed) % LANES;
        LANE.set(Some(lane));
        lane
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use azlatch_core::authority::Tenant;
    use azlatch_core::cache::Life;
    use azlatch_core::{ScopeSet, Unix};

    use super::*;

    #[test]
    fn whoever_asks_often_gets_a_copy() {
        let life = Life { cached_at: Unix(0), expires_on: Unix(3600), refresh_on: None };
        let tenant = Tenant::new("t1").expect("a tenant");
        let token = Arc::new(Token::new("secret".into(), life, ScopeSet::parse("a"), tenant));
        // As many threads as there are lanes: most of them are away from home.
        for _ in 0..LANES {
            let lanes = Lanes::new();
            let often = || (0..PATIENCE).map(|_| lanes.take(&token)).collect::<Vec<_>>();
            assert!(often().iter().all(|taken| Arc::ptr_eq(taken, &token)), "at home there are no copies");
            let (lane, taken) = thread::scope(|scope| scope.spawn(|| (lane(), often())).join()).expect("no panic");
            let (first, last) = (taken.first().expect("many"), taken.last().expect("many"));
            assert_eq!(first, last);
            assert!(Arc::ptr_eq(first, &token), "one hit is not worth a copy");
            assert_eq!(Arc::ptr_eq(last, &token), lane == lanes.home, "many are, away from home");
        }
    }
}
