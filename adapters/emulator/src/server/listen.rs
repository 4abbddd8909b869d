//! Accepting connections, on the two loopback addresses and no other.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::connection;
use super::shared::Shared;

/// How often to look for a port that is free on both addresses.
const ATTEMPTS: usize = 32;
/// How often to knock at a listener that does not hear the word to stop; half a second in all.
const KNOCKS: usize = 50;
const BREATH: Duration = Duration::from_millis(10);

/// Binds both loopback addresses at one port.
///
/// A system without ::1 is served on 127.0.0.1 alone. But if ::1 is there and its port taken, then `localhost` may
/// lead clients to whoever has taken it, so that this is an error, or another port is tried.
pub(super) fn bind(port: u16) -> io::Result<(u16, Vec<TcpListener>)> {
    let attempts = if port == 0 { ATTEMPTS } else { 1 };
    let mut taken = io::Error::from(ErrorKind::AddrInUse);
    for _ in 0..attempts {
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let bound = four.local_addr()?.port();
        match TcpListener::bind((Ipv6Addr::LOCALHOST, bound)) {
            Ok(six) => return Ok((bound, vec![four, six])),
            Err(error) if error.kind() == ErrorKind::AddrInUse => taken = error,
            Err(_) => return Ok((bound, vec![four])),
        }
    }
    Err(taken)
}

/// Accepts on a thread of its own.
pub(super) fn spawn(socket: TcpListener, shared: Arc<Shared>) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let address = socket.local_addr()?;
    let thread = thread::Builder::new().name("emulator-listener".to_owned()).spawn(move || accept(&socket, &shared))?;
    Ok((address, thread))
}

fn accept(socket: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let accepted = socket.accept();
        if shared.stop.is_set() {
            return;
        }
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: some may come free.
            shared.stop.pause(BREATH);
            continue;
        };
        shared.count_accepted();
        let for_thread = Arc::clone(shared);
        let spawned = shared.open.spawn(stream, move |number, stream| {
            connection::serve(number, stream, &for_thread);
        });
        if spawned.is_err() {
            shared.stop.pause(BREATH);
        }
    }
}

/// Wakes a listener, which has been told to stop, from waiting for a connection, and waits for it to end.
pub(super) fn wake(address: SocketAddr, thread: JoinHandle<()>) {
    for _ in 0..KNOCKS {
        if thread.is_finished() {
            break;
        }
        // Whether this connects does not matter: what does is that `accept` returns.
        let _ = TcpStream::connect_timeout(&address, BREATH);
        thread::sleep(Duration::from_millis(1));
    }
    if thread.is_finished() {
        let _ = thread.join();
    }
}
