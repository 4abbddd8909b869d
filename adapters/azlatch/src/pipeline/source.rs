//! Where a pipeline's tokens come from.

use std::sync::Arc;

use azlatch_core::Error;
use azlatch_core::credential::{Credential, CustomCredential, TokenRequest};
use azlatch_core::effect::{Call, Supplied};
use azlatch_core::secret::AccessToken;

use crate::adapters::Adapters;
use crate::blocking::{Bind as _, Blocking};

/// Supplies tokens to requests that may block.
///
/// A [`Blocking`] credential is one, and caches. Any function becomes one that caches by [`Blocking::from_fn`]. A source
/// of another making is asked for every request, so it had better cache, too.
pub trait TokenSource: Send + Sync {
    /// A token for `request`.
    ///
    /// A source that caches must heed [`demand`](TokenRequest::demand): which of the tokens it has will not do. No
    /// source should take longer than [`timeout`](TokenRequest::timeout): nobody interrupts it.
    ///
    /// # Errors
    ///
    /// The source's own; the application gets them as they are.
    fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error>;

    /// A resource refused `token`: it should not be handed out again.
    ///
    /// There is nobody to whom a failure could be told. The pipeline itself rules the token out in the requests that
    /// follow.
    fn reject(&self, token: &AccessToken) {
        let _ = token;
    }
}

impl<C: Credential> TokenSource for Blocking<C> {
    fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        self.answer(request).map(|answer| answer.token.access_token.clone())
    }

    fn reject(&self, token: &AccessToken) {
        // What cannot be taken out of the store now is ruled out by the demand of the next request.
        let _ = self.reject_access_token(token);
    }
}

impl<S: TokenSource + ?Sized> TokenSource for &S {
    fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        (**self).token(request)
    }

    fn reject(&self, token: &AccessToken) {
        (**self).reject(token);
    }
}

impl<S: TokenSource + ?Sized> TokenSource for Arc<S> {
    fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
        (**self).token(request)
    }

    fn reject(&self, token: &AccessToken) {
        (**self).reject(token);
    }
}

impl Blocking<CustomCredential> {
    /// A credential whose tokens `source` supplies, with the cache of all others: one call at a time for each token,
    /// renewal before its end, rejection. `name` says in errors what failed.
    ///
    /// ```
    /// use azlatch::{Blocking, Supplied};
    ///
    /// let credential = Blocking::from_fn("vending machine", |call| {
    ///     Ok(Supplied { value: format!("a-token-for-{}", call.scopes).into(), expires_on: None, refresh_on: None })
    /// })?;
    /// assert_eq!(credential.get_token(&["api/.default"])?.expose_secret(), "a-token-for-api/.default");
    /// # Ok::<(), azlatch::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Bind::blocking`](crate::Bind::blocking).
    pub fn from_fn(
        name: &str,
        source: impl Fn(&Call) -> Result<Supplied, Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        CustomCredential::new(name).blocking_with(&Adapters::new()?.call(name, source))
    }
}

#[cfg(feature = "async")]
pub use asynchronous::AsyncTokenSource;

#[cfg(feature = "async")]
mod asynchronous {
    use std::future::{Future, ready};

    use super::*;
    use crate::asynchronous::Async;
    use crate::runtime::Runtime;

    /// [`TokenSource`] without blocking; [`Async`] credentials are ones.
    pub trait AsyncTokenSource: Send + Sync {
        /// A token for `request`, as [`TokenSource::token`] has it.
        fn token(&self, request: &TokenRequest) -> impl Future<Output = Result<AccessToken, Error>> + Send;

        /// A resource refused `token`, as [`TokenSource::reject`] has it.
        fn reject(&self, token: &AccessToken) -> impl Future<Output = ()> + Send {
            let _ = token;
            ready(())
        }
    }

    impl<C: Credential, R: Runtime> AsyncTokenSource for Async<C, R> {
        async fn token(&self, request: &TokenRequest) -> Result<AccessToken, Error> {
            self.answer(request).await.map(|answer| answer.token.access_token.clone())
        }

        async fn reject(&self, token: &AccessToken) {
            // As for blocking credentials.
            let _ = self.reject_access_token(token).await;
        }
    }

    impl<S: AsyncTokenSource + ?Sized> AsyncTokenSource for &S {
        fn token(&self, request: &TokenRequest) -> impl Future<Output = Result<AccessToken, Error>> + Send {
            (**self).token(request)
        }

        fn reject(&self, token: &AccessToken) -> impl Future<Output = ()> + Send {
            (**self).reject(token)
        }
    }

    impl<S: AsyncTokenSource + ?Sized> AsyncTokenSource for Arc<S> {
        fn token(&self, request: &TokenRequest) -> impl Future<Output = Result<AccessToken, Error>> + Send {
            (**self).token(request)
        }

        fn reject(&self, token: &AccessToken) -> impl Future<Output = ()> + Send {
            (**self).reject(token)
        }
    }

    impl<R: Runtime> Async<CustomCredential, R> {
        /// [`Blocking::from_fn`] on `runtime`; `source` may block, it is called on a thread that may.
        ///
        /// # Errors
        ///
        /// As [`new`](Self::new).
        pub fn from_fn(
            name: &str,
            runtime: R,
            source: impl Fn(&Call) -> Result<Supplied, Error> + Send + Sync + 'static,
        ) -> Result<Self, Error> {
            Self::new(CustomCredential::new(name), &Adapters::new()?.call(name, source), runtime)
        }
    }
}
