//! Application code as a driver: what it supplies when it is called, and the browser that it opens itself.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use azlatch_core::effect::{BrowseFault, Call, Effect, Reply, Supplied};
use azlatch_core::{Error, Host};

/// What application code supplies when it is called.
pub(crate) type Source = dyn Fn(&Call) -> Result<Supplied, Error> + Send + Sync;

/// How application code opens an address.
pub(crate) type Opener = dyn Fn(&str) -> Result<(), String> + Send + Sync;

/// What the application does itself: the calls that are registered, by name, and opening browsers. Clones share.
#[derive(Clone, Default)]
pub(crate) struct Calls {
    sources: Arc<HashMap<String, Arc<Source>>>,
    opener: Option<Arc<Opener>>,
}

impl Calls {
    pub(crate) fn register(&mut self, what: String, source: Arc<Source>) {
        Arc::make_mut(&mut self.sources).insert(what, source);
    }

    pub(crate) fn open_with(&mut self, opener: Arc<Opener>) {
        self.opener = Some(opener);
    }
}

impl Host for Calls {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match effect {
            Effect::Browse(ask) => match &self.opener {
                Some(open) => {
                    let answer = open(&ask.op.url).map_err(BrowseFault::Failed);
                    Ok(ask.answer(answer))
                }
                None => Err(Effect::Browse(ask)),
            },
            Effect::Call(ask) => match self.sources.get(&ask.op.what) {
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
        f.debug_set().entries(self.sources.keys()).finish()
    }
}
