//! Linux: items of the Secret Service (D-Bus `org.freedesktop.secrets`), as azure-identity for Python makes them.
//!
//! <https://specifications.freedesktop.org/secret-service/>

mod connection;
mod foreign;
mod items;

use azlatch_core::effect::{Partition, StoreFault};
use azlatch_core::secret::Secret;

use crate::worker::Worker;
use crate::{Address, Terms, Vault, fits, lost};
use connection::{Connection, Trouble};
pub use foreign::{Foreign, Origin};
use items::Attributes;

/// One connection for the process: opening it costs more than all that is then done with it.
static WORKER: Worker<Connection> = Worker::new();

/// The Secret Service of the user's session, as the session's environment names it (`DBUS_SESSION_BUS_ADDRESS`).
///
/// An item is ours when it has exactly our two attributes. Items that have more are another program's: they are never
/// read, changed or removed. Of several that are ours the one changed last is read and written, then the first by path.
#[derive(Clone, Copy, Debug, Default)]
pub struct SecretService(());

impl SecretService {
    /// Connects to nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }

    /// The caches that the libraries for .NET and Node have left, to be read only; none of those that are locked.
    ///
    /// # Errors
    ///
    /// As for [`Vault::read`]; `Locked` when all that was found is locked.
    pub fn read_foreign(&self, terms: Terms) -> Result<Vec<Foreign>, StoreFault> {
        WORKER.run(terms, move |connection, until| {
            connection.with(until, async |service| foreign::all(service, terms).await)
        })
    }
}

impl Vault for SecretService {
    fn read(&self, name: &Partition, terms: Terms) -> Result<Option<Secret<[u8]>>, StoreFault> {
        let address = Address::item(name);
        WORKER.run(terms, move |connection, until| {
            connection.with(until, async |service| {
                let ours = items::find(service, Attributes::ours(&address), terms).await?;
                let Some(item) = ours.items.first() else { return Ok(None) };
                items::secret(item).await.map(Some)
            })
        })
    }

    fn write(&self, name: &Partition, secret: &Secret<[u8]>, terms: Terms) -> Result<(), StoreFault> {
        fits(secret.expose_secret())?;
        let (address, secret) = (Address::item(name), secret.clone());
        WORKER.run(terms, move |connection, until| {
            connection.with(until, async |service| {
                let attributes = Attributes::ours(&address);
                let ours = items::find(service, attributes, terms).await?;
                let stored = match ours.items.into_iter().next() {
                    Some(item) => {
                        item.set_secret(secret.expose_secret(), items::CONTENT).await?;
                        items::secret(&item).await?
                    }
                    None => items::create(service, attributes, &secret, ours.wider).await?,
                };
                if stored == secret { Ok(()) } else { Err(Trouble::Settled(lost())) }
            })
        })
    }

    fn remove(&self, name: &Partition, terms: Terms) -> Result<bool, StoreFault> {
        let address = Address::item(name);
        WORKER.run(terms, move |connection, until| {
            connection.with(until, async |service| {
                let ours = items::find(service, Attributes::ours(&address), terms).await?;
                // One that is left would be read as if nothing had been removed.
                if ours.locked {
                    return Err(Trouble::Settled(StoreFault::Locked));
                }
                for item in &ours.items {
                    item.delete().await?;
                }
                Ok(!ours.items.is_empty())
            })
        })
    }
}
