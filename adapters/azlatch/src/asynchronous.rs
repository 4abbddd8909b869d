//! Credentials bound to an async runtime.
//!
//! Whoever asks first starts a task that runs the flow to its end, and waits for it like everybody else who asks
//! meanwhile. A caller that drops its future leaves its seat, nothing more; when the last one has left, the flow is
//! cancelled, which still saves what was granted and gives back what is held.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use azlatch_core::cache::{Account, Discard};
use azlatch_core::credential::{Credential, TokenRequest, UserCredential};
use azlatch_core::secret::AccessToken;
use azlatch_core::token::Token;
use azlatch_core::{AuthenticationRecord, Error, Flow, ScopeSet, run_async};
use azlatch_system::System;

use crate::accounts::merged;
use crate::adapters::Adapters;
use crate::answer::{Answer, Landed};
use crate::bound::{Asking, Bound, Lead, Next, SAVING, Since, Spare, is_the_persons, lost, out_of_time};
use crate::calls::Calls;
use crate::flight::{Phase, Ride};
use crate::front::Wanted;
use crate::offload::Offload;
use crate::runtime::{Runtime, before};
use crate::scoped::Scoped;
use crate::slot::Origin;
use crate::store::{Protection, Store};

/// A credential that gets tokens without blocking. Clones and tasks share one cache.
pub struct Async<C, R: Runtime>(Arc<Tasks<C, R>>);

/// A token that is on its way.
type Fetched<'a> = Pin<Box<dyn Future<Output = Result<Arc<Token>, Error>> + Send + 'a>>;

struct Tasks<C, R: Runtime> {
    bound: Arc<Bound<C>>,
    runtime: R,
    store: Offload<Store, R>,
    calls: Offload<Calls, R>,
    system: Offload<System, R>,
}

impl<C: Credential, R: Runtime> Async<C, R> {
    /// Binds `credential` to `runtime`, and to the caches and the environment of `adapters`; how HTTP goes is the
    /// runtime's business.
    ///
    /// # Errors
    ///
    /// `Storage` when the credential wants to be persistent and nothing that is allowed can be used; `Configuration`
    /// when its cache's name or place cannot be.
    pub fn new(credential: C, adapters: &Adapters, runtime: R) -> Result<Self, Error> {
        let (_, calls, system) = adapters.drivers();
        let bound = Arc::new(Bound::new(credential, adapters)?);
        let in_memory = bound.choice.store.protection() == Protection::Memory;
        let store = Offload::new(bound.choice.store.clone(), runtime.clone()).instant(in_memory);
        let (calls, system) = (Offload::new(calls, runtime.clone()), Offload::new(system, runtime.clone()));
        Ok(Self(Arc::new(Tasks { bound, runtime, store, calls, system })))
    }

