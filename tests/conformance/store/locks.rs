//! Locks, and the marks that pass from holder to holder.

use std::thread;
use std::time::{Duration, Instant};

use azlatch_core::Unix;
use azlatch_core::effect::{Guard, Mark};

use super::{Driver, PATIENT};

const TRY: Duration = Duration::ZERO;

fn mark(at: i64, until: i64, what: &str) -> Mark {
    Mark { at: Unix(at), until: Unix(until), holder: 7, what: what.into() }
}

pub(super) fn a_free_lock_is_granted<D: Driver>() {
    let locked = D::default().handle().held(1, TRY);
    assert_eq!((locked.mark, locked.waited), (None, false));
}

pub(super) fn a_held_lock_is_busy<D: Driver>() {
    let driver = D::default();
    let mut holder = driver.handle();
    let _locked = holder.held(1, TRY);
    assert_eq!(driver.handle().lock(1, TRY), Ok(None));
    assert_eq!(holder.lock(1, TRY), Ok(None), "not even its holder gets it twice");
}

pub(super) fn a_held_lock_is_waited_for_as_long_as_patience_lasts<D: Driver>() {
    let driver = D::default();
    let mut holder = driver.handle();
    let _locked = holder.held(1, TRY);
    for mut store in [driver.handle(), holder] {
        let began = Instant::now();
        assert_eq!(store.lock(1, Duration::from_millis(60)), Ok(None));
        let waited = began.elapsed();
        assert!((Duration::from_millis(60)..Duration::from_secs(5)).contains(&waited), "{waited:?}");
    }
}

pub(super) fn a_released_lock_is_free<D: Driver>() {
    let driver = D::default();
    for mut store in [driver.handle(), driver.handle(), driver.handle()] {
        let locked = store.held(1, TRY);
        assert!(!locked.waited);
        store.unlock(locked.guard, None);
    }
}

pub(super) fn c_05_locks_of_other_keys_never_wait<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    let guards: Vec<Guard> = (0..100).map(|key| store.held(key, TRY).guard).collect();
    let mut distinct = guards.clone();
    distinct.sort_by_key(|guard| guard.0);
    distinct.dedup();
    assert_eq!(distinct.len(), 100, "each has a guard of its own");
    // A waiter for one key keeps nobody from another.
    let mut waiter = driver.handle();
    let waiting = thread::spawn(move || waiter.lock(7, PATIENT).map(|locked| locked.is_some()));
    thread::sleep(Duration::from_millis(20));
    driver.handle().held(200, TRY);
    assert_eq!(driver.handle().lock(8, TRY), Ok(None));
    store.unlock(guards[7], None);
    assert_eq!(waiting.join().expect("the waiter"), Ok(true));
}

pub(super) fn a_mark_is_left_and_returned_and_wiped<D: Driver>() {
    let driver = D::default();
    let (mut store, mut sibling) = (driver.handle(), driver.handle());
    let left = mark(1_800_000_000, 1_800_000_005, "network: no answer");
    let first = store.held(1, TRY);
    store.unlock(first.guard, Some(left.clone()));
    let other = sibling.held(2, TRY);
    assert_eq!(other.mark, None, "a mark belongs to its key");
    let second = sibling.held(1, TRY);
    assert_eq!(second.mark, Some(left));
    let shorter = mark(1, 2, "x");
    sibling.unlock(second.guard, Some(shorter.clone()));
    let third = store.held(1, TRY);
    assert_eq!(third.mark, Some(shorter), "a newer mark replaces all of the older");
    store.unlock(third.guard, None);
    assert_eq!(store.held(1, TRY).mark, None, "leaving none wipes it");
}

pub(super) fn marks_come_back_as_they_went<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    let long = "ä".repeat(512);
    let texts = ["", " ", "a", " leading and trailing ", "{\"json\":[1,2]}", "“quoted” \\ \t ü 中", &long];
    for (n, what) in texts.into_iter().enumerate() {
        for (at, until) in [(0, 0), (-1, 5), (i64::MIN, i64::MAX)] {
            let holder = until.unsigned_abs().wrapping_mul(2);
            let left = Mark { holder, ..mark(at, until, what) };
            let guard = store.held(9, TRY).guard;
            store.unlock(guard, Some(left.clone()));
            let locked = store.held(9, TRY);
            assert_eq!(locked.mark, Some(left), "text {n}");
            store.unlock(locked.guard, None);
        }
    }
}

pub(super) fn unlocking_twice_is_harmless<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    let first = store.held(1, TRY);
    store.unlock(first.guard, None);
    store.unlock(first.guard, Some(mark(1, 2, "late")));
    let second = store.held(1, TRY);
    assert_eq!(second.mark, None, "what is not held takes no mark");
    store.unlock(first.guard, None);
    assert_eq!(driver.handle().lock(1, TRY), Ok(None), "the second holder still has it");
}

pub(super) fn unlocking_an_unknown_guard_is_harmless<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    store.unlock(Guard(0), None);
    let held = store.held(1, TRY).guard;
    for unknown in [0, held.0 + 1, u64::MAX] {
        store.unlock(Guard(unknown), Some(mark(1, 2, "x")));
    }
    assert_eq!(driver.handle().lock(1, TRY), Ok(None));
}

/// The best of a few, since a busy machine may hold anybody up.
pub(super) fn a_waiter_gets_the_lock_within_50_ms_of_its_release<D: Driver>() {
    let driver = D::default();
    let handover = || {
        let (mut holder, mut waiter) = (driver.handle(), driver.handle());
        let held = holder.held(1, TRY).guard;
        let waiting = thread::spawn(move || {
            let locked = waiter.held(1, PATIENT);
            let at = Instant::now();
            waiter.unlock(locked.guard, None);
            (locked.waited, at)
        });
        thread::sleep(Duration::from_millis(100));
        let released = Instant::now();
        holder.unlock(held, None);
        let (waited, at) = waiting.join().expect("the waiter");
        assert!(waited, "a waiter is told that it waited");
        at.saturating_duration_since(released)
    };
    let best = (0..10).map(|_| handover()).find(|took| *took < Duration::from_millis(50));
    assert!(best.is_some());
}
