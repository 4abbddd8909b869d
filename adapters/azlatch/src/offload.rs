//! Blocking drivers in an async world: each effect on a thread that may block, and locks waited for without one.

use std::collections::HashMap;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_lock::Mutex as Turn;
use azlatch_core::effect::{Effect, Guard, Ids, Lock, LockKey, Locked, Reply, StoreFault, Unlock};
use azlatch_core::{AsyncHost, Host};
use event_listener::Event;

use crate::runtime::{Runtime, before};

/// The first pause between two tries for a lock.
const FIRST: Duration = Duration::from_millis(5);

/// The longest.
const LONGEST: Duration = Duration::from_millis(50);

/// A blocking host as an async one; `H`'s clones, and so those of this, must be ways to the same thing.
///
/// Every effect is performed on a thread that may block, unless the host never does. What was begun there goes on
/// though the future is dropped: a document is saved or not, never in between. A [`Lock`] is only ever *tried* there:
/// whoever has to wait for one sleeps in between, in order of arrival, and holds no thread. When the future of a `Lock`
/// is dropped and the lock is granted all the same, it is given back.
///
/// # Panics
///
/// When `H` does, where the effect is awaited.
#[derive(Clone)]
pub struct Offload<H, R> {
    host: H,
    runtime: R,
    /// Performed where it is awaited.
    instant: bool,
    queues: Arc<Queues>,
}

/// Who waits for which lock among the clones of one [`Offload`].
#[derive(Default)]
struct Queues {
    waiting: Mutex<HashMap<LockKey, Arc<Queue>>>,
    held: Mutex<HashMap<Guard, LockKey>>,
    spread: AtomicU32,
}

/// The first in the queue tries; the event tells when it is worth while.
#[derive(Default)]
struct Queue {
    turn: Turn<()>,
    freed: Event,
}

/// A lock that was granted: given back when nobody takes it.
struct Granted<H: Host>(Option<(H, Locked)>);

/// What came of one try; `None` when the host takes no locks.
type Tried<H> = Option<Result<Option<Granted<H>>, StoreFault>>;

impl<H: Host + Clone + Send + Sync + 'static, R: Runtime> Offload<H, R> {
    /// `host`, made async on `runtime`.
    pub fn new(host: H, runtime: R) -> Self {
        Self { host, runtime, instant: false, queues: Arc::default() }
    }

    /// The same for a host that never blocks but for locks, such as a store in memory: it needs no other thread.
    #[must_use]
    pub fn instant(mut self, instant: bool) -> Self {
        self.instant = instant;
        self
    }

    /// What `work` comes to, on a thread that may block or right here.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        if self.instant {
            return work();
        }
        let (done, waiting) = futures_channel::oneshot::channel();
        self.runtime.offload(Box::new(move || {
            // Nobody waits any more: what was brought is dropped here.
            let _ = done.send(panic::catch_unwind(AssertUnwindSafe(work)));
        }));
        match waiting.await {
            Ok(done) => done.unwrap_or_else(|panic| panic::resume_unwind(panic)),
            Err(_) => panic!("the runtime gave up work that was off-loaded"),
        }
    }

    async fn lock(&self, ask: &Lock) -> Option<Result<Option<Locked>, StoreFault>> {
        let begun = Instant::now();
        let left = || ask.patience.saturating_sub(begun.elapsed());
        if let done @ (None | Some(Ok(Some(_)) | Err(_))) = self.once(ask.key).await {
            return done;
        }
        if left().is_zero() {
            return Some(Ok(None));
        }
        let place = Place::join(&self.queues, ask.key);
        let Some(_turn) = before(self.runtime.sleep(left()), place.queue.turn.lock()).await else {
            return Some(Ok(None));
        };
        let mut pause = FIRST;
        loop {
            let freed = place.queue.freed.listen();
            match self.once(ask.key).await {
                Some(Ok(None)) if left().is_zero() => return Some(Ok(None)),
                Some(Ok(None)) => pause = (pause * 2).min(LONGEST),
                done => return done.map(|done| done.map(|locked| locked.map(|it| Locked { waited: true, ..it }))),
            }
            // A lock of another process tells nobody.
            let _ = before(self.runtime.sleep(left().min(place.spread(pause))), freed).await;
        }
    }

    /// Tries once. From the thread that tries to the caller, the lock is never without somebody to give it back.
    async fn once(&self, key: LockKey) -> Option<Result<Option<Locked>, StoreFault>> {
        let mut host = self.host.clone();
        let tried: Tried<H> = self
            .run(move || {
                let mut ids = Ids::root();
                let reply = host.perform(ids.ask(Lock { key, patience: Duration::ZERO })).ok()?;
                let answer = ids.take::<Lock>(reply).ok()??;
                Some(answer.map(|locked| locked.map(|locked| Granted(Some((host, locked))))))
            })
            .await;
        let locked = match tried? {
            Ok(granted) => granted.and_then(Granted::take),
            Err(fault) => return Some(Err(fault)),
        };
        if let Some(locked) = &locked {
            lock(&self.queues.held).insert(locked.guard, key);
        }
        Some(Ok(locked))
    }

    async fn unlock(&self, effect: Effect, guard: Guard) -> Result<Reply, Effect> {
        let (mut host, queues) = (self.host.clone(), Arc::clone(&self.queues));
        self.run(move || {
            let key = lock(&queues.held).remove(&guard);
            let reply = host.perform(effect);
            let waiting = lock(&queues.waiting);
            if let Some(queue) = key.and_then(|key| waiting.get(&key)) {
                queue.freed.notify(1);
            }
            reply
        })
        .await
    }
}

