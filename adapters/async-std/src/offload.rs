//! Blocking drivers in an async world: each effect on a thread that may block, and locks waited for without one.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use azlatch_core::effect::{Effect, Guard, Ids, Lock, LockKey, Locked, Reply, StoreFault, Unlock};
use azlatch_core::{AsyncHost, Host};

use crate::runtime::{Bell, Turn, offload, within};

/// The first pause between two tries for a lock.
const FIRST: Duration = Duration::from_millis(5);
/// The longest.
const LONGEST: Duration = Duration::from_millis(50);

/// A blocking host as an async one; `H`'s clones, and so those of this, must be ways to the same thing.
///
/// Every effect is performed on a thread that may block. What was begun there goes on though the future is dropped: a
/// document is saved or not, never in between. A [`Lock`] is only ever *tried* there: whoever has to wait for one
/// sleeps in between, in order of arrival, and holds no thread. When the future of a `Lock` is dropped and the lock
/// is granted all the same, it is given back.
///
/// # Panics
///
/// When `H` does, where the effect is awaited.
#[derive(Clone)]
pub struct Offload<H> {
    host: H,
    queues: Arc<Queues>,
}

/// Who waits for which lock among the clones of one [`Offload`].
#[derive(Default)]
struct Queues {
    waiting: Mutex<HashMap<LockKey, Arc<Queue>>>,
    held: Mutex<HashMap<Guard, LockKey>>,
    spread: AtomicU32,
}

/// The first in the queue tries; the bell tells when it is worth while.
#[derive(Default)]
struct Queue {
    turn: Turn,
    freed: Bell,
}

/// A lock that was granted: given back when nobody takes it.
struct Granted<H: Host + Send + 'static>(Option<(H, Locked)>);

/// What came of one try; `None` when the host takes no locks.
type Tried<H> = Option<Result<Option<Granted<H>>, StoreFault>>;

impl<H: Host + Clone + Send + 'static> Offload<H> {
    /// `host`, made async.
    pub fn new(host: H) -> Self {
        Self { host, queues: Arc::default() }
    }

    async fn lock(&mut self, ask: &Lock) -> Option<Result<Option<Locked>, StoreFault>> {
        let begun = Instant::now();
        let left = || ask.patience.saturating_sub(begun.elapsed());
        if let done @ (None | Some(Ok(Some(_)) | Err(_))) = self.once(ask.key).await {
            return done;
        }
        let place = Place::join(&self.queues, ask.key);
        let Some(_turn) = within(left(), place.queue.turn.lock()).await else { return Some(Ok(None)) };
        let mut pause = FIRST;
        loop {
            if left().is_zero() {
                return Some(Ok(None));
            }
            // A lock of another process rings no bell.
            let _ = within(left().min(place.spread(pause)), place.queue.freed.rung()).await;
            match self.once(ask.key).await {
                Some(Ok(None)) => pause = (pause * 2).min(LONGEST),
                done => return done.map(|done| done.map(|locked| locked.map(|it| Locked { waited: true, ..it }))),
            }
        }
    }

    /// Tries once. From the thread that tries to the caller, the lock is never without somebody to give it back.
    async fn once(&mut self, key: LockKey) -> Option<Result<Option<Locked>, StoreFault>> {
        let mut host = self.host.clone();
        let tried: Tried<H> = offload(move || {
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

    async fn unlock(&mut self, effect: Effect, guard: Guard) -> Result<Reply, Effect> {
        let (mut host, queues) = (self.host.clone(), Arc::clone(&self.queues));
        offload(move || {
            let key = lock(&queues.held).remove(&guard);
            let reply = host.perform(effect);
            let waiting = lock(&queues.waiting);
            if let Some(queue) = key.and_then(|key| waiting.get(&key)) {
                queue.freed.ring();
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
        // The map's own and this one.
        if Arc::strong_count(&self.queue) <= 2 {
            waiting.remove(&self.key);
        }
    }
}

impl<H: Host + Send + 'static> Granted<H> {
    fn take(mut self) -> Option<Locked> {
        self.0.take().map(|(_, locked)| locked)
    }
}

impl<H: Host + Send + 'static> Drop for Granted<H> {
    fn drop(&mut self) {
        if let Some((mut host, Locked { guard, mark, .. })) = self.0.take() {
            // Begun at once, wherever this is dropped; nobody waits for it. The mark stays as it was found.
            drop(offload(move || host.perform(Ids::root().ask(Unlock { guard, mark }))));
        }
    }
}

impl<H: Host + Clone + Send + 'static> AsyncHost for Offload<H> {
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
            other => {
                let mut host = self.host.clone();
                offload(move || host.perform(other)).await
            }
        }
    }
}

/// No thread panics while it holds one of these; if one did, each change is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<H: fmt::Debug> fmt::Debug for Offload<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Offload").field(&self.host).finish()
    }
}

#[cfg(test)]
mod tests;
