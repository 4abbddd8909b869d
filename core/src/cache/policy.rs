//! What an acquisition is given, and what it brings.

use alloc::string::String;
use core::time::Duration;

use super::in_memory;
use super::key::Query;
use crate::effect::{Partition, Version};
use crate::explain::Explain;
use crate::record::AuthenticationRecord;
use crate::secret::AccessToken;
use crate::time::Unix;
use crate::token::Token;

/// Where and within which limits a token is acquired.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// The document to look in and save to.
    pub place: Place,
    /// Whether an unknown authority host must be vouched for before it is sent a secret.
    pub discovery: bool,
    /// Requests at most when nothing usable is cached.
    pub tries: u8,
    /// A token is there, or an error, within this; storing it may take a little longer.
    pub timeout: Duration,
    /// Any number of the caller's choosing, the same for all who hold the same secret and for nobody else: a refusal
    /// is shared only among them.
    pub holder: u64,
}

/// Which document a token is kept in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// This one, with whatever else is in it.
    Shared(Partition),
    /// One of the token's subject, in a store that is the process's own.
    PerSubject,
}

impl Place {
    /// The document for the token that `query` means.
    #[must_use]
    pub fn partition(&self, query: &Query) -> Partition {
        match self {
            Self::Shared(partition) => partition.clone(),
            Self::PerSubject => in_memory(query),
        }
    }
}

/// Which cached tokens will not do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Demand {
    /// Any that is alive will do.
    #[default]
    Any,
    /// Only one that was not there when this request began.
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
    /// When the authority was last asked in vain for this token, by whomever.
    pub tried: Option<Unix>,
    /// Who signed in for it, when somebody did just now.
    pub record: Option<AuthenticationRecord>,
}