/// A place in the queue of one key, which is forgotten with its last place.
struct Place {
    queues: Arc<Queues>,
    key: LockKey,
    queue: Arc<Queue>,
}

impl Place {
    fn join(queues: &Arc<Queues>, key: LockKey) -> Self {
        let queue = Arc::clone(lock(&queues.waiting).entry(key).or_default());
        Self { queues: Arc::clone(queues), key, queue }
    }

    /// `pause` and up to a quarter of it, so that processes which began to wait together do not keep in step.
    fn spread(&self, pause: Duration) -> Duration {
        let [first, ..] = self.key.0;
        let step = self.queues.spread.fetch_add(7, Ordering::Relaxed).wrapping_add(first.into()) % 16;
        (pause + pause * step / 64).min(LONGEST)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = lock(&self.queues.waiting);
        // The map's and this one.
        if Arc::strong_count(&self.queue) <= 2 {
            waiting.remove(&self.key);
        }
    }
}

impl<H: Host> Granted<H> {
    fn take(mut self) -> Option<Locked> {
        self.0.take().map(|(_, locked)| locked)
    }
}

impl<H: Host> Drop for Granted<H> {
    fn drop(&mut self) {
        if let Some((mut host, Locked { guard, mark, .. })) = self.0.take() {
            // Giving a lock back does not block. The mark stays as it was found.
            let _ = host.perform(Ids::root().ask(Unlock { guard, mark }));
        }
    }
}

impl<H: Host + Clone + Send + Sync + 'static, R: Runtime> AsyncHost for Offload<H, R> {
    async fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match effect {
            Effect::Lock(ask) => match self.lock(&ask.op).await {
                Some(answer) => Ok(ask.answer(answer)),
                None => Err(Effect::Lock(ask)),
            },
            Effect::Unlock(ask) => {
                let guard = ask.op.guard;
                self.unlock(Effect::Unlock(ask), guard).await
            }
            // Neither the system's entropy nor its environment makes anybody wait, and a host that sleeps is not asked to.
            Effect::Random(_) | Effect::Env(_) => self.host.perform(effect),
            Effect::Wait(_) => Err(effect),
            other => {
                let mut host = self.host.clone();
                self.run(move || host.perform(other)).await
            }
        }
    }
}

/// No thread panics while it holds one of these; if one did, each change is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<H: fmt::Debug, R> fmt::Debug for Offload<H, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Offload").field(&self.host).finish()
    }
}

#[cfg(all(test, feature = "async-std"))]
#[path = "offload_tests.rs"]
mod tests;
