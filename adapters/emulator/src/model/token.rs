//! The token endpoint (RFC 6749 §3.2): what a request is for, and client credentials.

use serde_json::{Map, Value, json};

use super::Entra;
use super::client::{Claimant, Proof};
use super::context::Context;
use super::fields::Fields;
use super::http::{Answer, Request};
use super::issued::Issued;
use super::mint::tenant_identifier;
use super::person::Person;
use super::refusal::Refusal;
use super::scope::{resource, resource_scopes};
use super::tenant::{check_tenant, is_shared, issuer};

impl Entra {
    pub(super) fn token(&mut self, context: &Context, tenant: &str, request: &Request) -> Result<Answer, Refusal> {
        only_post(request)?;
        check_tenant(tenant)?;
        let fields = Fields::of(request)?;
        match fields.require("grant_type")? {
            "client_credentials" => self.client_credentials(context, tenant, request, &fields),
            "refresh_token" => self.refresh(context, tenant, request, &fields),
            "authorization_code" => self.redeem_code(context, tenant, request, &fields),
            "password" => self.password(context, tenant, request, &fields),
            "device_code" | "urn:ietf:params:oauth:grant-type:device_code" => {
                self.poll_device(context, request, &fields)
            }
            other => {
                let text = format!("The app requested an unsupported grant type '{other}'.");
                Err(Refusal::new(400, "unsupported_grant_type", 70003, text))
            }
        }
    }

    /// RFC 6749 §4.4.
    fn client_credentials(
        &mut self,
        context: &Context,
        tenant: &str,
        request: &Request,
        fields: &Fields,
    ) -> Result<Answer, Refusal> {
        let claimant = Claimant::of(request, fields)?;
        let asked = fields.require("scope")?;
        if is_shared(tenant) {
            let text = "No tenant-identifying information found in either the request or implied by any provided \
                credentials.";
            return Err(Refusal::invalid_request(50059, text));
        }
        claimant.check(&self.settings, Proof::Required)?;
        let scopes = resource_scopes(asked);
        match &scopes[..] {
            [scope] if scope.ends_with("/.default") => {}
            [_] => {
                let text = format!(
                    "The provided value for scope {asked} is not valid. Client credential flows must have a scope \
                     value with /.default suffixed to the resource identifier (application ID URI)."
                );
                return Err(Refusal::new(400, "invalid_scope", 1_002_012, text));
            }
            _ => {
                let text = format!("The provided value for the input parameter 'scope' is not valid: {asked}.");
                return Err(Refusal::new(400, "invalid_scope", 70011, text));
            }
        }
        let issued = self.issue(context, &claimant.client_id, tenant, None, scopes, fields.owned("claims"));
        Ok(Answer::json(200, &Value::Object(issued)))
    }

    /// Mints an access token, enters it in the ledger, and gives the part of the answer that all grants share.
    pub(super) fn issue(
        &mut self,
        context: &Context,
        client_id: &str,
        tenant: &str,
        person: Option<&Person>,
        scopes: Vec<String>,
        asked: Option<String>,
    ) -> Map<String, Value> {
        let settings = &self.settings;
        let expires_on = context.now.saturating_add(settings.expires_in);
        let mut claims = json!({
            "aud": scopes.first().map(|scope| resource(scope)),
            "iss": issuer(&settings.authority, tenant),
            "iat": context.now,
            "nbf": context.now,
            "exp": expires_on,
            "appid": client_id,
            "tid": tenant_identifier(tenant),
            "uti": context.trace,
            "ver": "2.0",
        });
        if let Some(person) = person {
            claims["oid"] = json!(person.identifier_in(tenant));
            claims["scp"] = json!(scopes.join(" "));
        }
        let token = self.mint.access_token(settings.seed, &claims, settings.token_size);
        let mut json = Map::new();
        json.insert("token_type".to_owned(), json!("Bearer"));
        json.insert("expires_in".to_owned(), json!(settings.expires_in));
        json.insert("ext_expires_in".to_owned(), json!(settings.ext_expires_in));
        if let Some(refresh_in) = settings.refresh_in {
            json.insert("refresh_in".to_owned(), json!(refresh_in));
        }
        json.insert("access_token".to_owned(), json!(token));
        let issued = Issued {
            client_id: client_id.to_owned(),
            tenant: tenant.to_owned(),
            user: person.map(|person| person.name.clone()),
            scopes,
            claims: asked,
            issued_at: context.now,
            expires_on,
        };
        self.issued.put(&token, issued);
        json
    }
}

/// Refuses a request with another method, as Entra does with an error of its own.
pub(crate) fn only_post(request: &Request) -> Result<(), Refusal> {
    if request.method == "POST" {
        return Ok(());
    }
    let text = format!("The endpoint only accepts POST requests. Received a {} request.", request.method);
    Err(Refusal::invalid_request(900_561, text))
}
