//! A runtime that does one thing at a time.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use azlatch::{Runtime, Work};
use azlatch_core::effect::{Effect, Reply};
use azlatch_core::{AsyncHost, Host};

/// A caller: whether it got what it wanted.
pub(crate) type Call<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// What became of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It was dropped while it waited.
    Dropped,
    /// It came to its end.
    Ended(bool),
}

/// Tasks and blocking work, done one by one; a tick of its clock is a round of all of them.
#[derive(Clone, Default)]
pub(crate) struct Lab(Arc<Shared>);

#[derive(Default)]
struct Shared {
    tasks: Mutex<Vec<Work>>,
    blocking: Mutex<VecDeque<Box<dyn FnOnce() + Send>>>,
    ticks: AtomicU64,
    authority: Mutex<Option<Box<dyn Host + Send>>>,
}

/// Rounds after which something is stuck.
const ROUNDS: usize = 5_000;

impl Lab {
    pub(crate) fn with(authority: impl Host + Send + 'static) -> Self {
        let lab = Self::default();
        *lab.0.authority.lock().expect("no panic") = Some(Box::new(authority));
        lab
    }

    /// One round; whether anything is left to do.
    fn round(&self) -> bool {
        self.0.ticks.fetch_add(1, SeqCst);
        let work = self.0.blocking.lock().expect("no panic").pop_front();
        if let Some(work) = work {
            work();
        }
        let tasks = std::mem::take(&mut *self.0.tasks.lock().expect("no panic"));
        let mut context = Context::from_waker(Waker::noop());
        let waiting =
            tasks.into_iter().filter_map(|mut task| task.as_mut().poll(&mut context).is_pending().then_some(task));
        let waiting: Vec<_> = waiting.collect();
        self.0.tasks.lock().expect("no panic").extend(waiting);
        !self.0.tasks.lock().expect("no panic").is_empty() || !self.0.blocking.lock().expect("no panic").is_empty()
    }

    /// Goes on until there is nothing left to do.
    pub(crate) fn rest(&self, what: &str) {
        let rounds = (0..ROUNDS).take_while(|_| self.round()).count();
        assert!(rounds < ROUNDS, "{what}: the world does not come to rest");
    }

    /// Polls `call` so many times, a round in between, and drops it.
    pub(crate) fn poll(&self, mut call: Call<'_>, points: usize) -> Seen {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..points {
            if let Poll::Ready(got) = call.as_mut().poll(&mut context) {
                return Seen::Ended(got);
            }
            self.round();
        }
        Seen::Dropped
    }

    /// What `call` comes to.
    pub(crate) fn finish(&self, call: Call<'_>, what: &str) -> bool {
        match self.poll(call, ROUNDS) {
            Seen::Ended(got) => got,
            Seen::Dropped => panic!("{what}: a caller is stranded"),
        }
    }

    pub(crate) fn finish_all(&self, mut calls: Vec<Call<'_>>, what: &str) -> Vec<bool> {
        let mut context = Context::from_waker(Waker::noop());
        let mut got = Vec::new();
        for _ in 0..ROUNDS {
            calls.retain_mut(|call| match call.as_mut().poll(&mut context) {
                Poll::Ready(result) => {
                    got.push(result);
                    false
                }
                Poll::Pending => true,
            });
            if calls.is_empty() {
                return got;
            }
            self.round();
        }
        panic!("{what}: {} callers are stranded", calls.len())
    }

    /// Drops `leader` after so many polls, with `follower` waiting beside it, and says what became of both.
    pub(crate) fn lead_and_follow(
        &self,
        leader: Call<'_>,
        points: usize,
        follower: Call<'_>,
        what: &str,
    ) -> (Seen, bool) {
        let mut context = Context::from_waker(Waker::noop());
        let (mut leader, mut follower) = (Some(leader), follower);
        let mut seen = Seen::Dropped;
        for round in 0..ROUNDS {
            if round == points {
                leader = None;
            }
            if let Some(call) = &mut leader
                && let Poll::Ready(got) = call.as_mut().poll(&mut context)
            {
                seen = Seen::Ended(got);
                leader = None;
            }
            if let Poll::Ready(got) = follower.as_mut().poll(&mut context) {
                return (seen, got);
            }
            self.round();
        }
        panic!("{what}: the follower is stranded")
    }

    /// Polls `call` to its end, but gives up all tasks after so many polls, as a runtime does that is shut down.
    pub(crate) fn give_up_tasks_after(&self, mut call: Call<'_>, points: usize) -> Seen {
        let mut context = Context::from_waker(Waker::noop());
        for round in 0..ROUNDS {
            if round == points {
                let tasks = std::mem::take(&mut *self.0.tasks.lock().expect("no panic"));
                drop(tasks);
            }
            if let Poll::Ready(got) = call.as_mut().poll(&mut context) {
                return Seen::Ended(got);
            }
            self.round();
        }
        Seen::Dropped
    }
}

impl Runtime for Lab {
    type Driver = Way;

    fn driver(&self) -> Way {
        Way(self.clone())
    }

    fn spawn(&self, task: Work) {
        self.0.tasks.lock().expect("no panic").push(task);
    }

    fn sleep(&self, span: Duration) -> Work {
        let lab = self.clone();
        let ticks = u64::try_from(span.as_millis()).expect("a short time");
        let until = self.0.ticks.load(SeqCst) + ticks;
        Box::pin(poll_fn(move |_| if lab.0.ticks.load(SeqCst) >= until { Poll::Ready(()) } else { Poll::Pending }))
    }

    fn offload(&self, work: Box<dyn FnOnce() + Send>) {
        self.0.blocking.lock().expect("no panic").push_back(work);
    }
}

/// The way to the authority: an answer takes two rounds, one there and one back.
pub(crate) struct Way(Lab);

impl AsyncHost for Way {
    async fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match effect {
            Effect::Wait(ask) => {
                self.0.sleep(ask.op.span).await;
                Ok(ask.answer(()))
            }
            effect @ Effect::Http(_) => {
                pause().await;
                let answered = {
                    let mut authority = self.0.0.authority.lock().expect("no panic");
                    authority.as_mut().expect("an authority").perform(effect)
                };
                pause().await;
                answered
            }
            other => Err(other),
        }
    }
}

/// Ready at the second look.
async fn pause() {
    let mut looked = false;
    poll_fn(|_| if std::mem::replace(&mut looked, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}
