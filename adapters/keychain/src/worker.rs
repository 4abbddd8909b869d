//! The one thread that talks to a store: calls queue for it, and nobody waits for it longer than agreed.
//!
//! The thread is never joined, so a store that hangs delays no exit.

use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use azlatch_core::effect::StoreFault;

use crate::Terms;

/// As many callers may wait at once; the rest are told that the store is busy.
const QUEUE: usize = 256;

/// How long calls fail at once after one has run out of time.
const HOLD_OFF: Duration = Duration::from_secs(3);

/// A call that was given less says nothing about the store when it runs out of time.
const FAIR: Duration = Duration::from_millis(250);

/// The thread ends a call at its deadline by itself, if it can; this much later nobody waits for that.
const GRACE: Duration = Duration::from_millis(50);

/// Nobody means to wait longer, and the clock reaches this far.
const AGES: Duration = Duration::from_secs(365 * 24 * 3600);

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// A thread with a queue and a state `S` of its own, started by the first call.
pub(crate) struct Worker<S> {
    /// The process that the thread belongs to; zero before the first call.
    owner: AtomicU32,
    inside: Mutex<Inside<S>>,
}

struct Inside<S> {
    queue: Option<SyncSender<Job<S>>>,
    /// Calls fail at once before this.
    held: Option<Instant>,
}

impl<S: Default + 'static> Worker<S> {
    pub(crate) const fn new() -> Self {
        Self { owner: AtomicU32::new(0), inside: Mutex::new(Inside { queue: None, held: None }) }
    }

    /// Has `job` done by the thread, which also tells it its deadline.
    ///
    /// # Errors
    ///
    /// The job's, or `Busy` when it was not done in time; `Io` when it panicked, or this process is a fork.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        terms: Terms,
        job: impl FnOnce(&mut S, Instant) -> Result<T, StoreFault> + Send + 'static,
    ) -> Result<T, StoreFault> {
        let begun = Instant::now();
        let until = begun + terms.timeout.min(AGES);
        self.claim()?;
        let queue = self.admit(begun, until)?;
        let (answer, wait) = mpsc::sync_channel(1);
        let work = move |state: &mut S| {
            // Whoever asked has gone: done now, it would be a surprise.
            if Instant::now() < until {
                let said = panic::catch_unwind(AssertUnwindSafe(|| job(state, until))).unwrap_or_else(|_| {
                    *state = S::default();
                    Err(StoreFault::Io("the store's library panicked".to_owned()))
                });
                // An answer that nobody waits for any more is dropped, and so wiped.
                let _ = answer.send(said);
            }
        };
        match queue.try_send(Box::new(work)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(StoreFault::Busy),
            Err(TrySendError::Disconnected(_)) => {
                self.lock().queue = None;
                return Err(StoreFault::Io("the store's thread has died".to_owned()));
            }
        }
        let said = wait.recv_timeout((until + GRACE).saturating_duration_since(Instant::now()));
        let said = said.unwrap_or(Err(StoreFault::Busy));
        let now = Instant::now();
        self.lock().held = match said {
            Err(StoreFault::Busy) if now >= until => (terms.timeout >= FAIR).then(|| now + HOLD_OFF),
            _ => None,
        };
        said
    }

    /// Makes sure that this is the process that the thread lives in. Touches no lock, which a fork may have left held.
    fn claim(&self) -> Result<(), StoreFault> {
        let ours = process::id();
        match self.owner.compare_exchange(0, ours, Ordering::Relaxed, Ordering::Relaxed) {
            Err(owner) if owner != ours => Err(StoreFault::Io(format!(
                "the store was in use when process {owner} forked: use it first in the child"
            ))),
            _ => Ok(()),
        }
    }

    /// The way to the thread, unless it is not to be troubled.
    fn admit(&self, now: Instant, until: Instant) -> Result<SyncSender<Job<S>>, StoreFault> {
        let mut inside = self.lock();
        if let Some(held) = inside.held {
            if now < held {
                return Err(StoreFault::Busy);
            }
            // This call tries; the others wait for what becomes of it.
            inside.held = Some(until);
        }
        if let Some(queue) = &inside.queue {
            return Ok(queue.clone());
        }
        let (queue, jobs) = mpsc::sync_channel(QUEUE);
        let thread = thread::Builder::new().name("azlatch-keychain".to_owned());
        thread
            .spawn(move || work(&jobs))
            .map_err(|error| StoreFault::Io(format!("no thread for the store: {error}")))?;
        Ok(inside.queue.insert(queue).clone())
    }

    fn lock(&self) -> MutexGuard<'_, Inside<S>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn work<S: Default>(jobs: &Receiver<Job<S>>) {
    let mut state = S::default();
    for job in jobs {
        job(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Terms = Terms::silent(Duration::from_millis(300));

    #[test]
    fn k_02_a_hung_job_costs_its_callers_their_deadline_and_then_nothing() {
        static WORKER: Worker<u32> = Worker::new();
        let (go, wait) = mpsc::channel::<()>();
        let begun = Instant::now();
        let hung = WORKER.run(SOON, move |_, _| Ok(wait.recv().is_ok()));
        assert_eq!(hung, Err(StoreFault::Busy));
        assert!(begun.elapsed() < SOON.timeout * 3, "{:?}", begun.elapsed());
        let begun = Instant::now();
        assert!((0..1000).all(|_| WORKER.run(SOON, |_, _| Ok(())) == Err(StoreFault::Busy)));
        assert!(begun.elapsed() < SOON.timeout, "a thousand for less than one: {:?}", begun.elapsed());
        go.send(()).expect("it waits");
        WORKER.lock().held = Some(Instant::now());
        assert_eq!(WORKER.run(SOON, |_, _| Ok(())), Ok(()), "the one that tries again");
        assert_eq!(WORKER.run(SOON, |_, _| Ok(())), Ok(()));
    }

    #[test]
    fn a_call_whose_time_has_passed_is_not_made_and_a_short_one_holds_nobody_off() {
        static WORKER: Worker<u32> = Worker::new();
        let none = Terms::silent(Duration::ZERO);
        let count = |calls: &mut u32, _| {
            *calls += 1;
            Ok(())
        };
        assert_eq!(WORKER.run(none, count), Err(StoreFault::Busy));
        assert_eq!(WORKER.run(SOON, |calls, _| Ok(*calls)), Ok(0));
    }

    #[test]
    fn k_12_a_panic_is_an_error_and_the_next_call_starts_afresh() {
        static WORKER: Worker<u32> = Worker::new();
        let panicked = WORKER.run(SOON, |calls, _| -> Result<(), _> {
            *calls += 1;
            panic!("as a library might")
        });
        assert!(matches!(panicked, Err(StoreFault::Io(_))), "{panicked:?}");
        assert_eq!(WORKER.run(SOON, |calls, _| Ok(*calls)), Ok(0));
    }

    #[test]
    fn k_12_a_process_that_has_not_the_thread_is_told_so() {
        static WORKER: Worker<u32> = Worker::new();
        WORKER.owner.store(process::id() + 1, Ordering::Relaxed);
        let _held = WORKER.lock();
        assert!(matches!(WORKER.run(SOON, |_, _| Ok(())), Err(StoreFault::Io(_))));
    }
}
