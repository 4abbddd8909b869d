//! Discovery: which hosts are clouds, and where the endpoints of a tenant are.

use serde_json::{Value, json};
use url::Url;

use super::http::{Answer, Request};
use super::refusal::Refusal;
use super::settings::Settings;
use super::tenant::{check_tenant, issuer};

/// A cloud: the host to ask, the host to file cache entries under, and all its names.
struct Cloud {
    network: &'static str,
    cache: &'static str,
    aliases: &'static [&'static str],
}

const CLOUDS: [Cloud; 8] = [
    Cloud {
        network: "login.microsoftonline.com",
        cache: "login.windows.net",
        aliases: &["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"],
    },
    Cloud {
        network: "login.partner.microsoftonline.cn",
        cache: "login.partner.microsoftonline.cn",
        aliases: &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
    },
    Cloud {
        network: "login.microsoftonline.us",
        cache: "login.microsoftonline.us",
        aliases: &["login.microsoftonline.us", "login.usgovcloudapi.net"],
    },
    alone("login.microsoftonline.de", &["login.microsoftonline.de"]),
    alone("login-us.microsoftonline.com", &["login-us.microsoftonline.com"]),
    alone("login.sovcloud-identity.fr", &["login.sovcloud-identity.fr"]),
    alone("login.sovcloud-identity.de", &["login.sovcloud-identity.de"]),
    alone("login.sovcloud-identity.sg", &["login.sovcloud-identity.sg"]),
];

const fn alone(host: &'static str, aliases: &'static [&'static str]) -> Cloud {
    Cloud { network: host, cache: host, aliases }
}

/// `GET /common/discovery/instance`: is the host of `authorization_endpoint` a known one?
pub(crate) fn instance(settings: &Settings, request: &Request) -> Result<Answer, Refusal> {
    let version = request.parameter("api-version");
    let version = version.ok_or_else(|| Refusal::missing_field("api-version"))?;
    if !matches!(version, "1.0" | "1.1") {
        let text = format!("The api-version '{version}' is not supported.");
        return Err(Refusal::invalid_request(9_002_313, text));
    }
    let endpoint = request.parameter("authorization_endpoint");
    let endpoint = endpoint.ok_or_else(|| Refusal::missing_field("authorization_endpoint"))?;

    let unknown = || Refusal::new(400, "invalid_instance", 50049, "Unknown or invalid instance.");
    let url = Url::parse(endpoint).map_err(|_| unknown())?;
    let own = Url::parse(&settings.authority).ok();
    let host = host_with_port(&url).ok_or_else(unknown)?;
    let known = CLOUDS.iter().any(|cloud| cloud.aliases.contains(&host.as_str()))
        || own.as_ref().is_some_and(|own| is_same_place(own, &url));
    if url.scheme() != "https" || !known {
        return Err(unknown());
    }

    let tenant = url.path().split('/').nth(1).filter(|tenant| !tenant.is_empty());
    let tenant = tenant.unwrap_or("common");
    check_tenant(tenant)?;
    let mut metadata: Vec<Value> = CLOUDS
        .iter()
        .map(|cloud| {
            json!({
                "preferred_network": cloud.network,
                "preferred_cache": cloud.cache,
                "aliases": cloud.aliases,
            })
        })
        .collect();
    if let Some(own) = own
        && let Some(place) = host_with_port(&own)
    {
        // Some clients look themselves up with the port, some without.
        let mut aliases = vec![place.clone()];
        aliases.extend(own.host_str().filter(|bare| *bare != place).map(str::to_owned));
        metadata.push(json!({
            "preferred_network": place,
            "preferred_cache": place,
            "aliases": aliases,
        }));
    }
    Ok(Answer::json(
        200,
        &json!({
            "tenant_discovery_endpoint":
                format!("https://{host}/{tenant}/v2.0/.well-known/openid-configuration"),
            "api-version": version,
            "metadata": metadata,
        }),
    ))
}

/// `GET /{tenant}/v2.0/.well-known/openid-configuration` (OpenID Connect Discovery §4).
///
/// Of the endpoints it names, the emulator lacks that of signing out.
pub(crate) fn configuration(settings: &Settings, tenant: &str) -> Result<Answer, Refusal> {
    check_tenant(tenant)?;
    let authority = &settings.authority;
    let base = format!("{authority}/{tenant}");
    Ok(Answer::json(
        200,
        &json!({
            "issuer": issuer(authority, tenant),
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "end_session_endpoint": format!("{base}/oauth2/v2.0/logout"),
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "response_modes_supported": ["query", "form_post"],
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "prompt_values_supported": super::authorize::PROMPTS,
            "authorization_response_iss_parameter_supported": true,
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["none"],
            "request_uri_parameter_supported": false,
            "tenant_region_scope": null,
            "cloud_instance_name": "localhost",
        }),
    ))
}

/// `GET /{tenant}/discovery/v2.0/keys`: none, for nothing here is signed.
pub(crate) fn keys() -> Answer {
    Answer::json(200, &json!({ "keys": [] }))
}

fn host_with_port(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// Is `other` the emulator itself, by name or by one of the addresses it listens on?
fn is_same_place(own: &Url, other: &Url) -> bool {
    let looped = |url: &Url| matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let same_host = own.host_str() == other.host_str() || looped(own) && looped(other);
    same_host && own.port_or_known_default() == other.port_or_known_default()
}
