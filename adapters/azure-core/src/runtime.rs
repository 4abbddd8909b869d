//! azure_core as a runtime for credentials: which transport, whose tasks, whose timers.

use std::fmt;
use std::time::Duration;

use azlatch::{Runtime, Work};
use azlatch_core::effect::{Proxy, Route};
use azure_core::async_runtime::get_async_runtime;
use azure_core::http::Transport;

use crate::driver::Driver;

/// azure_core's transport and its runtime: what a credential is bound to. Clones share connections.
#[derive(Clone)]
pub struct AzureCore {
    transport: Transport,
    direct: Option<Transport>,
}

impl AzureCore {
    /// Requests go through `transport`, whose guarantees the [crate's table](crate#transports) tells.
    ///
    /// ```
    /// # #[cfg(feature = "reqwest")] {
    /// use azlatch_azure_core::AzureCore;
    /// use azure_core::http::{HttpClientOptions, Transport, new_http_client};
    ///
    /// # rustls::crypto::ring::default_provider().install_default().ok();
    /// // What the SDK's clients use when nothing is said; its TLS is a feature of azure_core.
    /// let packed = HttpClientOptions { automatic_decompression: false };
    /// let core = AzureCore::over(Transport::new(new_http_client(Some(packed))));
    /// # }
    /// ```
    #[must_use]
    pub const fn over(transport: Transport) -> Self {
        Self { transport, direct: None }
    }

    /// Requests that no proxy may see, to metadata endpoints, go through `transport`, which must use none.
    #[must_use]
    pub fn direct(mut self, transport: Transport) -> Self {
        self.direct = Some(transport);
        self
    }

    /// The transport, for the `ClientOptions` of the SDK's clients: they then share its connections and its trust.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport.clone()
    }

    /// The transport for a request that goes this way, if there is one.
    pub(crate) fn way(&self, route: Route, proxy: Proxy) -> Option<&Transport> {
        match (route, proxy) {
            (Route::MayProxy, _) => Some(&self.transport),
            (Route::Direct, Proxy::Never) => self.direct.as_ref(),
            // To this very machine: which proxies are not for it, a transport knows.
            (Route::Direct, Proxy::Environment) => Some(self.direct.as_ref().unwrap_or(&self.transport)),
        }
    }
}

impl Runtime for AzureCore {
    type Driver = Driver;

    fn driver(&self) -> Driver {
        Driver::new(self.clone())
    }

    fn spawn(&self, task: Work) {
        // The handle is not needed: whoever waits is told by the task itself.
        drop(get_async_runtime().spawn(task));
    }

    fn sleep(&self, span: Duration) -> Work {
        sleep(span)
    }

    fn offload(&self, work: Box<dyn FnOnce() + Send>) {
        blocking::unblock(work).detach();
    }
}

impl fmt::Debug for AzureCore {
    /// Which transports there are: what they show of themselves may be a proxy's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureCore").field("direct", &self.direct.is_some()).finish_non_exhaustive()
    }
}

/// Waits for `span`.
pub(crate) fn sleep(span: Duration) -> Work {
    get_async_runtime().sleep(span.try_into().unwrap_or(azure_core::time::Duration::MAX))
}
