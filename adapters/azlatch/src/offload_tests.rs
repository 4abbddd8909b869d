//! Locks are tried and never sat upon, granted ones are never lost, and panics arrive.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;

use azlatch_core::Unix;
use azlatch_core::effect::{FileRules, Mark, Operation, ReadFile};

use super::*;
use crate::async_std::OnAsyncStd;
use azlatch_async_std::{block_on, spawn};

const KEY: LockKey = LockKey([1; 16]);
const PATIENT: Duration = Duration::from_secs(30);

/// A host made of a closure.
#[derive(Clone)]
struct Fake(Arc<dyn Fn(Effect) -> Result<Reply, Effect> + Send + Sync>);

impl Host for Fake {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        (self.0)(effect)
    }
}

fn offloaded(answer: impl Fn(Effect) -> Result<Reply, Effect> + Send + Sync + 'static) -> Offload<Fake, OnAsyncStd> {
    Offload::new(Fake(Arc::new(answer)), OnAsyncStd::default())
}

/// What `host` answers; `None` when it hands the effect back.
async fn ask<Op: Operation>(host: &mut Offload<Fake, OnAsyncStd>, op: Op) -> Option<Op::Answer> {
    let mut ids = Ids::root();
    let reply = host.perform(ids.ask(op)).await.ok()?;
    ids.take::<Op>(reply).expect("a reply to this question")
}

fn locked(guard: u64) -> Locked {
    let mark = Mark { at: Unix(1), until: Unix(2), holder: 3, what: "left".into() };
    Locked { guard: Guard(guard), mark: Some(mark), waited: false }
}

/// One lock, whose tries and releases are written down.
fn one_lock(log: mpsc::Sender<String>) -> Offload<Fake, OnAsyncStd> {
    let held = Mutex::new((0, false));
    offloaded(move |effect| {
        let mut held = held.lock().expect("no panic");
        match effect {
            Effect::Lock(ask) => {
                log.send(format!("try {:?}", ask.op.patience)).expect("a reader");
                let free = !std::mem::replace(&mut held.1, true);
                held.0 += u64::from(free);
                Ok(ask.answer(Ok(free.then(|| locked(held.0)))))
            }
            Effect::Unlock(ask) => {
                log.send(format!("release {}", ask.op.guard.0)).expect("a reader");
                held.1 = false;
                Ok(ask.answer(()))
            }
            other => Err(other),
        }
    })
}

#[test]
fn a_lock_is_only_ever_tried() {
    let (log, written) = mpsc::channel();
    let mut host = one_lock(log);
    let mut other = host.clone();
    block_on(async {
        let first = ask(&mut host, Lock { key: KEY, patience: PATIENT }).await;
        assert_eq!(first, Some(Ok(Some(locked(1)))));
        let none = ask(&mut other, Lock { key: KEY, patience: Duration::from_millis(1) }).await;
        assert_eq!(none, Some(Ok(None)));
        assert_eq!(ask(&mut other, Lock { key: KEY, patience: Duration::ZERO }).await, Some(Ok(None)));
        // The waiter waits in a task; only when it has failed to get the lock is it released.
        written.try_iter().for_each(drop);
        let waiter = spawn(async move { ask(&mut other, Lock { key: KEY, patience: PATIENT }).await });
        assert_eq!(written.recv().as_deref(), Ok("try 0ns"));
        ask(&mut host, Unlock { guard: Guard(1), mark: None }).await;
        assert_eq!(waiter.await, Some(Ok(Some(Locked { waited: true, ..locked(2) }))));
        ask(&mut host, Unlock { guard: Guard(2), mark: None }).await;
    });
    assert!(written.try_iter().all(|line| line == "try 0ns" || line.starts_with("release")));
    assert!(lock(&host.queues.waiting).is_empty() && lock(&host.queues.held).is_empty(), "somebody was forgotten");
}

#[test]
fn everybody_gets_a_turn() {
    let (log, _written) = mpsc::channel();
    let host = one_lock(log);
    let callers = (0..100).map(|_| {
        let mut host = host.clone();
        spawn(async move {
            let granted = ask(&mut host, Lock { key: KEY, patience: PATIENT }).await;
            let Some(Ok(Some(Locked { guard, .. }))) = granted else { panic!("{granted:?}") };
            ask(&mut host, Unlock { guard, mark: None }).await;
            guard.0
        })
    });
    let callers: Vec<_> = callers.collect();
    let mut guards: Vec<u64> = block_on(async {
        let mut guards = Vec::new();
        for caller in callers {
            guards.push(caller.await);
        }
        guards
    });
    guards.sort_unstable();
    assert_eq!(guards, (1..=100).collect::<Vec<_>>());
}

