//! What a request for a token comes to.

use std::sync::Arc;

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

/// What a fetch brings to everybody who waits for it; nothing, when it was overtaken and all must ask again.
pub(crate) type Landed = Option<Result<Answer, Error>>;
