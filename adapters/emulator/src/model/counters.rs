//! What has happened, in numbers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::http::Request;
use super::route::Route;

/// So many different grant types are told apart; the rest is counted as `other`.
const MAX_GRANTS: usize = 64;

/// Counts of requests, since the start or the last reset. The control endpoints are not in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// All requests, those that met a fault included.
    pub requests: u64,
    /// Requests to a token endpoint, those that met a fault included.
    pub token_requests: u64,
    /// Requests to a token endpoint by `grant_type`.
    pub grants: BTreeMap<String, u64>,
    /// Token requests answered with a token by the model, even if a fault then kept the answer from the client.
    pub granted: u64,
    /// Token requests answered with an error by the model.
    pub refused: u64,
    /// Requests to the instance discovery, the OpenID configuration, the keys or the user realm.
    pub discovery: u64,
    /// Requests to the authorization endpoint.
    pub authorize: u64,
    /// Requests of the pages of a sign-in, the page for user codes among them.
    pub pages: u64,
    /// Requests for a device code.
    pub devices: u64,
    /// Token requests with a device code; they are in [`grants`](Self::grants) too, under either name of the grant.
    pub device_polls: u64,
    /// Users who signed in, by browser, on a device, by password or by themselves.
    pub signed_in: u64,
    /// Requests to anything else.
    pub other: u64,
    /// Requests that met a fault.
    pub faults: u64,
    /// Spent refresh tokens presented and refused.
    pub reused: u64,
}

impl Counters {
    /// How many token requests had this `grant_type`.
    pub fn grant(&self, grant_type: &str) -> u64 {
        self.grants.get(grant_type).copied().unwrap_or(0)
    }

    pub(crate) fn arrived(&mut self, route: &Route<'_>, request: &Request) {
        self.requests += 1;
        if let Route::Token { .. } = route {
            self.token_requests += 1;
            let fields = request.fields();
            let grant = fields.into_iter().find(|(name, _)| name == "grant_type");
            if let Some((_, mut grant)) = grant {
                if grant.ends_with("device_code") {
                    self.device_polls += 1;
                }
                if !self.grants.contains_key(&grant) && self.grants.len() >= MAX_GRANTS {
                    grant = "other".to_owned();
                }
                *self.grants.entry(grant).or_default() += 1;
            }
        } else if route.is_discovery() {
            self.discovery += 1;
        } else {
            *match route {
                Route::Authorize { .. } => &mut self.authorize,
                Route::SignIn | Route::DeviceLogin => &mut self.pages,
                Route::DeviceCode { .. } => &mut self.devices,
                _ => &mut self.other,
            } += 1;
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "requests": self.requests,
            "token_requests": self.token_requests,
            "grants": self.grants,
            "granted": self.granted,
            "refused": self.refused,
            "discovery": self.discovery,
            "authorize": self.authorize,
            "pages": self.pages,
            "devices": self.devices,
            "device_polls": self.device_polls,
            "signed_in": self.signed_in,
            "other": self.other,
            "faults": self.faults,
            "reused": self.reused,
        })
    }
}
