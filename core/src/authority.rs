//! Who is asked: the authority's host, its cloud and aliases, the tenant, and the addresses made of them.

pub mod cloud;
pub mod discovery;
mod host;
mod tenant;

pub use host::AuthorityHost;
pub(crate) use tenant::is_open;
pub use tenant::{Tenant, TenantRules};

use alloc::format;
use alloc::string::String;

/// One tenant at one authority: where tokens come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// The host.
    pub host: AuthorityHost,
    /// The tenant.
    pub tenant: Tenant,
}

impl Authority {
    /// The token endpoint: `{host}/{tenant}/oauth2/v2.0/token`, for ADFS `{host}/adfs/oauth2/token`.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        match self.tenant.is_adfs() {
            true => format!("{}/adfs/oauth2/token", self.host.origin()),
            false => format!("{}/{}/oauth2/v2.0/token", self.host.origin(), self.tenant),
        }
    }

    /// The device authorization endpoint (RFC 8628 §3.1).
    #[must_use]
    pub fn device_authorization_endpoint(&self) -> String {
        match self.tenant.is_adfs() {
            true => format!("{}/adfs/oauth2/devicecode", self.host.origin()),
            false => format!("{}/{}/oauth2/v2.0/devicecode", self.host.origin(), self.tenant),
        }
    }

    /// The authorization endpoint (RFC 6749 §3.1), where browsers are sent; instance discovery names it too.
    #[must_use]
    pub fn authorization_endpoint(&self) -> String {
        match self.tenant.is_adfs() {
            true => format!("{}/adfs/oauth2/authorize", self.host.origin()),
            false => format!("{}/{}/oauth2/v2.0/authorize", self.host.origin(), self.tenant),
        }
    }
}
