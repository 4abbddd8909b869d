//! Sign-in on a device that has no browser (RFC 8628): its codes and its polls.
//!
//! ```text
//!   Waiting ──a user accepts──▶ Approved ──polled──▶ Redeemed
//!      ╲──a user cancels──▶ Declined
//! ```

use serde_json::json;

use super::Entra;
use super::authorize::Ask;
use super::client::{Claimant, Proof, check_known};
use super::context::Context;
use super::fields::Fields;
use super::http::{Answer, Request};
use super::person::Person;
use super::personal::{Login, asks_client_info};
use super::refusal::Refusal;
use super::scope::Wish;
use super::shelf::{Key, Shelf};
use super::tenant::check_tenant;
use super::token::only_post;

/// What each `slow_down` adds to the seconds between polls (RFC 8628 §3.5).
const SLOWER: i64 = 5;
/// Times are whole seconds here, so that a poll on time may seem to be early by less than one.
const GRACE: i64 = 1;

/// A device that asks for a sign-in.
#[derive(Clone)]
pub(crate) struct Device {
    user_code: String,
    ask: Ask,
    expires_at: i64,
    interval: i64,
    polled_at: Option<i64>,
    pending: u32,
    slow_down: u32,
    state: State,
}

#[derive(Clone)]
enum State {
    Waiting,
    Approved(Person, String),
    Declined,
    Redeemed,
}

pub(crate) type Devices = Shelf<Device, 1_000>;

impl Entra {
    /// The device authorization endpoint (RFC 8628 §3.1).
    pub(super) fn device_code(
        &mut self,
        context: &Context,
        tenant: &str,
        request: &Request,
    ) -> Result<Answer, Refusal> {
        only_post(request)?;
        check_tenant(tenant)?;
        let fields = Fields::of(request)?;
        let claimant = Claimant::of(request, &fields)?;
        check_known(&self.settings, &claimant.client_id)?;
        let ask = Ask {
            client_id: claimant.client_id,
            tenant: tenant.to_owned(),
            scope: fields.require("scope")?.to_owned(),
            claims: fields.owned("claims"),
            login_hint: None,
            domain_hint: None,
        };
        let settings = &self.settings;
        let device_code = self.mint.opaque(settings.seed, "d");
        let user_code = self.mint.user_code(settings.seed);
        let uri = format!("{}/devicelogin", settings.authority);
        let mut json = json!({
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": uri,
            "expires_in": settings.device_expires_in,
            "interval": settings.device_interval,
            "message": format!(
                "To sign in, use a web browser to open the page {uri} and enter the code {user_code} to authenticate."
            ),
        });
        if settings.device_complete_uri {
            json["verification_uri_complete"] = json!(format!("{uri}?otc={user_code}"));
        }
        let device = Device {
            user_code,
            ask,
            expires_at: context.now.saturating_add(settings.device_expires_in),
            interval: settings.device_interval,
            polled_at: None,
            pending: settings.device_pending,
            slow_down: settings.device_slow_down,
            state: State::Waiting,
        };
        self.devices.put(&device_code, device);
        Ok(Answer::json(200, &json))
    }

    /// A device asks whether it is signed in (RFC 8628 §3.4).
    pub(super) fn poll_device(
        &mut self,
        context: &Context,
        request: &Request,
        fields: &Fields,
    ) -> Result<Answer, Refusal> {
        let code = fields.value("device_code").or_else(|| fields.value("code"));
        let code = code.ok_or_else(|| Refusal::missing_field("device_code"))?;
        let claimant = Claimant::of(request, fields)?;
        claimant.check(&self.settings, Proof::IfConfidential)?;
        let bad = || {
            let text = "The provided value for the input parameter 'device_code' is not valid.";
            Err(Refusal::new(400, "bad_verification_code", 70018, text))
        };
        let Some(device) = self.devices.find_mut(code) else {
            return bad();
        };
        if !device.ask.client_id.eq_ignore_ascii_case(&claimant.client_id) {
            return bad();
        }
        if context.now >= device.expires_at {
            let text = "The provided value for the input parameter 'device_code' is not valid. This code has expired.";
            return Err(Refusal::new(400, "expired_token", 70020, text));
        }
        device.check_pace(context.now)?;

        let pending = || {
            let text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
            Err(Refusal::new(400, "authorization_pending", 70016, text))
        };
        let (person, tenant) = match &device.state {
            State::Approved(person, tenant) => (person.clone(), tenant.clone()),
            State::Declined => {
                let text = "User declined to consent to access the app.";
                return Err(Refusal::new(400, "authorization_declined", 65004, text));
            }
            State::Redeemed => {
                let text = "The device code was already redeemed, please retry with a new one.";
                return Err(Refusal::new(400, "invalid_grant", 54005, text));
            }
            State::Waiting => {
                let Some(name) = &self.settings.auto_approve else {
                    return pending();
                };
                if device.pending > 0 {
                    device.pending -= 1;
                    return pending();
                }
                let person = self.settings.person(name, &device.ask.tenant)?;
                let tenant = self.settings.admit(&person, &device.ask.tenant, &device.ask.client_id)?;
                self.counters.signed_in += 1;
                (person, tenant)
            }
        };
        device.state = State::Redeemed;
        let ask = device.ask.clone();
        let claims = fields.owned("claims").or_else(|| ask.claims.clone());
        self.note_claims(&person.name, claims.as_deref());
        let login = Login {
            client_id: &claimant.client_id,
            tenant: &tenant,
            person: &person,
            wish: Wish::of(fields.value("scope"), &ask.scope),
            nonce: None,
            claims,
            client_info: asks_client_info(fields),
            refresh_token: None,
        };
        Ok(self.welcome(context, login))
    }

