//! placeholder
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
pub mod cache;
pub mod credential;
pub mod effect;
pub mod error;
pub mod explain;
pub mod flow;
pub mod grant;
pub mod scope;
pub mod secret;
pub mod time;
pub mod token;
pub mod wire;

pub use error::{Error, ErrorKind};
pub use explain::{Explain, Note, Source};
pub use flow::{AsyncHost, Flow, Host, Step, run, run_async};
pub use scope::ScopeSet;
pub use time::{Mono, Now, Unix};
