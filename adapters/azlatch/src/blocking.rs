//! Credentials bound to blocking adapters.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use azlatch_core::authority::discovery::Vouched;
use azlatch_core::cache::{CacheKey, Decision, Demand, decide, partition};
use azlatch_core::credential::{Credential, Surroundings, TokenRequest};
use azlatch_core::effect::{Effect, Ids, Load, Loaded, Version};
use azlatch_core::token::Token;
use azlatch_core::{Error, Explain, Host, Note, Now, Source, run};

use crate::adapters::Adapters;
use crate::hot::{Hot, TokenCache};
use crate::store::{Choice, Protection};

/// Binds a description to a runtime.
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
        let cache = adapters.cache();
        let choice = Choice::new(self.persistence(), adapters, &cache)?;
        let surroundings = Surroundings { holder: RandomState::new().hash_one(()), ..adapters.surroundings().clone() };
        if let Some(options) = self.persistence() {
            partition(&options.name, false)?;
        }
        Ok(Blocking(Arc::new(Bound {
            credential: self,
            adapters: adapters.clone(),
            surroundings,
            cache,
            choice,
            vouched: OnceLock::new(),
        })))
    }
}

impl<C: Credential> Bind for C {}

/// A credential that gets tokens, blocking the calling thread while it must. Clones and threads share one cache.
pub struct Blocking<C>(Arc<Bound<C>>);

struct Bound<C> {
    credential: C,
    adapters: Adapters,
    surroundings: Surroundings,
    cache: TokenCache,
    choice: Choice,
    vouched: OnceLock<Vouched>,
}

/// A token and its account.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The token, shared with the cache.
    pub token: Arc<Token>,
    /// Where it came from, and what happened on the way.
    pub explain: Explain,
}

/// A hit older than this is held against the store, when there is one that others write to.
const FRESH: Duration = Duration::from_secs(5);

impl<C: Credential> Blocking<C> {
    /// A token for `scopes`: from memory, from the store, or from the authority, in this order.
    ///
    /// # Errors
    ///
    /// See [`ErrorKind`](crate::ErrorKind). While a cached token is valid there is none.
    pub fn get_token<S: AsRef<str>>(&self, scopes: &[S]) -> Result<Arc<Token>, Error> {
        self.answer(&TokenRequest::new(scopes)?).map(|answer| answer.token)
    }

    /// As [`get_token`](Self::get_token), with everything a request can say, and the account of what happened.
    ///
    /// # Errors
    ///
    /// As [`get_token`](Self::get_token).
    pub fn answer(&self, request: &TokenRequest) -> Result<Answer, Error> {
        let bound = &*self.0;
        let query = bound.credential.query(request, &bound.surroundings)?;
        let key = query.key();
        let now = bound.adapters.clock().now();
        let mut hot = bound.cache.find(&key);
        if let (Some(found), Demand::Not(rejected)) = (&hot, &request.demand)
            && found.token.access_token == *rejected
        {
            bound.cache.forget(&key);
        }
        hot = hot.filter(|_| request.demand == Demand::Any);
        if let Some(found) = &hot
            && !bound.is_still_stored(request, &key, found, now)?
        {
            // Somebody logged out, cleared or renewed: what the store has now counts, and nothing else.
            hot = None;
        }
        if let Some(found) = &hot
            && decide(Some(found.token.life), found.tried, now.wall, false) == Decision::Use
        {
            return Ok(Answer { token: found.token.clone(), explain: Explain::new(Source::Memory) });
        }
        match bound.acquire(request, key) {
            Ok(answer) => Ok(answer),
            Err(error) => bound.fall_back(&key, hot, error),
        }
    }

    /// How this credential's stored tokens are protected.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.0.choice.store.protection()
    }
}

impl<C: Credential> Bound<C> {
    /// Whether the store still holds the document that `hot` came from, or `hot` is too fresh to ask.
    fn is_still_stored(&self, request: &TokenRequest, key: &CacheKey, hot: &Hot, now: Now) -> Result<bool, Error> {
        let (Some(version), Some(options)) = (hot.version, self.credential.persistence()) else { return Ok(true) };
        if hot.checked.until(now.mono) < FRESH || self.choice.store.protection() == Protection::Memory {
            return Ok(true);
        }
        let partition = partition(&options.name, request.enable_cae)?;
        let still = self.is_still(version, partition);
        match still {
            true => self.cache.note(key, &hot.token, |hot| hot.checked = now.mono),
            false => self.cache.forget(key),
        }
        Ok(still)
    }

    /// One conditional read. A store that cannot be read takes no valid token away.
    fn is_still(&self, version: Version, partition: azlatch_core::effect::Partition) -> bool {
        let mut ids = Ids::root();
        let load = Load { partition, unless: Some(version), limit: 16 * 1024 * 1024, timeout: Duration::from_secs(2) };
        let reply = self.choice.store.clone().perform(ids.ask(load)).unwrap_or_else(Effect::decline);
        !matches!(ids.take::<Load>(reply), Ok(Some(Ok(Loaded::Absent | Loaded::Found(_)))))
    }

    /// Runs the flow, and keeps what it brings.
    fn acquire(&self, request: &TokenRequest, key: CacheKey) -> Result<Answer, Error> {
        let mut flow = self.credential.acquire(request, &self.surroundings, self.vouched.get())?;
        let (http, system) = self.adapters.drivers();
        let clock = *self.adapters.clock();
        let mut host = (self.choice.store.clone(), http, system);
        let ran = catch_unwind(AssertUnwindSafe(|| run(&mut flow, || clock.now(), &mut host)));
        if ran.is_err() {
            // A driver of the application's panicked. Stepped out of turn, the flow gives back the lock it holds.
            let _ = run(&mut flow, || clock.now(), &mut self.choice.store.clone());
        }
        if let Some(vouched) = flow.vouched() {
            // Losing the race means that another thread was told the same.
            let _ = self.vouched.set(vouched.clone());
        }
        let acquired = ran.unwrap_or_else(|panic| resume_unwind(panic))?;
        let mut explain = acquired.explain;
        match (explain.source, self.choice.store.protection()) {
            (Source::Store, Protection::Memory) => explain.source = Source::Memory,
            (Source::Network, _) => explain.notes.extend(self.choice.warning.clone()),
            _ => {}
        }
        let token = Arc::new(acquired.token);
        let now = clock.now();
        if token.life.is_alive(now.wall) {
            let hot = Hot { token: token.clone(), checked: now.mono, version: acquired.version, tried: acquired.tried };
            self.cache.keep(key, hot, now.wall);
        }
        Ok(Answer { token, explain })
    }

    /// A valid token in memory outlives any trouble of the authority or the store.
    fn fall_back(&self, key: &CacheKey, hot: Option<Hot>, error: Error) -> Result<Answer, Error> {
        let now = self.adapters.clock().now();
        let Some(hot) = hot.filter(|hot| hot.token.life.is_alive(now.wall)) else { return Err(error) };
        self.cache.note(key, &hot.token, |hot| hot.tried = Some(now.wall));
        let explain = Explain { source: Source::Memory, notes: vec![Note::RefreshFailed(error)] };
        Ok(Answer { token: hot.token, explain })
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
            .field("protection", &self.0.choice.store.protection())
            .field("cache", &self.0.cache)
            .finish()
    }
}
