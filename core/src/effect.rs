//! The operations table: everything a flow can ask of the outside world.
//!
//! Each variant of [`Effect`] is an [`Ask`] of one operation; [`Ask::answer`], whose argument type the operation
//! fixes, is the only way to make a [`Reply`], so a wrong pairing does not compile. Every operation carries its
//! limits (time, size); a driver refuses what it cannot honour, and hands back ([`Effect::decline`]) what it does
//! not know.

mod host;
mod http;
mod proxy;
mod route;
mod store;
mod user;

pub use host::{
    Call, Env, Exec, ExecFault, Exited, FileFault, FileRules, Random, RandomFault, ReadFile, Sign, SignFault, Supplied,
    Wait,
};
pub use http::{Distrust, Failure, FailureKind, Header, Http, Method, Proxy, Response, Sent};
pub use proxy::{ProxyAddress, ProxySettings};
pub use route::Route;
pub use store::{
    Found, Guard, Load, Loaded, Lock, LockKey, Locked, Mark, Partition, Remove, Removed, Save, Saved, StoreFault,
    Unlock, Version,
};
pub use user::{
    Browse, BrowseFault, Close, Farewell, Listen, ListenFault, Listening, Prompt, Receive, ReceiveFault, Redirect,
    Skipped,
};

use crate::error::Error;
use crate::secret::Secret;
use alloc::vec::Vec;

/// An operation of the table: it names the type of its answer.
#[allow(private_bounds)]
pub trait Operation: Sealed {
    /// What a driver answers.
    type Answer;
}

/// One question, waiting for its answer.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Ask<Op> {
    /// What to do.
    pub op: Op,
    id: Id,
}

#[allow(private_bounds)]
impl<Op: Operation> Ask<Op> {
    /// Answers the question: the only way to make a [`Reply`].
    #[must_use]
    pub fn answer(self, answer: Op::Answer) -> Reply {
        Reply { id: self.id, answer: Op::wrap(answer) }
    }
}

/// The answer to one [`Ask`].
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Reply {
    id: Id,
    answer: Answer,
}

/// Numbers a flow's questions, so that a reply can be held against the question that waits.
///
/// A flow owns one; a child flow gets a [`fork`](Ids::fork), whose numbers never meet its parent's.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Ids {
    flow: u32,
    next: u128,
    waiting: Option<Id>,
}

/// One question of one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Id {
    flow: u32,
    question: u128,
}

/// The reply was for another question, or none was waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misuse;

impl Ids {
    /// For a flow that is nobody's child.
    #[must_use]
    pub const fn root() -> Self {
        Self::of(0)
    }

    /// The same, for a host that serves many flows at once: `flow` is any number that tells them apart, so that a
    /// reply that goes to the wrong one is noticed.
    #[must_use]
    pub const fn of(flow: u32) -> Self {
        Self { flow, next: 1, waiting: None }
    }

    /// For a child flow: a range of its own, which holds a million questions, down to the sixth generation.
    #[must_use]
    pub const fn fork(&mut self) -> Self {
        self.next = self.next.wrapping_add(1);
        Self { flow: self.flow, next: self.next << 20, waiting: None }
    }

    /// Asks `op`, remembering that its reply is awaited.
    #[allow(private_bounds)]
    pub fn ask<Op: Operation>(&mut self, op: Op) -> Effect {
        self.next = self.next.wrapping_add(1);
        let id = Id { flow: self.flow, question: self.next };
        self.waiting = Some(id);
        Op::effect(Ask { op, id })
    }

    /// Opens `reply` as the answer to the operation that was asked: `Ok(None)` when it was declined.
    ///
    /// # Errors
    ///
    /// [`Misuse`] when the reply is not for the question that waits.
    #[allow(private_bounds)]
    pub fn take<Op: Operation>(&mut self, reply: Reply) -> Result<Option<Op::Answer>, Misuse> {
        if self.waiting.take() != Some(reply.id) {
            return Err(Misuse);
        }
        match reply.answer {
            Answer::Declined => Ok(None),
            answer => Op::unwrap(answer).map(Some).ok_or(Misuse),
        }
    }
}

trait Sealed: Sized {
    fn effect(ask: Ask<Self>) -> Effect;
    fn wrap(answer: <Self as Operation>::Answer) -> Answer
    where
        Self: Operation;
    fn unwrap(answer: Answer) -> Option<<Self as Operation>::Answer>
    where
        Self: Operation;
}

macro_rules! operations {
    ($($(#[$doc:meta])* $op:ident => $answer:ty,)*) => {
        /// Everything a flow can ask of the outside world.
        #[non_exhaustive]
        #[derive(Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "__explore", derive(Clone))]
        pub enum Effect {
            $($(#[$doc])* $op(Ask<$op>),)*
        }

        #[derive(Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "__explore", derive(Clone))]
        enum Answer {
            $($op($answer),)*
            Declined,
        }

        impl Effect {
            /// The reply of a world that has no way (or no wish) to perform this effect.
            #[must_use]
            pub fn decline(self) -> Reply {
                match self {
                    $(Self::$op(ask) => Reply { id: ask.id, answer: Answer::Declined },)*
                }
            }

            /// The operation's name, as the table spells it.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$op(_) => stringify!($op),)*
                }
            }
        }

        $(
            impl Operation for $op {
                type Answer = $answer;
            }

            impl Sealed for $op {
                fn effect(ask: Ask<Self>) -> Effect {
                    Effect::$op(ask)
                }

                fn wrap(answer: $answer) -> Answer {
                    Answer::$op(answer)
                }

                fn unwrap(answer: Answer) -> Option<$answer> {
                    match answer {
                        Answer::$op(answer) => Some(answer),
                        _ => None,
                    }
                }
            }
        )*
    };
}

operations! {
    /// Send one HTTP request; redirects are never followed.
    Http => Result<Response, Failure>,
    /// Read a partition of the store, unless it still is the version given.
    Load => Result<Loaded, StoreFault>,
    /// Compare and swap a partition.
    Save => Result<Saved, StoreFault>,
    /// Compare and delete a partition.
    Remove => Result<Removed, StoreFault>,
    /// Take a lock, or learn that it is busy (`None`).
    Lock => Result<Option<Locked>, StoreFault>,
    /// Give a lock back.
    Unlock => (),
    /// Rest until a moment; waking early is legal.
    Wait => (),
    /// Open a loopback listener for a redirect.
    Listen => Result<Listening, ListenFault>,
    /// Open the user's browser.
    Browse => Result<(), BrowseFault>,
    /// Wait for the redirect to arrive at the listener, a moment at a time.
    Receive => Result<Option<Redirect>, ReceiveFault>,
    /// Close a loopback listener, and tell the person how it ended.
    Close => (),
    /// Show the user a device code, without blocking.
    Prompt => Result<(), Skipped>,
    /// Bytes nobody can guess.
    Random => Result<Secret<[u8]>, RandomFault>,
    /// Sign with a private key that stays outside.
    Sign => Result<Secret<[u8]>, SignFault>,
    /// Run a program, argument by argument, never through a shell.
    Exec => Result<Exited, ExecFault>,
    /// Read a small file under rules.
    ReadFile => Result<Secret<[u8]>, FileFault>,
    /// The values of environment variables, in the order asked for.
    Env => Vec<Option<Secret>>,
    /// A value from application code.
    Call => Result<Supplied, Error>,
}
