//! What an acquisition is given, and what it brings.

use alloc::string::String;
use core::time::Duration;

use crate::authority::discovery::Vouched;
use crate::effect::{Partition, Version};
use crate::explain::Explain;
use crate::secret::AccessToken;
use crate::token::Token;

/// Where and within which limits a token is acquired.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// The document to look in and save to.
    pub partition: Partition,
    /// Whether an unknown authority host must be vouched for before it is sent a secret.
    pub discovery: bool,
    /// Requests at most when nothing usable is cached.
    pub tries: u8,
    /// The whole acquisition ends within this.
    pub timeout: Duration,
}

/// Which cached tokens will not do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Demand {
    /// Any that is alive will do.
    #[default]
    Any,
    /// Only one made after this request began.
    Fresh,
    /// None: a resource demands these claims (JSON).
    Claims(String),
    /// Any but this one, which a resource rejected.
    Not(AccessToken),
}

/// A token, and how it came about.
#[derive(Debug, PartialEq, Eq)]
pub struct Acquired {
    /// The token.
    pub token: Token,
    /// Where it came from and what happened on the way.
    pub explain: Explain,
    /// The version of the document that holds it, when it is stored.
    pub version: Option<Version>,
    /// The authority's host was vouched for on the way.
    pub vouched: Option<Vouched>,
}
