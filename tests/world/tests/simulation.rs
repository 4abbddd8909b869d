//! Histories of the simulated world, by seed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use azlatch_world::{Tally, World, play};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Plays `seeds` on all cores; the lowest seed that fails is told.
fn play_all(seeds: std::ops::Range<u64>) -> Tally {
    let next = AtomicU64::new(seeds.start);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut sum = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(sum);
            }
            sum.add(&play(seed, None).map_err(|broken| (seed, broken))?);
        }
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a history panicked")).collect()
    });
    let mut sum = Tally::default();
    let mut broken: Vec<_> = Vec::new();
    for result in results {
        match result {
            Ok(tally) => sum.add(&tally),
            Err(failure) => broken.push(failure),
        }
    }
    broken.sort();
    if let Some((_, text)) = broken.first() {
        panic!("{text}");
    }
    sum
}

#[test]
fn simulation_one() {
    let seed = number("SEED", 7);
    let world = World::new(seed, None, true).run();
    for line in world.trace().lines() {
        println!("{line}");
    }
    println!("{:?}", world.tally);
    assert_eq!(world.trace().broken(), None, "SEED={seed} cargo test simulation_one");
}

#[test]
fn simulation_many() {
    let histories = number("HISTORIES", 10_000);
    let first = number("FIRST", 0);
    let began = Instant::now();
    let sum = play_all(first..first + histories);
    let seconds = began.elapsed().as_secs_f64();
    println!("world: {histories} histories, {:.0}/s, {sum:?}", histories as f64 / seconds.max(0.001));
}
