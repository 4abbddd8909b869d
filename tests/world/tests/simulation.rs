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
    if let Some(broken) = world.trace().broken() {
        panic!("{broken}\nSEED={seed} cargo test simulation_one");
    }
}

/// `HISTORIES=1000000 FIRST=10000` plays other and longer runs.
#[test]
fn simulation_many() {
    let (histories, first) = (number("HISTORIES", 10_000), number("FIRST", 0));
    let began = Instant::now();
    let sum = play_all(first..first + histories);
    let rate = histories as f64 / began.elapsed().as_secs_f64().max(0.001);
    println!("world: {histories} histories, {rate:.0}/s, {sum:?}");
}

/// A world in which nothing goes wrong proves nothing.
#[test]
fn everything_that_can_go_wrong_does() {
    let sum = play_all(0..500);
    let Tally { conflicts, store_faults, reused, crashes, power_cuts, cancelled, recovered, .. } = sum;
    for (count, least) in [
        (sum.hits, 1_000),
        (sum.errors, 1_000),
        (conflicts, 1_000),
        (store_faults, 500),
        (reused, 30),
        (crashes, 100),
        (power_cuts, 30),
        (cancelled, 100),
        (recovered, 4_000),
        // People.
        (sum.browser, 150),
        (sum.device, 150),
        (sum.in_hand, 150),
        (sum.arrived, 300),
        (sum.guests, 50),
        (sum.declined, 20),
        (sum.walked_away, 20),
        (sum.too_late, 20),
        (sum.strangers, 10),
        (sum.pending, 200),
        (sum.slow_downs, 10),
        (sum.polls_lost, 20),
        (sum.signed_out, 200),
        (sum.orphaned, 2),
        (sum.refused_claims, 30),
        (sum.shared, 15),
        (sum.mismatched, 3),
        (sum.recorded, 50),
    ] {
        assert!(count >= least, "{least} expected: {sum:?}");
    }
}

/// When faults stop, every process gets every token, and has it in the store.
#[test]
fn when_faults_stop_everybody_succeeds() {
    for seed in 0..100 {
        let world = World::new(seed, None, false).run();
        assert_eq!(world.trace().broken(), None, "SEED={seed} cargo test simulation_one");
        assert!(world.tally.recovered >= 2, "nobody asked: SEED={seed}");
    }
}

#[test]
fn simulation_is_deterministic() {
    let tell = |seed| World::new(seed, None, true).run().trace().lines().join("\n");
    for seed in 0..30 {
        assert!(tell(seed) == tell(seed), "seed {seed} tells two stories");
    }
    assert_ne!(tell(1), tell(2));
}

/// Histories that once were broken.
#[test]
fn simulation_of_seeds_that_ever_failed() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let mut played = 0;
    for file in std::fs::read_dir(directory).expect("the seeds are there") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("a text");
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let seed = line.split(' ').next().and_then(|word| word.parse().ok()).expect("a seed, then what it found");
            play(seed, None).unwrap_or_else(|broken| panic!("{line}\n{broken}"));
            played += 1;
        }
    }
    assert!(played >= 6, "the seeds are gone");
}
