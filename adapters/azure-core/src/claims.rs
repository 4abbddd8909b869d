//! Continuous access evaluation for clients whose own policies know nothing of it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azlatch::{AccessToken, Credential};
use azlatch_core::token::claims;
use azlatch_core::wire::challenge::{self, Challenge};
use azure_core::credentials::TokenCredential as _;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{AUTHORIZATION, WWW_AUTHENTICATE};
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{AsyncRawResponse, Context, Request, StatusCode};

use crate::credential::AzureCredential;
use crate::options::TokenOptions;

/// Answers claims challenges: a resource that wants a token with other claims gets one, and the request once more.
///
/// It belongs among a client's [`per_try_policies`](azure_core::http::ClientOptions::per_try_policies), behind the
/// policy that put the first token in. Resources challenge only those who can answer, so the client's credential must
/// say so:
///
/// ```
/// # use azlatch::prelude::*;
/// use azlatch_azure_core::{ClaimsPolicy, TokenOptions, AzureCredential};
/// use azure_core::http::ClientOptions;
/// use std::sync::Arc;
///
/// # fn options(credential: Arc<AzureCredential<ClientSecretCredential>>) -> ClientOptions {
/// let credential = credential.with_options(TokenOptions::default().enable_cae(true));
/// let policy = ClaimsPolicy::new(credential.clone(), ["https://management.azure.com/.default"]);
/// // The client is given `credential` too.
/// ClientOptions { per_try_policies: vec![Arc::new(policy)], ..ClientOptions::default() }
/// # }
/// ```
///
/// Claims go to the credential's own authority, the new token only to where the old one was sent. azure_core's policy
/// goes on to show the old one from its own cache; what was refused before is replaced before it is sent again. Both new
/// tokens are of the tenant that [`TokenOptions`] in the context of the method name, else of the credential's.
pub struct ClaimsPolicy<C> {
    credential: Arc<AzureCredential<C>>,
    scopes: Vec<String>,
    /// The token that a resource refused last.
    refused: Mutex<Option<AccessToken>>,
}

impl<C: Credential> ClaimsPolicy<C> {
    /// Gets its tokens from `credential`, for the `scopes` of the client that it serves.
    pub fn new<S: Into<String>>(credential: Arc<AzureCredential<C>>, scopes: impl IntoIterator<Item = S>) -> Self {
        Self { credential, scopes: scopes.into_iter().map(Into::into).collect(), refused: Mutex::default() }
    }

    fn refused(&self) -> Option<AccessToken> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another token in, with `claims` if there are any, and else as the first one was asked for.
    async fn authorize(
        &self,
        context: &Context<'_>,
        request: &mut Request,
        claims: Option<String>,
    ) -> azure_core::Result<()> {
        let scopes: Vec<_> = self.scopes.iter().map(String::as_str).collect();
        let said = context.value().unwrap_or_else(|| self.credential.options()).clone();
        let said = TokenOptions { enable_cae: true, claims, ..said };
        let token = self.credential.get_token(&scopes, Some(said.into())).await?;
        request.insert_header(AUTHORIZATION, format!("Bearer {}", token.token.secret()));
        Ok(())
    }
}

#[async_trait]
impl<C: Credential> Policy for ClaimsPolicy<C> {
    async fn send(&self, context: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let Some((following, rest)) = next.split_first() else {
            return Err(Error::with_message(ErrorKind::Other, "no policy follows that could send the request"));
        };
        let shown = shown(request).filter(|_| request.url().scheme() == "https");
        let Some(shown) = shown else { return following.send(context, request, rest).await };
        if self.refused().is_some_and(|refused| refused == shown) {
            self.authorize(context, request, None).await?;
        }
        let response = following.send(context, request, rest).await?;
        let Some(claims) = wanted(&response) else { return Ok(response) };
        drop(response);
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        self.authorize(context, request, Some(claims)).await?;
        request.body_mut().reset().await?;
        following.send(context, request, rest).await
    }
}

/// The token that `request` shows.
fn shown(request: &Request) -> Option<AccessToken> {
    request.headers().get_optional_str(&AUTHORIZATION)?.strip_prefix("Bearer ").map(AccessToken::from)
}

/// The claims that `response` asks for.
fn wanted(response: &AsyncRawResponse) -> Option<String> {
    let field = response.headers().get_optional_str(&WWW_AUTHENTICATE);
    let field = field.filter(|_| response.status() == StatusCode::Unauthorized)?;
    let challenges = challenge::parse([field]);
    challenges.iter().filter_map(Challenge::claims).find(|found| claims::merge(Some(found), true).is_ok())
}

impl<C: Credential> fmt::Debug for ClaimsPolicy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimsPolicy").field("credential", &self.credential).field("scopes", &self.scopes).finish()
    }
}
