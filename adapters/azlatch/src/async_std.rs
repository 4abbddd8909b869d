//! Credentials bound to async-std.

use std::time::Duration;

use azlatch_async_std::AsyncStd as Network;
use azlatch_core::effect::{Effect, Reply};
use azlatch_core::{AsyncHost, Error};

use crate::adapters::{Adapters, Http};
use crate::asynchronous::Async;
use crate::offload::Offload;
use crate::runtime::{Runtime, Work};

/// A credential on async-std; see [`Bind::async_std`](crate::Bind::async_std).
pub type AsyncStd<C> = Async<C, OnAsyncStd>;

/// async-std as a [`Runtime`], with HTTP by hyper and rustls.
#[derive(Clone, Debug, Default)]
pub struct OnAsyncStd {
    network: Network,
    /// An HTTP driver of the application's own, which counts above ours.
    custom: Option<Http>,
}

impl OnAsyncStd {
    /// With the roots, proxies and HTTP driver of `adapters`.
    ///
    /// # Errors
    ///
    /// `Configuration` when a root certificate cannot be read.
    pub fn new(adapters: &Adapters) -> Result<Self, Error> {
        let builder = Network::builder().proxy(adapters.proxies().clone());
        let builder = match adapters.roots() {
            [] => builder,
            roots => builder.extra_roots(roots),
        };
        Ok(Self { network: builder.build()?, custom: adapters.custom().cloned() })
    }
}

/// The way to the network.
#[derive(Clone, Debug)]
pub enum Driver {
    /// hyper and rustls.
    Ours(Network),
    /// A blocking driver of the application's.
    Custom(Offload<Http, OnAsyncStd>),
}

impl AsyncHost for Driver {
    async fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match (self, effect) {
            (_, Effect::Wait(ask)) => {
                azlatch_async_std::sleep(ask.op.span).await;
                Ok(ask.answer(()))
            }
            (Self::Ours(network), effect) => network.perform(effect).await,
            (Self::Custom(custom), effect) => custom.perform(effect).await,
        }
    }
}

impl Runtime for OnAsyncStd {
    type Driver = Driver;

    fn driver(&self) -> Driver {
        match &self.custom {
            Some(custom) => Driver::Custom(Offload::new(custom.clone(), self.clone())),
            None => Driver::Ours(self.network.clone()),
        }
    }

    fn spawn(&self, task: Work) {
        drop(azlatch_async_std::spawn(task));
    }

    fn sleep(&self, span: Duration) -> Work {
        Box::pin(azlatch_async_std::sleep(span))
    }

    fn offload(&self, work: Box<dyn FnOnce() + Send>) {
        drop(azlatch_async_std::offload(work));
    }
}
