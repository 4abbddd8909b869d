//! The password grant (RFC 6749 §4.3), deprecated and still about.

use super::Entra;
use super::client::{Claimant, Proof};
use super::context::Context;
use super::fields::Fields;
use super::http::{Answer, Request};
use super::personal::{Login, asks_client_info};
use super::refusal::Refusal;
use super::scope::Wish;

impl Entra {
    pub(super) fn password(
        &mut self,
        context: &Context,
        tenant: &str,
        request: &Request,
        fields: &Fields,
    ) -> Result<Answer, Refusal> {
        let claimant = Claimant::of(request, fields)?;
        let (name, password) = (fields.require("username")?, fields.require("password")?);
        if ["common", "consumers"].iter().any(|shared| tenant.eq_ignore_ascii_case(shared)) {
            let text = "The grant type is not supported over the /common or /consumers endpoints. Please use the \
                /organizations or tenant-specific endpoint.";
            return Err(Refusal::invalid_request(9_001_023, text));
        }
        claimant.check(&self.settings, Proof::IfConfidential)?;
        let person = self.settings.person(name, tenant)?;
        let tenant = self.settings.admit(&person, tenant, &claimant.client_id)?;
        self.settings.check_password(name, password)?;
        self.check_password_enough(name)?;
        self.counters.signed_in += 1;
        let login = Login {
            client_id: &claimant.client_id,
            tenant: &tenant,
            person: &person,
            wish: Wish::of(fields.value("scope"), ""),
            nonce: None,
            claims: fields.owned("claims"),
            client_info: asks_client_info(fields),
            refresh_token: None,
        };
        Ok(self.welcome(context, login))
    }
}
