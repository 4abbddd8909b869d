//! Connections at rest, kept for the next request: few, and not for long.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::connect::Origin;

/// This many to one origin.
const EACH: usize = 4;
/// This many altogether.
const ALL: usize = 16;
/// Older ones have probably been closed by their servers.
const IDLE: Duration = Duration::from_secs(15);

/// The connections at rest, oldest first. Nothing runs while they rest: whoever takes one looks whether it is open.
#[derive(Default)]
pub(crate) struct Pool(Mutex<VecDeque<Resting>>);

struct Resting {
    origin: Origin,
    channel: Channel,
    since: Instant,
}

impl Pool {
    /// An open connection to `origin`, out of the pool: until it is put back nobody else knows it.
    pub(crate) async fn take(&self, origin: &Origin) -> Option<Channel> {
        loop {
            let mut channel = self.latest(origin)?;
            if channel.is_open().await {
                return Some(channel);
            }
        }
    }

    fn latest(&self, origin: &Origin) -> Option<Channel> {
        let mut resting = self.fresh();
        let at = resting.iter().rposition(|it| it.origin == *origin)?;
        resting.remove(at).map(|it| it.channel)
    }

    /// Keeps `channel`, whose last exchange is complete, if it is still good for another.
    pub(crate) async fn put(&self, origin: Origin, mut channel: Channel) {
        if !channel.is_open().await {
            return;
        }
        let mut resting = self.fresh();
        let same = resting.iter().filter(|it| it.origin == origin).count();
        let surplus = match same {
            EACH.. => resting.iter().position(|it| it.origin == origin),
            _ => (resting.len() >= ALL).then_some(0),
        };
        if let Some(at) = surplus {
            resting.remove(at);
        }
        resting.push_back(Resting { origin, channel, since: Instant::now() });
    }

    fn fresh(&self) -> MutexGuard<'_, VecDeque<Resting>> {
        let mut resting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|it| it.since.elapsed() < IDLE);
        resting
    }
}
