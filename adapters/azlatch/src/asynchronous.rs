//! Credentials bound to an async runtime.
//!
//! Whoever asks first starts a task that runs the flow to its end, and waits for it like everybody else who asks
//! meanwhile. A caller that drops its future leaves its seat, nothing more; when the last one has left, the flow is
//! cancelled, which still saves what was granted and gives back what is held.

use std::borrow::Cow;
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
use crate::bound::{Bound, Lead, Next, SAVING, Spare, left, lost, out_of_time};
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
        let mut asking = Cow::Borrowed(request);
        loop {
            match self.attempt(&asking).await {
                Ok(Some(answer)) => return Ok(answer),
                // Somebody signed in meanwhile.
                Ok(None) => asking = Cow::Borrowed(request),
                Err(error) => match self.0.bound.sign_in(&asking, &error) {
                    Some(sign_in) => asking = Cow::Owned(sign_in),
                    None => return Err(error),
                },
            }
        }
    }

    /// One try at `request`; nothing, when somebody else signed in and it must be made anew.
    async fn attempt(&self, request: &TokenRequest) -> Result<Option<Answer>, Error> {
        let Tasks { bound, runtime, .. } = &*self.0;
        let began = bound.clock.mono();
        loop {
            let left = left(&bound.clock, began, request.timeout);
            let (ride, spare, patience) = match bound.board(request, left, None)? {
                Next::Hit(answer) => return Ok(Some(answer)),
                Next::Check(mut checking) => {
                    let mut store = self.store(checking.store());
                    let still = run_async(&mut checking.check, || bound.clock.now(), &mut store).await;
                    checking.found(still);
                    continue;
                }
                Next::Follow(ride, spare) => (ride, spare, left),
                Next::Queue(ride) => {
                    return match before(runtime.sleep(left), ride).await {
                        Some(Phase::Landed(Some(Err(error)))) => Err(error),
                        None => Err(out_of_time()),
                        Some(_) => Ok(None),
                    };
                }
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
                Some(Phase::Landed(Some(Err(error)))) if bound.may_ask_again(&error, began, request) => continue,
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
        let Tasks { bound, runtime, .. } = &*self.0;
        let mut outcome = Ok(());
        for Origin { store, partition } in bound.reject(token) {
            let mut host = (self.store(&store), runtime.driver());
            let mut flow = Discard::token(partition, token.clone());
            outcome = outcome.and(run_async(&mut flow, || bound.clock.now(), &mut host).await);
        }
        outcome
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
        let mut outcome = Ok(());
        for mut discard in self.0.bound.departure(account)? {
            outcome = outcome.and(self.stored(&mut discard).await);
        }
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
