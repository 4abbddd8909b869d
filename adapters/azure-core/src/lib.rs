//! azlatch's credentials for the Azure SDK for Rust: each becomes an [`azure_core`] `TokenCredential`, which asks for
//! tokens over azure_core's own HTTP transport and runs on its own runtime abstraction.
//!
//! ```no_run
//! use azlatch::prelude::*;
//! use azlatch_azure_core::IntoAzureCore as _;
//! use azure_security_keyvault_secrets::SecretClient;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let credential = ClientSecretCredential::new("tenant", "client-id", "secret")?.azure_core()?;
//! let vault = SecretClient::new("https://contoso.vault.azure.net", credential.clone(), None)?;
//! let secret = vault.get_secret("database", None).await?.into_model()?;
//! # Ok(())
//! # }
//! ```
//!
//! Hand out clones of the one `Arc`: every client that gets one shares its cache, and of any number of tasks that ask
//! for the same token at the same time one goes to the authority. A task that drops its future loses nothing for the
//! others; see [`azlatch::Async`].
//!
//! # Transports
//!
//! [`AzureCore`] says how requests go out. What holds depends on who made the transport:
//!
//! | | [`AzureCore::new`], [`with_client`](AzureCore::with_client) | [`over`](AzureCore::over) a transport of yours |
//! |---|---|---|
//! | redirects | never followed | yours: it must follow none, or a secret may go where the redirect points |
//! | one request, sent once | yes | yours: it must repeat nothing, and have no policy that does |
//! | total time | one timeout a request, to the last byte | the same |
//! | size of answers | cut off at the request's limit, while they come in | the same, counted after whatever it unpacks |
//! | plain http | refused before anything is sent | the same |
//! | compression | not offered | yours |
//! | proxies | those of the `Adapters`; with a client of yours its own | yours |
//! | requests that no proxy may see | go straight | refused, unless [`direct`](AzureCore::direct) names a transport for them |
//! | "nothing was sent" | said of connections that failed | said of azure_core's `ErrorKind::Connection`, which promises it |
//!
//! azure_core's own `new_http_client` follows no redirects either, so it may be given to [`over`](AzureCore::over). A
//! `reqwest::Client` follows ten unless it was built not to: give its *builder* to
//! [`with_client`](AzureCore::with_client).
//!
//! azure_core keeps response headers in a map: of a header that comes twice, its built-in transport keeps one.
//!
//! # Runtimes
//!
//! Tasks and timers are those of [`azure_core::async_runtime`]: tokio's with the feature `tokio`, so tokens must be asked
//! for within a tokio runtime; without it threads, or whatever the application gave to
//! [`set_async_runtime`](azure_core::async_runtime::set_async_runtime). Such a runtime must let a task run on when its
//! handle is dropped, as both of azure_core's do. Stores that block run on the threads of the `blocking` crate.
//!
//! # Claims, tenants, continuous access evaluation
//!
//! azure_core's `TokenRequestOptions` has no fields for them, but it carries the context of the method that was called.
//! [`TokenOptions`] in that context is heard, and [`AzureCredential::with_options`] says the same for all of a client's calls.
//!
//! azure_core's bearer policy has a cache of its own, for one token whatever it was asked for, up to five minutes before
//! the token ends: give a client for another tenant a credential of its own. After a 401 that policy asks again and does not
//! say why. [`ClaimsPolicy`] answers the challenges that it cannot.
//!
//! # Features
//!
//! `tokio` and `reqwest` are on by default. `reqwest` brings TLS by rustls and ring, for this crate's own transport alone,
//! and touches no process-wide provider. To be rid of aws-lc altogether, depend on the clients of the SDK without their
//! default features, and give each of them [`AzureCore::transport`]: a client that is given none then finds no TLS
//! provider and panics, unless the application has installed one.

mod claims;
#[cfg(feature = "reqwest")]
mod client;
mod credential;
mod driver;
mod failure;
mod options;
mod runtime;

pub use claims::ClaimsPolicy;
pub use credential::{AzureCredential, IntoAzureCore};
pub use driver::Driver;
pub use options::TokenOptions;
pub use runtime::AzureCore;

/// The crate's front page and the repository's, compiled: here is all that both name.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../../README.md")]
struct FrontPages;
