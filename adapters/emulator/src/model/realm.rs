//! `GET /common/userrealm/{name}`: is the home of a user one of Entra's own, or a federated one?

use serde_json::json;
use url::form_urlencoded;

use super::http::{Answer, Request};
use super::refusal::Refusal;
use super::settings::Settings;

/// Who the assertions of a federated realm have to be for.
const AUDIENCE: &str = "urn:federation:MicrosoftOnline";

pub(crate) fn realm(settings: &Settings, name: &str, request: &Request) -> Result<Answer, Refusal> {
    if request.parameter("api-version").is_none() {
        return Err(Refusal::missing_field("api-version"));
    }
    let name = decoded(name);
    let domain = name.rsplit_once('@').map_or("", |(_, domain)| domain);
    let mut json = json!({
        "ver": "1.0",
        "account_type": "Unknown",
        "cloud_instance_name": "localhost",
        "cloud_audience_urn": AUDIENCE,
    });
    if settings.knows(&name) {
        json["account_type"] = json!("Managed");
        json["domain_name"] = json!(domain);
    }
    if settings.user(&name).is_some_and(|user| user.federated) {
        // Nothing is there: the emulator plays no federated realm.
        let base = format!("{}/{domain}/federation", settings.authority);
        json["account_type"] = json!("Federated");
        json["federation_protocol"] = json!("WSTrust");
        json["federation_metadata_url"] = json!(format!("{base}/mex"));
        json["federation_active_auth_url"] = json!(format!("{base}/usernamemixed"));
    }
    Ok(Answer::json(200, &json))
}

/// A path segment without its percent-encoding; a `+` in it is a plus.
fn decoded(segment: &str) -> String {
    let segment = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(segment.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}
