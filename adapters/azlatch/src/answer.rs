//! What a request for a token comes to.

use std::sync::Arc;

use azlatch_core::cache::Acquired;
use azlatch_core::token::Token;
use azlatch_core::{Error, Explain};

/// A token and its account.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The token, shared with the cache.
    pub token: Arc<Token>,
    /// Where it came from, and what happened on the way.
    pub explain: Explain,
}

impl From<Acquired> for Answer {
    fn from(acquired: Acquired) -> Self {
        Self { token: Arc::new(acquired.token), explain: acquired.explain }
    }
}

/// What a fetch brings to everybody who waits for it; nothing, when it was overtaken and all must ask again.
pub(crate) type Landed = Option<Result<Answer, Error>>;
