//! Microsoft Entra ID tokens as state machines that do no I/O.
//!
//! This crate decides; it never does. It reads no clock, no environment, no file and no random number, opens no
//! socket and starts no thread. It is `no_std`, forbids `unsafe`, and runs wherever there is an allocator.
//!
//! # The picture
//!
//! ```text
//!        application                                   other programs, other languages
//!             │  get_token(scopes)                                  │
//!   ┌─────────▼──────────┐   which token?   ┌───────────┐           │ one document, one lock a token
//!   │ credential (data)  ├─────────────────►│   Query   │           │
//!   └─────────┬──────────┘                  └─────┬─────┘    ┌──────▼──────┐
//!             │ which grant gets it?              │          │    store    │
//!   ┌─────────▼───────────────────────────────────▼──┐       └──────▲──────┘
//!   │ Acquire: look, lock, look again, fetch, save   │              │
//!   │   └─ Exchange: vouch, draw, post, judge        │   Load Save Lock Unlock
//!   │        └─ Post: send, rest, send again         │              │
//!   └────────────────────┬───────────────────────────┘              │
//!                 Effect │ ▲ Reply                                  │
//!   ┌────────────────────▼─┴─────────────────────────┐              │
//!   │ hosts: (Ureq, Files, System), (Fake,), …       ├──────────────┘
//!   └────────────────────┬───────────────────────────┘
//!                        │ Http Wait Random …
//!                  network, clock, entropy
//! ```
//!
//! # The contract
//!
//! Four names: [`Flow`], [`Step`], [`Host`], [`run`]. A flow asks for one [`Effect`](effect::Effect) at a time, as a
//! value; a host performs it and brings the [`Reply`](effect::Reply); what no host takes is declined, which is an
//! ordinary answer. Here is a whole world, with an authority that always says yes and nothing else in it:
//!
//! ```
//! use azlatch_core::credential::{ClientSecretCredential, Credential, Surroundings, TokenRequest};
//! use azlatch_core::effect::{Effect, Reply, Response};
//! use azlatch_core::{Host, Mono, Now, Unix, run};
//!
//! struct Yes;
//! impl Host for Yes {
//!     fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
//!         match effect {
//!             Effect::Http(ask) => {
//!                 assert_eq!(ask.op.url, "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token");
//!                 let body = br#"{"token_type":"Bearer","expires_in":3599,"access_token":"opaque"}"#;
//!                 Ok(ask.answer(Ok(Response::new(200, Vec::new(), body.as_slice()))))
//!             }
//!             other => Err(other), // no store, no lock, no randomness: the flow does without
//!         }
//!     }
//! }
//!
//! let credential = ClientSecretCredential::new("contoso.com", "app", "s3cret")?;
//! let request = TokenRequest::new(["https://vault.azure.net/.default"])?;
//! let mut flow = credential.acquire(&request, &Surroundings::default(), None)?;
//! let now = || Now { wall: Unix(1_800_000_000), mono: Mono(0) };
//! let acquired = run(&mut flow, now, &mut Yes)?;
//! assert_eq!(acquired.token.expose_secret(), "opaque");
//! assert_eq!(acquired.token.expires_on(), Unix(1_800_003_599));
//! # Ok::<(), azlatch_core::Error>(())
//! ```
//!
//! # The map
//!
//! | module | what lives there |
//! |---|---|
//! | [`flow`], [`shield`] | the contract; cancelling a flow that another task runs |
//! | [`effect`] | the operations table: everything that can be asked of the outside, with its limits and faults; which way HTTP goes |
//! | [`time`], [`secret`], [`error`], [`scope`], [`explain`] | values |
//! | [`wire`] | every reader and writer of bytes that strangers send |
//! | [`authority`] | hosts, clouds and their aliases, tenants, instance discovery |
//! | [`token`] | one exchange at the token endpoint, from the request to a grant or an error |
//! | [`grant`] | one file a grant: client credentials (RFC 6749 §4.4), refresh (§6) |
//! | [`cache`] | the key, the decision, the document, look-up and insert, and [`cache::Acquire`], the heart |
//! | [`credential`] | descriptions: Azure Identity's names for which token and which grant |
//! | [`bearer`] | the pipeline layer: authorize a request, read a 401 challenge, retry once |
//!
//! Dependencies point downwards in this table's order of ideas: `bearer → credential → cache → grant → token →
//! authority → wire`; `effect` and the values know nobody.
//!
//! # The invariants
//!
//! Each is proven by the test behind it; a test of the repository checks that the names below exist.
//!
//! | what always holds | proven by |
//! |---|---|
//! | No answer, cancellation or erring host makes a flow panic, ask after the end, or keep a lock | `explore::acquire_for_a_user_in_every_world` |
//! | A rotated refresh token reaches the store, though the caller has gone | `explore::acquire_for_a_user_in_every_world` |
//! | Dropping the future of an async call, wherever it stands, loses nothing and strands nobody | `cancellation::c_06_a_rotated_refresh_token_is_never_lost` |
//! | Processes that crash, stop and lose power lose no stored token; no call errs while a living token is at hand | `simulation::simulation_many` |
//! | When faults stop, everybody succeeds | `simulation::when_faults_stop_everybody_succeeds` |
//! | Nothing is written after a read that said anything but what is stored | `explore::acquire_for_the_application_in_every_world` |
//! | An unknown host is sent nothing before the public cloud vouched for it | `golden::every_trace_is_as_written` |
//! | Two queries share a key exactly when they mean the same token | `properties::key::i_01_equal_keys_mean_equal_tokens` |
//! | No query finds a token of another subject, tenant, client, binding or shape | `properties::lookup::lookup_never_crosses` |
//! | A refresh token stays with its account, client and cloud | `properties::lookup::i_08_refresh_tokens_stay_with_their_account_client_and_cloud` |
//! | A merge keeps what it does not change, to the byte | `properties::document::what_is_not_changed_survives_to_the_byte` |
//! | A token is due at another second for each of its holders, and never later than a minute | `decision::t_11_a_thousand_nodes_do_not_renew_in_one_second` |
//! | A clock that is ahead never lengthens a token's life | `properties::decision::t_09_a_later_clock_never_lengthens_a_life` |
//! | Other languages' caches are read, and rewritten without loss | `fixtures::every_cache_is_read_and_rewritten_without_loss` |
//! | No token goes to plain http, or to a host that a challenge could not vouch for | `properties::bearer::i_04_tokens_go_where_they_may` |
//! | A request is sent three times at most, a token asked for three times at most | `properties::bearer::n_25_every_conversation_ends` |
//! | No secret reaches Debug, Display, errors, marks, URLs or file names | `secrets::m_01_no_secret_is_ever_shown` |
//! | Nothing here names a clock, environment, file, socket, thread or `std` | `tidy::the_core_reads_nothing_of_the_world` |
//!
//! Deliberately absent: async blocks and injected traits (a flow is a value that can be cloned, compared and stored),
//! JSON trees on the path of token answers (duplicate names must be refused), retries inside drivers, and any
//! operation without a limit.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;

pub mod authority;
pub mod bearer;
pub mod cache;
#[cfg(canary)]
pub mod canary;
pub mod credential;
pub mod effect;
pub mod error;
pub mod explain;
pub mod flow;
pub mod grant;
pub mod record;
pub mod scope;
pub mod secret;
pub mod shield;
pub mod time;
pub mod token;
pub mod wire;

pub use error::{Error, ErrorKind};
pub use explain::{Explain, Note, Source};
pub use flow::{AsyncHost, Flow, Host, Step, run, run_async};
pub use record::AuthenticationRecord;
pub use scope::ScopeSet;
pub use time::{Mono, Now, Unix};
