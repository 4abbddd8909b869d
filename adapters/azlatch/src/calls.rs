//! Application code that supplies values: the driver of [`Call`].

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use azlatch_core::effect::{Call, Effect, Reply, Supplied};
use azlatch_core::{Error, Host};

/// What application code supplies when it is called.
pub(crate) type Source = dyn Fn(&Call) -> Result<Supplied, Error> + Send + Sync;

/// The calls that are registered, by name; clones share.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<HashMap<String, Arc<Source>>>);

impl Calls {
    pub(crate) fn register(&mut self, what: String, source: Arc<Source>) {
        Arc::make_mut(&mut self.0).insert(what, source);
    }
}

impl Host for Calls {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match effect {
            Effect::Call(ask) => match self.0.get(&ask.op.what) {
                Some(source) => {
                    let answer = source(&ask.op);
                    Ok(ask.answer(answer))
                }
                None => Err(Effect::Call(ask)),
            },
            other => Err(other),
        }
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
