//! Credentials bound to azure_core, as its clients take them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azlatch::{Adapters, Async, Credential, Error};
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::ErrorKind;
use azure_core::time::{Duration, OffsetDateTime};

use crate::options::TokenOptions;
use crate::runtime::AzureCore;

/// Binds a description to azure_core.
pub trait IntoAzureCore: Credential + Sized {
    /// Binds to this machine, its roots and its proxies, with a cache of its own.
    ///
    /// # Errors
    ///
    /// `Configuration` when the environment says something that cannot be, or there are no root certificates; `Storage`
    /// when the credential wants to be persistent and nothing that is allowed can be used.
    #[cfg(feature = "reqwest")]
    fn azure_core(self) -> Result<Arc<AzureCredential<Self>>, Error> {
        let adapters = Adapters::new()?;
        self.azure_core_with(&adapters, AzureCore::new(&adapters)?)
    }

    /// Binds to these adapters, for everything but HTTP, and to `core`.
    ///
    /// # Errors
    ///
    /// `Configuration` and `Storage` as [`Async::new`] has them.
    fn azure_core_with(self, adapters: &Adapters, core: AzureCore) -> Result<Arc<AzureCredential<Self>>, Error> {
        Async::new(self, adapters, core).map(|bound| Arc::new(AzureCredential { bound, said: TokenOptions::default() }))
    }
}

impl<C: Credential> IntoAzureCore for C {}

/// A credential as azure_core's clients take it: their [`TokenCredential`].
///
/// Its errors are of kind [`Credential`](ErrorKind::Credential), say what azlatch's says, and have that
/// [`Error`](azlatch::Error) for their source. azure_core does not retry them: what is worth repeating has been repeated.
pub struct AzureCredential<C> {
    bound: Async<C, AzureCore>,
    /// What is said where the context says nothing.
    said: TokenOptions,
}

impl<C: Credential> AzureCredential<C> {
    /// The same credential and cache, for a client with wishes of its own: they count where the context of a method has
    /// none.
    ///
    /// ```
    /// # use azlatch::prelude::*;
    /// # use azlatch_azure_core::{TokenOptions, AzureCredential};
    /// # fn fabrikams(credential: &AzureCredential<ClientSecretCredential>) -> std::sync::Arc<AzureCredential<ClientSecretCredential>> {
    /// // The client that gets this one works in another tenant.
    /// credential.with_options(TokenOptions::default().tenant_id("fabrikam"))
    /// # }
    /// ```
    #[must_use]
    pub fn with_options(&self, options: TokenOptions) -> Arc<Self> {
        Arc::new(Self { bound: self.bound.clone(), said: options })
    }

    pub(crate) const fn options(&self) -> &TokenOptions {
        &self.said
    }

    /// The bound credential itself, for what azure_core has no words for: accounts of what happened, rejected tokens.
    #[must_use]
    pub const fn azlatch(&self) -> &Async<C, AzureCore> {
        &self.bound
    }
}

#[async_trait]
impl<C: Credential> TokenCredential for AzureCredential<C> {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let said = options.as_ref().and_then(|options| options.method_options.context.value());
        let said: &TokenOptions = said.unwrap_or(&self.said);
        let token = if *said == TokenOptions::default() {
            self.bound.get_token(scopes).await
        } else {
            match said.request(scopes) {
                Ok(request) => self.bound.answer(&request).await.map(|answer| answer.token),
                Err(error) => Err(error),
            }
        };
        let token = token.map_err(|error| {
            let said = error.to_string();
            azure_core::Error::with_error(ErrorKind::Credential, error, said)
        })?;
        // A time that no calendar has is later than anybody cares.
        let expires_on = OffsetDateTime::UNIX_EPOCH.saturating_add(Duration::seconds(token.expires_on().0));
        Ok(AccessToken::new(token.expose_secret().to_owned(), expires_on))
    }
}

impl<C: Credential> fmt::Debug for AzureCredential<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AzureCredential").field(&self.bound).finish()
    }
}
