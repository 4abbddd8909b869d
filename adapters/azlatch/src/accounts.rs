//! The people of a bound credential: who signed in, who could go on silently, who leaves.

use azlatch_core::cache::{Account, Discard, Listing, Query, partition};
use azlatch_core::credential::{Interaction, TokenRequest, UserCredential};
use azlatch_core::effect::Partition;
use azlatch_core::{AuthenticationRecord, Error, ErrorKind, ScopeSet};

use crate::bound::Bound;

impl<C: UserCredential> Bound<C> {
    /// A request for `scopes`, or for the cloud's usual ones.
    pub(crate) fn first_request<S: AsRef<str>>(&self, scopes: &[S]) -> Result<TokenRequest, Error> {
        match scopes {
            [] => TokenRequest::new(self.default_scopes()?.iter()),
            scopes => TokenRequest::new(scopes),
        }
    }

    pub(crate) fn default_scopes(&self) -> Result<ScopeSet, Error> {
        self.credential.default_scopes(&self.session.surroundings())
    }

    /// `request`, a sign-in being allowed for it unless it says otherwise.
    pub(crate) fn allowing(&self, request: &TokenRequest) -> TokenRequest {
        match request.interaction {
            Interaction::Automatic => request.clone().interaction(Interaction::Allowed),
            _ => request.clone(),
        }
    }

    /// # Errors
    ///
    /// `InteractionRequired` when nobody is signed in.
    pub(crate) fn who(&self) -> Result<AuthenticationRecord, Error> {
        let told = self.session.signed_in();
        told.or_else(|| self.credential.authentication_record().cloned())
            .ok_or_else(|| Error::new(ErrorKind::InteractionRequired, "nobody is signed in").advise("sign in first"))
    }

    /// What lists the accounts of each document that may have some.
    pub(crate) fn listings(&self) -> Result<Vec<Listing>, Error> {
        let (host, client) = self.credential.place(&self.session.surroundings());
        let own = self.who().ok();
        let documents = self.documents(own.as_ref())?;
        Ok(documents.into_iter().map(|document| Listing::new(document, host.clone(), client.clone())).collect())
    }

    /// What removes `account` from each document that may have something of it.
    pub(crate) fn departure(&self, account: &AuthenticationRecord) -> Result<Vec<Discard>, Error> {
        let documents = self.documents(Some(account))?;
        let discard = |document| Discard::account(document, &account.authority, &account.home_account_id);
        Ok(documents.into_iter().map(discard).collect())
    }

    /// Forgets `account` in memory.
    pub(crate) fn forget(&self, account: &AuthenticationRecord) {
        self.cache.forget_all_of(Query::of_account(account, false).owner());
        if self.session.signed_in().is_some_and(|who| who.home_account_id == account.home_account_id) {
            self.session.left();
        }
    }

    /// The documents of this credential, of tokens without continuous access evaluation and with it; in memory those of
    /// `account`.
    fn documents(&self, account: Option<&AuthenticationRecord>) -> Result<Vec<Partition>, Error> {
        let both = [false, true].into_iter();
        match (self.credential.persistence(), account) {
            (Some(options), _) => both.map(|cae| partition(&options.name, cae)).collect(),
            (None, Some(account)) => {
                Ok(both.map(|cae| azlatch_core::cache::in_memory(&Query::of_account(account, cae))).collect())
            }
            (None, None) => Ok(Vec::new()),
        }
    }
}

/// The accounts of several documents: each once.
pub(crate) fn merged(found: Vec<Vec<Account>>) -> Vec<Account> {
    let mut all: Vec<Account> = Vec::new();
    for account in found.into_iter().flatten() {
        match all.iter_mut().find(|known| known.record.home_account_id == account.record.home_account_id) {
            Some(known) => known.can_renew |= account.can_renew,
            None => all.push(account),
        }
    }
    all
}
