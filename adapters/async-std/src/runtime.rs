//! The runtime: the only file that names async-std.
//!
//! async-std is no longer developed (RUSTSEC-2025-0052 says so; it knows of no flaw). Another runtime is another
//! edition of this file: a connection, a clock, tasks, and threads for what blocks.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use async_std::{future, net, task};

/// A connection.
pub(crate) type Tcp = net::TcpStream;

/// Runs `future` to its end on this thread: the way from blocking code into async code.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    task::block_on(future)
}

/// Starts `future` as a task of its own, which goes on though what is returned is dropped.
pub fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> impl Future<Output = T> + Send {
    task::spawn(future)
}

/// Waits for `span`.
pub async fn sleep(span: Duration) {
    task::sleep(span).await;
}

/// Starts `work` on a thread that may block, where it goes on though what is returned is dropped.
///
/// # Panics
///
/// Where it is awaited, with what `work` panicked with.
pub fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> impl Future<Output = T> + Send {
    let task = task::spawn_blocking(move || panic::catch_unwind(AssertUnwindSafe(work)));
    async { task.await.unwrap_or_else(|panic| panic::resume_unwind(panic)) }
}

/// What `future` comes to, if it does so within `span`.
pub(crate) async fn within<T>(span: Duration, future: impl Future<Output = T>) -> Option<T> {
    future::timeout(span, future).await.ok()
}

/// The addresses of `host`, as the system's resolver knows them.
pub(crate) async fn resolve(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    offload(move || (host.as_str(), port).to_socket_addrs().map(Iterator::collect)).await
}

/// A connection to `address`.
pub(crate) async fn connect(address: SocketAddr) -> io::Result<Tcp> {
    let tcp = Tcp::connect(address).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}
