//! Plays many seeds and counts what breaks, by kind: `cargo run -p azlatch-world --example survey 5000`.

#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use std::collections::BTreeMap;
use std::time::Instant;

use azlatch_world::{Tally, World};

fn main() {
    let histories: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1000);
    let began = Instant::now();
    let mut sum = Tally::default();
    let mut kinds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for seed in 0..histories {
        let world = World::new(seed, None, false).run();
        sum.add(&world.tally);
        if let Some(broken) = world.trace().broken() {
            let kind = broken.chars().filter(|c| !c.is_ascii_digit()).take(100).collect();
            kinds.entry(kind).or_default().push(seed);
        }
    }
    for (kind, seeds) in &kinds {
        println!("{:>5} {kind}, seeds {:?}", seeds.len(), &seeds[..seeds.len().min(5)]);
    }
    println!("{sum:#?}");
    println!("{histories} histories, {:.0}/s", histories as f64 / began.elapsed().as_secs_f64());
}
