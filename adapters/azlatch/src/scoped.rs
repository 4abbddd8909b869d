//! A credential together with the scopes it is asked for again and again.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use azlatch_core::credential::TokenRequest;

use crate::slot::Slot;

/// A bound credential for always the same scopes, from its `for_scopes`: while a good token is there, `token()` is a
/// look at the clock and the clone of an `Arc`.
pub struct Scoped<B> {
    pub(crate) credential: B,
    pub(crate) request: TokenRequest,
    pub(crate) slot: ArcSwap<Slot>,
}

impl<B> Scoped<B> {
    pub(crate) fn new(credential: B, request: TokenRequest, slot: Arc<Slot>) -> Self {
        Self { credential, request, slot: ArcSwap::new(slot) }
    }
}

impl<B: Clone> Clone for Scoped<B> {
    fn clone(&self) -> Self {
        Self::new(self.credential.clone(), self.request.clone(), self.slot.load_full())
    }
}

impl<B: fmt::Debug> fmt::Debug for Scoped<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").field("credential", &self.credential).field("scopes", &self.request.scopes).finish()
    }
}
