//! Which tenant a request is for: what may be asked, and what the application allowed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Error, ErrorKind};
use crate::wire::text::printable;

/// A tenant: a GUID, a domain, or `organizations`, `common`, `consumers`, `adfs`.
///
/// 1 to 253 of `A-Z a-z 0-9 . -`, not `.` or `..`: nothing that could bend a URL path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant(String);

impl Tenant {
    /// Checks `text`.
    ///
    /// # Errors
    ///
    /// `Configuration` when it cannot be a tenant.
    pub fn new(text: &str) -> Result<Self, Error> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
        let dots_only = text.bytes().all(|b| b == b'.');
        if (1..=253).contains(&text.len()) && text.bytes().all(plain) && !dots_only {
            return Ok(Self(text.into()));
        }
        Err(Error::new(ErrorKind::Configuration, format!("`{}` cannot be a tenant", printable(text, 80)))
            .advise("a tenant is a GUID or a domain name: letters, digits, dots and dashes"))
    }

    /// No tenant in particular.
    pub(crate) fn common() -> Self {
        Self("common".into())
    }

    /// Whichever organization the person belongs to.
    pub(crate) fn organizations() -> Self {
        Self("organizations".into())
    }

    /// The text as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an on-premises ADFS rather than a tenant of Entra.
    #[must_use]
    pub fn is_adfs(&self) -> bool {
        self.0.eq_ignore_ascii_case("adfs")
    }

    /// Whether this is a tenant's id, a GUID, rather than a name.
    #[must_use]
    pub fn is_id(&self) -> bool {
        let dashes = [8, 13, 18, 23];
        let fits = |(at, b): (usize, u8)| if dashes.contains(&at) { b == b'-' } else { b.is_ascii_hexdigit() };
        self.0.len() == 36 && self.0.bytes().enumerate().all(fits)
    }

    /// Whether this names no tenant in particular: `organizations`, `common`, `consumers`.
    #[must_use]
    pub fn is_open(&self) -> bool {
        is_open(&self.0)
    }

    fn is(&self, other: &str) -> bool {
        self.0.eq_ignore_ascii_case(other)
    }
}

/// Whether `text` names no tenant in particular: `organizations`, `common`, `consumers`.
pub(crate) fn is_open(text: &str) -> bool {
    ["organizations", "common", "consumers"].iter().any(|open| text.eq_ignore_ascii_case(open))
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which tenants a credential may ask (Azure Identity's `additionally_allowed_tenants`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TenantRules {
    /// The credential's own tenant.
    pub configured: Tenant,
    /// Others that a request may name; `*` allows every tenant.
    pub additionally_allowed: Vec<String>,
    /// Ignore what requests name (`AZURE_IDENTITY_DISABLE_MULTITENANTAUTH`).
    pub single_tenant: bool,
}

impl TenantRules {
    /// The tenant to ask when a request names `requested`.
    ///
    /// In order: none or the same → configured; ADFS or single-tenant → configured; allowed by name or `*` →
    /// requested; configured `organizations` with an empty list → requested.
    ///
    /// # Errors
    ///
    /// `Configuration` when the application did not allow it, or it is no tenant.
    pub fn resolve(&self, requested: Option<&str>) -> Result<Tenant, Error> {
        let Some(requested) = requested.map(Tenant::new).transpose()? else { return Ok(self.configured.clone()) };
        if self.configured.is(requested.as_str()) || self.configured.is_adfs() || self.single_tenant {
            return Ok(self.configured.clone());
        }
        let allowed = self.additionally_allowed.iter().any(|a| a == "*" || requested.is(a));
        let any_organization = self.configured.is("organizations") && self.additionally_allowed.is_empty();
        if allowed || any_organization {
            return Ok(requested);
        }
        Err(Error::new(
            ErrorKind::Configuration,
            format!("this credential may not ask for tokens of tenant {requested}"),
        )
        .advise("add the tenant, or `*` for any, to additionally_allowed_tenants"))
    }
}
