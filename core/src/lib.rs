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
//! | [`grant`] | one file a grant: client credentials (RFC 6749 §4.4), refresh (§6), authorization code (§4.1) with a browser (RFC 8252, 7636) or in hand, device code (RFC 8628), password (§4.3); a person's is one of these or silent |
//! | [`cache`] | the key, the decision, the document, look-up and insert, accounts and sign-out, and [`cache::Acquire`], the heart |
//! | [`record`] | who signed in, written down for a later run |
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
//! | What somebody signed in for is stored, though the caller and its time have gone; every listener is closed once | `explore::somebody_signs_in_with_a_browser_in_every_world` |
//! | No poll for a device code comes too soon, and none after the code's end but one | `explore::somebody_signs_in_with_a_device_code_in_every_world` |
//! | Code, verifier, device code and password stand in no address and go to the token endpoint alone | `explore::somebody_signs_in_with_a_password_in_every_world` |
//! | An answer whose state, issuer or code is not ours redeems nothing | `sign_in::browser::b_03_b_04_another_issuers_answer_is_a_mix_up` |
//! | A token whose nonce is not ours is neither stored nor handed out | `sign_in::browser::b_07_tokens_of_another_sign_in_are_thrown_away_unseen` |
//! | Without entropy there is no sign-in, and nothing weaker | `sign_in::browser::o_16_without_entropy_nothing_weaker_is_used` |
//! | A clock that is a day off still signs in | `sign_in::id_token::j_02_a_clock_that_is_a_day_off_still_signs_in` |
//! | Dropping the future of an async call, wherever it stands, loses nothing and strands nobody | `cancellation::c_06_a_rotated_refresh_token_is_never_lost` |
//! | Processes that crash, stop and lose power lose no stored token; no call errs while a living token is at hand | `simulation::simulation_many` |
//! | When faults stop, everybody succeeds | `simulation::when_faults_stop_everybody_succeeds` |
//! | Nothing is written after a read that said anything but what is stored | `explore::acquire_for_the_application_in_every_world` |
//! | An unknown host is sent nothing before the public cloud vouched for it | `golden::every_trace_is_as_written` |
//! | Two queries share a key exactly when they mean the same token | `properties::key::i_01_equal_keys_mean_equal_tokens` |
//! | No query finds a token of another subject, tenant, client, binding or shape | `properties::lookup::lookup_never_crosses` |
//! | A refresh token stays with its account, client and cloud | `properties::lookup::i_08_refresh_tokens_stay_with_their_account_client_and_cloud` |
//! | No record, and no document, sends a refresh token out of the environment that it is stored under | `properties::accounts::i_08_refresh_tokens_never_leave_their_environment` |
//! | After a sign-out nothing of the account is left under whatever key, and all else is as it was | `properties::accounts::i_05_after_a_sign_out_nothing_of_the_account_is_left` |
//! | A merge keeps what it does not change, to the byte | `properties::document::what_is_not_changed_survives_to_the_byte` |
//! | A token is due at another second for each of its holders, and never later than a minute | `decision::t_11_a_thousand_nodes_do_not_renew_in_one_second` |
//! | A clock that is ahead never lengthens a token's life | `properties::decision::t_09_a_later_clock_never_lengthens_a_life` |
//! | Other languages' caches are read, and rewritten without loss | `fixtures::every_cache_is_read_and_rewritten_without_loss` |
//! | Other languages' records are read, ours are what Python writes, and both go on silently | `fixtures_accounts::a_record_goes_on_silently_in_every_languages_cache` |
//! | No token goes to plain http, or to a host that a challenge could not vouch for | `properties::bearer::i_04_tokens_go_where_they_may` |
//! | A request is sent three times at most, a token asked for three times at most | `properties::bearer::n_25_every_conversation_ends` |
//! | No secret reaches Debug, Display, errors, marks, URLs or file names | `secrets::m_01_no_secret_is_ever_shown` |
//! | Nor does any secret of a sign-in | `secrets_sign_in::m_01_no_secret_of_a_sign_in_is_ever_shown` |
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
