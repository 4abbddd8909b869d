//! The control endpoints under `/_emulator/`: how a test in another language looks at the emulator and scripts it.

use serde_json::{Map, Value, json};

use super::http::{Answer, Request};
use super::user::{User, claims_text};
use super::{Entra, Entry, Fault};

impl Entra {
    /// Answers a control request; `rest` is the path after `/_emulator/`.
    pub(super) fn control(&mut self, rest: &str, request: &Request) -> Answer {
        let text = std::str::from_utf8(&request.body).map_err(|_| "not UTF-8".to_owned());
        let outcome = match (request.method.as_str(), rest) {
            ("GET", "counters") => Ok(self.counters.to_json()),
            ("GET", "log") => Ok(self.log().iter().map(Entry::to_json).collect()),
            ("GET", "settings") => Ok(self.settings.to_json()),
            ("GET", "users") => Ok(self.users()),
            ("POST", "settings") => text.and_then(|text| self.settings.changed(text)).map(|settings| {
                self.settings = settings;
                self.settings.to_json()
            }),
            ("POST", "users") => text.and_then(|text| self.register(text)),
            ("POST", "fault") => text.and_then(Fault::parse).map(|fault| {
                self.script(fault);
                json!({ "pending_faults": self.pending_faults() })
            }),
            ("POST", "revoke") => text.and_then(|text| {
                let order = Order::parse(text, &["user"])?;
                Ok(json!({ "revoked": self.revoke(order.text("user")?) }))
            }),
            ("POST", "demand") => text.and_then(|text| self.order_claims(text)),
            ("POST", "approve") => text.and_then(|text| {
                let order = Order::parse(text, &["user_code", "user"])?;
                self.approve(order.text("user_code")?, order.text("user")?).map(|()| json!({}))
            }),
            ("POST", "deny") => text.and_then(|text| {
                let order = Order::parse(text, &["user_code"])?;
                self.deny(order.text("user_code")?).map(|()| json!({}))
            }),
            ("POST", "reset") => {
                self.reset();
                Ok(json!({}))
            }
            _ => return Answer::missing(),
        };
        match outcome {
            Ok(value) => Answer::json(200, &value),
            Err(text) => Answer::json(400, &complaint(&text)),
        }
    }

    fn users(&self) -> Value {
        self.settings.users.iter().map(User::to_json).collect()
    }

    /// A list takes the place of all users; a single one is added, or takes the place of the one of its name.
    fn register(&mut self, text: &str) -> Result<Value, String> {
        match serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))? {
            Value::Array(users) => {
                self.settings.users = users.iter().map(User::from_json).collect::<Result<_, _>>()?;
            }
            value => {
                let user = User::from_json(&value)?;
                self.settings.users.retain(|other| !other.name.eq_ignore_ascii_case(&user.name));
                self.settings.users.push(user);
            }
        }
        Ok(self.users())
    }

    fn order_claims(&mut self, text: &str) -> Result<Value, String> {
        let order = Order::parse(text, &["user", "claims"])?;
        match order.0.get("claims") {
            None | Some(Value::Null) => self.lift_demand(order.text("user")?),
            Some(claims) => self.demand_claims(order.text("user")?, &claims_text(claims)?),
        }
        Ok(json!({}))
    }
}

/// A JSON object that says what to do.
struct Order(Map<String, Value>);

impl Order {
    fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))?;
        match object.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(format!("{name} has no meaning here")),
            None => Ok(Order(object)),
        }
    }

    fn text(&self, name: &str) -> Result<&str, String> {
        self.0.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name} must be a string"))
    }
}

fn complaint(text: &str) -> Value {
    json!({ "error": "invalid_request", "error_description": text })
}
