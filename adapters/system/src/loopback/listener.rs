//! One listener: its two sockets, its connections, and the order in which they end.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use azlatch_core::effect::{ListenFault, Redirect};

use super::connection::{Connection, Moved};
use super::request::Expected;
use super::shared::{Parting, Shared};
use crate::page;

/// How often the sockets are looked at while there are connections.
const TICK: Duration = Duration::from_millis(10);
/// How often, while there are none.
const IDLE: Duration = Duration::from_millis(50);
/// The most connections at a time.
const CONNECTIONS: usize = 16;
/// The most new connections of a family between two looks: what came before has then been read at least once.
const NEW: usize = CONNECTIONS / 2;
/// How long a browser is kept waiting for its page.
const HOLDING: Duration = Duration::from_secs(30);
/// How often a port is looked for that is free on both addresses.
const ATTEMPTS: usize = 32;

/// Binds both loopback addresses at one port, and no other address (RFC 8252 §7.3).
///
/// A machine without one of the families is served on the other. But a port that is taken on one of them is of no use:
/// `localhost` might lead the browser to whoever has it.
pub(super) fn bind(port: u16) -> Result<(u16, Vec<TcpListener>), ListenFault> {
    for _ in 0..if port == 0 { ATTEMPTS } else { 1 } {
        let four = open(Ipv4Addr::LOCALHOST.into(), port);
        let wanted = match &four {
            Ok((bound, _)) => *bound,
            Err(error) if error.kind() == ErrorKind::AddrInUse => continue,
            Err(_) => port,
        };
        match (four, open(Ipv6Addr::LOCALHOST.into(), wanted)) {
            (_, Err(error)) if error.kind() == ErrorKind::AddrInUse => {}
            (Ok((bound, four)), Ok((_, six))) => return Ok((bound, vec![four, six])),
            (Ok((bound, one)), Err(_)) | (Err(_), Ok((bound, one))) => return Ok((bound, vec![one])),
            (Err(error), Err(_)) => return Err(ListenFault::Io(error.kind().to_string())),
        }
    }
    Err(ListenFault::Taken)
}

fn open(address: IpAddr, port: u16) -> io::Result<(u16, TcpListener)> {
    let socket = TcpListener::bind((address, port))?;
    socket.set_nonblocking(true)?;
    Ok((socket.local_addr()?.port(), socket))
}

/// A listener that accepts.
pub(super) struct Listener {
    sockets: Vec<TcpListener>,
    connections: Vec<Connection>,
    expected: Expected,
    timeout: Duration,
    shared: Arc<Shared>,
}

/// Says that the listener has ended, also after a panic.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.parted();
    }
}

impl Listener {
    pub(super) const fn new(
        sockets: Vec<TcpListener>,
        expected: Expected,
        timeout: Duration,
        shared: Arc<Shared>,
    ) -> Self {
        Self { sockets, connections: Vec::new(), expected, timeout, shared }
    }

    /// Serves to the end.
    pub(super) fn serve(mut self) {
        // Declared first, so dropped last: the sockets are closed when the end is told.
        let _ending = Ending(Arc::clone(&self.shared));
        let answered = self.accept_until_answered();
        // Nobody hears of the answer before the port is closed: a second one cannot come (RFC 9700 §4.7).
        self.sockets.clear();
        self.connections.retain(Connection::is_answered);
        if let Some((mut waiting, redirect)) = answered {
            self.shared.deliver(redirect);
            let page = self.hold(&mut waiting);
            waiting.answer(200, Some(&page));
            self.say(waiting);
        }
    }

    fn accept_until_answered(&mut self) -> Option<(Connection, Redirect)> {
        let opened = Instant::now();
        while opened.elapsed() < self.timeout {
            self.accept();
            if let Some(answered) = self.look() {
                return Some(answered);
            }
            let span = if self.connections.is_empty() { IDLE } else { TICK };
            let left = self.timeout.saturating_sub(opened.elapsed());
            if self.shared.rest(span.min(left)).is_some() {
                break;
            }
        }
        None
    }

    fn accept(&mut self) {
        for socket in &self.sockets {
            for _ in 0..NEW {
                // Out of file descriptors, most likely, if it is not that nobody comes: some may come free.
                let Ok((stream, _)) = socket.accept() else { break };
                let Ok(connection) = Connection::new(stream) else { continue };
                if self.connections.len() >= CONNECTIONS {
                    // They stand in the order in which they came.
                    let idle = self.connections.iter().position(Connection::is_idle);
                    self.connections.remove(idle.unwrap_or_default());
                }
                self.connections.push(connection);
            }
        }
    }

    /// Moves every connection on, as far as it goes.
    fn look(&mut self) -> Option<(Connection, Redirect)> {
        let mut at = 0;
        while let Some(connection) = self.connections.get_mut(at) {
            match connection.advance(&self.expected) {
                Moved::Waiting => at += 1,
                Moved::Right(redirect) => return Some((self.connections.remove(at), redirect)),
                Moved::Over => drop(self.connections.remove(at)),
            }
        }
        None
    }

    /// Keeps the browser waiting until it is known how the sign-in ended.
    fn hold(&mut self, waiting: &mut Connection) -> String {
        let since = Instant::now();
        while since.elapsed() < HOLDING {
            match self.shared.rest(TICK) {
                Some(Parting::Farewell(farewell)) => return page::farewell(&farewell),
                Some(Parting::Abandoned) => break,
                None => {}
            }
            waiting.discard();
            // None of these can be an answer any more: all have been refused.
            let _ = self.look();
        }
        page::neutral()
    }

    /// Brings the page to the browser; the callers need not wait until it has read it.
    fn say(self, mut connection: Connection) {
        while matches!(connection.advance(&self.expected), Moved::Waiting) {
            if connection.is_written() {
                self.shared.parted();
            }
            thread::sleep(TICK);
        }
    }
}
