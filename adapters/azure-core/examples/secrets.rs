//! Reads two secrets with an official client of the Azure SDK, against an authority and a vault on this machine.
//!
//! Run it with `cargo run -p azlatch-azure-core --example secrets`. Against Azure, all that changes is less: no roots,
//! no addresses, no authority host.

#![allow(clippy::print_stdout)]

#[path = "../tests/vault/mod.rs"]
mod vault;

use azlatch::Adapters;
use azlatch::prelude::*;
use azlatch_azure_core::{AzureCore, IntoAzureCore as _};
use azlatch_emulator::Emulator;
use azure_core::http::ClientOptions;
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use reqwest::{Certificate, Client};
use vault::Vault;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (authority, vault) = (Emulator::builder().start()?, Vault::start());
    println!("authority at {}, vault at {}", authority.authority(), vault.url());

    // One HTTP client for tokens and secrets. TLS is ring's: nothing here needs aws-lc.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let roots = [authority.ca_pem(), vault.certificate()].map(|pem| Certificate::from_pem(pem.as_bytes()));
    let [of_authority, of_vault] = roots;
    let (of_authority, of_vault) = (of_authority?, of_vault?);
    let core = AzureCore::with_client(|| {
        Client::builder()
            .tls_certs_merge([of_authority.clone(), of_vault.clone()])
            .resolve(vault::NAME, vault.address())
    })?;

    let credential = ClientSecretCredential::new("contoso", "my-app", "s3cret")?
        .authority_host(&authority.authority())?
        .disable_instance_discovery()
        .azure_core_with(&Adapters::new()?, core.clone())?;

    let options = SecretClientOptions {
        client_options: ClientOptions { transport: Some(core.transport()), ..ClientOptions::default() },
        ..SecretClientOptions::default()
    };
    // Two clients: each has a token cache of its own, and behind both is the credential's.
    for name in ["database", "signing-key"] {
        let client = SecretClient::new(&vault.url(), credential.clone(), Some(options.clone()))?;
        let secret = client.get_secret(name, None).await?.into_model()?;
        println!("{name}: {}", secret.value.unwrap_or_default());
    }

    let (bare, authorized): (Vec<_>, Vec<_>) = vault.seen().into_iter().partition(Option::is_none);
    println!("requests at the vault: {} to hear its challenge, {} with a token", bare.len(), authorized.len());
    println!("requests at the authority: {}", authority.with(|entra| entra.counters().requests));
    Ok(())
}
