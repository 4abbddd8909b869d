//! Starting an emulator.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::shared::{Clock, Shared};
use super::{Emulator, authority, certificate, listen};
use crate::model::{Entra, Settings};

/// An emulator that has not been started.
#[must_use = "nothing listens before `start`"]
pub struct Builder {
    settings: Settings,
    port: u16,
    clock: Clock,
}

impl Default for Builder {
    /// Default settings, any free port, the clock of the system.
    fn default() -> Self {
        Builder { settings: Settings::default(), port: 0, clock: Box::new(system_time) }
    }
}

impl Builder {
    /// Sets how the model behaves. The `authority` in it is replaced by the address of the emulator.
    pub fn settings(self, settings: Settings) -> Self {
        Builder { settings, ..self }
    }

    /// Sets the port; 0, the default, takes any that is free.
    pub fn port(self, port: u16) -> Self {
        Builder { port, ..self }
    }

    /// Sets where the model's time comes from, in Unix seconds. Certificates keep to the time of the system, as
    /// clients do when they verify them.
    pub fn clock(self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Builder { clock: Box::new(clock), ..self }
    }

    /// Binds 127.0.0.1 and, if the system has it, ::1 at the same port, and begins to answer.
    ///
    /// # Errors
    ///
    /// If the port is taken on either address, or the system gives no socket or thread.
    pub fn start(self) -> std::io::Result<Emulator> {
        let (port, sockets) = listen::bind(self.port)?;
        let credentials = certificate::issue(port, system_time())?;
        let settings = Settings { authority: authority(port), ..self.settings };
        let mut emulator = Emulator {
            shared: Arc::new(Shared::new(Entra::new(settings), self.clock, credentials.config)),
            port,
            ca_pem: credentials.ca_pem,
            listeners: Mutex::default(),
        };
        for socket in sockets {
            // On an error the emulator is dropped and with it whatever listens already.
            let listener = listen::spawn(socket, Arc::clone(&emulator.shared))?;
            let listeners = emulator.listeners.get_mut();
            listeners.unwrap_or_else(PoisonError::into_inner).push(listener);
        }
        Ok(emulator)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("settings", &self.settings).field("port", &self.port).finish_non_exhaustive()
    }
}

fn system_time() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
