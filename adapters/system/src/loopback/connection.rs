//! One connection: it reads until there is a judgement, writes one answer, and closes in a way that loses nothing.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use azlatch_core::effect::Redirect;
use zeroize::Zeroizing;

use super::request::{Expected, Judged, LIMIT};
use crate::page;

/// A request that has not ended after this is not waited for.
const READING: Duration = Duration::from_secs(5);
/// An answer that is not read after this is given up; so is a peer that does not stop sending.
const PARTING: Duration = Duration::from_secs(2);
/// How much is read, and not looked at, after an answer.
const DISCARDED: usize = 8 * 1024 * 1024;

/// An accepted connection.
pub(super) struct Connection {
    socket: TcpStream,
    since: Instant,
    stage: Stage,
}

enum Stage {
    /// `filled` bytes of `room` have come. They may carry the code: wiped.
    Reading { room: Zeroizing<Vec<u8>>, filled: usize },
    /// The right answer came; nothing is said yet.
    Holding,
    /// This is being said.
    Writing { answer: Vec<u8>, said: usize },
    /// All is said. Closing while bytes still come would reset the connection, and could take the answer with it.
    Draining { read: usize },
}

/// What a look at a connection showed.
pub(super) enum Moved {
    /// It goes on.
    Waiting,
    /// It brought the answer that was waited for.
    Right(Redirect),
    /// Nothing more comes of it.
    Over,
}

impl Connection {
    pub(super) fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let stage = Stage::Reading { room: Zeroizing::new(vec![0; LIMIT]), filled: 0 };
        Ok(Self { socket, since: Instant::now(), stage })
    }

    /// Whether nothing has come over it.
    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Reading { filled: 0, .. })
    }

    /// Whether it has been judged, and its answer at least begun.
    pub(super) const fn is_answered(&self) -> bool {
        matches!(self.stage, Stage::Writing { .. } | Stage::Draining { .. })
    }

    /// Whether its answer is on its way as a whole.
    pub(super) const fn is_written(&self) -> bool {
        matches!(self.stage, Stage::Draining { .. })
    }

    /// Moves on as far as possible without waiting.
    pub(super) fn advance(&mut self, expected: &Expected) -> Moved {
        let patience = if self.is_answered() { PARTING } else { READING };
        if self.since.elapsed() >= patience && !matches!(self.stage, Stage::Holding) {
            return Moved::Over;
        }
        match self.try_advance(expected) {
            Ok(moved) => moved,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Moved::Waiting,
            // The peer has gone.
            Err(_) => Moved::Over,
        }
    }

    /// As [`advance`](Self::advance); "would block" is an error here.
    fn try_advance(&mut self, expected: &Expected) -> io::Result<Moved> {
        loop {
            match &mut self.stage {
                Stage::Reading { room, filled } => {
                    let read = read(&self.socket, room.get_mut(*filled..).unwrap_or_default())?;
                    *filled += read;
                    match expected.judge(room.get(..*filled).unwrap_or_default()) {
                        Judged::Unfinished if read == 0 => return Ok(Moved::Over),
                        Judged::Unfinished => {}
                        Judged::Right(redirect) => {
                            self.stage = Stage::Holding;
                            return Ok(Moved::Right(redirect));
                        }
                        Judged::Refused(refused) => {
                            let page = refused.with_body.then(|| page::refusal(refused.why));
                            self.answer(refused.status, page.as_deref());
                        }
                    }
                }
                Stage::Holding => return Ok(Moved::Waiting),
                Stage::Writing { answer, said } => {
                    *said += write(&self.socket, answer.get(*said..).unwrap_or_default())?;
                    if *said >= answer.len() {
                        self.socket.shutdown(Shutdown::Write)?;
                        self.stage = Stage::Draining { read: 0 };
                    }
                }
                Stage::Draining { read: seen } => {
                    let more = read(&self.socket, &mut [0; 16 * 1024])?;
                    *seen += more;
                    if more == 0 || *seen > DISCARDED {
                        return Ok(Moved::Over);
                    }
                }
            }
        }
    }

    /// Reads, and does not look at, what comes after the right answer.
    pub(super) fn discard(&self) {
        let _ = read(&self.socket, &mut [0; 16 * 1024]);
    }

    /// Answers with `status`, and closes after it.
    pub(super) fn answer(&mut self, status: u16, page: Option<&str>) {
        self.stage = Stage::Writing { answer: rendered(status, page), said: 0 };
        self.since = Instant::now();
    }
}

/// An answer as bytes. Nothing that came from elsewhere stands in its head, `Location` least of all (RFC 9700 §4.11).
fn rendered(status: u16, page: Option<&str>) -> Vec<u8> {
    let reason = match status {
        200 => "OK",
        204 => "No Content",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        _ => "Bad Request",
    };
    let allow = if status == 405 { "Allow: GET, POST\r\n" } else { "" };
    let length = page.map_or_else(String::new, |page| {
        format!("Content-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n", page.len())
    });
    format!(
        "HTTP/1.1 {status} {reason}\r\n{allow}{length}Connection: close\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n\
         Referrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\r\n{}",
        page.unwrap_or_default()
    )
    .into_bytes()
}

fn read(mut socket: &TcpStream, room: &mut [u8]) -> io::Result<usize> {
    uninterrupted(|| socket.read(room))
}

fn write(mut socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    match uninterrupted(|| socket.write(bytes))? {
        0 => Err(ErrorKind::WriteZero.into()),
        written => Ok(written),
    }
}

fn uninterrupted(mut attempt: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
