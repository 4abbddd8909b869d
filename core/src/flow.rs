//! The contract between a flow and the world: [`Flow`], [`Step`], [`Host`] (and its async twin), [`run`].
//!
//! A flow is a state machine that never does anything. Each step it either asks for one [`Effect`] or is done; a
//! host performs the effect and brings the [`Reply`] to the next step. What no host takes is *declined*, and a flow
//! treats that as an ordinary answer.
//!
//! ```
//! use azlatch_core::{effect::{Effect, Random, Reply}, Flow, Host, Now, Step, run};
//! use azlatch_core::flow::Ids;
//!
//! /// Rolls a die, if the world has any randomness to give.
//! struct Roll { ids: Ids, asked: bool }
//!
//! impl Flow for Roll {
//!     type Output = Option<u8>;
//!     fn step(&mut self, _now: Now, reply: Option<Reply>) -> Step<Option<u8>> {
//!         match reply {
//!             None if !self.asked => {
//!                 self.asked = true;
//!                 Step::Need(self.ids.ask(Random { len: 1 }))
//!             }
//!             Some(reply) => Step::Done(
//!                 self.ids.take::<Random>(reply).ok().flatten()
//!                     .and_then(Result::ok)
//!                     .and_then(|bytes| bytes.expose_secret().first().map(|b| b % 6 + 1)),
//!             ),
//!             None => Step::Done(None),
//!         }
//!     }
//!     fn cancel(&mut self) {}
//! }
//!
//! /// A host with one answer for everything random.
//! struct Loaded;
//! impl Host for Loaded {
//!     fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
//!         match effect {
//!             Effect::Random(ask) => Ok(ask.answer(Ok([3_u8].as_slice().into()))),
//!             other => Err(other),
//!         }
//!     }
//! }
//!
//! let mut roll = Roll { ids: Ids::root(), asked: false };
//! assert_eq!(run(&mut roll, Now::default, &mut Loaded), Some(4));
//! // A host of no drivers at all declines, and the flow still ends.
//! let mut roll = Roll { ids: Ids::root(), asked: false };
//! assert_eq!(run(&mut roll, Now::default, &mut ()), None);
//! ```

use core::future::Future;

pub use crate::effect::Ids;
use crate::effect::{Effect, Reply};
use crate::time::Now;

/// A conversation that decides and never does: pure, `Send`, advanced by replies.
pub trait Flow {
    /// What the conversation comes to, usually a `Result`.
    type Output;

    /// Advances. `reply` answers the effect that the last call asked for (`None` on the first call).
    ///
    /// One effect is outstanding at a time. A reply that is not for it, or a call after [`Step::Done`], is misuse:
    /// the flow ends with an error of that kind, after asking to release what it holds.
    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Self::Output>;

    /// Winds down: from here on only clean-up effects are asked for (saving what was already granted, unlocking).
    fn cancel(&mut self);
}

/// What a flow wants next.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// Perform this and bring its reply.
    Need(Effect),
    /// The end; final.
    Done(T),
}

/// `?` for a child flow: passes its question up unchanged, or takes its output.
#[macro_export]
macro_rules! done {
    ($step:expr) => {
        match $step {
            $crate::Step::Done(output) => output,
            $crate::Step::Need(effect) => return $crate::Step::Need(effect),
        }
    };
}

/// The outside world, blocking. Drivers compose as tuples: `(Ureq, Files, System)` is a host.
pub trait Host {
    /// Performs `effect`, or hands it back unperformed (`Err`) for the next driver.
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect>;
}

/// The outside world, async. Names no runtime.
pub trait AsyncHost {
    /// Performs `effect`, or hands it back unperformed (`Err`) for the next driver.
    fn perform(&mut self, effect: Effect) -> impl Future<Output = Result<Reply, Effect>> + Send;
}

/// Runs `flow` to its end against `host`; `now` reads the host's clocks.
pub fn run<F: Flow>(flow: &mut F, mut now: impl FnMut() -> Now, host: &mut impl Host) -> F::Output {
    let mut reply = None;
    loop {
        match flow.step(now(), reply) {
            Step::Done(output) => return output,
            Step::Need(effect) => reply = Some(host.perform(effect).unwrap_or_else(Effect::decline)),
        }
    }
}

/// [`run`] for async hosts.
///
/// ```
/// use azlatch_core::credential::{ClientSecretCredential, Credential, Surroundings, TokenRequest};
/// use azlatch_core::effect::{Effect, Reply, Response};
/// use azlatch_core::{AsyncHost, Now, Source, run_async};
/// use std::task::{Context, Poll, Waker};
///
/// /// An authority that answers when it is polled for the second time.
/// struct Later;
/// impl AsyncHost for Later {
///     async fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
///         let Effect::Http(ask) = effect else { return Err(effect) };
///         let mut polled = false;
///         std::future::poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
///         Ok(ask.answer(Ok(Response::new(200, Vec::new(), br#"{"access_token":"opaque","expires_in":60}"#.as_slice()))))
///     }
/// }
///
/// let credential = ClientSecretCredential::new("contoso.com", "app", "s3cret")?;
/// let mut flow = credential.acquire(&TokenRequest::new(["r/.default"])?, &Surroundings::default(), None)?;
/// // Hosts compose: what the first does not take, the second is asked.
/// let mut host = ((), Later);
/// let mut running = std::pin::pin!(run_async(&mut flow, Now::default, &mut host));
/// let mut context = Context::from_waker(Waker::noop());
/// assert!(running.as_mut().poll(&mut context).is_pending());
/// let Poll::Ready(acquired) = running.poll(&mut context) else { panic!("not ready") };
/// assert_eq!(acquired?.explain.source, Source::Network);
/// # Ok::<(), azlatch_core::Error>(())
/// ```
pub async fn run_async<F: Flow>(flow: &mut F, mut now: impl FnMut() -> Now, host: &mut impl AsyncHost) -> F::Output {
    let mut reply = None;
    loop {
        match flow.step(now(), reply) {
            Step::Done(output) => return output,
            Step::Need(effect) => reply = Some(host.perform(effect).await.unwrap_or_else(Effect::decline)),
        }
    }
}

impl<H: Host + ?Sized> Host for &mut H {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        (**self).perform(effect)
    }
}

impl<H: Host> Host for Option<H> {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match self {
            Some(host) => host.perform(effect),
            None => Err(effect),
        }
    }
}

impl<H: AsyncHost + Send + ?Sized> AsyncHost for &mut H {
    async fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        (**self).perform(effect).await
    }
}

impl<H: AsyncHost + Send> AsyncHost for Option<H> {
    async fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match self {
            Some(host) => host.perform(effect).await,
            None => Err(effect),
        }
    }
}

impl Host for () {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        Err(effect)
    }
}

impl AsyncHost for () {
    async fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        Err(effect)
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        #[allow(non_snake_case)]
        impl<$($name: Host),+> Host for ($($name,)+) {
            fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
                let ($($name,)+) = self;
                Err(effect)$(.or_else(|effect| $name.perform(effect)))+
            }
        }

        #[allow(non_snake_case)]
        impl<$($name: AsyncHost + Send),+> AsyncHost for ($($name,)+) {
            async fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
                let ($($name,)+) = self;
                let handed_back = effect;
                $(let handed_back = match $name.perform(handed_back).await {
                    Ok(reply) => return Ok(reply),
                    Err(effect) => effect,
                };)+
                Err(handed_back)
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
