//! `kill -9`, at any moment.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use azlatch_files::Files;

use crate::processes::{DOCUMENT, Writer, document, leftovers, next_call, place};
use crate::writer::{Generous, token};

const ROUNDS: usize = 1000;

/// From 0.2 ms to 50 ms on a logarithmic scale, fifty steps in no particular order.
fn delay(round: usize) -> Duration {
    let step = u32::try_from(round * 7 % 50).unwrap_or_default();
    Duration::from_secs_f64(0.000_2 * 250_f64.powf(f64::from(step) / 49.0))
}

#[test]
fn s_02_a_thousand_kills_lose_nothing_that_was_said_to_be_stored() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let directory = scratch.path().join("store");
    // What must be there: whatever a writer said to have stored, and whatever was seen there.
    let mut known: BTreeMap<(String, usize), usize> = BTreeMap::new();
    let (mut stored, mut interrupted, mut slowest) = (0, 0, Duration::ZERO);
    let began = Instant::now();
    for round in 0..ROUNDS {
        if round % 50 == 0 {
            let _ = fs::remove_dir_all(&directory);
            known.clear();
        }
        let mut writers = ["a", "b"].map(|name| Writer::start(&directory, name, round * 1000, "0"));
        thread::sleep(delay(round));
        writers.iter_mut().for_each(Writer::kill);
        for line in writers.into_iter().flat_map(Writer::rest) {
            assert!(line.starts_with("a-") || line.starts_with("b-"), "round {round}: {line}");
            let (place, number) = place(&line);
            known.insert(place, number);
            stored += 1;
        }
        let there = document(&directory);
        for (place, number) in &known {
            let found = there.get(place);
            assert!(found >= Some(number), "round {round}: {place:?} was {number} and is {found:?}");
        }
        let left = leftovers(&directory);
        assert!(left.iter().filter(|name| !name.ends_with(".lockfile")).count() <= 1, "round {round}: {left:?}");
        interrupted += usize::from(!left.is_empty());
        slowest = slowest.max(next_call(&directory, "next", round));
        known = document(&directory);
    }
    assert!(fs::read_dir(&directory).expect("a directory").count() == 3, "document, lock, locks of tokens");
    println!(
        "{ROUNDS} rounds, {stored} updates, {interrupted} interrupted, slowest next call {slowest:?}, {:?}",
        began.elapsed()
    );
}

#[test]
fn c_08_the_lock_of_a_killed_holder_is_free_at_once() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let directory = scratch.path();
    let takeover = |number: usize| {
        let mut leader = Writer::start(directory, "w", number, "hang");
        assert_eq!(leader.line().as_deref(), Some("asked"));
        thread::scope(|scope| {
            let follower = scope.spawn(move || {
                let mut world = (Files::new(directory), Generous("mine".into()));
                (token("w", number, &mut world).expect("a token"), Instant::now())
            });
            thread::sleep(Duration::from_millis(100));
            assert!(!follower.is_finished(), "it waits for the leader");
            let killed = Instant::now();
            leader.kill();
            let (acquired, at) = follower.join().expect("the follower");
            assert_eq!((acquired.token.expose_secret(), acquired.explain.notes), ("mine", vec![]));
            at.saturating_duration_since(killed)
        })
    };
    // The best of a few, since a busy machine may hold anybody up.
    let took = (0..10).map(takeover).min().unwrap_or_default();
    assert!(took < Duration::from_millis(50), "{took:?}");
    assert!(directory.join(DOCUMENT).is_file());
}
