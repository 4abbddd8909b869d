//! One connection: handshake, then requests until one side has enough.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustls::{ServerConnection, Stream};

use super::deliver::{Next, deliver};
use super::exchange::{Received, receive, render_unreadable};
use super::shared::Shared;

/// A connection on which nothing moves for this long is closed.
const IDLE: Duration = Duration::from_secs(30);
/// How long to read on, and how much, so that a client still sending can see why it is refused.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 8 * 1024 * 1024;

/// The TLS stream of a connection.
pub(super) type Tls<'a, 'b> = Stream<'a, ServerConnection, &'b TcpStream>;

/// Serves a connection to its end.
pub(super) fn serve(number: u64, tcp: &TcpStream, shared: &Shared) {
    let _closing = Closing { number, shared };
    // Errors mean that the peer has gone or that the emulator stops; both end the connection and nothing else.
    let _ = converse(tcp, shared);
}

/// Takes the connection off the list of open ones, also after a panic.
struct Closing<'a> {
    number: u64,
    shared: &'a Shared,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.shared.open.close(self.number);
    }
}

fn converse(tcp: &TcpStream, shared: &Shared) -> io::Result<()> {
    tcp.set_read_timeout(Some(IDLE))?;
    tcp.set_write_timeout(Some(IDLE))?;
    tcp.set_nodelay(true)?;
    // Whoever only looks whether the port is open, and sends nothing, has not failed in a handshake.
    if tcp.peek(&mut [0])? == 0 {
        return Ok(());
    }

    let config = shared.config.clone();
    let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut socket = tcp;
    while session.is_handshaking() {
        if let Err(error) = session.complete_io(&mut socket) {
            if !shared.stop.is_set() {
                shared.count_handshake_failure();
            }
            return Err(error);
        }
    }

    let mut tls: Tls<'_, '_> = Stream::new(&mut session, &mut socket);
    let mut buffer = Vec::new();
    loop {
        match receive(&mut tls, &mut buffer)? {
            Received::Closed => return Ok(()),
            Received::Unreadable(status) => return refuse(&mut tls, status),
            Received::Request(request, reply) => {
                let answer = shared.answer(&request);
                match deliver(&mut tls, &shared.stop, *reply, answer)? {
                    Next::Request => {}
                    Next::Close => return close(&mut tls),
                    Next::Cut => return Ok(()),
                }
            }
        }
    }
}

/// Says goodbye as TLS wants it (RFC 8446 §6.1).
fn close(tls: &mut Tls<'_, '_>) -> io::Result<()> {
    tls.conn.send_close_notify();
    tls.flush()
}

/// Answers something unreadable, then closes.
fn refuse(tls: &mut Tls<'_, '_>, status: u16) -> io::Result<()> {
    let rendered = render_unreadable(status).map_err(io::Error::other)?;
    tls.write_all(&rendered.bytes)?;
    close(tls)?;
    // To close while bytes still arrive would reset the connection and could take the answer with it.
    tls.sock.shutdown(Shutdown::Write)?;
    tls.sock.set_read_timeout(Some(LINGER))?;
    let (start, mut left) = (Instant::now(), LINGER_BYTES);
    let mut sink = vec![0; 64 * 1024];
    while left > 0 && start.elapsed() < LINGER {
        match tls.sock.read(&mut sink)? {
            0 => break,
            read => left = left.saturating_sub(read),
        }
    }
    Ok(())
}
