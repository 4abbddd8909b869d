//! The log: what was asked, without the secrets in it.

use serde_json::{Value, json};

use super::fault::Kind;
use super::http::{Answer, Request};
use super::script;

/// So many requests are kept.
const CAPACITY: usize = 10_000;
/// Longer values are cut, so that the log stays small whatever is sent.
const MAX_VALUE: usize = 4_096;

const REDACTED: &str = "[redacted]";

/// Form fields and query parameters whose values are never shown.
const SECRET_FIELDS: [&str; 16] = [
    "access_token",
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "ctx",
    "device_code",
    "id_token",
    "id_token_hint",
    "otc",
    "password",
    "refresh_token",
    "token",
    "user_code",
    "user_federated_identity_credential",
];

/// Headers whose values are never shown.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// One request in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// When it came, in Unix seconds.
    pub at: i64,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query; secrets are replaced by `[redacted]`.
    pub query: Vec<(String, String)>,
    /// The headers, names in lower case; secrets are replaced by `[redacted]`.
    pub headers: Vec<(String, String)>,
    /// The fields of a form body; secrets are replaced by `[redacted]`.
    pub form: Vec<(String, String)>,
    /// The status of the answer; 0 if none was to be sent.
    pub status: u16,
    /// The fault it met, by the name that the control endpoint uses.
    pub fault: Option<&'static str>,
}

impl Entry {
    pub(crate) fn of(at: i64, request: &Request, answer: &Answer, fault: Option<Kind>) -> Self {
        Entry {
            at,
            method: cut(&request.method),
            path: cut(&request.path),
            query: redact(&request.query, &SECRET_FIELDS),
            headers: redact(&request.headers, &SECRET_HEADERS),
            form: redact(&request.fields(), &SECRET_FIELDS),
            status: answer.status,
            fault: fault.as_ref().map(script::name),
        }
    }

    /// The value of a form field.
    pub fn field(&self, name: &str) -> Option<&str> {
        let field = self.form.iter().find(|(key, _)| key == name);
        field.map(|(_, value)| value.as_str())
    }

    /// The value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let parameter = self.query.iter().find(|(key, _)| key == name);
        parameter.map(|(_, value)| value.as_str())
    }

    pub(crate) fn to_json(&self) -> Value {
        // Lists of pairs, because names may repeat.
        json!({
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "form": self.form,
            "status": self.status,
            "fault": self.fault,
        })
    }
}

fn redact(pairs: &[(String, String)], secret: &[&str]) -> Vec<(String, String)> {
    let shown = |(name, value): &(String, String)| {
        let hide = secret.iter().any(|known| name.eq_ignore_ascii_case(known));
        let value = if hide { REDACTED.to_owned() } else { cut(value) };
        (cut(name), value)
    };
    pairs.iter().map(shown).collect()
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_VALUE).collect()
}

/// The newest entries, oldest first.
#[derive(Clone, Default)]
pub(crate) struct Log {
    entries: Vec<Entry>,
}

impl Log {
    pub(crate) fn push(&mut self, entry: Entry) {
        // Dropping the older half only now and then keeps the entries in one slice at a steady cost.
        if self.entries.len() >= 2 * CAPACITY {
            self.entries.drain(..=CAPACITY);
        }
        self.entries.push(entry);
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries[self.entries.len().saturating_sub(CAPACITY)..]
    }
}
