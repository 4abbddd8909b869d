//! `ClientSecretCredential`: an application with a secret.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::options::{Common, checked_client_id, common_options};
use super::{Credential, Surroundings, TokenCachePersistenceOptions, TokenRequest};
use crate::authority::Tenant;
use crate::authority::discovery::Vouched;
use crate::cache::{Policy, Query, Scheme, Subject};
use crate::error::{Error, ErrorKind};
use crate::grant::ClientCredentials;
use crate::secret::ClientSecret;

/// Authenticates an application by its client secret (RFC 6749 §4.4).
///
/// ```
/// use azlatch_core::credential::ClientSecretCredential;
///
/// let credential = ClientSecretCredential::new("contoso.onmicrosoft.com", "11111111-1111-1111-1111-111111111111", "s3cret")?;
/// assert!(!format!("{credential:?}").contains("s3cret"));
/// # Ok::<(), azlatch_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientSecretCredential {
    common: Common,
    client_id: String,
    secret: ClientSecret,
    persistence: Option<TokenCachePersistenceOptions>,
}

impl ClientSecretCredential {
    /// For application `client_id` of `tenant_id`.
    ///
    /// # Errors
    ///
    /// `Configuration` when one is empty, or cannot be what it is said to be.
    pub fn new(tenant_id: &str, client_id: &str, client_secret: impl Into<ClientSecret>) -> Result<Self, Error> {
        let secret = client_secret.into();
        let tenant = Tenant::new(tenant_id)?;
        if secret.expose_secret().is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "the client secret is empty")
                .advise("set AZURE_CLIENT_SECRET, or pass the secret"));
        }
        Ok(Self { common: Common::new(tenant), client_id: checked_client_id(client_id)?, secret, persistence: None })
    }

    /// Keeps tokens in a persistent cache, shared with other processes and other languages' programs.
    #[must_use]
    pub fn cache_persistence_options(mut self, options: TokenCachePersistenceOptions) -> Self {
        self.persistence = Some(options);
        self
    }
}

common_options!(ClientSecretCredential);

impl Credential for ClientSecretCredential {
    type Grant = ClientCredentials;
    const NAME: &'static str = "ClientSecretCredential";

    fn query(&self, request: &TokenRequest, surroundings: &Surroundings) -> Result<Query, Error> {
        Ok(Query {
            authority: self.common.authority(request, surroundings)?,
            client_id: self.client_id.clone(),
            subject: Subject::Application,
            scopes: request.scopes.clone(),
            scheme: Scheme::Bearer,
            cae: request.enable_cae,
            extra: BTreeMap::new(),
        })
    }

    fn policy(
        &self,
        request: &TokenRequest,
        query: &Query,
        surroundings: &Surroundings,
        vouched: Option<&Vouched>,
    ) -> Result<Policy, Error> {
        self.common.policy(request, query, surroundings, self.persistence.as_ref(), vouched)
    }

    fn grant(&self, _request: &TokenRequest, _query: &Query) -> ClientCredentials {
        ClientCredentials::new(self.secret.clone())
    }

    fn persistence(&self) -> Option<&TokenCachePersistenceOptions> {
        self.persistence.as_ref()
    }
}
