//! A conversation with an authority that the public cloud must vouch for first: nothing is sent to it before.
//!
//! ```text
//! Asking the public cloud (unknown hosts only) ─► the conversation ─► Done
//! ```

use core::mem;

use super::exchange::Exchanged;
use crate::authority::Authority;
use crate::authority::discovery::{Discovery, Vouched};
use crate::effect::{Ids, Reply};
use crate::flow::{Flow, Step};
use crate::time::{Mono, Now};

/// A conversation, and what must come before it.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Vouching<F> {
    state: State,
    vouched: Option<Vouched>,
    then: F,
}

#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
enum State {
    Asking(Discovery),
    Conversing,
}

impl<F: Flow<Output = Exchanged>> Vouching<F> {
    /// `then`, with `authority`; when it must be vouched for (`discovery`) and no table does, that happens first, before
    /// `deadline`.
    #[must_use]
    pub fn new(authority: &Authority, discovery: bool, deadline: Mono, then: F, ids: Ids) -> Self {
        let state = match discovery && authority.host.needs_vouching() {
            true => State::Asking(Discovery::new(authority.clone(), deadline, ids)),
            false => State::Conversing,
        };
        Self { state, vouched: None, then }
    }
}

impl<F: Flow<Output = Exchanged>> Flow for Vouching<F> {
    type Output = Exchanged;

    fn step(&mut self, now: Now, mut reply: Option<Reply>) -> Step<Exchanged> {
        if let State::Asking(discovery) = &mut self.state {
            match discovery.step(now, reply.take()) {
                Step::Need(effect) => return Step::Need(effect),
                Step::Done(Ok(vouched)) => self.vouched = Some(vouched),
                Step::Done(Err(error)) => {
                    return Step::Done(Exchanged { result: Err(error.into()), vouched: None });
                }
            }
            self.state = State::Conversing;
        }
        match self.then.step(now, reply) {
            Step::Need(effect) => Step::Need(effect),
            Step::Done(done) => {
                Step::Done(Exchanged { vouched: mem::take(&mut self.vouched).or(done.vouched), ..done })
            }
        }
    }

    fn cancel(&mut self) {
        if let State::Asking(discovery) = &mut self.state {
            discovery.cancel();
        }
        self.then.cancel();
    }
}
