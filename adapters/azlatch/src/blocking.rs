//! Credentials bound to blocking adapters.

use std::fmt;
use std::sync::Arc;
use std::thread;

use azlatch_core::cache::{Account, Discard};
use azlatch_core::credential::{Credential, TokenRequest, UserCredential};
use azlatch_core::secret::AccessToken;
use azlatch_core::token::Token;
use azlatch_core::{AuthenticationRecord, Error, Flow, ScopeSet, run};
use azlatch_system::System;

use crate::accounts::merged;
use crate::adapters::{Adapters, Http};
use crate::answer::{Answer, Landed};
use crate::bound::{Asking, Bound, Lead, Next, Since, is_the_persons, out_of_time};
use crate::calls::Calls;
use crate::flight::Phase;
use crate::front::Wanted;
use crate::scoped::Scoped;
use crate::slot::Origin;
use crate::store::{Protection, Store};

/// Binds a description to adapters.
pub trait Bind: Credential + Sized {
    /// Binds to blocking HTTP on this machine, with a cache of its own.
    ///
    /// # Errors
    ///
    /// `Configuration` when the environment says something that cannot be; `Storage` when the credential wants to be
    /// persistent and nothing that is allowed can be used.
    fn blocking(self) -> Result<Blocking<Self>, Error> {
        self.blocking_with(&Adapters::new()?)
    }

    /// Binds to these adapters.
    ///
    /// # Errors
    ///
    /// As [`blocking`](Self::blocking).
    fn blocking_with(self, adapters: &Adapters) -> Result<Blocking<Self>, Error> {
        let (http, calls, system) = adapters.drivers();
        let bound = Arc::new(Bound::new(self, adapters)?);
        Ok(Blocking(Arc::new(Threads { bound, http, calls, system })))
    }

    /// Binds to async-std and async HTTP on this machine, with a cache of its own.
    ///
    /// # Errors
    ///
    /// As [`blocking`](Self::blocking).
    #[cfg(feature = "async-std")]
    fn async_std(self) -> Result<crate::AsyncStd<Self>, Error> {
        self.async_std_with(&Adapters::new()?)
    }

    /// Binds to async-std and these adapters.
    ///
    /// # Errors
    ///
    /// As [`blocking`](Self::blocking).
    #[cfg(feature = "async-std")]
    fn async_std_with(self, adapters: &Adapters) -> Result<crate::AsyncStd<Self>, Error> {
        crate::Async::new(self, adapters, crate::OnAsyncStd::new(adapters)?)
    }
}

impl<C: Credential> Bind for C {}

/// A credential that gets tokens, blocking the calling thread while it must. Clones and threads share one cache.
pub struct Blocking<C>(Arc<Threads<C>>);

struct Threads<C> {
    bound: Arc<Bound<C>>,
    http: Http,
    calls: Calls,
    system: System,
}

impl<C: Credential> Blocking<C> {
    /// A token for `scopes`: from memory, from the store, or from the authority, in this order.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). While a cached token is valid there is none.
    pub fn get_token<S: AsRef<str>>(&self, scopes: &[S]) -> Result<Arc<Token>, Error> {
        match self.0.bound.hit(&Wanted::scopes(scopes)) {
            Some(token) => Ok(token),
            None => self.answer(&TokenRequest::new(scopes)?).map(|answer| answer.token),
        }
    }

    /// As [`get_token`](Self::get_token), with everything a request can say, and the account of what happened (Azure
    /// Identity's `get_token_info`).
    ///
    /// # Errors
    ///
    /// As [`get_token`](Self::get_token).
    pub fn answer(&self, request: &TokenRequest) -> Result<Answer, Error> {
        let bound = &self.0.bound;
        let mut asking = Asking::new(bound, request);
        loop {
            let tried = self.attempt(&asking.request, asking.since);
            if let Some(answer) = asking.end(bound, tried) {
                return answer;
            }
        }
    }

    /// One try at `request`; nothing, when somebody else signed in and it must be made anew.
    fn attempt(&self, request: &TokenRequest, since: Since) -> Result<Option<Answer>, Error> {
        let (bound, thread) = (&self.0.bound, Some(thread::current().id()));
        loop {
            let (next, left) = bound.board(request, since, thread)?;
            let landed = match next {
                Next::Hit(answer) => return Ok(Some(answer)),
                Next::Anew => return Ok(None),
                Next::Check(mut checking) => {
                    let still = self.stored(checking.store().clone(), &mut checking.check);
                    checking.found(still);
                    continue;
                }
                Next::Lead(lead, _seat) => self.lead(*lead),
                Next::Follow(ride, spare) => match ride.wait(left) {
                    Phase::Landed(Some(Err(error))) if bound.may_ask_again(&error, since, request) => continue,
                    Phase::Landed(landed) => landed.map(|landed| landed.or_else(|error| spare.or(error, &bound.clock))),
                    Phase::Flying => return spare.or(out_of_time(), &bound.clock).map(Some),
                    Phase::Lost => None,
                },
                Next::Queue(ride, same) => match ride.wait(left) {
                    Phase::Landed(Some(Err(error))) if same || is_the_persons(&error) => return Err(error),
                    // It was about what another asked for: now it is our turn.
                    Phase::Landed(Some(Err(_))) => continue,
                    Phase::Flying => return Err(out_of_time()),
                    Phase::Landed(_) | Phase::Lost => return Ok(None),
                },
            };
            if let Some(landed) = landed {
                return landed.map(Some);
            }
        }
    }

