//! What all threads of an emulator share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;

use super::open::Open;
use super::stop::Stop;
use crate::model::{Answer, Entra, Request};

/// Tells the time in Unix seconds.
pub(super) type Clock = Box<dyn Fn() -> i64 + Send + Sync>;

pub(super) struct Shared {
    entra: Mutex<Entra>,
    clock: Clock,
    /// What has been added to the clock, in milliseconds.
    ahead: AtomicU64,
    pub(super) config: Arc<ServerConfig>,
    pub(super) stop: Stop,
    pub(super) open: Open,
    accepted: AtomicU64,
    handshake_failures: AtomicU64,
}

impl Shared {
    pub(super) fn new(entra: Entra, clock: Clock, config: Arc<ServerConfig>) -> Self {
        Shared {
            entra: Mutex::new(entra),
            clock,
            ahead: AtomicU64::new(0),
            config,
            stop: Stop::default(),
            open: Open::default(),
            accepted: AtomicU64::new(0),
            handshake_failures: AtomicU64::new(0),
        }
    }

    /// The model. A test that panicked while it held the lock must not take the emulator down with it.
    pub(super) fn entra(&self) -> MutexGuard<'_, Entra> {
        self.entra.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answer(&self, request: &Request) -> Answer {
        // The clock is foreign code, so it runs before the lock is taken.
        let now = self.now();
        self.entra().answer(now, request)
    }

    fn now(&self) -> i64 {
        let ahead = self.ahead.load(Ordering::SeqCst) / 1000;
        (self.clock)().saturating_add(i64::try_from(ahead).unwrap_or(i64::MAX))
    }

    pub(super) fn advance(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let add = |ahead: u64| Some(ahead.saturating_add(millis));
        // The closure never declines, so there is no error to look at.
        let _ = self.ahead.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add);
    }

    pub(super) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(super) fn count_handshake_failure(&self) {
        self.handshake_failures.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn handshake_failures(&self) -> u64 {
        self.handshake_failures.load(Ordering::SeqCst)
    }
}
