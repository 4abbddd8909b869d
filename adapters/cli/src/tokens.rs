//! Bound credentials of all kinds, as commands use them.

use azlatch::prelude::*;
use azlatch::{Answer, Blocking, ErrorKind, UserCredential};

use crate::device::Display;

/// A bound credential, whichever it is.
pub(crate) trait Tokens {
    fn answer(&self, request: &TokenRequest) -> Result<Answer, Error>;

    /// What somebody signs in for who names no scopes.
    fn usual_scopes(&self) -> Result<Vec<String>, Error> {
        Err(nobody())
    }

    /// Who is signed in, once nothing more has to be asked for `request`.
    fn authenticate(&self, _request: &TokenRequest) -> Result<AuthenticationRecord, Error> {
        Err(nobody())
    }

    /// Who is signed in.
    fn who(&self) -> Option<AuthenticationRecord> {
        None
    }
}

/// A credential of an application.
pub(crate) struct OfApplication<C>(pub(crate) Blocking<C>);

/// A credential of a person, and what shows device codes.
pub(crate) struct OfPerson<C>(pub(crate) Blocking<C>, pub(crate) Display);

impl<C: azlatch::Credential> Tokens for OfApplication<C> {
    fn answer(&self, request: &TokenRequest) -> Result<Answer, Error> {
        self.0.answer(request)
    }
}

fn nobody() -> Error {
    Error::new(ErrorKind::Configuration, "an application has nobody who signs in")
        .advise("name a credential for people, such as --credential interactive-browser")
}

impl<C: UserCredential> Tokens for OfPerson<C> {
    fn answer(&self, request: &TokenRequest) -> Result<Answer, Error> {
        let answer = self.0.answer(request);
        self.1.end();
        answer
    }

    fn usual_scopes(&self) -> Result<Vec<String>, Error> {
        Ok(self.0.default_scopes()?.iter().map(str::to_owned).collect())
    }

    fn authenticate(&self, request: &TokenRequest) -> Result<AuthenticationRecord, Error> {
        let record = self.0.authenticate_with(request);
        self.1.end();
        record
    }

    fn who(&self) -> Option<AuthenticationRecord> {
        self.0.authentication_record()
    }
}
