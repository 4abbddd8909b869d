//! One conditional read: does the store still hold what a token in memory came from?

use core::time::Duration;

use super::base::LIMIT;
use crate::effect::{Ids, Load, Loaded, Partition, Reply, Version};
use crate::flow::{Flow, Step};
use crate::time::Now;

/// Asks whether `partition` still is `version`. A store that cannot be read takes no valid token away: then it is.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Check {
    partition: Partition,
    version: Version,
    ids: Ids,
    asked: bool,
}

impl Check {
    /// Of `partition`, which was `version`.
    #[must_use]
    pub const fn new(partition: Partition, version: Version) -> Self {
        Self { partition, version, ids: Ids::root(), asked: false }
    }
}

impl Flow for Check {
    type Output = bool;

    fn step(&mut self, _now: Now, reply: Option<Reply>) -> Step<bool> {
        match reply {
            None if !core::mem::replace(&mut self.asked, true) => Step::Need(self.ids.ask(Load {
                partition: self.partition.clone(),
                unless: Some(self.version),
                limit: LIMIT,
                timeout: Duration::from_secs(2),
            })),
            None => Step::Done(true),
            Some(reply) => Step::Done(match self.ids.take::<Load>(reply) {
                Ok(Some(Ok(Loaded::Found(found)))) => found.version == self.version,
                Ok(Some(Ok(Loaded::Absent))) => false,
                _ => true,
            }),
        }
    }

    fn cancel(&mut self) {}
}
