//! What may be cached where, by credential: the table that the persistence options follow by type.

/// Where a credential's tokens may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// In memory, and persistently when the application asks.
    Persistent,
    /// In memory only.
    Memory,
    /// As the member that answers; the chain itself keeps nothing.
    Member,
    /// Nowhere: the tool that is asked has a cache of its own.
    None,
}

/// The credentials of Azure Identity and what each may cache.
pub const TABLE: &[(&str, Caching)] = &[
    ("AuthorizationCodeCredential", Caching::Persistent),
    ("AzureCliCredential", Caching::None),
    ("AzureDeveloperCliCredential", Caching::None),
    ("AzurePowerShellCredential", Caching::None),
    ("ClientAssertionCredential", Caching::Memory),
    ("ClientCertificateCredential", Caching::Persistent),
    ("ClientSecretCredential", Caching::Persistent),
    ("DefaultAzureCredential", Caching::Member),
    ("DeviceCodeCredential", Caching::Persistent),
    ("InteractiveBrowserCredential", Caching::Persistent),
    ("ManagedIdentityCredential", Caching::Memory),
    ("OnBehalfOfCredential", Caching::Persistent),
    ("UsernamePasswordCredential", Caching::Persistent),
    ("WorkloadIdentityCredential", Caching::Memory),
];

/// What `credential` may cache; `None` for a name that is not in the table.
#[must_use]
pub fn of(credential: &str) -> Option<Caching> {
    TABLE.iter().find(|(name, _)| *name == credential).map(|(_, caching)| *caching)
}
