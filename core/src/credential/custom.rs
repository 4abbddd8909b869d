//! `CustomCredential`: any source of tokens that application code knows, with the cache of all the others.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use super::{Credential, Surroundings, TokenCachePersistenceOptions, TokenRequest};
use crate::authority::discovery::Vouched;
use crate::authority::{Authority, AuthorityHost, Tenant};
use crate::cache::{Place, Policy, Query, Scheme, Subject};
use crate::error::Error;
use crate::grant::Custom;

/// A credential whose tokens come from application code, by [`Call`](crate::effect::Call).
///
/// Its tokens are kept in memory only, apart from those of every other credential; one call a token at a time is made.
///
/// ```
/// use azlatch_core::credential::{Credential, CustomCredential, Surroundings, TokenRequest};
/// use azlatch_core::effect::{Effect, Reply, Supplied};
/// use azlatch_core::{Host, Now, run};
///
/// struct Source;
/// impl Host for Source {
///     fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
///         let Effect::Call(ask) = effect else { return Err(effect) };
///         let value = format!("token-for-{}", ask.op.scopes);
///         Ok(ask.answer(Ok(Supplied { value: value.into(), expires_on: None, refresh_on: None })))
///     }
/// }
///
/// let request = TokenRequest::new(["api/.default"])?;
/// let mut flow = CustomCredential::new("vending machine").acquire(&request, &Surroundings::default(), None)?;
/// assert_eq!(run(&mut flow, Now::default, &mut Source)?.token.expose_secret(), "token-for-api/.default");
/// # Ok::<(), azlatch_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomCredential {
    name: String,
}

impl CustomCredential {
    /// Calls what is registered as `name`; two of one name are one credential.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

impl Credential for CustomCredential {
    type Grant = Custom;
    const NAME: &'static str = "CustomCredential";

    fn query(&self, request: &TokenRequest, _surroundings: &Surroundings) -> Result<Query, Error> {
        let tenant = request.tenant_id.as_deref().map_or_else(|| Ok(Tenant::common()), Tenant::new)?;
        Ok(Query {
            authority: Authority { host: AuthorityHost::default(), tenant },
            client_id: format!("custom {}", self.name),
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
        _query: &Query,
        surroundings: &Surroundings,
        _vouched: Option<&Vouched>,
    ) -> Result<Policy, Error> {
        Ok(Policy {
            place: Place::PerSubject,
            discovery: false,
            tries: 1,
            timeout: request.timeout,
            holder: surroundings.holder,
        })
    }

    fn grant(&self, request: &TokenRequest, _query: &Query) -> Custom {
        Custom::new(self.name.clone(), request.tenant_id.clone())
    }

    fn persistence(&self) -> Option<&TokenCachePersistenceOptions> {
        None
    }
}
