//! The refresh grant (RFC 6749 §6). The scopes may be those of any resource, the tenant any that the user is in.

use super::Entra;
use super::client::{Claimant, Proof};
use super::context::Context;
use super::fields::Fields;
use super::http::{Answer, Request};
use super::personal::{Login, asks_client_info};
use super::refresh::Denied;
use super::refusal::Refusal;
use super::scope::Wish;

impl Entra {
    pub(super) fn refresh(
        &mut self,
        context: &Context,
        tenant: &str,
        request: &Request,
        fields: &Fields,
    ) -> Result<Answer, Refusal> {
        let token = fields.require("refresh_token")?;
        let claimant = Claimant::of(request, fields)?;
        claimant.check(&self.settings, Proof::IfConfidential)?;
        let client_id = claimant.client_id.as_str();
        let examined = self.families.examine(token, client_id, context.now, &self.settings);
        let examined = examined.map_err(|denied| match denied {
            Denied::Unfit(refusal) => refusal,
            Denied::Reused(refusal) => {
                self.counters.reused += 1;
                refusal
            }
        })?;
        let family = examined.family;
        let tenant = self.settings.admit(&family.person, tenant, client_id)?;
        self.check_demand(&family.person.name, "interaction_required")?;

        // Nothing is in the way any more: only now is the token spent.
        let refresh_token = self.settings.rotate.then(|| {
            self.families.spend(token, context.now);
            let next = self.mint.refresh_token(self.settings.seed);
            self.families.add(&next, examined.index);
            next
        });
        let mut wish = Wish::of(fields.value("scope"), "");
        wish.openid |= family.tells_all;
        let login = Login {
            client_id,
            tenant: &tenant,
            person: &family.person,
            wish,
            nonce: None,
            claims: fields.owned("claims"),
            client_info: family.tells_all || asks_client_info(fields),
            refresh_token,
        };
        Ok(self.answer_for(context, login))
    }
}