    /// A token for `scopes`: from memory, from the store, or from the authority, in this order.
    ///
    /// Dropping the future is safe at any time: see [`Async`].
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). While a cached token is valid there is none.
    pub async fn get_token<S: AsRef<str> + Sync>(&self, scopes: &[S]) -> Result<Arc<Token>, Error> {
        // Two statements: nothing of a hit is kept across the wait that it does without.
        if let Some(token) = self.hit(scopes) {
            return Ok(token);
        }
        self.fetched(scopes).await
    }

    fn hit<S: AsRef<str>>(&self, scopes: &[S]) -> Option<Arc<Token>> {
        self.0.bound.hit(&Wanted::scopes(scopes))
    }

    /// What is no hit. By itself and in a box, so that a hit carries no room for it about.
    #[cold]
    #[inline(never)]
    fn fetched<'a, S: AsRef<str> + Sync>(&'a self, scopes: &'a [S]) -> Fetched<'a> {
        Box::pin(async move { Ok(self.answer(&TokenRequest::new(scopes)?).await?.token) })
    }

    /// As [`get_token`](Self::get_token), with everything a request can say, and the account of what happened.
    ///
    /// # Errors
    ///
    /// As [`get_token`](Self::get_token).
    pub async fn answer(&self, request: &TokenRequest) -> Result<Answer, Error> {
        let bound = &self.0.bound;
        let mut asking = Asking::new(bound, request);
        loop {
            let tried = self.attempt(&asking.request, asking.since).await;
            if let Some(answer) = asking.end(bound, tried) {
                return answer;
            }
        }
    }

    /// One try at `request`; nothing, when somebody else signed in and it must be made anew.
    async fn attempt(&self, request: &TokenRequest, since: Since) -> Result<Option<Answer>, Error> {
        let Tasks { bound, runtime, .. } = &*self.0;
        loop {
            let (next, left) = bound.board(request, since, None)?;
            let (ride, spare, patience) = match next {
                Next::Hit(answer) => return Ok(Some(answer)),
                Next::Anew => return Ok(None),
                Next::Check(mut checking) => {
                    let mut store = self.store(checking.store());
                    let still = run_async(&mut checking.check, || bound.clock.now(), &mut store).await;
                    checking.found(still);
                    continue;
                }
                Next::Follow(ride, spare) => (ride, spare, left),
                Next::Queue(ride, same) => match before(runtime.sleep(left), ride).await {
                    Some(Phase::Landed(Some(Err(error)))) if same || is_the_persons(&error) => return Err(error),
                    // It was about what another asked for: now it is our turn.
                    Some(Phase::Landed(Some(Err(_)))) => continue,
                    None => return Err(out_of_time()),
                    Some(_) => return Ok(None),
                },
                Next::Lead(lead, ride) => match lead.meanwhile() {
                    // The task renews it; until that is done the old token does, for this caller too.
                    Some(answer) => {
                        self.launch(*lead, Some(ride));
                        return Ok(Some(answer));
                    }
                    None => {
                        self.launch(*lead, None);
                        // The flow keeps to the time by itself, and what it brings must not be missed by a hair.
                        (ride, Spare::default(), left.saturating_add(SAVING))
                    }
                },
            };
            let landed = match before(runtime.sleep(patience), ride).await {
                Some(Phase::Landed(Some(Err(error)))) if bound.may_ask_again(&error, since, request) => continue,
                Some(Phase::Landed(landed)) => {
                    landed.map(|landed| landed.or_else(|error| spare.or(error, &bound.clock)))
                }
                None => return spare.or(out_of_time(), &bound.clock).map(Some),
                Some(Phase::Lost) => Some(Err(lost())),
                Some(Phase::Flying) => None,
            };
            if let Some(landed) = landed {
                return landed.map(Some);
            }
        }
    }

    /// The task that runs a flow to its end: the shield between it and callers that go away. With a `seat` of its own
    /// it flies on though nobody waits.
    fn launch(&self, mut lead: Lead<C>, seat: Option<Ride<Landed>>) {
        let tasks = self.0.clone();
        self.0.runtime.spawn(Box::pin(async move {
            let driver = tasks.runtime.driver();
            let mut host = (tasks.store.clone(), driver, tasks.calls.clone(), tasks.system.clone());
            let clock = tasks.bound.clock;
            let result = run_async(&mut lead.flow, move || clock.now(), &mut host).await;
            let _ = lead.land(result);
            drop(seat);
        }));
    }

    /// The way to `store`, which may be another's where credentials share a cache.
    fn store(&self, store: &Store) -> Offload<Store, R> {
        let in_memory = store.protection() == Protection::Memory;
        Offload::new(store.clone(), self.0.runtime.clone()).instant(in_memory)
    }

    /// The same credential for always these scopes: `token()` costs a look at the clock.
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
    pub async fn reject(&self, token: &Token) -> Result<(), Error> {
        self.reject_access_token(&token.access_token).await
    }

    pub(crate) async fn reject_access_token(&self, token: &AccessToken) -> Result<(), Error> {
        let places = self.0.bound.reject(token).into_iter();
        let discards = places.map(|Origin { store, partition }| (store, Discard::token(partition, token.clone())));
        self.discarded(discards.collect()).await
    }

    /// Runs `discards` to their ends, whatever becomes of the caller.
    async fn discarded(&self, discards: Vec<(Store, Discard)>) -> Result<(), Error> {
        let (told, outcome) = futures_channel::oneshot::channel();
        let own = self.clone();
        self.0.runtime.spawn(Box::pin(async move {
            let mut outcome = Ok(());
            for (store, mut discard) in discards {
                let mut host = (own.store(&store), own.0.runtime.driver());
                let clock = own.0.bound.clock;
                outcome = outcome.and(run_async(&mut discard, move || clock.now(), &mut host).await);
            }
            // Nobody may wait any more.
            let _ = told.send(outcome);
        }));
        outcome.await.unwrap_or_else(|_| Err(lost()))
    }

    /// How this credential's stored tokens are protected.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.0.bound.choice.store.protection()
    }
}

