//! What an async runtime gives to a bound credential.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use azlatch_core::AsyncHost;

/// A task, or a wait, as a value.
pub type Work<T = ()> = Pin<Box<dyn Future<Output = T> + Send>>;

/// An async runtime with a way to the network: what [`Async`](crate::Async) runs on.
pub trait Runtime: Clone + Send + Sync + 'static {
    /// Answers [`Http`](azlatch_core::effect::Http) and [`Wait`](azlatch_core::effect::Wait).
    type Driver: AsyncHost + Send + 'static;

    /// The driver; each acquisition has one of its own.
    fn driver(&self) -> Self::Driver;

    /// Runs `task` to its end, whatever becomes of who started it.
    fn spawn(&self, task: Work);

    /// Waits for `span`.
    fn sleep(&self, span: Duration) -> Work;

    /// Runs `work` on a thread that may block.
    fn offload(&self, work: Box<dyn FnOnce() + Send>);
}

/// What `future` comes to, unless `end` comes first.
pub(crate) async fn before<T>(end: impl Future, future: impl Future<Output = T>) -> Option<T> {
    let (mut end, mut future) = (std::pin::pin!(end), std::pin::pin!(future));
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => end.as_mut().poll(context).map(|_| None),
    })
    .await
}
