//! The loopback redirect of a native application (RFC 8252 §7.3): listeners that take one answer each.
//!
//! ```text
//! accepting ──right answer──► holding ──Close, 30 s, drop──► parting ──page read──► gone
//!     │                       (the port is closed, the browser waits)                ▲
//!     └──────────── Close, deadline, drop: the port is closed ───────────────────────┘
//! ```
//!
//! A listener lives on one thread, which looks at its sockets every few milliseconds: a person is at the other end,
//! and only that is the same on every system without unsafe code. No thread of it outlives what it was opened for.

mod connection;
mod listener;
mod request;
mod shared;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use azlatch_core::effect::{Close, Listen, ListenFault, Listening, Receive, ReceiveFault, Redirect};

use listener::Listener;
use request::Expected;
use shared::{Parting, Shared};

/// How long closing waits for the page to be on its way.
const CLOSING: Duration = Duration::from_secs(1);

/// The listeners that are open. Dropping it closes them.
#[derive(Default)]
pub(crate) struct Loopback {
    listeners: Mutex<HashMap<u64, Arc<Shared>>>,
}

impl Loopback {
    pub(crate) fn listen(&self, ask: &Listen) -> Result<Listening, ListenFault> {
        if !ask.path.starts_with('/') || ask.path.contains(['?', '#']) {
            return Err(ListenFault::Io("what to listen at is not a path".to_owned()));
        }
        if ask.state.expose_secret().is_empty() {
            return Err(ListenFault::Io("nothing tells the answer from others: no state".to_owned()));
        }
        let (port, sockets) = listener::bind(ask.port)?;
        let shared = Arc::new(Shared::new());
        let expected = Expected { port, path: ask.path.clone(), state: ask.state.clone() };
        let serving = Listener::new(sockets, expected, ask.timeout, Arc::clone(&shared));
        let thread = thread::Builder::new().name("azlatch-loopback".to_owned());
        thread.spawn(move || serving.serve()).map_err(|error| ListenFault::Io(error.kind().to_string()))?;
        // One count for the process: the name of another system's listener is not taken for one of ours.
        static LAST: AtomicU64 = AtomicU64::new(0);
        let listener = LAST.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        self.listeners().insert(listener, shared);
        Ok(Listening { listener, port })
    }

    pub(crate) fn receive(&self, ask: Receive) -> Result<Option<Redirect>, ReceiveFault> {
        let shared = self.listeners().get(&ask.listener).cloned();
        shared.ok_or(ReceiveFault::Closed)?.receive(ask.span)
    }

    pub(crate) fn close(&self, ask: &Close) {
        let shared = self.listeners().remove(&ask.listener);
        if let Some(shared) = shared {
            shared.part(Parting::Farewell(ask.farewell.clone()));
            shared.wait_until_parted(CLOSING);
        }
    }

    fn listeners(&self) -> MutexGuard<'_, HashMap<u64, Arc<Shared>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        let left: Vec<_> = self.listeners().drain().map(|(_, shared)| shared).collect();
        left.iter().for_each(|shared| shared.part(Parting::Abandoned));
        let begun = Instant::now();
        left.iter().for_each(|shared| shared.wait_until_parted(CLOSING.saturating_sub(begun.elapsed())));
    }
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loopback({} listeners)", self.listeners().len())
    }
}
