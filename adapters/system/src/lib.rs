//! The machine for azlatch: clocks, rest, randomness, environment variables, bounded file reads.
//!
//! ```
//! use azlatch_system::Clock;
//!
//! let clock = Clock::new();
//! let (first, second) = (clock.now(), clock.now());
//! assert!(first.mono <= second.mono);
//! ```

mod clock;
mod environment;
mod files;

pub use clock::Clock;
pub use environment::Environment;

use azlatch_core::Host;
use azlatch_core::effect::{Effect, Random, RandomFault, Reply};
use azlatch_core::secret::Secret;

/// The driver: rest, randomness, environment, files.
#[derive(Clone, Debug, Default)]
pub struct System {
    environment: Environment,
}

impl System {
    /// With the environment variables of `environment` instead of none.
    #[must_use]
    pub const fn new(environment: Environment) -> Self {
        Self { environment }
    }
}

impl Host for System {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        Ok(match effect {
            Effect::Wait(ask) => {
                std::thread::sleep(ask.op.span);
                ask.answer(())
            }
            Effect::Random(ask) => {
                let answer = random(ask.op);
                ask.answer(answer)
            }
            Effect::Env(ask) => {
                let answer = ask.op.names.iter().map(|name| self.environment.get(name).map(Secret::from)).collect();
                ask.answer(answer)
            }
            Effect::ReadFile(ask) => {
                let answer = files::read(&ask.op);
                ask.answer(answer)
            }
            other => return Err(other),
        })
    }
}

fn random(ask: Random) -> Result<Secret<[u8]>, RandomFault> {
    let mut bytes = vec![0; ask.len];
    getrandom::fill(&mut bytes).map_err(|_| RandomFault)?;
    Ok(bytes.into())
}
