//! The token endpoint (RFC 6749 §3.2): client credentials and refresh.

use serde_json::{Map, Value, json};

use super::Entra;
use super::client::{Claimant, Proof};
use super::context::Context;
use super::http::{Answer, Request};
use super::issued::Issued;
use super::mint::{self, tenant_identifier};
use super::refresh::{Denied, Family};
use super::refusal::Refusal;

/// What a refresh without scopes of its own is for.
const DEFAULT_SCOPE: &str = "https://graph.microsoft.com/.default";

/// Scopes that ask for kinds of tokens, not for access to a resource (OpenID Connect Core §5.4, §11).
const OPENID_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

impl Entra {
    pub(super) fn token(&mut self, context: &Context, tenant: &str, request: &Request) -> Result<Answer, Refusal> {
        if request.method != "POST" {
            let text = format!("The endpoint only accepts POST requests. Received a {} request.", request.method);
            return Err(Refusal::invalid_request(900_561, text));
        }
        check_tenant(tenant)?;
        let fields = Fields::of(request)?;
        match fields.require("grant_type")? {
            "client_credentials" => self.client_credentials(context, tenant, request, &fields),
            "refresh_token" => self.refresh(context, tenant, request, &fields),
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
        let issued = self.issue(context, &claimant.client_id, tenant, None, scopes, fields);
        Ok(Answer::json(200, &Value::Object(issued)))
    }

    /// RFC 6749 §6. The scopes may be those of any resource.
    fn refresh(
        &mut self,
        context: &Context,
        tenant: &str,
        request: &Request,
        fields: &Fields,
    ) -> Result<Answer, Refusal> {
        let token = fields.require("refresh_token")?;
        let claimant = Claimant::of(request, fields)?;
        claimant.check(&self.settings, Proof::IfConfidential)?;
        let redeemed = self.families.redeem(token, &claimant.client_id, context.now, &self.settings).map_err(
            |denied| match denied {
                Denied::Unfit(refusal) => refusal,
                Denied::Reused(refusal) => {
                    self.counters.reused += 1;
                    refusal
                }
            },
        )?;

        let mut scopes = resource_scopes(fields.value("scope").unwrap_or_default());
        if scopes.is_empty() {
            scopes.push(DEFAULT_SCOPE.to_owned());
        }
        let family = &redeemed.family;
        let tenant = if is_shared(tenant) { &family.tenant } else { tenant };
        let client_id = &claimant.client_id;
        let granted = scopes.join(" ");
        let mut json = self.issue(context, client_id, tenant, Some(family), scopes, fields);
        json.insert("scope".to_owned(), json!(granted));
        if self.settings.rotate {
            let next = self.mint.refresh_token(self.settings.seed);
            self.families.add(&next, redeemed.index);
            json.insert("refresh_token".to_owned(), json!(next));
        }
        let id_token = self.id_token(context, client_id, tenant, family);
        json.insert("id_token".to_owned(), json!(id_token));
        let info = json!({
            "uid": user_identifier(family),
            "utid": tenant_identifier(&family.tenant),
        });
        let info = mint::encode(info.to_string());
        json.insert("client_info".to_owned(), json!(info));
        Ok(Answer::json(200, &Value::Object(json)))
    }

    /// Mints an access token, enters it in the ledger, and gives the part of the answer that all grants share.
    fn issue(
        &mut self,
        context: &Context,
        client_id: &str,
        tenant: &str,
        family: Option<&Family>,
        scopes: Vec<String>,
        fields: &Fields,
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
        if let Some(family) = family {
            claims["oid"] = json!(user_identifier(family));
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
            user: family.map(|family| family.user.clone()),
            scopes,
            claims: fields.value("claims").map(str::to_owned),
            issued_at: context.now,
            expires_on,
        };
        self.issued.enter(&token, issued);
        json
    }

    fn id_token(&self, context: &Context, client_id: &str, tenant: &str, family: &Family) -> String {
        let user = family.user.as_str();
        let name = user.split('@').next().unwrap_or(user);
        mint::id_token(&json!({
            "aud": client_id,
            "iss": issuer(&self.settings.authority, tenant),
            "iat": context.now,
            "nbf": context.now,
            "exp": context.now.saturating_add(self.settings.expires_in),
            "name": name,
            "oid": user_identifier(family),
            "preferred_username": user,
            // Entra's `sub` differs from client to client, so that clients cannot compare notes.
            "sub": mint::lasting_identifier(&["subject", client_id, &family.tenant, user]),
            "tid": tenant_identifier(tenant),
            "ver": "2.0",
        }))
    }
}

/// The fields of a token request. Each name occurs once; a field without a value counts as left out
/// (RFC 6749 §3.2).
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    fn of(request: &Request) -> Result<Self, Refusal> {
        let mut fields = request.fields();
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let text = format!("The request has the parameter '{}' more than once.", twice[0]);
            return Err(Refusal::invalid_request(9_002_313, text));
        }
        fields.retain(|(_, value)| !value.is_empty());
        Ok(Fields(fields))
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(key, _)| key == name);
        field.map(|(_, value)| value.as_str())
    }

    fn require(&self, name: &str) -> Result<&str, Refusal> {
        self.value(name).ok_or_else(|| Refusal::missing_field(name))
    }
}

/// Refuses what can be neither the identifier nor a domain of a tenant.
pub(crate) fn check_tenant(tenant: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    if !tenant.is_empty() && tenant.bytes().all(plain) {
        return Ok(());
    }
    let text =
        format!("Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain.");
    Err(Refusal::invalid_request(900_023, text))
}

/// Is it a name for many tenants instead of one?
pub(crate) fn is_shared(tenant: &str) -> bool {
    ["common", "organizations", "consumers"].iter().any(|name| tenant.eq_ignore_ascii_case(name))
}

/// The issuer of a tenant's tokens; for the shared names with the placeholder that Entra writes.
pub(crate) fn issuer(authority: &str, tenant: &str) -> String {
    let tenant = if is_shared(tenant) { "{tenantid}" } else { tenant };
    format!("{authority}/{tenant}/v2.0")
}

fn resource_scopes(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().filter(|scope| !OPENID_SCOPES.contains(scope)).map(str::to_owned).collect()
}

/// The resource that a scope belongs to; a bare name is one of Microsoft Graph.
fn resource(scope: &str) -> &str {
    scope.rsplit_once('/').map_or("https://graph.microsoft.com", |(resource, _)| resource)
}

fn user_identifier(family: &Family) -> String {
    mint::lasting_identifier(&["user", &tenant_identifier(&family.tenant), &family.user])
}