#[test]
fn a_lock_that_nobody_awaits_any_more_is_given_back() {
    let (go, going) = mpsc::channel::<()>();
    let going = Mutex::new(going);
    let (log, written) = mpsc::channel();
    let mut host = offloaded(move |effect| match effect {
        Effect::Lock(ask) => {
            log.send(None).expect("a reader");
            going.lock().expect("no panic").recv().expect("the test goes on");
            Ok(ask.answer(Ok(Some(locked(7)))))
        }
        Effect::Unlock(ask) => {
            log.send(Some(ask.op.clone())).expect("a reader");
            Ok(ask.answer(()))
        }
        other => Err(other),
    });
    let expected = Unlock { guard: Guard(7), mark: locked(7).mark };
    // Dropped while the try is under way, and when it is over but was not looked at.
    for before in [true, false] {
        {
            let mut asked = pin!(ask(&mut host, Lock { key: KEY, patience: PATIENT }));
            block_on(poll_fn(|cx| {
                assert!(asked.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            }));
            assert_eq!(written.recv(), Ok(None), "the try has begun");
            if !before {
                go.send(()).expect("a host");
                assert_eq!(written.try_recv().ok(), None, "not while somebody may still take it");
            }
        }
        if before {
            go.send(()).expect("a host");
        }
        assert_eq!(written.recv_timeout(PATIENT), Ok(Some(expected.clone())), "dropped before the end: {before}");
    }
    assert!(lock(&host.queues.held).is_empty());
}

#[test]
fn whoever_gives_up_leaves_the_queue() {
    let (log, _written) = mpsc::channel();
    let mut host = one_lock(log);
    block_on(async {
        ask(&mut host, Lock { key: KEY, patience: Duration::ZERO }).await;
        let (mut other, mut second) = (host.clone(), host.clone());
        let first = spawn(async move { ask(&mut other, Lock { key: KEY, patience: PATIENT }).await });
        while lock(&host.queues.waiting).is_empty() {
            azlatch_async_std::sleep(Duration::from_millis(1)).await;
        }
        let waiting = ask(&mut second, Lock { key: KEY, patience: PATIENT });
        assert_eq!(before(azlatch_async_std::sleep(Duration::from_millis(20)), waiting).await, None);
        ask(&mut host, Unlock { guard: Guard(1), mark: None }).await;
        assert_eq!(first.await, Some(Ok(Some(Locked { waited: true, ..locked(2) }))));
    });
    assert!(lock(&host.queues.waiting).is_empty());
}

fn file() -> ReadFile {
    ReadFile { path: "/f".into(), limit: 1, rules: FileRules::Regular }
}

#[test]
fn a_panic_arrives_where_it_is_awaited() {
    let mut host = offloaded(|effect| match effect {
        Effect::Lock(_) | Effect::ReadFile(_) => panic!("out of order"),
        other => Err(other),
    });
    let mut other = host.clone();
    let panics = [
        catch_unwind(AssertUnwindSafe(|| block_on(ask(&mut host, file())).is_some())),
        catch_unwind(AssertUnwindSafe(|| block_on(ask(&mut other, Lock { key: KEY, patience: PATIENT })).is_some())),
    ];
    for panic in panics {
        let payload = panic.expect_err("a panic");
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"out of order"));
    }
}

#[test]
fn what_the_host_does_not_take_is_handed_back() {
    let mut host = offloaded(Err);
    let lock = || Ids::root().ask(Lock { key: KEY, patience: PATIENT });
    assert_eq!(block_on(host.perform(lock())), Err(lock()));
    let unlock = || Ids::root().ask(Unlock { guard: Guard(1), mark: None });
    assert_eq!(block_on(host.perform(unlock())), Err(unlock()));
}

#[test]
fn a_fault_ends_the_waiting() {
    let tries = AtomicU32::new(0);
    let mut host = offloaded(move |effect| match effect {
        Effect::Lock(ask) => {
            let later = tries.fetch_add(1, Ordering::Relaxed) > 1;
            Ok(ask.answer(if later { Err(StoreFault::Unsupported) } else { Ok(None) }))
        }
        other => Err(other),
    });
    let answer = block_on(ask(&mut host, Lock { key: KEY, patience: PATIENT }));
    assert_eq!(answer, Some(Err(StoreFault::Unsupported)));
}
