//! What must not be handed out again leaves the store: a token that a resource refused, an account that signs out.
//!
//! ```text
//! Start ─► Loading ─► Keeping (merge under compare-and-swap) ─► Done
//! ```

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::base::Base;
use super::keep::{Amendment, Departed, Keep};
use crate::authority::AuthorityHost;
use crate::effect::{Ids, Load, Misuse, Partition, Reply};
use crate::error::{Error, ErrorKind};
use crate::explain::Note;
use crate::flow::{Flow, Step};
use crate::secret::AccessToken;
use crate::time::Now;

/// The removal of one access token, or of everything of one account, under whatever keys it is stored.
///
/// Whoever renews a token of the account meanwhile finds its refresh token gone, and stores nothing.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Discard {
    partition: Partition,
    amendment: Amendment,
    base: Base,
    notes: Vec<Note>,
    ids: Ids,
    state: State,
}

#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
enum State {
    Start,
    Loading,
    Keeping(Box<Keep>),
    Over,
}

impl Discard {
    /// Of `token` from `partition`.
    #[must_use]
    pub fn token(partition: Partition, token: AccessToken) -> Self {
        Self::new(partition, Amendment { rejected: Some(token), ..Amendment::default() })
    }

    /// Of everything of the account `home_account_id` of `host`'s cloud from `partition`: tokens of every client, scope
    /// and tenant, and the account itself.
    #[must_use]
    pub fn account(partition: Partition, host: &AuthorityHost, home_account_id: &str) -> Self {
        let departed = Departed { environment: host.environment().to_string(), home: home_account_id.to_string() };
        Self::new(partition, Amendment { departed: Some(departed), ..Amendment::default() })
    }

    const fn new(partition: Partition, amendment: Amendment) -> Self {
        Self { partition, amendment, base: Base::Nowhere, notes: Vec::new(), ids: Ids::root(), state: State::Start }
    }

    fn loaded(&mut self, now: Now) -> Step<Result<(), Error>> {
        match &self.base {
            Base::Unreadable(fault) => return Step::Done(Err(Error::from(fault.clone()))),
            base if base.document().is_none() => return Step::Done(Ok(())),
            _ => {}
        }
        let base = mem::replace(&mut self.base, Base::Nowhere);
        let amendment = mem::take(&mut self.amendment);
        let keep = Keep::new(self.partition.clone(), base, amendment, 0, self.ids.fork());
        self.keeping(now, Box::new(keep), None)
    }

    fn keeping(&mut self, now: Now, mut keep: Box<Keep>, reply: Option<Reply>) -> Step<Result<(), Error>> {
        match keep.step(now, reply) {
            Step::Need(effect) => {
                self.state = State::Keeping(keep);
                Step::Need(effect)
            }
            Step::Done(Err(Misuse)) => Step::Done(Err(Error::misuse())),
            Step::Done(Ok(kept)) => Step::Done(match kept.notes.into_iter().find_map(unsaved) {
                Some(why) => Err(Error::new(ErrorKind::Storage, why)),
                None => Ok(()),
            }),
        }
    }
}

fn unsaved(note: Note) -> Option<String> {
    match note {
        Note::SaveFailed(why) => Some(why),
        _ => None,
    }
}

impl Flow for Discard {
    type Output = Result<(), Error>;

    /// Done with an error of kind `Storage` when what was to go may still be stored.
    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Self::Output> {
        match (mem::replace(&mut self.state, State::Over), reply) {
            (State::Start, None) => {
                self.state = State::Loading;
                let load = self.base.load(&self.partition, Duration::from_secs(5));
                Step::Need(self.ids.ask(load))
            }
            (State::Loading, Some(reply)) => {
                let answer = self.ids.take::<Load>(reply);
                match self.base.learn(answer, &mut self.notes) {
                    Ok(()) => self.loaded(now),
                    Err(Misuse) => Step::Done(Err(Error::misuse())),
                }
            }
            (State::Keeping(keep), reply) => self.keeping(now, keep, reply),
            _ => Step::Done(Err(Error::misuse())),
        }
    }

    /// Removing is clean-up.
    fn cancel(&mut self) {}
}
