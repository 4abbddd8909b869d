//! How far a request has come: the one thing that ureq's errors do not say.
//!
//! To ureq an unknown name, a proxy that hung up and a server that took the request and died can all be the same I/O
//! error. Whether a single-use token may be sent again hangs on the difference, so the driver's resolver and
//! connections, wrapped around ureq's own, note each milestone. They run on the thread that asked: so do the notes.
//!
//! ```text
//! ToServer ───────────────────┬─▶ Connected ──▶ Sending
//! ToProxy  ──▶ BehindProxy ───┘      TLS is up     from the first byte of the request on
//! ```
//!
//! The wrappers also mend two habits of ureq 3.5: waiting for a proxy starts the timeout anew with every read, and a
//! body without a length counts as whole when its connection is torn (RFC 9112 §9.8 says it is not).

use std::cell::Cell;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport, time,
};
use ureq::{Error, Timeout, http};

/// The milestones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Looking for the server, up to the end of its TLS handshake.
    ToServer,
    /// Looking for the proxy, up to the end of its TLS handshake if it has one.
    ToProxy,
    /// Asking the proxy for a tunnel, and shaking hands with the server through it.
    BehindProxy,
    /// The server is at the other end, and has been sent nothing.
    Connected,
    /// It may have seen something.
    Sending,
}

thread_local! {
    static STAGE: Cell<Stage> = const { Cell::new(Stage::ToServer) };
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Starts on a way whose end must be reached within `timeout`.
pub(crate) fn start(proxied: bool, timeout: Duration) {
    STAGE.set(if proxied { Stage::ToProxy } else { Stage::ToServer });
    DEADLINE.set(Instant::now().checked_add(timeout));
}

/// Where this thread's request is.
pub(crate) fn stage() -> Stage {
    STAGE.get()
}

/// Not longer than the whole exchange may still take.
fn capped(timeout: NextTimeout) -> NextTimeout {
    let left = DEADLINE.get().map(|deadline| deadline.saturating_duration_since(Instant::now()));
    match left {
        Some(left) if left < *timeout.after => {
            NextTimeout { after: time::Duration::Exact(left), reason: Timeout::Global, ..timeout }
        }
        _ => timeout,
    }
}

/// ureq's resolver, whose failures are told apart from those of connections, and whose answers are good for a while: it
/// looks a name up for every request, in a thread of its own, though the connection is kept. Clones share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Arc<Mutex<Vec<Name>>>);

/// A name that was looked up.
#[derive(Debug)]
struct Name {
    /// Scheme, host and port, as the request writes them.
    of: String,
    addresses: ResolvedSocketAddrs,
    at: Instant,
}

/// How long an answer is good for; not longer than names usually say themselves.
const FRESH: Duration = Duration::from_secs(15);

/// Names that are remembered at most.
const NAMES: usize = 16;

impl Names {
    /// Forgets all of them: a connection failed, and its name may have moved.
    pub(crate) fn forget(&self) {
        self.known().clear();
    }

    fn known(&self) -> MutexGuard<'_, Vec<Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resolver for Names {
    fn resolve(&self, uri: &http::Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        // Without user name and password, which a proxy's address may hold.
        let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
        let of = format!("{scheme}://{host}:{}", uri.port_u16().unwrap_or_default());
        if let Some(name) = self.known().iter().find(|name| name.of == of && name.at.elapsed() < FRESH) {
            return Ok(name.addresses.clone());
        }
        let addresses =
            DefaultResolver::default().resolve(uri, config, capped(timeout)).map_err(|error| match error {
                Error::Io(_) => Error::HostNotFound,
                other => other,
            })?;
        let mut known = self.known();
        known.retain(|name| name.of != of && name.at.elapsed() < FRESH);
        if known.len() < NAMES {
            known.push(Name { of, addresses: addresses.clone(), at: Instant::now() });
        }
        Ok(addresses)
    }
}

/// ureq's connections, with milestones.
#[derive(Debug, Default)]
pub(crate) struct Lines(DefaultConnector);

impl Connector for Lines {
    type Out = Line;

    /// Runs twice where there is a proxy: within the outer run, ureq connects to the proxy itself.
    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<()>) -> Result<Option<Line>, Error> {
        let details = ConnectionDetails {
            uri: details.uri,
            addrs: details.addrs.clone(),
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: (details.current_time)(),
            timeout: capped(details.timeout),
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let Some(inner) = self.0.connect(&details, chained)? else { return Ok(None) };
        let to_server = stage() != Stage::ToProxy;
        STAGE.set(if to_server { Stage::Connected } else { Stage::BehindProxy });
        Ok(Some(Line { inner, to_server }))
    }
}

/// A connection that notes when the request begins to leave.
#[derive(Debug)]
pub(crate) struct Line {
    inner: Box<dyn Transport>,
    to_server: bool,
}

impl Transport for Line {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.to_server {
            STAGE.set(Stage::Sending);
        }
        self.inner.transmit_output(amount, capped(timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(capped(timeout)).map_err(|error| match error {
            // The three that ureq takes for the end of a body without a length.
            Error::Io(torn)
                if matches!(
                    torn.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
                ) =>
            {
                Error::Io(io::ErrorKind::BrokenPipe.into())
            }
            other => other,
        })
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
