//! Caches that other libraries keep in the Secret Service in ways of their own: read, never written.

use std::collections::HashMap;

use azlatch_core::effect::StoreFault;
use azlatch_core::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secret_service::SecretService;

use super::connection::Trouble;
use super::items;
use crate::address::LABEL;
use crate::{SERVICE, Terms};

/// Whose cache it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// Azure Identity for .NET.
    DotNet,
    /// Azure Identity for JavaScript, in Node.
    Node,
}

/// A cache of another library: the JSON of MSAL, untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Whose it is.
    pub origin: Origin,
    /// The cache's name, as far as the library keeps it: in .NET that of the last writer, with `.cae` or `.nocae`.
    pub label: String,
    /// The document, decoded.
    pub document: Secret<[u8]>,
}

/// Everything of these libraries that is unlocked and can be decoded.
pub(crate) async fn all(service: &SecretService<'static>, terms: Terms) -> Result<Vec<Foreign>, Trouble> {
    let kinds = [
        (Origin::DotNet, [("MsalClientID", SERVICE), ("Microsoft.Developer.IdentityService", "1.0.0.0")]),
        (Origin::Node, [("service", SERVICE), ("account", LABEL)]),
    ];
    let mut found = Vec::new();
    let mut locked = false;
    for (origin, attributes) in kinds {
        let mut items = service.search_items(HashMap::from(attributes)).await?;
        if !items.locked.is_empty() && terms.prompt {
            service.unlock_all(&items.locked.iter().collect::<Vec<_>>()).await?;
            items = service.search_items(HashMap::from(attributes)).await?;
        }
        locked |= !items.locked.is_empty();
        for item in items.unlocked {
            let label = item.get_label().await?;
            let Some(document) = decode(origin, items::secret(&item).await?) else { continue };
            found.push(Foreign { origin, label, document });
        }
    }
    if found.is_empty() && locked { Err(Trouble::Settled(StoreFault::Locked)) } else { Ok(found) }
}

/// The document in what an item holds.
fn decode(origin: Origin, held: Secret<[u8]>) -> Option<Secret<[u8]>> {
    match origin {
        Origin::DotNet => STANDARD.decode(held.expose_secret()).ok().map(Secret::from),
        Origin::Node => Some(held),
    }
}
