//! Results on stdout, in the forms that scripts ask for.

use std::io::{self, Write as _};

use azlatch::{Answer, AuthenticationRecord, Error, ErrorKind};
use clap::ValueEnum;
use serde_json::{Map, Value, json};

/// The forms of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// The token and a newline.
    Token,
    /// One JSON object.
    Json,
    /// An `Authorization` header.
    Header,
    /// `NAME=value` lines.
    Env,
}

/// Writes one line to stdout and flushes it.
pub(crate) fn line(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    written.map_err(|error| Error::new(ErrorKind::Configuration, format!("stdout cannot be written: {}", error.kind())))
}

/// Writes `answer` in `form`.
pub(crate) fn token(answer: &Answer, form: Form, explain: bool) -> Result<(), Error> {
    let secret = answer.token.expose_secret();
    match form {
        Form::Token => line(secret),
        Form::Json => line(&json(answer, explain).to_string()),
        Form::Header => line(&format!("Authorization: Bearer {secret}")),
        Form::Env => {
            line(&format!("AZURE_ACCESS_TOKEN={secret}"))?;
            line(&format!("AZURE_ACCESS_TOKEN_EXPIRES_ON={}", answer.token.expires_on()))
        }
    }
}

/// `answer` as JSON.
pub(crate) fn json(answer: &Answer, explain: bool) -> Value {
    let token = &answer.token;
    let mut object = Map::new();
    object.insert("access_token".into(), token.expose_secret().into());
    object.insert("token_type".into(), token.token_type().into());
    object.insert("expires_on".into(), token.expires_on().0.into());
    object.insert("refresh_on".into(), token.life.refresh_on.map(|at| at.0).into());
    object.insert("tenant".into(), token.tenant.as_str().into());
    object.insert("scopes".into(), token.scopes.iter().collect::<Vec<_>>().into());
    object.insert("source".into(), answer.explain.source.name().into());
    if explain {
        object.insert("explain".into(), answer.explain.lines().collect::<Vec<_>>().into());
    }
    Value::Object(object)
}

/// Who is signed in, as JSON: what a later run goes on from.
pub(crate) fn record(record: &AuthenticationRecord) -> Value {
    let members: Value = serde_json::from_str(&record.to_json()).unwrap_or_default();
    json!({ "record": members })
}

/// `error` as JSON: its kind, what happened and what to do, and the server's words.
pub(crate) fn error_json(error: &Error) -> Value {
    let kind = match error.kind() {
        ErrorKind::Misuse => ErrorKind::Configuration.name(),
        ErrorKind::Cancelled => ErrorKind::Network.name(),
        kind => kind.name(),
    };
    let mut object = Map::new();
    object.insert("kind".into(), kind.into());
    object.insert("message".into(), error.message().into());
    object.insert("advice".into(), error.advice().into());
    object.insert("retryable".into(), error.is_retryable().into());
    object.insert("retry_after".into(), error.retry_after().map(|span| span.as_secs()).into());
    object.insert("claims".into(), error.claims().into());
    if let Some(oauth) = error.oauth() {
        object.insert("error".into(), oauth.error.as_str().into());
        object.insert("error_codes".into(), oauth.codes.clone().into());
        object.insert("correlation_id".into(), oauth.correlation_id.as_deref().into());
    }
    object.retain(|_, value| !value.is_null());
    json!({ "error": object })
}
