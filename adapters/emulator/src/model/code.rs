//! Authorization codes and what they are redeemed for (RFC 6749 §4.1.3).

use super::Entra;
use super::authorize::{Ask, Return};
use super::client::{Claimant, Proof};
use super::context::Context;
use super::fields::Fields;
use super::http::{Answer, Request};
use super::person::Person;
use super::personal::{Login, asks_client_info};
use super::pkce;
use super::refusal::Refusal;
use super::scope::Wish;
use super::shelf::Shelf;
use super::tenant::{is_same, is_shared};

/// Life of a code in seconds.
pub(crate) const LIFE: i64 = 600;

/// What a code stands for.
#[derive(Clone)]
pub(crate) struct Code {
    pub(crate) ask: Ask,
    pub(crate) back: Return,
    pub(crate) person: Person,
    /// The tenant signed in to.
    pub(crate) tenant: String,
    pub(crate) expires_at: i64,
    pub(crate) redeemed: bool,
}

pub(crate) type Codes = Shelf<Code, 1_000>;

impl Entra {
    pub(super) fn redeem_code(
        &mut self,
        context: &Context,
        tenant: &str,
        request: &Request,
        fields: &Fields,
    ) -> Result<Answer, Refusal> {
        let text = fields.require("code")?;
        let claimant = Claimant::of(request, fields)?;
        claimant.check(&self.settings, Proof::IfConfidential)?;
        let invalid = |code, text: &str| Refusal::new(400, "invalid_grant", code, text);
        let Some(code) = self.codes.find_mut(text) else {
            return Err(invalid(70000, "The provided value for the 'code' parameter is not valid."));
        };
        if !code.ask.client_id.eq_ignore_ascii_case(&claimant.client_id) {
            return Err(invalid(70000, "The provided authorization code was issued to another client."));
        }
        if code.redeemed {
            let text = "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use \
                an existing refresh token.";
            return Err(invalid(54005, text));
        }
        if context.now >= code.expires_at {
            let text = "The provided authorization code or refresh token has expired due to inactivity. Send a new \
                interactive authorization request for this user and resource.";
            return Err(invalid(70008, text));
        }
        if !is_shared(tenant) && !is_same(tenant, &code.ask.tenant) && !is_same(tenant, &code.tenant) {
            let text = "Provided Authorization Code is intended to use against other tenant, thus rejected.";
            return Err(invalid(700_005, text));
        }
        let redirect_uri = fields.require("redirect_uri")?;
        if redirect_uri != code.back.redirect_uri {
            let text = format!(
                "The reply address '{redirect_uri}' does not match the reply address '{}' provided when requesting \
                 Authorization code.",
                code.back.redirect_uri
            );
            return Err(invalid(500_112, &text));
        }
        pkce::verify(fields.value("code_verifier"), code.back.challenge.as_deref())?;
        code.redeemed = true;

        let code = code.clone();
        self.note_claims(&code.person.name, fields.value("claims"));
        let login = Login {
            client_id: &claimant.client_id,
            tenant: &code.tenant,
            person: &code.person,
            wish: Wish::of(fields.value("scope"), &code.ask.scope),
            nonce: code.back.nonce.as_deref(),
            claims: fields.owned("claims").or_else(|| code.ask.claims.clone()),
            client_info: asks_client_info(fields),
            refresh_token: None,
        };
        Ok(self.welcome(context, login))
    }
}
