//! The credential that the command line and the environment describe.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use azlatch::prelude::*;
use azlatch::{Adapters, Answer, Blocking, ClientSecret, ErrorKind, UserCredential};
use azlatch_system::Environment;

use crate::args::{Authority, Client, CredentialName, Store};
use crate::person;

/// Files of secrets and certificates are small.
const LIMIT: u64 = 1024 * 1024;

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

/// A bound credential, whichever it is.
pub(crate) trait Tokens {
    fn answer(&self, request: &TokenRequest) -> Result<Answer, Error>;

    /// What somebody signs in for who names no scopes.
    fn usual_scopes(&self) -> Result<Vec<String>, Error> {
        Err(nobody())
    }

    /// Who is signed in, once nothing more has to be asked for `request`.
    fn authenticate(&self, _request: &TokenRequest) -> Result<AuthenticationRecord, Error> {
        Err(nobody())
    }

    /// Who is signed in.
    fn who(&self) -> Option<AuthenticationRecord> {
        None
    }
}

/// A credential of an application.
struct OfApplication<C>(Blocking<C>);

/// A credential of a person.
pub(crate) struct OfPerson<C>(pub(crate) Blocking<C>);

impl<C: azlatch::Credential> Tokens for OfApplication<C> {
    fn answer(&self, request: &TokenRequest) -> Result<Answer, Error> {
        self.0.answer(request)
    }
}

fn nobody() -> Error {
    Error::new(ErrorKind::Configuration, "an application has nobody who signs in")
        .advise("name a credential for people, such as --credential interactive-browser")
}

impl<C: UserCredential> Tokens for OfPerson<C> {
    fn answer(&self, request: &TokenRequest) -> Result<Answer, Error> {
        self.0.answer(request)
    }

    fn usual_scopes(&self) -> Result<Vec<String>, Error> {
        Ok(self.0.default_scopes()?.iter().map(str::to_owned).collect())
    }

    fn authenticate(&self, request: &TokenRequest) -> Result<AuthenticationRecord, Error> {
        self.0.authenticate_with(request)
    }

    fn who(&self) -> Option<AuthenticationRecord> {
        self.0.authentication_record()
    }
}

/// The bound credential.
pub(crate) fn bind(client: &Client, environment: &Environment) -> Result<Box<dyn Tokens>, Error> {
    let usual = match client.person.record {
        Some(_) => CredentialName::InteractiveBrowser,
        None => CredentialName::ClientSecret,
    };
    match client.credential.unwrap_or(usual) {
        CredentialName::ClientSecret => Ok(Box::new(OfApplication(of_application(client, environment)?))),
        name => person::bind(name, client, environment),
    }
}

fn of_application(client: &Client, environment: &Environment) -> Result<Blocking<ClientSecretCredential>, Error> {
    let adapters = adapters(&client.authority, environment)?;
    let (tenant, id) = (tenant(&client.authority)?, client_id(&client.authority)?);
    let credential = ClientSecretCredential::new(tenant, id, secret(client, environment)?)?;
    let credential = with_options!(credential, &client.authority, persistence(&client.store, false)?);
    credential.blocking_with(&adapters)
}

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

fn secret(client: &Client, environment: &Environment) -> Result<ClientSecret, Error> {
    let advice = "set AZURE_CLIENT_SECRET, or use --client-secret-file";
    match &client.client_secret_file {
        Some(path) => text(path, "the client secret file").map(ClientSecret::from),
        None => required(environment.get("AZURE_CLIENT_SECRET"), "no client secret was given", advice)
            .map(ClientSecret::from),
    }
}

pub(crate) fn required<'a>(value: Option<&'a str>, missing: &str, advice: &str) -> Result<&'a str, Error> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| Error::new(ErrorKind::Configuration, missing).advise(advice))
}

/// The text of a file or, for `-`, of stdin, without the line's end.
pub(crate) fn text(path: &Path, what: &str) -> Result<String, Error> {
    let bytes = if path == Path::new("-") { read_stdin()? } else { read(path, what)? };
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| Error::new(ErrorKind::Configuration, format!("{what} is not text")))?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

pub(crate) fn read(path: &Path, what: &str) -> Result<Vec<u8>, Error> {
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
