//! The connections that are open, so that they can be counted, shut down and waited for.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// More connections than this at a time are closed as soon as they come.
const MAX_OPEN: usize = 256;

#[derive(Default)]
pub(super) struct Open {
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    last: u64,
    by_number: HashMap<u64, (Arc<TcpStream>, JoinHandle<()>)>,
}

impl Open {
    /// Runs `serve` on a thread of its own, unless there are too many already; then the stream is closed.
    ///
    /// `serve` gets the number to [`close`](Self::close) with when it is done.
    pub(super) fn spawn(
        &self,
        stream: TcpStream,
        serve: impl FnOnce(u64, &TcpStream) + Send + 'static,
    ) -> io::Result<()> {
        let stream = Arc::new(stream);
        // Held until the thread is on the list, so that it cannot take itself off before.
        let mut connections = self.lock();
        if connections.by_number.len() >= MAX_OPEN {
            return Ok(());
        }
        connections.last += 1;
        let number = connections.last;
        let own = Arc::clone(&stream);
        let thread =
            thread::Builder::new().name("emulator-connection".to_owned()).spawn(move || serve(number, &own))?;
        connections.by_number.insert(number, (stream, thread));
        Ok(())
    }

    /// Takes a connection off the list and shuts it down.
    pub(super) fn close(&self, number: u64) {
        let entry = self.lock().by_number.remove(&number);
        if let Some((stream, _)) = entry {
            shut(&stream);
        }
    }

    /// Shuts all sockets down, which wakes the threads that wait on them.
    pub(super) fn shut(&self) {
        for (stream, _) in self.lock().by_number.values() {
            shut(stream);
        }
    }

    /// Shuts all sockets down and waits for the threads.
    pub(super) fn join(&self) {
        // Taken out first: a thread that ends needs the lock to take itself off the list.
        let connections = std::mem::take(&mut self.lock().by_number);
        for (stream, _) in connections.values() {
            shut(stream);
        }
        for (_, thread) in connections.into_values() {
            // A thread that panicked has nothing left to close.
            let _ = thread.join();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn shut(stream: &TcpStream) {
    // It fails only if the peer has gone already.
    let _ = stream.shutdown(Shutdown::Both);
}
