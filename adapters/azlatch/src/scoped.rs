//! A credential together with the scopes it is asked for again and again.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use azlatch_core::credential::TokenRequest;
use azlatch_core::token::Token;

use crate::slot::Slot;

/// A bound credential for always the same scopes, from its `for_scopes`: while a good token is there, `token()` is a
/// look at the clock and the clone of an `Arc`.
pub struct Scoped<B> {
    pub(crate) credential: B,
    pub(crate) request: TokenRequest,
    /// Where the token was when it was first asked whose it is.
    first: Option<Seat>,
    /// Its new place, when it was thrown out of the first and came back, or when somebody signed in.
    moved: ArcSwapOption<Seat>,
}

/// The place of a token, as long as the credential is the same person's.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) era: u64,
    pub(crate) slot: Arc<Slot>,
}

impl<B> Scoped<B> {
    pub(crate) fn new(credential: B, request: TokenRequest, first: Option<Seat>) -> Self {
        Self { credential, request, first, moved: ArcSwapOption::empty() }
    }

    /// What `take` finds in the token's place of this era.
    pub(crate) fn find(&self, era: u64, take: impl Fn(&Slot) -> Option<Arc<Token>>) -> Option<Arc<Token>> {
        let now = |seat: &Seat| if seat.era == era { take(&seat.slot) } else { None };
        self.first.as_ref().and_then(now).or_else(|| self.moved.load().as_deref().and_then(now))
    }

    /// The token's place is `seat`.
    pub(crate) fn settle(&self, seat: Option<Seat>) {
        let is_first = |seat: &Seat| {
            self.first.as_ref().is_some_and(|first| first.era == seat.era && Arc::ptr_eq(&first.slot, &seat.slot))
        };
        self.moved.store(seat.filter(|seat| !is_first(seat)).map(Arc::new));
    }
}

impl<B: Clone> Clone for Scoped<B> {
    fn clone(&self) -> Self {
        let seat = self.moved.load().as_deref().or(self.first.as_ref()).cloned();
        Self::new(self.credential.clone(), self.request.clone(), seat)
    }
}

impl<B: fmt::Debug> fmt::Debug for Scoped<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("credential", &self.credential).field("scopes", &self.request.scopes).finish()
    }
}
