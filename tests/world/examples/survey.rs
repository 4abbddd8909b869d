//! Counts what breaks, by kind, over many seeds.
#![allow(clippy::print_stdout)]
use std::collections::BTreeMap;
fn main() {
    let n: u64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(1000);
    let mut kinds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let began = std::time::Instant::now();
    for seed in 0..n {
        if let Err(text) = azlatch_world::play(seed, None) {
            let line = text.lines().find(|l| l.starts_with("BROKEN")).unwrap_or("?").to_owned();
            let kind: String = line.chars().filter(|c| !c.is_ascii_digit()).take(110).collect();
            kinds.entry(kind).or_default().push(seed);
        }
    }
    for (kind, seeds) in &kinds {
        println!("{:>5} {kind} {:?}", seeds.len(), &seeds[..seeds.len().min(5)]);
    }
    println!("{:.0}/s", n as f64 / began.elapsed().as_secs_f64());
}
