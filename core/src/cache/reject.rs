//! A token that a resource refused leaves the store, so that nobody is handed it again.
//!
//! ```text
//! Start ─► Loading ─► Keeping (merge under compare-and-swap) ─► Done
//! ```

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::base::Base;
use super::keep::{Amendment, Keep};
use crate::effect::{Ids, Load, Misuse, Partition, Reply};
use crate::error::{Error, ErrorKind};
use crate::explain::Note;
use crate::flow::{Flow, Step};
use crate::secret::AccessToken;
use crate::time::Now;

/// The removal of one access token from a document, under whatever keys it is stored.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Reject {
    partition: Partition,
    token: AccessToken,
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

impl Reject {
    /// Of `token` from `partition`.
    #[must_use]
    pub const fn new(partition: Partition, token: AccessToken) -> Self {
        Self { partition, token, base: Base::Nowhere, notes: Vec::new(), ids: Ids::root(), state: State::Start }
    }

    fn loaded(&mut self, now: Now) -> Step<Result<(), Error>> {
        match &self.base {
            Base::Unreadable(fault) => return Step::Done(Err(Error::from(fault.clone()))),
            base if base.document().is_none() => return Step::Done(Ok(())),
            _ => {}
        }
        let base = mem::replace(&mut self.base, Base::Nowhere);
        let amendment = Amendment { gain: None, dead: Vec::new(), rejected: Some(self.token.clone()) };
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

impl Flow for Reject {
    type Output = Result<(), Error>;

    /// Done with an error of kind `Storage` when the token may still be stored.
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
