//! What the explorer must know of what flows come to.

use std::fmt::Debug;

use azlatch_core::Error;
use azlatch_core::authority::discovery::Vouched;
use azlatch_core::cache::{Account, Acquired};
use azlatch_core::token::{Exchanged, Posted};

/// What the explorer must know of an output.
pub trait Outcome: Debug {
    /// Whether the flow stores what it is granted.
    const KEEPS: bool = false;
    /// Whether the flow is nothing but clean-up, so that it goes on when its caller has gone.
    const CLEANS_UP: bool = false;
    /// The error, if it is one.
    fn error(&self) -> Option<&Error>;
    /// The access token, if it is one.
    fn token(&self) -> Option<&str>;
}

impl Outcome for Result<Acquired, Error> {
    const KEEPS: bool = true;

    fn error(&self) -> Option<&Error> {
        self.as_ref().err()
    }

    fn token(&self) -> Option<&str> {
        self.as_ref().ok().map(|acquired| acquired.token.expose_secret())
    }
}

impl Outcome for Result<(), Error> {
    const CLEANS_UP: bool = true;

    fn error(&self) -> Option<&Error> {
        self.as_ref().err()
    }

    fn token(&self) -> Option<&str> {
        None
    }
}

impl Outcome for Result<Vec<Account>, Error> {
    fn error(&self) -> Option<&Error> {
        self.as_ref().err()
    }

    fn token(&self) -> Option<&str> {
        None
    }
}

impl Outcome for Result<Vouched, Error> {
    fn error(&self) -> Option<&Error> {
        self.as_ref().err()
    }

    fn token(&self) -> Option<&str> {
        None
    }
}

impl Outcome for Exchanged {
    fn error(&self) -> Option<&Error> {
        self.result.as_ref().err().map(|refused| &refused.error)
    }

    fn token(&self) -> Option<&str> {
        self.result.as_ref().ok().map(|granted| granted.access_token.expose_secret())
    }
}

impl Outcome for Posted {
    fn error(&self) -> Option<&Error> {
        match self {
            Self::Stopped(error) => Some(error),
            _ => None,
        }
    }

    fn token(&self) -> Option<&str> {
        None
    }
}
