//! A ledger of the access tokens given out, so that a resource in a test can ask whose token it was shown.

use super::shelf::Shelf;

/// So many tokens are remembered; the oldest go first.
const CAPACITY: usize = 10_000;

/// Whom an access token was minted for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issued {
    /// The client that asked.
    pub client_id: String,
    /// The tenant it was minted in, as the client named it; the user's own for `common` and the like.
    pub tenant: String,
    /// The user, or `None` if the client asked for itself.
    pub user: Option<String>,
    /// The granted scopes.
    pub scopes: Vec<String>,
    /// The `claims` parameter of the request.
    pub claims: Option<String>,
    /// When it was minted, in Unix seconds.
    pub issued_at: i64,
    /// When it ends, in Unix seconds.
    pub expires_on: i64,
}

/// The newest tokens.
pub(crate) type Ledger = Shelf<Issued, CAPACITY>;