impl<C: UserCredential, R: Runtime> Async<C, R> {
    /// Has a person sign in if nothing less helps, also where automatic authentication is disabled, and tells who it is:
    /// the record lets a later run go on as that person silently. `scopes` may be none: then the cloud's usual.
    ///
    /// # Errors
    ///
    /// As [`get_token`](Self::get_token).
    pub async fn authenticate<S: AsRef<str> + Sync>(&self, scopes: &[S]) -> Result<AuthenticationRecord, Error> {
        let request = self.0.bound.first_request(scopes)?;
        self.authenticate_with(&request).await
    }

    /// [`authenticate`](Self::authenticate), with everything a request can say.
    ///
    /// # Errors
    ///
    /// As [`authenticate`](Self::authenticate).
    pub async fn authenticate_with(&self, request: &TokenRequest) -> Result<AuthenticationRecord, Error> {
        self.answer(&self.0.bound.allowing(request)).await?;
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
    pub async fn accounts(&self) -> Result<Vec<Account>, Error> {
        let mut found = Vec::new();
        for mut listing in self.0.bound.listings()? {
            found.push(self.stored(&mut listing).await?);
        }
        Ok(merged(found))
    }

    /// Signs out who is signed in: [`remove_account`](Self::remove_account) for oneself.
    ///
    /// # Errors
    ///
    /// As [`remove_account`](Self::remove_account).
    pub async fn sign_out(&self) -> Result<(), Error> {
        match self.authentication_record() {
            Some(record) => self.remove_account(&record).await,
            None => Ok(()),
        }
    }

    /// Removes everything that the cache has of an account: tokens of every resource, tenant and application. What is
    /// being renewed for it meanwhile does not come back. At the authority nothing is revoked.
    ///
    /// # Errors
    ///
    /// `Storage` when it may still be stored. From this cache's memory it is gone in any case.
    pub async fn remove_account(&self, account: &AuthenticationRecord) -> Result<(), Error> {
        let store = &self.0.bound.choice.store;
        let departure = self.0.bound.departure(account)?.into_iter().map(|discard| (store.clone(), discard)).collect();
        // At once, and again when it is stored no more: whoever asked in between may have read it once more.
        self.0.bound.forget(account);
        let outcome = self.discarded(departure).await;
        self.0.bound.forget(account);
        outcome
    }

    /// Runs `flow` against the store alone.
    async fn stored<F: Flow + Send>(&self, flow: &mut F) -> F::Output {
        let mut host = (self.0.store.clone(), self.0.runtime.driver());
        run_async(flow, || self.0.bound.clock.now(), &mut host).await
    }
}

impl<C: Credential, R: Runtime> Scoped<Async<C, R>> {
    /// A token for the scopes.
    ///
    /// # Errors
    ///
    /// As [`Async::get_token`].
    pub async fn token(&self) -> Result<Arc<Token>, Error> {
        if let Some(token) = self.hit() {
            return Ok(token);
        }
        self.fetched().await
    }

    fn hit(&self) -> Option<Arc<Token>> {
        let bound = &self.credential.0.bound;
        self.find(bound.session.era(), |slot| bound.calm(slot))
    }

    /// As that of the credential itself.
    #[cold]
    #[inline(never)]
    fn fetched(&self) -> Fetched<'_> {
        Box::pin(async {
            let answer = self.credential.answer(&self.request).await?;
            self.settle(self.credential.0.bound.seat(&self.request)?);
            Ok(answer.token)
        })
    }
}

impl<C, R: Runtime> Clone for Async<C, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Credential, R: Runtime> fmt::Debug for Async<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Async")
            .field("credential", &C::NAME)
            .field("protection", &self.protection())
            .field("cache", &self.0.bound.cache)
            .finish()
    }
}
