//! An official client of the Azure SDK with a credential of ours, against an authority and a vault on this machine.

mod vault;

use azlatch::Adapters;
use azlatch::prelude::*;
use azlatch_azure_core::{AzureCore, IntoAzureCore as _};
use azlatch_emulator::Emulator;
use azure_core::http::ClientOptions;
use azure_security_keyvault_secrets::{SecretClient, SecretClientOptions};
use reqwest::{Certificate, Client};
use vault::Vault;

fn certificate(pem: &str) -> Certificate {
    Certificate::from_pem(pem.as_bytes()).expect("a certificate")
}

#[tokio::test]
async fn two_clients_read_secrets_and_the_authority_is_asked_once() {
    let (authority, vault) = (Emulator::builder().start().expect("an authority"), Vault::start());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let roots = [certificate(authority.ca_pem()), certificate(vault.certificate())];
    let settings = || Client::builder().tls_certs_merge(roots.clone()).resolve(vault::NAME, vault.address());
    let core = AzureCore::with_client(settings).expect("a transport");
    let credential = ClientSecretCredential::new("contoso", "my-app", "s3cret")
        .and_then(|credential| credential.authority_host(&authority.authority()))
        .map(ClientSecretCredential::disable_instance_discovery)
        .and_then(|credential| credential.azure_core_with(&Adapters::new()?, core.clone()))
        .expect("a credential");
    let client_options = ClientOptions { transport: Some(core.transport()), ..ClientOptions::default() };
    let options = SecretClientOptions { client_options, ..SecretClientOptions::default() };

    for name in ["database", "signing-key"] {
        let client = SecretClient::new(&vault.url(), credential.clone(), Some(options.clone())).expect("a client");
        let secret = client.get_secret(name, None).await.expect("a secret").into_model().expect("a model");
        assert_eq!(secret.value, Some(format!("value of {name}")));
    }

    let token = credential.azlatch().get_token(&["https://vault.azure.net/.default"]).await.expect("a token");
    let token = Some(token.expose_secret().to_owned());
    assert_eq!(vault.seen(), [None, token.clone(), None, token]);
    assert_eq!(authority.with(|entra| entra.counters().requests), 1);
}
