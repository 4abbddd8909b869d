//! What the command line and the environment say to every credential alike.

use azlatch::prelude::*;
use azlatch::{Adapters, ErrorKind};
use azlatch_system::Environment;

use crate::args::{Authority, Store};
use crate::input::{read, required};

/// `credential` with the options that all have in common.
macro_rules! with_options {
    ($credential:expr, $authority:expr, $persistence:expr) => {{
        let authority: &crate::args::Authority = $authority;
        let allowed = authority.additionally_allowed_tenant.iter().cloned();
        let mut credential = $credential.additionally_allowed_tenants(allowed);
        if let Some(host) = authority.authority_host.as_deref().filter(|host| !host.trim().is_empty()) {
            credential = credential.authority_host(host)?;
        }
        if authority.no_instance_discovery {
            credential = credential.disable_instance_discovery();
        }
        if let Some(options) = $persistence {
            credential = credential.cache_persistence_options(options);
        }
        credential
    }};
}
pub(crate) use with_options;

pub(crate) fn tenant(authority: &Authority) -> Result<&str, Error> {
    required(authority.tenant_id.as_deref(), "no tenant was given", "set AZURE_TENANT_ID, or use --tenant-id")
}

pub(crate) fn client_id(authority: &Authority) -> Result<&str, Error> {
    required(authority.client_id.as_deref(), "no client id was given", "set AZURE_CLIENT_ID, or use --client-id")
}

pub(crate) fn adapters(authority: &Authority, environment: &Environment) -> Result<Adapters, Error> {
    let adapters = Adapters::in_environment(environment.clone())?;
    match &authority.ca_file {
        Some(path) => adapters.extra_roots(&read(path, "the CA file")?),
        None => Ok(adapters),
    }
}

/// Whether and how to persist; `implied` when the command makes no sense otherwise.
pub(crate) fn persistence(store: &Store, implied: bool) -> Result<Option<TokenCachePersistenceOptions>, Error> {
    let wanted = implied || store.persist || store.cache_name.is_some();
    if !wanted && store.allow_unencrypted_storage && !store.allowed_by_environment() {
        return Err(Error::new(
            ErrorKind::Configuration,
            "--allow-unencrypted-storage says how to persist, but nothing is persisted",
        )
        .advise("add --persist, or --cache-name NAME"));
    }
    let options = TokenCachePersistenceOptions::default().allow_unencrypted_storage(store.allow_unencrypted_storage);
    Ok(wanted.then(|| match &store.cache_name {
        Some(name) => options.name(name),
        None => options,
    }))
}
