//! Without tokio: a runtime of the application's own, here of bare threads, is all it takes.

mod gate;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use azlatch::Adapters;
use azlatch::prelude::*;
use azlatch_azure_core::IntoAzureCore as _;
use azure_core::async_runtime::{AbortableTask, AsyncRuntime, SpawnedTask, TaskFuture, set_async_runtime};
use azure_core::credentials::TokenCredential as _;
use azure_core::time::Duration;
use gate::Gate;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let (mut future, waker) = (pin!(future), Waker::from(Arc::new(Unpark(thread::current()))));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

/// Every task and every timer has a thread; it counts the tasks.
#[derive(Clone, Default)]
struct Threads(Arc<AtomicUsize>);

/// Somebody else's task, which ends by itself.
struct Running;

impl Future for Running {
    type Output = Result<(), Box<dyn std::error::Error + Send>>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

impl AbortableTask for Running {
    fn abort(&self) {}
}

impl AsyncRuntime for Threads {
    fn spawn(&self, task: TaskFuture) -> SpawnedTask {
        self.0.fetch_add(1, SeqCst);
        thread::spawn(|| block_on(task));
        Box::pin(Running)
    }

    fn sleep(&self, span: Duration) -> TaskFuture {
        let (done, waiting) = tokio::sync::oneshot::channel();
        thread::spawn(move || {
            thread::sleep(span.try_into().expect("not negative"));
            done.send(())
        });
        Box::pin(async { drop(waiting.await) })
    }

    fn yield_now(&self) -> TaskFuture {
        Box::pin(async {})
    }
}

#[test]
fn twenty_threads_ask_once() {
    let (threads, gate) = (Threads::default(), Gate::open());
    set_async_runtime(Arc::new(threads.clone())).expect("the first");
    let adapters = Adapters::in_environment([("HOME", "/nonexistent")].into_iter().collect()).expect("adapters");
    let credential = ClientSecretCredential::new("contoso", "my-app", "s3cret")
        .map(ClientSecretCredential::disable_instance_discovery)
        .and_then(|credential| credential.azure_core_with(&adapters, gate.core()))
        .expect("a credential");
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let token = block_on(credential.get_token(&["https://vault.azure.net/.default"], None));
                assert_eq!(token.expect("a token").token.secret(), "token-0");
            });
        }
    });
    assert_eq!((gate.requests(), threads.0.load(SeqCst)), (1, 1));
}
