//! The cache: which token is which, when to renew it, how it is stored, and the flow that ties them together.

mod accounts;
mod acquire;
mod base;
mod check;
mod cooling;
mod decision;
mod discard;
mod document;
mod entity;
mod insert;
mod keep;
mod key;
mod lookup;
mod policy;
mod sieve;

pub use accounts::{Account, Listing, accounts};
pub use acquire::Acquire;
pub use check::Check;
pub use decision::{Decision, Life, decide};
pub use discard::Discard;
pub use document::{Change, Damage, Delta, Document, Section};
pub use entity::Entity;
pub use insert::{Room, insert};
pub use key::{CacheKey, Query, Scheme, Subject};
pub use lookup::{HeldRefreshToken, Hit, access_token, refresh_tokens};
pub use policy::{Acquired, Demand, Place, Policy};

use alloc::format;

use crate::effect::Partition;
use crate::error::{Error, ErrorKind};

/// Name of the cache that programs share unless they choose another.
pub const DEFAULT_NAME: &str = "msal.cache";

/// The partition of cache `name` for tokens with (`cae`) or without continuous access evaluation.
///
/// Azure Identity's suffixes; the two kinds are kept apart because only a caller that can answer claims challenges
/// may be handed a CAE token.
///
/// # Errors
///
/// `Configuration` when `name` cannot be a file name on every system.
pub fn partition(name: &str, cae: bool) -> Result<Partition, Error> {
    let suffix = if cae { "cae" } else { "nocae" };
    Partition::new(&format!("{name}.{suffix}")).filter(|_| !name.is_empty() && name.len() <= 100).ok_or_else(|| {
        let shown = crate::wire::text::printable(name, 60);
        Error::new(ErrorKind::Configuration, format!("`{shown}` cannot be the name of a cache"))
            .advise("use 1 to 100 letters, digits, dots, dashes and underscores, not starting with a dot")
    })
}

/// The partition of `query`'s subject in a store that is this process's own: small documents, however many subjects
/// there are. An application's tokens share nothing, so each has one; what an account or an assertion gets has one for
/// all its scopes and tenants, since refresh tokens are shared among those.
#[must_use]
pub fn in_memory(query: &Query) -> Partition {
    let CacheKey(digest) = query.owner();
    let mut name = alloc::string::String::from("memory.");
    for byte in digest.iter().take(16) {
        name.push_str(&format!("{byte:02x}"));
    }
    name.push_str(if query.cae { ".cae" } else { ".nocae" });
    Partition::of_digest(name)
}
