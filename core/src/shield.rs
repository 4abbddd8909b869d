//! Cancelling a flow that somebody else runs.
//!
//! A task that runs a flow owns it; whoever waits for the flow holds a [`Recall`]. When the last one who waits has gone,
//! the recall cancels the flow at its next step, and the task runs it to its end all the same: what was granted is
//! saved and what is held is released.
//!
//! ```
//! use azlatch_core::credential::{ClientSecretCredential, Credential, Surroundings, TokenRequest};
//! use azlatch_core::shield::Shield;
//! use azlatch_core::{ErrorKind, Now, run};
//!
//! let credential = ClientSecretCredential::new("contoso.com", "app", "s3cret")?;
//! let flow = credential.acquire(&TokenRequest::new(["r/.default"])?, &Surroundings::default(), None)?;
//! let (mut shield, recall) = Shield::new(flow);
//! recall.cancel();
//! assert_eq!(run(&mut shield, Now::default, &mut ()).unwrap_err().kind(), ErrorKind::Cancelled);
//! # Ok::<(), azlatch_core::Error>(())
//! ```

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::effect::Reply;
use crate::flow::{Flow, Step};
use crate::time::Now;

/// A flow that can be cancelled from elsewhere.
#[derive(Debug)]
pub struct Shield<F> {
    flow: F,
    recalled: Arc<AtomicBool>,
    told: bool,
}

/// Cancels the flow of a [`Shield`]. Clones are the same recall.
#[derive(Clone, Debug)]
pub struct Recall(Arc<AtomicBool>);

impl<F> Shield<F> {
    /// Around `flow`.
    pub fn new(flow: F) -> (Self, Recall) {
        let recalled = Arc::new(AtomicBool::new(false));
        (Self { flow, recalled: recalled.clone(), told: false }, Recall(recalled))
    }

    /// The flow.
    pub const fn flow(&self) -> &F {
        &self.flow
    }
}

impl Recall {
    /// Cancels the flow when it is stepped next; more than once is once.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl<F: Flow> Flow for Shield<F> {
    type Output = F::Output;

    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<F::Output> {
        if !self.told && self.recalled.load(Ordering::Acquire) {
            self.cancel();
        }
        self.flow.step(now, reply)
    }

    fn cancel(&mut self) {
        if !core::mem::replace(&mut self.told, true) {
            self.flow.cancel();
        }
    }
}
