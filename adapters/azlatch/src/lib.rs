//! Microsoft Entra ID tokens: got once, kept, shared by threads, processes and programs in other languages.
//!
//! ```no_run
//! use azlatch::prelude::*;
//!
//! let credential = ClientSecretCredential::new("tenant", "client-id", "secret")?
//!     .cache_persistence_options(TokenCachePersistenceOptions::default().allow_unencrypted_storage(true))
//!     .blocking()?;
//! let token = credential.get_token(&["https://vault.azure.net/.default"])?;
//! println!("good until {}", token.expires_on());
//! # Ok::<(), azlatch::Error>(())
//! ```
//!
//! A credential is a description until it is bound: [`Bind::blocking`] binds it to blocking HTTP, to a cache and to
//! this machine; `Bind::async_std` (feature `async-std`) to async HTTP; `Async::new` (feature `async`) to any other
//! runtime. Bound credentials are cheap to clone, and clones share one cache. Without persistence options tokens live in
//! memory.
//!
//! # What a call costs
//!
//! * A warm [`get_token`](Blocking::get_token) takes no lock, allocates nothing, and asks nobody; a handle from
//!   [`for_scopes`](Blocking::for_scopes) does not even look the scopes up. Neither gets slower with more tokens. Where
//!   the store is shared with other programs, once in five seconds one caller looks whether it still holds the token.
//! * While one token is fetched its other callers wait for that one fetch and share its token or its error, be it an
//!   ordinary request or one with the same claims; callers of other tokens notice nothing. A caller with less time goes
//!   when its own time is up, and one with more asks again.
//! * A token is renewed ahead of time by one caller, which waits five seconds at most, or by a task for which nobody
//!   waits; the others keep getting the old one until its last seconds. Renewals of different processes are spread over a
//!   minute.
//! * While a token is valid there is no error, whoever refuses or hangs; except for a token that was
//!   [rejected](Blocking::reject), which is not handed out again. A panic in a driver or a token source reaches the
//!   blocking caller that ran it, and nobody else.
//! * [`TokenCache`] is bounded by number and by bytes: what has ended goes first, then what was used longest ago.
//!
//! # People
//!
//! [`InteractiveBrowserCredential`], [`DeviceCodeCredential`] and [`AuthorizationCodeCredential`] have a person sign in
//! once; everything after that is silent, for every resource. What only bound credentials for people have:
//! [`authenticate`](Blocking::authenticate), [`authentication_record`](Blocking::authentication_record),
//! [`accounts`](Blocking::accounts), [`sign_out`](Blocking::sign_out). Whether a request may ask is said by its
//! [`Interaction`]; how the person is reached, by [`Adapters::browser`] and [`Adapters::prompt`]. A refusal that only a
//! person can mend is remembered for five seconds, or until somebody signs in.
//!
//! # Stores
//!
//! With [`TokenCachePersistenceOptions`] they also live in the store that Azure Identity's other languages use, so that a
//! token got by a Python program is found here and the other way round. This version stores in plain text only, and
//! only when [`allow_unencrypted_storage`](TokenCachePersistenceOptions::allow_unencrypted_storage) says so; without it,
//! binding fails with an error of kind [`ErrorKind::Storage`] rather than keep less than was asked for.
//!
//! [`Adapters`] says what is used outside: root certificates, proxies, the cache directory, a cache shared between
//! credentials.
//!
//! [`pipeline`] sends requests with tokens: it answers what a resource has to say about them, for ureq or any other
//! client.

mod accounts;
mod adapters;
mod answer;
#[cfg(feature = "async-std")]
mod async_std;
#[cfg(feature = "async")]
mod asynchronous;
mod blocking;
mod bound;
mod calls;
mod flight;
mod front;
mod hot;
mod lanes;
#[cfg(feature = "async")]
mod offload;
pub mod pipeline;
#[cfg(feature = "async")]
mod runtime;
mod scoped;
mod session;
mod slot;
mod store;
mod sync;

pub use adapters::Adapters;
pub use answer::Answer;
#[cfg(feature = "async-std")]
pub use async_std::{AsyncStd, OnAsyncStd};
#[cfg(feature = "async")]
pub use asynchronous::Async;
pub use azlatch_core::cache::{Account, Demand};
#[cfg(feature = "username-password")]
pub use azlatch_core::credential::UsernamePasswordCredential;
pub use azlatch_core::credential::{
    AuthorizationCodeCredential, ClientSecretCredential, Credential, CustomCredential, DEVELOPER_CLIENT_ID,
    DeviceCodeCredential, Interaction, InteractiveBrowserCredential, Surroundings, TokenCachePersistenceOptions,
    TokenRequest, UserCredential,
};
pub use azlatch_core::effect::{Call, Prompt, Supplied};
pub use azlatch_core::error::OAuthError;
pub use azlatch_core::grant::{DeviceAuthorization, PromptBehavior};
pub use azlatch_core::secret::{AccessToken, AuthorizationCode, ClientSecret, CodeVerifier, Password};
pub use azlatch_core::token::Token;
pub use azlatch_core::{AuthenticationRecord, Error, ErrorKind, Explain, Note, ScopeSet, Source, Unix};
pub use blocking::{Bind, Blocking};
pub use hot::TokenCache;
#[cfg(feature = "async")]
pub use offload::Offload;
#[cfg(feature = "async")]
pub use runtime::{Runtime, Work};
pub use scoped::Scoped;
pub use store::Protection;

/// What most programs need.
pub mod prelude {
    pub use crate::{
        AuthenticationRecord, Bind, ClientSecretCredential, DeviceCodeCredential, Error, InteractiveBrowserCredential,
        TokenCachePersistenceOptions, TokenRequest,
    };
}

/// The crate's front page, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
