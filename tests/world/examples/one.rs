//! Prints the tail of one history.
#![allow(clippy::print_stdout)]
fn main() {
    let seed: u64 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(1);
    let world = azlatch_world::World::new(seed, None, true).run();
    for line in world.trace().lines() { println!("{line}"); }
    println!("{:?}", world.trace().broken());
}
