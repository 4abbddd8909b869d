//! What a listener's thread and its callers tell each other.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use azlatch_core::effect::{Farewell, ReceiveFault, Redirect};

/// The meeting place of a listener and whoever asked for it.
pub(super) struct Shared {
    state: Mutex<State>,
    moved: Condvar,
}

struct State {
    /// A redirect may still come.
    expecting: bool,
    /// It came, and nobody has taken it yet.
    redirect: Option<Redirect>,
    /// The callers want no more of the listener.
    parting: Option<Parting>,
    /// The port is closed, and the page is on its way to the browser that waited.
    parted: bool,
}

/// How a listener is told to end.
#[derive(Clone)]
pub(super) enum Parting {
    /// With this page.
    Farewell(Farewell),
    /// Nobody will come to say more.
    Abandoned,
}

impl Shared {
    pub(super) const fn new() -> Self {
        let state = State { expecting: true, redirect: None, parting: None, parted: false };
        Self { state: Mutex::new(state), moved: Condvar::new() }
    }

    /// Waits for the redirect.
    pub(super) fn receive(&self, span: Duration) -> Result<Option<Redirect>, ReceiveFault> {
        let nothing_yet = |state: &mut State| state.expecting && state.redirect.is_none();
        let waited = self.moved.wait_timeout_while(self.lock(), span, nothing_yet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match state.redirect.take() {
            Some(redirect) => Ok(Some(redirect)),
            None if state.expecting => Ok(None),
            None => Err(ReceiveFault::Closed),
        }
    }

    /// Tells the listener to end; what it was told first counts.
    pub(super) fn part(&self, parting: Parting) {
        self.lock().parting.get_or_insert(parting);
        self.moved.notify_all();
    }

    /// Waits until the listener has parted.
    pub(super) fn wait_until_parted(&self, patience: Duration) {
        let waited = self.moved.wait_timeout_while(self.lock(), patience, |state| !state.parted);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// For the listener: the redirect has come, and no other will.
    pub(super) fn deliver(&self, redirect: Redirect) {
        let mut state = self.lock();
        state.expecting = false;
        state.redirect = Some(redirect);
        drop(state);
        self.moved.notify_all();
    }

    /// For the listener: rests for `span`, unless it is told to end; how, if it is.
    pub(super) fn rest(&self, span: Duration) -> Option<Parting> {
        let waited = self.moved.wait_timeout_while(self.lock(), span, |state| state.parting.is_none());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.parting.clone()
    }

    /// For the listener: nothing more comes of it.
    pub(super) fn parted(&self) {
        let mut state = self.lock();
        state.expecting = false;
        state.parted = true;
        drop(state);
        self.moved.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
