//! The harness, proven: each planted bug is found. Only in a canary build (`.ci/canaries`).
#![cfg(canary)]

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use azlatch_core::canary::{Bug, plant};
use azlatch_world::{DriverBug, World, play};

/// A bug that stays hidden for longer counts as not found.
const SEEDS: u64 = 10_000;

/// The lowest seed, nearly, whose history is broken, and by what.
fn find(bug: Option<DriverBug>, seeds: Range<u64>) -> Option<(u64, String)> {
    let (next, found) = (AtomicU64::new(seeds.start), AtomicU64::new(u64::MAX));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || found.load(Ordering::Relaxed) < seed {
                        return;
                    }
                    if World::new(seed, bug, false).run().trace().broken().is_some() {
                        found.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let seed = found.into_inner();
    let broken = (seed != u64::MAX).then(|| World::new(seed, bug, false).run())?;
    Some((seed, broken.trace().broken().unwrap_or_default().to_owned()))
}

// One test, since the bug that is planted in the core is planted for the whole process.
#[test]
fn every_planted_bug_is_found() {
    let began = Instant::now();
    plant(None);
    for seed in 0..300 {
        play(seed, None).unwrap_or_else(|broken| panic!("without any bug: {broken}"));
    }
    let mut missed = Vec::new();
    let mut report = |name: String, found: Option<(u64, String)>| match found {
        Some((seed, broken)) => println!("canary {name:<28} found at seed {seed:>5}: {broken}"),
        None => missed.push(name),
    };
    for bug in DriverBug::ALL {
        report(format!("{bug:?}"), find(Some(bug), 0..SEEDS));
    }
    for bug in Bug::ALL {
        plant(Some(bug));
        report(format!("{bug:?}"), find(None, 0..SEEDS));
    }
    plant(None);
    println!("canaries: {:?}", began.elapsed());
    assert!(missed.is_empty(), "not found within {SEEDS} histories: {missed:?}");
}
