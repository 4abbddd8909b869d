//! Turns: of all who want the same token because of a refusal, one at a time asks for it.
//!
//! A turn belongs to one request and is there as long as somebody has it or waits for it. Who wants anything else never
//! waits, however long a renewal hangs.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use azlatch_core::credential::TokenRequest;

/// The turns that somebody has or waits for.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<TokenRequest, Queue>>);

/// Who wants the same.
#[derive(Default)]
struct Queue {
    /// Those who wait, and the one whose turn it is.
    users: usize,
    turn: Arc<Lock>,
}

#[derive(Default)]
struct Lock {
    taken: Mutex<bool>,
    freed: Condvar,
    /// The tasks' own: threads and tasks do not wait for each other.
    #[cfg(feature = "async")]
    tasks: Arc<async_lock::Mutex<()>>,
}

/// A place in a queue; left when dropped.
struct Place<'t> {
    turns: &'t Turns,
    request: &'t TokenRequest,
    turn: Arc<Lock>,
}

/// A thread's turn, until dropped.
pub(super) struct Turn<'t>(Place<'t>);

/// A task's turn, until dropped.
#[cfg(feature = "async")]
pub(super) struct AsyncTurn<'t> {
    _lock: async_lock::MutexGuardArc<()>,
    _place: Place<'t>,
}

impl Turns {
    /// Blocks until nobody else is renewing what `request` asks for; `None` when that takes longer than the request may.
    pub(super) fn take<'t>(&'t self, request: &'t TokenRequest) -> Option<Turn<'t>> {
        let began = Instant::now();
        let place = self.queue(request);
        let mut taken = place.turn.taken();
        while *taken {
            let left = request.timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                return None;
            }
            taken = place.turn.freed.wait_timeout(taken, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        *taken = true;
        drop(taken);
        Some(Turn(place))
    }

    /// As [`take`](Self::take), for tasks, which know no time without a runtime: they wait as long as it takes.
    #[cfg(feature = "async")]
    pub(super) async fn take_async<'t>(&'t self, request: &'t TokenRequest) -> AsyncTurn<'t> {
        let place = self.queue(request);
        let lock = place.turn.tasks.lock_arc().await;
        AsyncTurn { _lock: lock, _place: place }
    }

    fn queue<'t>(&'t self, request: &'t TokenRequest) -> Place<'t> {
        let mut queues = self.queues();
        let queue = match queues.get_mut(request) {
            Some(queue) => queue,
            None => queues.entry(request.clone()).or_default(),
        };
        queue.users += 1;
        Place { turns: self, request, turn: queue.turn.clone() }
    }

    /// Each change is whole, so what a panicking thread leaves behind is good.
    fn queues(&self) -> MutexGuard<'_, HashMap<TokenRequest, Queue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lock {
    fn taken(&self) -> MutexGuard<'_, bool> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.turn.taken() = false;
        self.0.turn.freed.notify_one();
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut queues = self.turns.queues();
        if let Some(queue) = queues.get_mut(self.request) {
            queue.users -= 1;
            if queue.users == 0 {
                queues.remove(self.request);
            }
        }
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Turns({} requests)", self.queues().len())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn request(claims: &str) -> TokenRequest {
        let request = TokenRequest::new(["api/.default"]).expect("a request").claims(claims);
        request.timeout(Duration::from_millis(1))
    }

    fn users(turns: &Turns) -> Vec<usize> {
        turns.queues().values().map(|queue| queue.users).collect()
    }

    #[test]
    fn a_turn_is_one_requests_and_is_forgotten_with_its_last_user() {
        let (turns, mine, other) = (Turns::default(), request("{}"), request("[]"));
        let first = turns.take(&mine).expect("nobody else");
        assert!(turns.take(&mine).is_none(), "taken, and the time is over");
        assert!(turns.take(&other).is_some(), "somebody else's");
        assert_eq!(users(&turns), [1], "who left is not counted");
        drop(first);
        assert!(users(&turns).is_empty());
        let again = turns.take(&mine).expect("free again");
        drop(again);
    }

    #[test]
    fn a_turn_is_handed_on_even_by_a_thread_that_panics() {
        let (turns, mine) = (Turns::default(), request("{}").timeout(Duration::MAX));
        let first = turns.take(&mine).expect("nobody else");
        thread::scope(|scope| {
            let panicking = scope.spawn(|| {
                let _turn = turns.take(&mine).expect("handed on");
                panic!("in a source");
            });
            while users(&turns) != [2] {
                thread::yield_now();
            }
            drop(first);
            panicking.join().expect_err("panicked");
            assert!(turns.take(&mine).is_some());
        });
        assert!(users(&turns).is_empty());
    }

    #[cfg(feature = "async")]
    #[test]
    fn a_task_that_is_dropped_while_it_waits_leaves_nothing_behind() {
        use std::future::Future;
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};

        let (turns, mine, other) = (Turns::default(), request("{}"), request("[]"));
        let mut nobody = Context::from_waker(Waker::noop());
        {
            let Poll::Ready(_first) = pin!(turns.take_async(&mine)).poll(&mut nobody) else { panic!("nobody else") };
            let mut second = pin!(turns.take_async(&mine));
            assert!(second.as_mut().poll(&mut nobody).is_pending());
            assert!(pin!(turns.take_async(&other)).poll(&mut nobody).is_ready());
            assert_eq!(users(&turns), [2]);
        }
        assert!(users(&turns).is_empty());
    }
}
