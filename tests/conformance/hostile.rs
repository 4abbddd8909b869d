//! A server that misbehaves on purpose.
//!
//! Every connection is handed to a [`Script`], which may answer properly, answer rubbish, drip, fall silent or tear
//! the line. HTTP is written by hand here, since being malformed is the point. Whatever a script reads is kept, so
//! that a test can hold a driver's claims against what the other side really saw.
//!
//! Servers live as long as the test process: a thread that waits in `accept` costs nothing.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::hostile_identity::Identity;

/// What a server does with one connection. An error only means that the line is torn.
pub(crate) trait Script: Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static {}

impl<F: Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static> Script for F {}

/// No script goes on for longer, so that a driver without a deadline fails its test and does not hang it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A listening server.
pub(crate) struct Hostile {
    address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Seen>,
}

/// What a server has seen so far.
#[derive(Default)]
struct Seen {
    log: Mutex<Log>,
    hung_up: Condvar,
}

#[derive(Default)]
struct Log {
    connections: usize,
    open: usize,
    received: Vec<u8>,
    sent: usize,
    requests: Vec<Request>,
}

impl Seen {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no script panics while it writes the log")
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Everything up to the empty line.
    pub(crate) head: String,
    /// As many bytes as `content-length` said.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The request line.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// The path and query of the request line.
    pub(crate) fn target(&self) -> &str {
        self.line().split(' ').nth(1).unwrap_or_default()
    }

    /// Every value of a header, whatever the case of its name.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }
}

impl Hostile {
    /// A server of plain TCP.
    pub(crate) fn plain(script: impl Script) -> Self {
        Self::start("http", None, script)
    }

    /// A server of TLS.
    pub(crate) fn tls(identity: Identity, script: impl Script) -> Self {
        Self::start("https", Some(identity.config()), script)
    }

    fn start(scheme: &'static str, tls: Option<Arc<ServerConfig>>, script: impl Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let seen = Arc::<Seen>::default();
        let (log, script) = (Arc::clone(&seen), Arc::new(script));
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                {
                    let mut log = log.log();
                    log.connections += 1;
                    log.open += 1;
                }
                let (log, tls, script) = (Arc::clone(&log), tls.clone(), Arc::clone(&script));
                thread::spawn(move || {
                    let _torn = Peer::new(socket, tls, Arc::clone(&log)).and_then(|mut peer| {
                        script(&mut peer)?;
                        peer.finish()
                    });
                    log.log().open -= 1;
                    log.hung_up.notify_all();
                });
            }
        });
        Self { address, scheme, seen }
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of this server by its address.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// A URL of this server's port under another scheme and name.
    pub(crate) fn url_as(&self, scheme: &str, host: &str, path: &str) -> String {
        format!("{scheme}://{host}:{}{path}", self.address.port())
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.seen.log().connections
    }

    /// The requests that were read whole.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.log().requests.clone()
    }

    /// The one request that was read.
    pub(crate) fn request(&self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "one request: {requests:?}");
        requests.remove(0)
    }

    /// How many bytes the scripts got rid of.
    pub(crate) fn sent(&self) -> usize {
        self.seen.log().sent
    }

    /// Every byte that scripts read (behind TLS: decrypted), once all connections are over.
    pub(crate) fn received(&self) -> Vec<u8> {
        let over = self.seen.hung_up.wait_timeout_while(self.seen.log(), PATIENCE, |log| log.open > 0);
        over.expect("no script panics while it writes the log").0.received.clone()
    }
}

trait Wire: Read + Write {
    /// Says goodbye as the protocol wants it.
    fn finish(&mut self) -> io::Result<()> {
        self.flush()
    }
}

impl Wire for TcpStream {}

impl Wire for StreamOwned<ServerConnection, TcpStream> {
    fn finish(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }
}

/// One connection, in the hands of its script.
pub(crate) struct Peer {
    wire: Box<dyn Wire>,
    socket: TcpStream,
    seen: Arc<Seen>,
}

impl Peer {
    fn new(socket: TcpStream, tls: Option<Arc<ServerConfig>>, seen: Arc<Seen>) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let wire = socket.try_clone()?;
        let wire: Box<dyn Wire> = match tls {
            None => Box::new(wire),
            Some(config) => Box::new(StreamOwned::new(ServerConnection::new(config).map_err(io::Error::other)?, wire)),
        };
        Ok(Self { wire, socket, seen })
    }

    fn finish(&mut self) -> io::Result<()> {
        self.wire.finish()
    }

    /// Reads what is there, at most `buffer`; the end of the line is an error.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.wire.read(buffer)?;
        self.seen.log().received.extend_from_slice(&buffer[..read]);
        if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
    }

    /// Reads up to and with the empty line, and not a byte more.
    pub(crate) fn head(&mut self) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.read(&mut byte)?;
            head.push(byte[0]);
        }
        String::from_utf8(head).map_err(io::Error::other)
    }

    /// Reads a whole request.
    pub(crate) fn request(&mut self) -> io::Result<Request> {
        let mut request = Request { head: self.head()?, body: Vec::new() };
        let length = request.header("content-length").first().and_then(|n| n.parse().ok()).unwrap_or(0);
        while request.body.len() < length {
            let mut buffer = vec![0; length - request.body.len()];
            let read = self.read(&mut buffer)?;
            request.body.extend_from_slice(&buffer[..read]);
        }
        self.seen.log().requests.push(request.clone());
        Ok(request)
    }

    /// Sends `bytes`.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.wire.write_all(bytes)?;
        self.wire.flush()?;
        self.seen.log().sent += bytes.len();
        Ok(())
    }

    /// Sends `bytes` over and over, `pause` apart.
    pub(crate) fn send_on_and_on(&mut self, bytes: &[u8], pause: Duration) -> io::Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            self.send(bytes)?;
            thread::sleep(pause);
        }
        Ok(())
    }

    /// Only listens, until the other side hangs up.
    pub(crate) fn listen(&mut self) -> io::Result<()> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            self.read(&mut [0; 1024])?;
        }
        Ok(())
    }

    /// Tears the line: closing a socket on bytes that nobody read is a reset.
    ///
    /// The client must still be sending, or have sent what no script has read.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        self.socket.peek(&mut [0])?;
        Err(io::ErrorKind::ConnectionReset.into())
    }

    /// Passes bytes on between the client and `far`, both ways, until one of them hangs up.
    pub(crate) fn relay(&mut self, far: &mut TcpStream) -> io::Result<()> {
        let turn = Some(Duration::from_millis(1));
        self.socket.set_read_timeout(turn)?;
        far.set_read_timeout(turn)?;
        let nothing_yet = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
        };
        let mut buffer = [0; 4096];
        loop {
            match self.read(&mut buffer) {
                Ok(read) => far.write_all(&buffer[..read])?,
                Err(error) if nothing_yet(&error) => {}
                Err(error) => return Err(error),
            }
            match far.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => self.send(&buffer[..read])?,
                Err(error) if nothing_yet(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
