//! The names of tenants, and their issuers.

use super::mint::tenant_identifier;
use super::refusal::Refusal;

/// Refuses what can be neither the identifier nor a domain of a tenant.
pub(crate) fn check_tenant(tenant: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    if !tenant.is_empty() && tenant.bytes().all(plain) {
        return Ok(());
    }
    let text =
        format!("Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.");
    Err(Refusal::invalid_request(900_023, text))
}

/// Is it a name for many tenants instead of one?
pub(crate) fn is_shared(tenant: &str) -> bool {
    ["common", "organizations", "consumers"].iter().any(|name| tenant.eq_ignore_ascii_case(name))
}

/// Are both names those of one tenant?
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    tenant_identifier(one) == tenant_identifier(other)
}

/// The issuer of a tenant's tokens, by its identifier; for the shared names with the placeholder that Entra writes.
pub(crate) fn issuer(authority: &str, tenant: &str) -> String {
    let tenant = if is_shared(tenant) { "{tenantid}".to_owned() } else { tenant_identifier(tenant) };
    format!("{authority}/{tenant}/v2.0")
}
