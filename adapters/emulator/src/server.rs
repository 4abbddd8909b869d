//! HTTPS around the model, on the loopback interface only.
//!
//! ```text
//!   listen ──TcpStream──▶ connection (a thread each) ──▶ exchange: bytes ⇄ Request, Answer
//!      ╲                      │                              (framing by ureq-proto)
//!       ╲─── open ────────────┤ deliver: carries out an Answer's Conduct
//!                             ▼
//!                          shared: the model behind a lock, the clock, the counts
//! ```
//!
//! Everything that blocks can be woken: sockets by shutting them down, pauses by [`stop::Stop`]. [`Emulator::stop`]
//! therefore returns at once, whatever the connections were doing.

mod builder;
mod certificate;
mod connection;
mod deliver;
mod exchange;
mod listen;
mod open;
mod shared;
mod stop;

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::model::Entra;
use shared::Shared;

pub use builder::Builder;

/// A running emulator: an Entra at `https://localhost:{port}`, until it is stopped or dropped.
///
/// Clients must be told to trust its certificate authority, which is made anew at each start and whose key is
/// thrown away at once: see [`ca_pem`](Self::ca_pem) and [`write_ca`](Self::write_ca).
pub struct Emulator {
    shared: Arc<Shared>,
    port: u16,
    ca_pem: String,
    listeners: Mutex<Vec<(SocketAddr, JoinHandle<()>)>>,
}

impl Emulator {
    /// Begins to describe an emulator.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The certificate of its certificate authority, in PEM (RFC 7468 §5).
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Writes [`ca_pem`](Self::ca_pem) to a file.
    ///
    /// # Errors
    ///
    /// Those of writing the file.
    pub fn write_ca(&self, path: impl AsRef<Path>) -> std::io::Result<()> {
        std::fs::write(path, &self.ca_pem)
    }

    /// Where clients reach it: `https://localhost:{port}`.
    pub fn authority(&self) -> String {
        authority(self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Looks at the model or changes it. Requests wait meanwhile.
    pub fn with<T>(&self, look: impl FnOnce(&mut Entra) -> T) -> T {
        look(&mut self.shared.entra())
    }

    /// Moves the clock of the model forward, in whole milliseconds, of which the model sees whole seconds.
    pub fn advance(&self, by: Duration) {
        self.shared.advance(by);
    }

    /// How many connections it has accepted since its start.
    pub fn connections(&self) -> u64 {
        self.shared.accepted()
    }

    /// How many connections failed in the TLS handshake: mostly clients that do not trust the authority.
    pub fn handshake_failures(&self) -> u64 {
        self.shared.handshake_failures()
    }

    /// Closes all sockets and waits for all threads. Stopping twice does no harm; dropping does the same.
    pub fn stop(&self) {
        self.shared.stop.set();
        // First the connections, so that there are file descriptors left to wake the listeners with.
        self.shared.open.shut();
        let listeners = {
            let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *listeners)
        };
        for (address, thread) in listeners {
            listen::wake(address, thread);
        }
        self.shared.open.join();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("port", &self.port).finish_non_exhaustive()
    }
}

fn authority(port: u16) -> String {
    format!("https://localhost:{port}")
}
