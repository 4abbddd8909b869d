//! The token answer for a person (OpenID Connect Core §3.1.3.3 with Entra's additions).

use serde_json::{Value, json};

use super::Entra;
use super::context::Context;
use super::fields::Fields;
use super::http::Answer;
use super::mint::{self, tenant_identifier};
use super::person::Person;
use super::scope::Wish;
use super::tenant::issuer;

/// What a person's answer is made of.
pub(crate) struct Login<'a> {
    pub(crate) client_id: &'a str,
    /// The one tenant that it is for.
    pub(crate) tenant: &'a str,
    pub(crate) person: &'a Person,
    pub(crate) wish: Wish,
    /// The `nonce` to repeat in the ID token.
    pub(crate) nonce: Option<&'a str>,
    /// The `claims` asked for.
    pub(crate) claims: Option<String>,
    /// Whether to tell who the person is at home.
    pub(crate) client_info: bool,
    /// The refresh token, made already.
    pub(crate) refresh_token: Option<String>,
}

impl Entra {
    /// The answer for somebody who has just signed in: as [`answer_for`](Self::answer_for), with the first token of
    /// a new family of refresh tokens if one is wished for.
    pub(super) fn welcome(&mut self, context: &Context, login: Login<'_>) -> Answer {
        let refresh_token = login.wish.offline.then(|| {
            let token = self.mint.refresh_token(self.settings.seed);
            self.families.found(&token, login.client_id, login.person, false);
            token
        });
        self.answer_for(context, Login { refresh_token, ..login })
    }

    /// Access token, scope and whatever else is wished for.
    pub(super) fn answer_for(&mut self, context: &Context, login: Login<'_>) -> Answer {
        let id_token = login.wish.openid.then(|| self.id_token(context, &login));
        let granted = login.wish.scopes.join(" ");
        let Login { client_id, tenant, person, wish, claims, .. } = login;
        let mut json = self.issue(context, client_id, tenant, Some(person), wish.scopes, claims);
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                json.insert(name.to_owned(), json!(value));
            }
        };
        add("scope", Some(granted));
        add("refresh_token", login.refresh_token);
        add("foci", self.settings.is_family(client_id).then(|| "1".to_owned()));
        add("id_token", id_token);
        add("client_info", login.client_info.then(|| person.client_info()));
        Answer::json(200, &Value::Object(json))
    }

    fn id_token(&self, context: &Context, login: &Login<'_>) -> String {
        let Login { client_id, tenant, person, .. } = *login;
        let mut claims = json!({
            "aud": client_id,
            "iss": issuer(&self.settings.authority, tenant),
            "iat": context.now,
            "nbf": context.now,
            "exp": context.now.saturating_add(self.settings.expires_in),
            "name": self.settings.display_name(&person.name),
            "oid": person.identifier_in(tenant),
            "preferred_username": person.name,
            // Entra's `sub` differs from client to client, so that clients cannot compare notes.
            "sub": mint::lasting_identifier(&["subject", client_id, &person.home, &person.name]),
            "tid": tenant_identifier(tenant),
            "ver": "2.0",
        });
        if let Some(nonce) = login.nonce {
            claims["nonce"] = json!(nonce);
        }
        mint::id_token(&claims)
    }
}

/// Does the request ask who the user is at home?
pub(crate) fn asks_client_info(fields: &Fields) -> bool {
    fields.value("client_info").is_some_and(|value| value != "0")
}
