//! Errors in the form Entra gives them (RFC 6749 §5.2 with Entra's additions).

use serde_json::{Map, Value, json};

use super::context::Context;
use super::date::Date;
use super::http::Answer;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: u16,
    error: &'static str,
    /// The number after `AADSTS`.
    code: u32,
    message: String,
    suberror: Option<&'static str>,
    /// The claims that a new sign-in must ask for, as JSON text.
    claims: Option<String>,
    challenge: bool,
}

impl Refusal {
    pub(crate) fn new(status: u16, error: &'static str, code: u32, message: impl Into<String>) -> Self {
        Refusal { status, error, code, message: message.into(), suberror: None, claims: None, challenge: false }
    }

    pub(crate) fn invalid_request(code: u32, message: impl Into<String>) -> Self {
        Refusal::new(400, "invalid_request", code, message)
    }

    pub(crate) fn invalid_grant(code: u32, suberror: &'static str, message: &str) -> Self {
        Refusal { suberror: Some(suberror), ..Refusal::new(400, "invalid_grant", code, message) }
    }

    pub(crate) fn invalid_client(code: u32, message: impl Into<String>) -> Self {
        Refusal::new(401, "invalid_client", code, message)
    }

    pub(crate) fn missing_field(name: &str) -> Self {
        let text = "The request body must contain the following parameter";
        Refusal::invalid_request(900_144, format!("{text}: '{name}'."))
    }

    /// The same refusal with a `WWW-Authenticate` header, as a client that used HTTP Basic must get
    /// (RFC 6749 §5.2).
    pub(crate) fn with_challenge(self, challenge: bool) -> Self {
        Refusal { challenge, ..self }
    }

    /// The same refusal, telling that conditional access demands these claims of a sign-in.
    pub(crate) fn with_claims(self, claims: String) -> Self {
        Refusal { suberror: Some("basic_action"), claims: Some(claims), ..self }
    }

    /// The user's own "no", to a sign-in or to what the client wants.
    pub(crate) fn cancelled() -> Self {
        let refusal = Refusal::new(400, "access_denied", 65004, "User declined to consent to access the app.");
        Refusal { suberror: Some("cancel"), ..refusal }
    }

    /// The finer word for what went wrong.
    pub(crate) fn subcode(&self) -> Option<&'static str> {
        self.suberror
    }

    /// The claims that a new sign-in must ask for.
    pub(crate) fn claims(&self) -> Option<&str> {
        self.claims.as_deref()
    }

    /// The word for what went wrong.
    pub(crate) fn error(&self) -> &'static str {
        self.error
    }

    /// What went wrong, in the words that pages show.
    pub(crate) fn notice(&self) -> String {
        format!("AADSTS{}: {}", self.code, self.message)
    }

    /// What went wrong, and in which exchange.
    pub(crate) fn description(&self, context: &Context) -> String {
        let timestamp = Date::from_unix(context.now).timestamp();
        format!(
            "{} Trace ID: {} Correlation ID: {} Timestamp: {timestamp}",
            self.notice(),
            context.trace,
            context.correlation
        )
    }

    pub(crate) fn answer(&self, context: &Context) -> Answer {
        let timestamp = Date::from_unix(context.now).timestamp();
        let description = self.description(context);
        let mut json = Map::new();
        json.insert("error".to_owned(), json!(self.error));
        json.insert("error_description".to_owned(), json!(description));
        json.insert("error_codes".to_owned(), json!([self.code]));
        json.insert("timestamp".to_owned(), json!(timestamp));
        json.insert("trace_id".to_owned(), json!(context.trace));
        json.insert("correlation_id".to_owned(), json!(context.correlation));
        if let Some(suberror) = self.suberror {
            json.insert("suberror".to_owned(), json!(suberror));
        }
        if let Some(claims) = &self.claims {
            json.insert("claims".to_owned(), json!(claims));
        }
        let mut answer = Answer::json(self.status, &Value::Object(json));
        if self.challenge && self.status == 401 {
            let value = "Basic realm=\"emulator\"";
            let header = ("www-authenticate".to_owned(), value.to_owned());
            answer.headers.push(header);
        }
        answer
    }
}
