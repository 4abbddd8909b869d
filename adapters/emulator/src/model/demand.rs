//! Conditional access: claims that a user's sign-in has to ask for before refreshes are granted.
//!
//! ```text
//!   demanded ──a sign-in that asks for the claims──▶ met ──demanded again──▶ demanded
//! ```

use std::collections::HashMap;

use serde_json::Value;

use super::Entra;
use super::refusal::Refusal;

/// What is demanded of whom, by name in lower case.
#[derive(Clone, Default)]
pub(crate) struct Demands {
    demanded: HashMap<String, String>,
    /// The demands that a sign-in has met.
    met: HashMap<String, String>,
}

impl Entra {
    /// Demands these claims (JSON, such as `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`) of a user:
    /// until a sign-in asks for them, refreshes are answered with `interaction_required` and the claims. It may
    /// ask for others beside them. A password alone never meets a demand.
    pub fn demand_claims(&mut self, user: &str, claims: &str) {
        let user = user.to_lowercase();
        self.demands.met.remove(&user);
        self.demands.demanded.insert(user, claims.to_owned());
    }

    /// Takes the demand made by [`demand_claims`](Self::demand_claims) back; one that the settings make stays.
    pub fn lift_demand(&mut self, user: &str) {
        self.demands.demanded.remove(&user.to_lowercase());
    }

    /// The claims demanded of a user, met or not.
    fn demand(&self, user: &str) -> Option<&str> {
        let made = self.demands.demanded.get(&user.to_lowercase());
        made.or_else(|| self.settings.user(user)?.needs.as_ref()).map(String::as_str)
    }

    /// Refuses what needs a sign-in first, with the word `error`.
    pub(super) fn check_demand(&self, user: &str, error: &'static str) -> Result<(), Refusal> {
        match self.demand(user) {
            Some(claims) if self.demands.met.get(&user.to_lowercase()).map(String::as_str) != Some(claims) => {
                Err(refusal(error, claims))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a user who cannot do with a password.
    pub(super) fn check_password_enough(&self, user: &str) -> Result<(), Refusal> {
        self.demand(user).map_or(Ok(()), |claims| Err(refusal("invalid_grant", claims)))
    }

    /// Would a sign-in that asks for `claims` meet what is demanded of the user?
    pub(super) fn would_meet(&self, user: &str, claims: Option<&str>) -> bool {
        self.demand(user).is_none_or(|demanded| claims.is_some_and(|claims| covers(claims, demanded)))
    }

    /// Notes that a user has signed in with a request for `claims`.
    pub(super) fn note_claims(&mut self, user: &str, claims: Option<&str>) {
        if let Some(demanded) = self.demand(user)
            && claims.is_some_and(|claims| covers(claims, demanded))
        {
            let demanded = demanded.to_owned();
            self.demands.met.insert(user.to_lowercase(), demanded);
        }
    }
}

fn refusal(error: &'static str, claims: &str) -> Refusal {
    let text = "Due to a configuration change made by your administrator, or because you moved to a new location, \
        you must use multi-factor authentication to access the resource.";
    Refusal::new(400, error, 50076, text).with_claims(claims.to_owned())
}

/// Is all of `demanded` in `claims`? Clients add claims of their own.
fn covers(claims: &str, demanded: &str) -> bool {
    let parse = serde_json::from_str::<Value>;
    match (parse(claims), parse(demanded)) {
        (Ok(claims), Ok(demanded)) => holds(&claims, &demanded),
        _ => claims == demanded,
    }
}

fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|other| holds(other, value)))
        }
        _ => whole == part,
    }
}