    /// Signs `user` in on the device that shows `user_code`, as if it had been typed on the page.
    ///
    /// # Errors
    ///
    /// A sentence, if no device waits under that code, or the user may not sign in to the tenant it asked for.
    pub fn approve(&mut self, user_code: &str, user: &str) -> Result<(), String> {
        let (key, ask) = self.waiting(user_code, None).ok_or("no device waits under this code")?;
        let ask = ask.clone();
        let admitted = self.settings.person(user, &ask.tenant).and_then(|person| {
            let tenant = self.settings.admit(&person, &ask.tenant, &ask.client_id)?;
            Ok((person, tenant))
        });
        let (person, tenant) = admitted.map_err(|refusal| refusal.notice())?;
        self.approve_device(&key, i64::MIN, &person, &tenant);
        Ok(())
    }

    /// Declines the sign-in on the device that shows `user_code`, as if the user had cancelled it on the page.
    ///
    /// # Errors
    ///
    /// A sentence, if no device waits under that code.
    pub fn deny(&mut self, user_code: &str) -> Result<(), String> {
        let (key, _) = self.waiting(user_code, None).ok_or("no device waits under this code")?;
        self.decline_device(&key);
        Ok(())
    }

    /// The device that waits under a code; `now` is the time if it matters whether the code has expired.
    pub(super) fn waiting(&self, user_code: &str, now: Option<i64>) -> Option<(Key, &Ask)> {
        let typed = letters(user_code);
        let fits = |device: &Device| {
            letters(&device.user_code) == typed
                && matches!(device.state, State::Waiting)
                && now.is_none_or(|now| now < device.expires_at)
        };
        self.devices.search(fits).map(|(key, device)| (key, &device.ask))
    }

    /// Lets a device have its tokens, unless it does not wait for them any more.
    pub(super) fn approve_device(&mut self, key: &Key, now: i64, person: &Person, tenant: &str) -> bool {
        let Some(device) = self.devices.at_mut(key) else {
            return false;
        };
        if !matches!(device.state, State::Waiting) || now >= device.expires_at {
            return false;
        }
        device.state = State::Approved(person.clone(), tenant.to_owned());
        self.counters.signed_in += 1;
        true
    }

    pub(super) fn decline_device(&mut self, key: &Key) {
        if let Some(device) = self.devices.at_mut(key)
            && matches!(device.state, State::Waiting)
        {
            device.state = State::Declined;
        }
    }
}

impl Device {
    /// Tells a device that polls too often, or one that is to be told so in any case, to slow down.
    fn check_pace(&mut self, now: i64) -> Result<(), Refusal> {
        let early = self.polled_at.is_some_and(|at| now.saturating_sub(at) < self.interval.saturating_sub(GRACE));
        self.polled_at = Some(now);
        if !early && self.slow_down == 0 {
            return Ok(());
        }
        self.slow_down = self.slow_down.saturating_sub(1);
        self.interval = self.interval.saturating_add(SLOWER);
        let text = "OAuth 2.0 device flow error. The device polls too often. Slow down.";
        Err(Refusal::new(400, "slow_down", 70016, text))
    }
}

/// A user code as it is compared: without dashes, blanks and the difference of case.
fn letters(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}
