//! One fetch, many callers: who comes while a token is being fetched waits for that fetch and shares what it brings.
//!
//! ```text
//! Flying ─land─► Landed (everybody gets a clone)
//!    │ the pilot is dropped (a driver panicked)
//!    ▼
//!   Lost (everybody asks again)
//! ```
//!
//! Threads and tasks wait side by side. When the last passenger has left, the flight is recalled: nobody boards it any
//! more, and the flow behind it winds down.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use azlatch_core::shield::Recall;

use crate::sync::{Arc, Condvar, Instant, Mutex, MutexGuard};

/// A fetch in progress.
pub(crate) struct Flight<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    recall: Recall,
    began: Instant,
    /// Later than this after it began, something holds it up that keeps to no limit: nobody boards it any more.
    longest: Duration,
}

struct State<T> {
    phase: Phase<T>,
    passengers: usize,
    wakers: Vec<(usize, Waker)>,
    seats: usize,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase<T> {
    /// Nobody knows yet.
    Flying,
    /// This.
    Landed(T),
    /// It will never end.
    Lost,
}

impl<T: Clone> Flight<T> {
    /// A flight that should be over within `longest`, its pilot and the first seat in it.
    pub(crate) fn new(recall: Recall, longest: Duration) -> (Arc<Self>, Pilot<T>, Ride<T>) {
        let state = State { phase: Phase::Flying, passengers: 1, wakers: Vec::new(), seats: 1 };
        let flight = Arc::new(Self {
            state: Mutex::new(state),
            arrived: Condvar::new(),
            recall,
            began: Instant::now(),
            longest,
        });
        let (pilot, ride) = (Pilot(Some(flight.clone())), Ride { flight: flight.clone(), seat: 0 });
        (flight, pilot, ride)
    }

    /// A seat, unless it is over, long overdue, or everybody has left.
    pub(crate) fn board(this: &Arc<Self>) -> Option<Ride<T>> {
        let mut state = this.state();
        let boarding = matches!(state.phase, Phase::Flying) && state.passengers > 0;
        if !boarding || this.began.elapsed() > this.longest {
            return None;
        }
        state.passengers += 1;
        state.seats += 1;
        let seat = state.seats;
        drop(state);
        Some(Ride { flight: this.clone(), seat })
    }

    fn end(&self, phase: Phase<T>) {
        let mut state = self.state();
        state.phase = phase;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.arrived.notify_all();
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// No change leaves the state half done, so a panicking thread's mark is ignored.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Whoever runs the fetch.
pub(crate) struct Pilot<T: Clone>(Option<Arc<Flight<T>>>);

impl<T: Clone> Pilot<T> {
    /// Tells everybody.
    pub(crate) fn land(mut self, outcome: T) {
        if let Some(flight) = self.0.take() {
            flight.end(Phase::Landed(outcome));
        }
    }
}

impl<T: Clone> Drop for Pilot<T> {
    fn drop(&mut self) {
        if let Some(flight) = self.0.take() {
            flight.end(Phase::Lost);
        }
    }
}

/// A seat: to be waited in by a thread, or polled by a task. Dropped, it is left.
pub(crate) struct Ride<T: Clone> {
    flight: Arc<Flight<T>>,
    seat: usize,
}

impl<T: Clone> Ride<T> {
    /// Blocks until it is over; still `Flying` when that takes longer than `patience`.
    pub(crate) fn wait(&self, patience: Duration) -> Phase<T> {
        let began = Instant::now();
        let mut state = self.flight.state();
        while matches!(state.phase, Phase::Flying) {
            let left = patience.saturating_sub(began.elapsed());
            if left.is_zero() {
                break;
            }
            let waited = self.flight.arrived.wait_timeout(state, left);
            state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
        state.phase.clone()
    }
}

impl<T: Clone> Future for Ride<T> {
    type Output = Phase<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Phase<T>> {
        let mut state = self.flight.state();
        if !matches!(state.phase, Phase::Flying) {
            return Poll::Ready(state.phase.clone());
        }
        match state.wakers.iter_mut().find(|(seat, _)| *seat == self.seat) {
            Some((_, waker)) => waker.clone_from(context.waker()),
            None => state.wakers.push((self.seat, context.waker().clone())),
        }
        Poll::Pending
    }
}

impl<T: Clone> Drop for Ride<T> {
    fn drop(&mut self) {
        let mut state = self.flight.state();
        state.passengers -= 1;
        state.wakers.retain(|(seat, _)| *seat != self.seat);
        let deserted = state.passengers == 0 && matches!(state.phase, Phase::Flying);
        drop(state);
        if deserted {
            self.flight.recall.cancel();
        }
    }
}

impl<T: Clone> fmt::Debug for Flight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flight({} passengers)", self.state().passengers)
    }
}
