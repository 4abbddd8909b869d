//! What a request for a token can say beside its scopes.

use azlatch::{Error, TokenRequest};
use azure_core::credentials::TokenRequestOptions;
use azure_core::http::{ClientMethodOptions, Context};

/// What a credential is told through the context of a client's method, where azure_core has no words for it.
///
/// ```
/// use azlatch_azure_core::TokenOptions;
/// use azure_core::http::{ClientMethodOptions, Context};
///
/// let said = TokenOptions::default().tenant_id("fabrikam").enable_cae(true);
/// // Every method's options have a context; it finds its way to the credential.
/// let context = Context::new().with_value(said);
/// let options = ClientMethodOptions { context };
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenOptions {
    /// A tenant other than the credential's own; it must allow that one.
    pub tenant_id: Option<String>,
    /// Whether the caller can answer claims challenges (continuous access evaluation).
    pub enable_cae: bool,
    /// The claims of a challenge, as decoded JSON: cached access tokens will not do.
    pub claims: Option<String>,
}

impl TokenOptions {
    /// For another tenant.
    #[must_use]
    pub fn tenant_id(mut self, tenant: impl Into<String>) -> Self {
        self.tenant_id = Some(tenant.into());
        self
    }

    /// With continuous access evaluation.
    #[must_use]
    pub const fn enable_cae(mut self, enable: bool) -> Self {
        self.enable_cae = enable;
        self
    }

    /// With the claims of a challenge, as decoded JSON.
    #[must_use]
    pub fn claims(mut self, claims: impl Into<String>) -> Self {
        self.claims = Some(claims.into());
        self
    }

    pub(crate) fn request(&self, scopes: &[&str]) -> Result<TokenRequest, Error> {
        let mut request = TokenRequest::new(scopes)?.enable_cae(self.enable_cae);
        request.tenant_id.clone_from(&self.tenant_id);
        Ok(match &self.claims {
            Some(claims) => request.claims(claims),
            None => request,
        })
    }
}

impl From<TokenOptions> for TokenRequestOptions<'static> {
    /// A context that holds nothing else.
    fn from(said: TokenOptions) -> Self {
        Self { method_options: ClientMethodOptions { context: Context::new().with_value(said) } }
    }
}
