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
    slot: Arc<Slot>,
    /// The token's new place, when it was thrown out of the first and came back.
    moved: ArcSwapOption<Slot>,
}

impl<B> Scoped<B> {
    pub(crate) fn new(credential: B, request: TokenRequest, slot: Arc<Slot>) -> Self {
        Self { credential, request, slot, moved: ArcSwapOption::empty() }
    }

    /// What `take` finds in the token's place.
    pub(crate) fn find(&self, take: impl Fn(&Slot) -> Option<Arc<Token>>) -> Option<Arc<Token>> {
        take(&self.slot).or_else(|| self.moved.load().as_deref().and_then(take))
    }

    /// The token's place is `slot`.
    pub(crate) fn settle(&self, slot: Arc<Slot>) {
        self.moved.store(Some(slot).filter(|slot| !Arc::ptr_eq(slot, &self.slot)));
    }
}

impl<B: Clone> Clone for Scoped<B> {
    fn clone(&self) -> Self {
        let slot = self.moved.load_full().unwrap_or_else(|| self.slot.clone());
        Self::new(self.credential.clone(), self.request.clone(), slot)
    }
}

impl<B: fmt::Debug> fmt::Debug for Scoped<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("credential", &self.credential).field("scopes", &self.request.scopes).finish()
    }
}
