//! Credentials as azure_core sees them: tokens, errors, many tasks, tasks that go away.

mod gate;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use azlatch::prelude::*;
use azlatch::{Adapters, ErrorKind};
use azlatch_azure_core::{AzureCore, AzureCredential, IntoAzureCore as _, TokenOptions};
use azlatch_emulator::{Emulator, Settings};
use azure_core::credentials::TokenCredential;
use azure_core::time::OffsetDateTime;
use gate::Gate;

const VAULT: &[&str] = &["https://vault.azure.net/.default"];

type Credential = Arc<AzureCredential<ClientSecretCredential>>;

fn adapters() -> Adapters {
    Adapters::in_environment([("HOME", "/nonexistent")].into_iter().collect()).expect("adapters")
}

fn bind(description: ClientSecretCredential, core: AzureCore) -> Credential {
    description.disable_instance_discovery().azure_core_with(&adapters(), core).expect("bound")
}

fn at(authority: &Emulator, secret: &str) -> Credential {
    let description = ClientSecretCredential::new("contoso", "my-app", secret)
        .and_then(|description| description.authority_host(&authority.authority()))
        .expect("a description");
    let trusting = adapters().extra_roots(authority.ca_pem().as_bytes()).expect("a root");
    bind(description, AzureCore::new(&trusting).expect("a transport"))
}

fn behind(gate: &Gate) -> Credential {
    bind(ClientSecretCredential::new("contoso", "my-app", "s3cret").expect("a description"), gate.core())
}

fn requests(authority: &Emulator) -> u64 {
    authority.with(|entra| entra.counters().requests)
}

/// What `future` comes to; a test that hangs is a test that failed.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("an end")
}

#[tokio::test]
async fn a_token_ends_when_the_authority_says() {
    let settings = Settings { expires_in: 1234, ..Settings::default() };
    let authority = Emulator::builder().settings(settings).start().expect("an authority");
    let token = at(&authority, "s3cret").get_token(VAULT, None).await.expect("a token");
    let left = token.expires_on - OffsetDateTime::now_utc();
    assert!((1200..=1234).contains(&left.whole_seconds()), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_tasks_ask_once() {
    let authority = Emulator::builder().start().expect("an authority");
    let credential = at(&authority, "s3cret");
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let credential: Arc<dyn TokenCredential> = credential.clone();
            tokio::spawn(async move { credential.get_token(VAULT, None).await })
        })
        .collect();
    let mut tokens = Vec::new();
    for task in tasks {
        let token = soon(task).await.expect("no panic").expect("a token");
        tokens.push(token.token.secret().to_owned());
    }
    tokens.dedup();
    assert_eq!((tokens.len(), requests(&authority)), (1, 1));
}

#[tokio::test]
async fn errors_say_what_azlatch_says() {
    let authority = Emulator::builder().start().expect("an authority");
    let error = at(&authority, "wrong-canary").get_token(VAULT, None).await.expect_err("refused");
    assert_eq!(*error.kind(), azure_core::error::ErrorKind::Credential);
    let source = error.source().and_then(|source| source.downcast_ref::<Error>()).expect("our error");
    assert_eq!(source.kind(), ErrorKind::AuthenticationFailed);
    assert_eq!(error.to_string(), source.to_string());
    assert!(!format!("{error} {error:?}").contains("canary"));
}

#[tokio::test]
async fn what_cannot_be_asked_is_an_error_before_anybody_is_asked() {
    let gate = Gate::open();
    let none: [&str; 0] = [];
    let error = behind(&gate).get_token(&none, None).await.expect_err("no scopes");
    let source = error.source().and_then(|source| source.downcast_ref::<Error>()).expect("our error");
    assert_eq!((source.kind(), gate.requests()), (ErrorKind::Configuration, 0));
}

#[tokio::test]
async fn options_of_the_context_are_heard() {
    let gate = Gate::open();
    let described = ClientSecretCredential::new("contoso", "my-app", "s3cret").expect("a description");
    let credential = bind(described.additionally_allowed_tenants(["fabrikam"]), gate.core());
    for (said, sent) in [
        (TokenOptions::default(), "/contoso/"),
        (TokenOptions::default().tenant_id("fabrikam"), "/fabrikam/"),
        (TokenOptions::default().enable_cae(true), "cp1"),
        (TokenOptions::default().claims(r#"{"access_token":{"nbf":{"value":"1700000000"}}}"#), "1700000000"),
    ] {
        let before = gate.requests();
        credential.get_token(VAULT, Some(said.clone().into())).await.expect("a token");
        assert_eq!(gate.requests(), before + 1, "{said:?}");
        assert!(gate.last().contains(sent), "{said:?}: {}", gate.last());
    }
    let elsewhere = TokenOptions::default().tenant_id("tailspin");
    assert!(credential.get_token(VAULT, Some(elsewhere.into())).await.is_err(), "a tenant that is not allowed");
}

#[tokio::test]
async fn a_credential_with_options_says_them_where_the_context_is_silent() {
    let gate = Gate::open();
    let described = ClientSecretCredential::new("contoso", "my-app", "s3cret").expect("a description");
    let credential = bind(described.additionally_allowed_tenants(["*"]), gate.core());
    let fabrikams = credential.with_options(TokenOptions::default().tenant_id("fabrikam"));
    for (asked, said, sent, requests) in [
        (&fabrikams, None, "/fabrikam/", 1),
        (&fabrikams, Some(TokenOptions::default().tenant_id("tailspin")), "/tailspin/", 2),
        (&credential, None, "/contoso/", 3),
        // One cache behind both.
        (&credential, Some(TokenOptions::default().tenant_id("fabrikam")), "/contoso/", 3),
    ] {
        asked.get_token(VAULT, said.map(Into::into)).await.expect("a token");
        assert!(gate.last().contains(sent), "{}", gate.last());
        assert_eq!(gate.requests(), requests);
    }
}

#[tokio::test]
async fn whoever_asked_first_may_go_away() {
    let gate = Gate::shut();
    let credential = behind(&gate);
    let ask = || {
        let credential = credential.clone();
        tokio::spawn(async move { credential.get_token(VAULT, None).await })
    };
    let first = ask();
    soon(gate.someone()).await;
    let second = ask();
    // The second is waiting for the first one's fetch before the first goes.
    tokio::time::sleep(Duration::from_millis(50)).await;
    first.abort();
    assert!(soon(first).await.is_err(), "gone");
    gate.let_through();
    soon(second).await.expect("no panic").expect("a token");
    assert_eq!(gate.requests(), 1);
}

#[tokio::test]
async fn when_everybody_has_gone_away_what_comes_is_kept() {
    let gate = Gate::shut();
    let credential = behind(&gate);
    let asking = {
        let credential = credential.clone();
        tokio::spawn(async move { credential.get_token(VAULT, None).await })
    };
    soon(gate.someone()).await;
    asking.abort();
    assert!(soon(asking).await.is_err(), "gone");
    gate.let_through();
    soon(credential.get_token(VAULT, None)).await.expect("a token");
    assert_eq!(gate.requests(), 1, "the request that was under way brought it");
}