    fn lead(&self, mut lead: Lead<C>) -> Landed {
        let Threads { bound, http, calls, system } = &*self.0;
        let mut host = (bound.choice.store.clone(), http.clone(), calls.clone(), system.clone());
        let result = run(&mut lead.flow, || bound.clock.now(), &mut host);
        lead.land(result)
    }

    /// Runs `flow` against `store` alone.
    fn stored<F: Flow>(&self, store: Store, flow: &mut F) -> F::Output {
        run(flow, || self.0.bound.clock.now(), &mut (store, self.0.system.clone()))
    }

    /// The same credential for always these scopes: [`Scoped::token`] costs a look at the clock.
    ///
    /// # Errors
    ///
    /// `Configuration` when `scopes` cannot be scopes.
    pub fn for_scopes<S: AsRef<str>>(&self, scopes: impl IntoIterator<Item = S>) -> Result<Scoped<Self>, Error> {
        let request = TokenRequest::new(scopes)?;
        let seat = self.0.bound.seat(&request)?;
        Ok(Scoped::new(self.clone(), request, seat))
    }

    /// Makes sure that `token`, which a resource refused, is not handed out again: neither from memory nor, by anybody
    /// who shares it, from the store.
    ///
    /// # Errors
    ///
    /// `Storage` when it may still be stored. From this cache's memory it is gone in any case.
    pub fn reject(&self, token: &Token) -> Result<(), Error> {
        self.reject_access_token(&token.access_token)
    }

    pub(crate) fn reject_access_token(&self, token: &AccessToken) -> Result<(), Error> {
        let mut outcome = Ok(());
        for Origin { store, partition } in self.0.bound.reject(token) {
            outcome = outcome.and(self.stored(store, &mut Discard::token(partition, token.clone())));
        }
        outcome
    }

    /// How this credential's stored tokens are protected.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.0.bound.choice.store.protection()
    }
}

impl<C: UserCredential> Blocking<C> {
    /// Has a person sign in if nothing less helps, also where automatic authentication is disabled, and tells who it is:
    /// the record lets a later run go on as that person silently. `scopes` may be none: then the cloud's usual.
    ///
    /// # Errors
    ///
    /// As [`get_token`](Self::get_token).
    pub fn authenticate<S: AsRef<str>>(&self, scopes: &[S]) -> Result<AuthenticationRecord, Error> {
        let request = self.0.bound.first_request(scopes)?;
        self.authenticate_with(&request)
    }

    /// [`authenticate`](Self::authenticate), with everything a request can say.
    ///
    /// # Errors
    ///
    /// As [`authenticate`](Self::authenticate).
    pub fn authenticate_with(&self, request: &TokenRequest) -> Result<AuthenticationRecord, Error> {
        self.answer(&self.0.bound.allowing(request))?;
        self.0.bound.who()
    }

    /// What a sign-in is for that names no scopes: the cloud's resource manager.
    ///
    /// # Errors
    ///
    /// `Configuration` at an authority of which nobody knows what it guards.
    pub fn default_scopes(&self) -> Result<ScopeSet, Error> {
        self.0.bound.default_scopes()
    }

    /// Who is signed in: as a sign-in here told, else as the record that the credential was given says.
    #[must_use]
    pub fn authentication_record(&self) -> Option<AuthenticationRecord> {
        self.0.bound.who().ok()
    }

    /// The accounts that this credential's cache knows, whichever program signed them in.
    ///
    /// # Errors
    ///
    /// `Storage` when the cache cannot be read.
    pub fn accounts(&self) -> Result<Vec<Account>, Error> {
        let mut found = Vec::new();
        for mut listing in self.0.bound.listings()? {
            found.push(self.stored(self.0.bound.choice.store.clone(), &mut listing)?);
        }
        Ok(merged(found))
    }

    /// Signs out who is signed in: [`remove_account`](Self::remove_account) for oneself.
    ///
    /// # Errors
    ///
    /// As [`remove_account`](Self::remove_account).
    pub fn sign_out(&self) -> Result<(), Error> {
        self.authentication_record().map_or(Ok(()), |record| self.remove_account(&record))
    }

    /// Removes everything that the cache has of an account: tokens of every resource, tenant and application. What is
    /// being renewed for it meanwhile does not come back. At the authority nothing is revoked.
    ///
    /// # Errors
    ///
    /// `Storage` when it may still be stored. From this cache's memory it is gone in any case.
    pub fn remove_account(&self, account: &AuthenticationRecord) -> Result<(), Error> {
        let departure = self.0.bound.departure(account)?;
        // At once, and again when it is stored no more: whoever asked in between may have read it once more.
        self.0.bound.forget(account);
        let mut outcome = Ok(());
        for mut discard in departure {
            outcome = outcome.and(self.stored(self.0.bound.choice.store.clone(), &mut discard));
        }
        self.0.bound.forget(account);
        outcome
    }
}

impl<C: Credential> Scoped<Blocking<C>> {
    /// A token for the scopes.
    ///
    /// # Errors
    ///
    /// As [`Blocking::get_token`].
    pub fn token(&self) -> Result<Arc<Token>, Error> {
        let bound = &self.credential.0.bound;
        match self.find(bound.session.era(), |slot| bound.calm(slot)) {
            Some(token) => Ok(token),
            None => {
                let answer = self.credential.answer(&self.request)?;
                self.settle(bound.seat(&self.request)?);
                Ok(answer.token)
            }
        }
    }
}

impl<C> Clone for Blocking<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Credential> fmt::Debug for Blocking<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking")
            .field("credential", &C::NAME)
            .field("protection", &self.protection())
            .field("cache", &self.0.bound.cache)
            .finish()
    }
}
