//! Finding, reading and making items.

use std::collections::HashMap;

use azlatch_core::effect::StoreFault;
use azlatch_core::secret::Secret;
use secret_service::{Collection, Item, SecretService};

use super::connection::{Trouble, no_collection};
use crate::address::LABEL;
use crate::{Address, LIMIT, SERVICE, Terms};

/// The content type that libsecret gives to text.
pub(crate) const CONTENT: &str = "text/plain";

/// The attributes that an item of ours has, and no others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'a>([(&'static str, &'a str); 2]);

impl<'a> Attributes<'a> {
    pub(crate) fn ours(address: &'a Address) -> Self {
        Self([("xdg:schema", address.as_str()), ("MsalClientID", SERVICE)])
    }

    fn to_map(self) -> HashMap<&'static str, &'a str> {
        self.0.into()
    }

    fn are_in(self, all: &HashMap<String, String>) -> bool {
        self.0.iter().all(|(key, value)| all.get(*key).is_some_and(|there| there == value))
    }
}

/// What a search came to.
#[derive(Default)]
pub(crate) struct Found<'a> {
    /// Those that are ours and unlocked: the one changed last first, then by path. Empty: there is none.
    pub(crate) items: Vec<Item<'a>>,
    /// Beside these there are locked ones.
    pub(crate) locked: bool,
    /// There are items of others that have our attributes and more.
    pub(crate) wider: bool,
}

/// Searches all collections. That nothing is found counts only while the default collection is unlocked, since some
/// services search no locked ones.
pub(crate) async fn find<'a>(
    service: &'a SecretService<'static>,
    attributes: Attributes<'_>,
    terms: Terms,
) -> Result<Found<'a>, Trouble> {
    // A second time after a person has unlocked something.
    for may_unlock in [terms.prompt, false] {
        let (found, locked) = search(service, attributes).await?;
        if !found.items.is_empty() {
            return Ok(found);
        }
        let collection = default_collection(service).await?;
        if !locked.is_empty() {
            if !may_unlock {
                break;
            }
            service.unlock_all(&locked.iter().collect::<Vec<_>>()).await?;
        } else if collection.is_locked().await? {
            if !may_unlock {
                break;
            }
            collection.unlock().await?;
        } else {
            return Ok(found);
        }
    }
    Err(Trouble::Settled(StoreFault::Locked))
}

/// The items of ours that are unlocked, and those that are locked and may be ours.
async fn search<'a>(
    service: &'a SecretService<'static>,
    attributes: Attributes<'_>,
) -> Result<(Found<'a>, Vec<Item<'a>>), Trouble> {
    let all = service.search_items(attributes.to_map()).await?;
    let mut found = Found::default();
    for item in all.unlocked {
        let its = item.get_attributes().await?;
        match attributes.are_in(&its) {
            true if its.len() == attributes.0.len() => found.items.push(item),
            is_wider => found.wider |= is_wider,
        }
    }
    let mut locked = Vec::new();
    for item in all.locked {
        // While locked, a service may show no attributes, or their digests: then it may be ours.
        let its = item.get_attributes().await.unwrap_or_default();
        if attributes.are_in(&its) && its.len() > attributes.0.len() {
            found.wider = true;
        } else {
            locked.push(item);
        }
    }
    found.locked = !locked.is_empty();
    if found.items.len() > 1 {
        let mut dated = Vec::with_capacity(found.items.len());
        for item in found.items {
            dated.push((item.get_modified().await?, item));
        }
        dated.sort_by(|(a, one), (b, other)| b.cmp(a).then_with(|| one.item_path.cmp(&other.item_path)));
        found.items = dated.into_iter().map(|(_, item)| item).collect();
    }
    Ok((found, locked))
}

/// What `item` holds.
pub(crate) async fn secret(item: &Item<'_>) -> Result<Secret<[u8]>, Trouble> {
    let secret = Secret::<[u8]>::from(item.get_secret().await?);
    match secret.expose_secret().len() {
        ..=LIMIT => Ok(secret),
        _ => Err(Trouble::Settled(StoreFault::TooLarge { limit: LIMIT })),
    }
}

/// Makes an item in the default collection, and reads what it then holds.
pub(crate) async fn create(
    service: &SecretService<'static>,
    attributes: Attributes<'_>,
    secret: &Secret<[u8]>,
    wider: bool,
) -> Result<Secret<[u8]>, Trouble> {
    let collection = default_collection(service).await?;
    // To replace is right when another process was faster. But an item with more attributes, which is not ours, would
    // be replaced as well.
    let item = collection.create_item(LABEL, attributes.to_map(), secret.expose_secret(), !wider, CONTENT).await?;
    self::secret(&item).await
}

async fn default_collection<'a>(service: &'a SecretService<'static>) -> Result<Collection<'a>, Trouble> {
    match service.get_default_collection().await {
        Err(secret_service::Error::NoResult) => Err(Trouble::Settled(no_collection())),
        collection => Ok(collection?),
    }
}
