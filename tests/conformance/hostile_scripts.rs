//! What the hostile servers do: scripts to be put in a table, and the messages they send.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::hostile::{Peer, Request};

/// A script that fits in a table.
pub(crate) type Play = Box<dyn Fn(&mut Peer) -> io::Result<()> + Send + Sync>;

/// Between two bytes of a drip: far below any timeout, so that only a total deadline ends it.
const DRIP: Duration = Duration::from_millis(20);

/// A well-formed response; `headers` end in CR LF each.
pub(crate) fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A 200 with `body`.
pub(crate) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    response("200 OK", "", body)
}

/// A 200 whose body is every byte until the connection closes.
pub(crate) fn until_closed(body: impl AsRef<[u8]>) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", body.as_ref()].concat()
}

/// Answers every request as `answer` decides.
pub(crate) fn respond(answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Play {
    Box::new(move |peer| {
        loop {
            let request = peer.request()?;
            peer.send(&answer(&request))?;
        }
    })
}

/// Answers every request with these bytes.
pub(crate) fn always(bytes: impl Into<Vec<u8>>) -> Play {
    let bytes = bytes.into();
    respond(move |_| bytes.clone())
}

/// Answers one request with these bytes, then closes.
pub(crate) fn once(bytes: impl Into<Vec<u8>>) -> Play {
    let bytes = bytes.into();
    Box::new(move |peer| {
        peer.request()?;
        peer.send(&bytes)
    })
}

/// Answers one request with these bytes, then tears the TLS connection: it ends without a word.
pub(crate) fn once_torn(bytes: impl Into<Vec<u8>>) -> Play {
    let once = once(bytes);
    Box::new(move |peer| {
        once(peer)?;
        Err(io::ErrorKind::BrokenPipe.into())
    })
}

/// Says nothing, ever.
pub(crate) fn silence() -> Play {
    Box::new(Peer::listen)
}

/// Closes at once.
pub(crate) fn goodbye() -> Play {
    Box::new(|_| Ok(()))
}

/// Resets the connection before anything is said.
pub(crate) fn reset() -> Play {
    Box::new(Peer::reset)
}

/// Reads a request's head, sends these bytes, and resets the connection.
pub(crate) fn reset_after(bytes: impl Into<Vec<u8>>) -> Play {
    let bytes = bytes.into();
    Box::new(move |peer| {
        peer.head()?;
        peer.send(&bytes)?;
        peer.reset()
    })
}

/// Sends these bytes whatever the client says, and closes.
pub(crate) fn blurt(bytes: impl Into<Vec<u8>>) -> Play {
    let bytes = bytes.into();
    Box::new(move |peer| {
        peer.read(&mut [0; 4096])?;
        peer.send(&bytes)
    })
}

/// Sends these bytes as soon as the client says something, then `drop` every 20 ms.
pub(crate) fn drip(bytes: impl Into<Vec<u8>>, drop: &'static str) -> Play {
    let bytes = bytes.into();
    Box::new(move |peer| {
        peer.read(&mut [0; 4096])?;
        peer.send(&bytes)?;
        peer.send_on_and_on(drop.as_bytes(), DRIP)
    })
}

/// Sends these bytes as soon as the client says something, then `more` without end.
pub(crate) fn flood(bytes: impl Into<Vec<u8>>, more: impl Into<Vec<u8>>) -> Play {
    let (bytes, more) = (bytes.into(), more.into());
    Box::new(move |peer| {
        peer.read(&mut [0; 4096])?;
        peer.send(&bytes)?;
        peer.send_on_and_on(&more, Duration::ZERO)
    })
}

/// A proxy that leads everybody to `target`, whatever they asked for.
pub(crate) fn tunnel(target: SocketAddr) -> Play {
    Box::new(move |peer| {
        peer.request()?;
        let mut far = TcpStream::connect(target)?;
        peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        peer.relay(&mut far)
    })
}

/// A gzip member that unpacks to about `unpacked` zeros, a hundred and fifty times its size.
///
/// One literal zero, then copies of 258 bytes from one byte back, in deflate's fixed code (RFC 1951 §3.2.6). The
/// checksum is wrong: whoever finds out has unpacked it all.
pub(crate) fn gzip_bomb(unpacked: usize) -> Vec<u8> {
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let copy = "11000101" /* length 258 */.to_owned() + "00000" /* distance 1 */;
    let bits = "110" /* last block, fixed code */.to_owned()
        + "00110000" /* literal 0 */
        + &copy.repeat(unpacked / 258)
        + "0000000"; /* end of block */
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | (bit - b'0'));
    header.into_iter().chain(bits.as_bytes().chunks(8).map(byte)).chain([0; 8]).collect()
}
