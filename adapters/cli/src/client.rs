//! The credential that the command line and the environment describe.

use azlatch::prelude::*;
use azlatch::{Blocking, ClientSecret};
use azlatch_system::Environment;

use crate::args::{Client, CredentialName};
use crate::input::{required, text};
use crate::options::{adapters, client_id, persistence, tenant, with_options};
use crate::person;
use crate::tokens::{OfApplication, Tokens};

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

fn secret(client: &Client, environment: &Environment) -> Result<ClientSecret, Error> {
    let advice = "set AZURE_CLIENT_SECRET, or use --client-secret-file";
    match &client.client_secret_file {
        Some(path) => text(path, "the client secret file").map(ClientSecret::from),
        None => required(environment.get("AZURE_CLIENT_SECRET"), "no client secret was given", advice)
            .map(ClientSecret::from),
    }
}
