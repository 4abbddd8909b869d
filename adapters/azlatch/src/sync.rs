//! What threads share state by; a model checker puts its own in place of these.

pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard};
pub(crate) use std::time::Instant;
