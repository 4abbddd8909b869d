//! Discovery answers.

use super::*;
use crate::model::mint::tenant_identifier;

fn instance(endpoint: &str) -> Request {
    let target = "/common/discovery/instance?api-version=1.1&authorization_endpoint=";
    Request::new("GET", &format!("{target}{endpoint}"))
}

fn at_port() -> Entra {
    Entra::new(Settings { authority: "https://localhost:4443".to_owned(), ..Settings::default() })
}

#[test]
fn clouds_and_the_emulator_itself_are_known() {
    let mut entra = at_port();
    for host in [
        "login.microsoftonline.com",
        "sts.windows.net",
        "login.chinacloudapi.cn",
        "localhost:4443",
        "127.0.0.1:4443",
        "[::1]:4443",
    ] {
        let endpoint = format!("https://{host}/contoso.test/oauth2/v2.0/authorize");
        let answer = entra.answer(NOW, &instance(&endpoint));
        assert_eq!(answer.status, 200, "{host}");
        let body = json(&answer);
        let configuration = format!("https://{host}/contoso.test/v2.0/.well-known/openid-configuration");
        assert_eq!(body["tenant_discovery_endpoint"], configuration);
        assert_eq!(body["api-version"], "1.1");
        let metadata = body["metadata"].as_array().unwrap();
        assert_eq!(metadata[0]["preferred_cache"], "login.windows.net");
        let own = metadata.last().unwrap();
        assert_eq!(own["aliases"], serde_json::json!(["localhost:4443", "localhost"]));
    }
    assert_eq!(entra.counters().discovery, 6);
}

#[test]
fn other_places_are_not() {
    let unknown = (400, "invalid_instance".to_owned(), 50049);
    for endpoint in [
        "https://login.evil.test/x/oauth2/v2.0/authorize",
        "http://login.microsoftonline.com/x/oauth2/v2.0/authorize",
        "https://localhost:4444/x/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com:4443/x",
        "no-address",
    ] {
        let answer = at_port().answer(NOW, &instance(endpoint));
        assert_eq!(verdict(&answer), unknown, "{endpoint}");
    }
    for target in ["", "?api-version=1.1", "?api-version=9&authorization_endpoint=x"] {
        let request = Request::new("GET", &format!("/common/discovery/instance{target}"));
        assert_eq!(at_port().answer(NOW, &request).status, 400);
    }
}

#[test]
fn the_configuration_names_the_endpoints() {
    let mut entra = at_port();
    let mut ask = |tenant: &str| {
        let target = format!("/{tenant}/v2.0/.well-known/openid-configuration");
        entra.answer(NOW, &Request::new("GET", &target))
    };
    let body = json(&ask("contoso.test"));
    let base = "https://localhost:4443/contoso.test";
    // The issuer is the same whichever name of the tenant is used.
    let tenant = tenant_identifier("contoso.test");
    assert_eq!(body["issuer"], format!("https://localhost:4443/{tenant}/v2.0"));
    assert_eq!(json(&ask(&tenant))["issuer"], body["issuer"]);
    assert_eq!(body["device_authorization_endpoint"], format!("{base}/oauth2/v2.0/devicecode"));
    assert_eq!(body["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(body["authorization_response_iss_parameter_supported"], true);
    assert_eq!(body["token_endpoint"], format!("{base}/oauth2/v2.0/token"));
    assert_eq!(body["jwks_uri"], format!("{base}/discovery/v2.0/keys"));
    let shared = json(&ask("common"));
    assert_eq!(shared["issuer"], "https://localhost:4443/{tenantid}/v2.0");
    assert_eq!(verdict(&ask("no_tenant")).2, 900_023);

    let keys = Request::new("GET", "/contoso.test/discovery/v2.0/keys");
    assert_eq!(entra.answer(NOW, &keys).text(), r#"{"keys":[]}"#);
}
