//! Many threads at one document, or at one lock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use azlatch_core::Host;
use azlatch_core::effect::{Loaded, Saved, StoreFault, Version};

use super::{Driver, PATIENT, Store};

fn number(bytes: &[u8]) -> usize {
    std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).expect("a number")
}

fn current<H: Host>(store: &mut Store<H>) -> (usize, Option<Version>) {
    match store.load().expect("a readable store") {
        Loaded::Found(found) => (number(found.bytes.expose_secret()), Some(found.version)),
        _ => (0, None),
    }
}

pub(super) fn compare_and_swap_loses_nothing<D: Driver>() {
    const THREADS: usize = 32;
    const EACH: usize = 50;
    let driver = D::default();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let mut store = driver.handle();
            scope.spawn(move || {
                for _ in 0..EACH {
                    let (mut value, mut version) = current(&mut store);
                    loop {
                        match store.save((value + 1).to_string().as_bytes(), version) {
                            Ok(Saved::Stored(_)) => break,
                            Ok(Saved::Conflict(Some(found))) => {
                                (value, version) = (number(found.bytes.expose_secret()), Some(found.version));
                            }
                            Ok(Saved::Conflict(None)) => panic!("the document vanished"),
                            Err(StoreFault::Busy) => {}
                            Err(fault) => panic!("{fault}"),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(current(&mut driver.handle()).0, THREADS * EACH);
}

pub(super) fn a_lock_keeps_everybody_else_out<D: Driver>() {
    let driver = D::default();
    let inside = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            let mut store = driver.handle();
            let inside = &inside;
            scope.spawn(move || {
                for _ in 0..25 {
                    let guard = store.held(1, PATIENT).guard;
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold it");
                    let (value, version) = current(&mut store);
                    store.stored((value + 1).to_string().as_bytes(), version);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    store.unlock(guard, None);
                }
            });
        }
    });
    assert_eq!(current(&mut driver.handle()).0, 200);
}

/// Clones of one handle, as in a server.
pub(super) fn c_01_a_thousand_callers_each_get_their_turn<D: Driver>() {
    let store = D::default();
    let handle = store.handle();
    let turns = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..1000 {
            let (mut store, turns) = (handle.clone(), &turns);
            let caller = move || {
                let guard = store.held(1, PATIENT).guard;
                turns.fetch_add(1, Ordering::SeqCst);
                store.unlock(guard, None);
            };
            thread::Builder::new().stack_size(64 * 1024).spawn_scoped(scope, caller).expect("a thread");
        }
    });
    assert_eq!(turns.load(Ordering::SeqCst), 1000);
}
