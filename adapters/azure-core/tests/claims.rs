//! Claims challenges, answered behind azure_core's own bearer policy.

mod gate;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use azlatch::Adapters;
use azlatch::prelude::*;
use azlatch_azure_core::{ClaimsPolicy, IntoAzureCore as _, TokenOptions};
use azure_core::Bytes;
use azure_core::http::headers::{AUTHORIZATION, Headers, WWW_AUTHENTICATE};
use azure_core::http::policies::auth::BearerTokenAuthorizationPolicy;
use azure_core::http::{
    AsyncRawResponse, ClientOptions, Context, HttpClient, Method, Pipeline, PipelineSendOptions, Request, StatusCode,
    Transport,
};
use gate::Gate;

const SCOPE: &str = "https://management.azure.com/.default";
/// `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`, as a challenge has it.
const CLAIMS: &str = "eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzAwMDAwMDAwIn19fQ==";

/// A resource that refuses some tokens. It remembers what it was shown, and the bodies that came with it.
#[derive(Debug)]
struct Resource {
    refused: &'static [&'static str],
    challenge: String,
    seen: Mutex<Vec<String>>,
}

#[async_trait]
impl HttpClient for Resource {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let token = request.headers().get_optional_str(&AUTHORIZATION).unwrap_or_default().replace("Bearer ", "");
        let refused = self.refused.contains(&token.as_str());
        let body = String::from_utf8_lossy(&Bytes::from(request.body())).into_owned();
        self.seen.lock().expect("whole").push(format!("{token} {body}"));
        let mut headers = Headers::new();
        if refused {
            headers.insert(WWW_AUTHENTICATE, self.challenge.clone());
        }
        let status = if refused { StatusCode::Unauthorized } else { StatusCode::Ok };
        Ok(AsyncRawResponse::from_bytes(status, headers, ""))
    }
}

/// What the authority was asked, and what the resource saw, of two requests of one client, and how they ended.
async fn two_requests(refused: &'static [&'static str], challenge: &str) -> (Gate, Vec<String>, [StatusCode; 2]) {
    two_requests_in(&Context::new(), refused, challenge).await
}

async fn two_requests_in(
    context: &Context<'_>,
    refused: &'static [&'static str],
    challenge: &str,
) -> (Gate, Vec<String>, [StatusCode; 2]) {
    let gate = Gate::open();
    let adapters = Adapters::in_environment([("HOME", "/nonexistent")].into_iter().collect()).expect("adapters");
    let credential = ClientSecretCredential::new("contoso", "my-app", "s3cret")
        .map(|credential| credential.disable_instance_discovery().additionally_allowed_tenants(["fabrikam"]))
        .and_then(|credential| credential.azure_core_with(&adapters, gate.core()))
        .expect("a credential")
        .with_options(TokenOptions::default().enable_cae(true));
    let resource = Arc::new(Resource { refused, challenge: challenge.to_owned(), seen: Mutex::default() });
    let options = ClientOptions {
        per_try_policies: vec![Arc::new(ClaimsPolicy::new(credential.clone(), [SCOPE]))],
        transport: Some(Transport::new(resource.clone())),
        ..ClientOptions::default()
    };
    let bearer = BearerTokenAuthorizationPolicy::new(credential, [SCOPE]);
    let client = Pipeline::new(None, None, options, Vec::new(), vec![Arc::new(bearer)], None);
    let mut answers = [StatusCode::Continue; 2];
    for answer in &mut answers {
        let mut request = Request::new("https://management.azure.com/x".parse().expect("a URL"), Method::Put);
        request.set_body("body");
        let unchecked = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
        *answer = client.send(context, &mut request, Some(unchecked)).await.expect("a response").status();
    }
    let seen = resource.seen.lock().expect("whole").clone();
    (gate, seen, answers)
}

#[tokio::test]
async fn a_claims_challenge_is_answered_and_what_was_refused_is_not_shown_again() {
    let challenge = format!(r#"Bearer realm="", error="insufficient_claims", claims="{CLAIMS}""#);
    let (gate, seen, answers) = two_requests(&["token-0"], &challenge).await;
    assert_eq!(answers, [StatusCode::Ok; 2]);
    assert_eq!(seen, ["token-0 body", "token-1 body", "token-1 body"]);
    assert_eq!(gate.requests(), 2);
    assert!(gate.last().contains("1700000000"), "{}", gate.last());
}

#[tokio::test]
async fn the_token_with_claims_is_of_the_tenant_that_the_context_names() {
    let challenge = format!(r#"Bearer error="insufficient_claims", claims="{CLAIMS}""#);
    let fabrikams = Context::new().with_value(TokenOptions::default().tenant_id("fabrikam"));
    let (gate, seen, answers) = two_requests_in(&fabrikams, &["token-0"], &challenge).await;
    assert_eq!(answers, [StatusCode::Ok; 2]);
    assert_eq!(seen, ["token-0 body", "token-1 body", "token-1 body"]);
    assert_eq!(gate.requests(), 2);
    for said in ["/fabrikam/", "1700000000", "cp1"] {
        assert!(gate.last().contains(said), "{said}: {}", gate.last());
    }
}

#[tokio::test]
async fn a_resource_that_is_never_content_is_asked_twice() {
    let challenge = format!(r#"Bearer error="insufficient_claims", claims="{CLAIMS}""#);
    let (gate, seen, answers) = two_requests(&["token-0", "token-1", "token-2"], &challenge).await;
    assert_eq!(answers, [StatusCode::Unauthorized; 2]);
    // Told of the first refusal, azure_core asks the credential anew.
    assert_eq!(seen, ["token-0 body", "token-1 body", "token-1 body", "token-2 body"]);
    assert_eq!(gate.requests(), 3);
}

#[tokio::test]
async fn other_refusals_are_the_clients() {
    for challenge in [
        r#"Bearer error="invalid_token""#.to_owned(),
        format!(r#"Bearer error="invalid_token", claims="{CLAIMS}""#),
        format!(r#"Basic error="insufficient_claims", claims="{CLAIMS}""#),
        r#"Bearer error="insufficient_claims", claims="bm90IEpTT04=""#.to_owned(),
    ] {
        let (gate, seen, answers) = two_requests(&["token-0"], &challenge).await;
        assert_eq!(answers, [StatusCode::Unauthorized; 2], "{challenge}");
        assert_eq!((seen.len(), gate.requests()), (2, 1), "{challenge}");
    }
}
