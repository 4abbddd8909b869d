//! A deterministic simulated world.

pub mod authority;
pub mod bug;
mod call;
pub mod disk;
mod driver;
pub mod flows;
mod judge;
mod network;
pub mod plan;
mod process;
pub mod random;
pub mod trace;
mod verdict;
pub mod wants;
mod world;

pub use bug::StoreBug;
pub use world::{Tally, World};

/// Plays the history that `seed` decides.
///
/// # Errors
///
/// What was broken, with the last lines of the trace.
pub fn play(seed: u64, bug: Option<StoreBug>) -> Result<Tally, String> {
    let world = World::new(seed, bug, false).run();
    if world.trace().broken().is_none() {
        return Ok(world.tally);
    }
    let again = World::new(seed, bug, true).run();
    let lines = again.trace().lines();
    let tail = lines[lines.len().saturating_sub(40)..].join("\n");
    let broken = again.trace().broken().unwrap_or("not broken when traced").to_owned();
    Err(format!("{tail}\n\nBROKEN: {broken}\n\nSEED={seed} cargo test simulation_one"))
}
