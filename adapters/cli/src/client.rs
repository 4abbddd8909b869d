//! The credential that the command line and the environment describe.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use azlatch::prelude::*;
use azlatch::{Adapters, Blocking, ClientSecret, ErrorKind};
use azlatch_system::Environment;

use crate::args::{Client, Store};

/// Files of secrets and certificates are small.
const LIMIT: u64 = 1024 * 1024;

/// The bound credential.
pub(crate) fn bind(client: &Client, environment: &Environment) -> Result<Blocking<ClientSecretCredential>, Error> {
    let adapters = adapters(client, environment)?;
    let tenant =
        required(client.tenant_id.as_deref(), "no tenant was given", "set AZURE_TENANT_ID, or use --tenant-id")?;
    let id =
        required(client.client_id.as_deref(), "no client id was given", "set AZURE_CLIENT_ID, or use --client-id")?;
    let mut credential = ClientSecretCredential::new(tenant, id, secret(client, environment)?)?
        .additionally_allowed_tenants(client.additionally_allowed_tenant.iter().cloned());
    if let Some(host) = client.authority_host.as_deref().filter(|host| !host.trim().is_empty()) {
        credential = credential.authority_host(host)?;
    }
    if client.no_instance_discovery {
        credential = credential.disable_instance_discovery();
    }
    if let Some(options) = persistence(&client.store)? {
        credential = credential.cache_persistence_options(options);
    }
    credential.blocking_with(&adapters)
}

fn adapters(client: &Client, environment: &Environment) -> Result<Adapters, Error> {
    let adapters = Adapters::in_environment(environment.clone())?;
    match &client.ca_file {
        Some(path) => adapters.extra_roots(&read(path, "the CA file")?),
        None => Ok(adapters),
    }
}

fn persistence(store: &Store) -> Result<Option<TokenCachePersistenceOptions>, Error> {
    let wanted = store.persist || store.cache_name.is_some();
    if !wanted && store.allow_unencrypted_storage {
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

fn secret(client: &Client, environment: &Environment) -> Result<ClientSecret, Error> {
    if let Some(path) = &client.client_secret_file {
        let bytes = if path == Path::new("-") { read_stdin()? } else { read(path, "the client secret file")? };
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::new(ErrorKind::Configuration, "the client secret file is not text"))?;
        return Ok(text.trim_end_matches(['\r', '\n']).into());
    }
    let advice = "set AZURE_CLIENT_SECRET, or use --client-secret-file";
    required(environment.get("AZURE_CLIENT_SECRET"), "no client secret was given", advice).map(ClientSecret::from)
}

fn required<'a>(value: Option<&'a str>, missing: &str, advice: &str) -> Result<&'a str, Error> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| Error::new(ErrorKind::Configuration, missing).advise(advice))
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, Error> {
    let failed =
        |why: String| Error::new(ErrorKind::Configuration, format!("{what} {} cannot be read: {why}", path.display()));
    let file = fs::File::open(path).map_err(|error| failed(error.kind().to_string()))?;
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(|error| failed(error.kind().to_string()))?;
    if bytes.len() as u64 > LIMIT { Err(failed("it is larger than 1 MiB".into())) } else { Ok(bytes) }
}

fn read_stdin() -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().take(LIMIT).read_to_end(&mut bytes);
    read.map_err(|error| Error::new(ErrorKind::Configuration, format!("stdin cannot be read: {}", error.kind())))?;
    Ok(bytes)
}
