//! The connection to the service: made when needed, made again when it breaks, given up when time runs out.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use async_io::Timer;
use azlatch_core::effect::StoreFault;
use azlatch_core::wire::text::printable;
use secret_service::{EncryptionType, Error, SecretService};

/// What a remote error may add to ours, in bytes.
const SHOWN: usize = 200;

/// An encrypted session with the service; `None` until the first call, and after one that broke off.
#[derive(Default)]
pub(crate) struct Connection(Option<SecretService<'static>>);

impl Connection {
    /// Does `work` by `until`, once more on a fresh connection if something is broken.
    ///
    /// Whatever `work` does must be safe to do twice: a broken connection does not tell how far it got.
    pub(crate) fn with<T>(
        &mut self,
        until: Instant,
        work: impl AsyncFn(&SecretService<'static>) -> Result<T, Trouble>,
    ) -> Result<T, StoreFault> {
        let twice = async {
            match once(&mut self.0, &work).await {
                Err(Trouble::Broken(_)) => once(&mut self.0, &work).await,
                said => said,
            }
        };
        // zbus's own, which knows what runtime zbus was built for: in some programs that is tokio.
        match zbus::block_on(by(until, twice)) {
            Some(Ok(done)) => Ok(done),
            Some(Err(Trouble::Settled(fault))) => Err(fault),
            Some(Err(Trouble::Broken(error))) => Err(fault(&error)),
            None => Err(StoreFault::Busy),
        }
    }
}

/// Does `work` on the connection, which is kept only if the service has answered: nobody knows what is still to come
/// on one that broke or was given up. A dialog closes when nobody waits for it.
async fn once<T>(
    connection: &mut Option<SecretService<'static>>,
    work: &impl AsyncFn(&SecretService<'static>) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    let service = match connection.take() {
        Some(service) => service,
        // Encrypted, so that no copy of a secret stays in the buffers of the bus.
        None => SecretService::connect(EncryptionType::Dh).await?,
    };
    let said = work(&service).await;
    if !matches!(said, Err(Trouble::Broken(_))) {
        *connection = Some(service);
    }
    said
}

/// `future`'s output, unless `until` comes first.
async fn by<T>(until: Instant, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut timer = pin!(Timer::at(until));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => timer.as_mut().poll(context).map(|_| None),
    })
    .await
}

/// Why a call did not come to its end.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The service has answered, and that is the answer.
    Settled(StoreFault),
    /// Something failed that a fresh connection may mend: the service was restarted, an item replaced meanwhile.
    Broken(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::Locked => Self::Settled(StoreFault::Locked),
            Error::Prompt => Self::Settled(StoreFault::Denied("the prompt was dismissed".to_owned())),
            Error::NoResult => Self::Settled(no_collection()),
            error => match fault(&error) {
                locked @ StoreFault::Locked => Self::Settled(locked),
                _ => Self::Broken(error),
            },
        }
    }
}

/// Nothing can be stored before the person has made a collection, for which their desktop has a program.
pub(crate) fn no_collection() -> StoreFault {
    StoreFault::Unavailable("the Secret Service has no default collection".to_owned())
}

/// The fault that an error of the service, the bus or the way there means.
fn fault(error: &Error) -> StoreFault {
    let no_service = |why: &str| StoreFault::Unavailable(format!("no Secret Service: {}", printable(why, SHOWN)));
    match error {
        Error::Unavailable => no_service("no session bus"),
        Error::Zbus(error) => match error {
            zbus::Error::Connection(why, _) => no_service(&why.to_string()),
            zbus::Error::InputOutput(why) => no_service(&why.to_string()),
            zbus::Error::Address(why) | zbus::Error::Handshake(why) => no_service(why),
            zbus::Error::MethodError(name, why, _) => remote(name.as_str(), why.as_deref().unwrap_or_default()),
            zbus::Error::FDO(error) => remote_fdo(error),
            error => StoreFault::Io(printable(&error.to_string(), SHOWN)),
        },
        Error::ZbusFdo(error) => remote_fdo(error),
        error => StoreFault::Io(printable(&error.to_string(), SHOWN)),
    }
}

fn remote_fdo(error: &zbus::fdo::Error) -> StoreFault {
    match error {
        zbus::fdo::Error::ZBus(error) => StoreFault::Io(printable(&error.to_string(), SHOWN)),
        error => remote(zbus::DBusError::name(error).as_str(), zbus::DBusError::description(error).unwrap_or_default()),
    }
}

/// An error that came back in a D-Bus message, by its name.
fn remote(name: &str, why: &str) -> StoreFault {
    let said = printable(&format!("{name}: {why}"), SHOWN);
    match name.rsplit('.').next().unwrap_or_default() {
        "IsLocked" => StoreFault::Locked,
        "AccessDenied" | "AuthFailed" => StoreFault::Denied(said),
        "NoReply" | "Timeout" | "TimedOut" => StoreFault::Busy,
        "ServiceUnknown" | "NameHasNoOwner" | "NoServer" | "Disconnected" => StoreFault::Unavailable(said),
        _ if name.contains(".Spawn.") => StoreFault::Unavailable(said),
        _ => StoreFault::Io(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_errors_by_name() {
        let dbus = |name: &str| remote(&format!("org.freedesktop.DBus.Error.{name}"), "why");
        assert!(matches!(dbus("ServiceUnknown"), StoreFault::Unavailable(_)));
        assert!(matches!(dbus("Spawn.ChildExited"), StoreFault::Unavailable(_)));
        assert!(matches!(dbus("AccessDenied"), StoreFault::Denied(_)));
        assert_eq!(dbus("NoReply"), StoreFault::Busy);
        assert_eq!(remote("org.freedesktop.Secret.Error.IsLocked", ""), StoreFault::Locked);
        assert_eq!(remote("org.x.No", "a\u{1b}[2J"), StoreFault::Io("org.x.No: a\\u{1b}[2J".to_owned()));
    }
}
