//! A token endpoint's no (RFC 6749 §5.2) and everything that is neither yes nor no, made one [`Error`].

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use super::post::retry_after;
use crate::effect::Response;
use crate::error::{Error, ErrorKind, OAuthError};
use crate::time::Unix;
use crate::wire::form::Form;
use crate::wire::json::{Object, integer, items};
use crate::wire::text::printable;

/// Reads the fields of an error answer, bounded, printable, and without what `sent` kept secret.
fn fields(object: &Object<'_>, sent: &Form) -> OAuthError {
    let shown = |name: &str, max| object.text(name).map(|t| printable(&sent.redact(&t), max));
    OAuthError {
        error: shown("error", 128).unwrap_or_default(),
        suberror: shown("suberror", 128),
        description: shown("error_description", 2048),
        codes: object
            .raw("error_codes")
            .and_then(items)
            .map(|codes| codes.into_iter().take(16).filter_map(|raw| u32::try_from(integer(raw)?).ok()).collect())
            .unwrap_or_default(),
        // Sent back to the authority as they came, so they are bounded but not escaped.
        claims: object.text("claims").filter(|c| c.len() <= 16 * 1024 && Object::parse(c).is_ok()).map(Cow::into_owned),
        correlation_id: shown("correlation_id", 64),
        trace_id: shown("trace_id", 64),
        timestamp: shown("timestamp", 64),
    }
}

/// What to do about an AADSTS code, where that is known.
fn advice(code: u32) -> Option<&'static str> {
    Some(match code {
        7_000_215 => "check the client secret: use its value, not its id, and the one of this application",
        7_000_222 => "the client secret has expired; create a new one in the application's registration",
        700_016 => "check the client id and the tenant: the application is not registered or consented to there",
        7_000_112 => "the application is disabled; enable it in the tenant",
        7_000_218 => "the application is confidential: give its secret or certificate, or allow public client flows",
        700_025 => "the application is public: do not send a secret",
        90_002 | 900_023 => "check the tenant: a GUID or a domain name that exists in this cloud",
        50_059 | 50_194 | 9_001_023 => "use the tenant's own GUID or domain instead of common or organizations",
        70_011 | 1_002_012 => "check the scope: applications ask for one resource, as <resource>/.default",
        500_011 | 50_001 => "check the scope: the tenant does not know that resource",
        65_001 | 90_094 | 90_095 => "an administrator must consent to the application's permissions",
        50_196 => "the application asks for the same token too often; use the cache",
        50_126 | 50_034 | 50_056 => "check the user name and the password",
        70_008 | 700_082 | 700_084 | 50_173 | 50_133 => "sign in again",
        _ => return None,
    })
}

/// The words that mean a person must act, when the grant belongs to a person; to sign in again helps nobody whose name
/// or password is wrong.
fn asks_for_a_person(oauth: &OAuthError) -> bool {
    let wrong_password = |code| matches!(code, 50_126 | 50_034 | 50_056);
    if oauth.codes.iter().copied().any(wrong_password) {
        return false;
    }
    matches!(oauth.error.as_str(), "invalid_grant" | "interaction_required" | "login_required" | "consent_required")
}

/// The error that `response` means; `of_a_user` when the grant belonged to a person.
pub(crate) fn classify(response: &Response, sent: &Form, of_a_user: bool, now: Unix) -> Error {
    let object = core::str::from_utf8(response.body.expose_secret()).ok().and_then(|text| Object::parse(text).ok());
    let after = retry_after(response, now);
    let oauth = object.as_ref().filter(|o| o.text("error").is_some()).map(|o| fields(o, sent));
    match (response.status, oauth) {
        (429 | 408 | 500.., oauth) => overloaded(response.status, oauth, after),
        (400 | 401 | 403, Some(oauth)) => refused(oauth, of_a_user),
        (300..=399, _) => unexpected(response, "it is a redirect, which is never followed"),
        (407, _) => unexpected(response, "a proxy wants credentials of its own").advise("check HTTPS_PROXY"),
        _ => unexpected(response, "it is not an answer of a token endpoint"),
    }
}

fn refused(oauth: OAuthError, of_a_user: bool) -> Error {
    let person = of_a_user && asks_for_a_person(&oauth);
    let kind = if person { ErrorKind::InteractionRequired } else { ErrorKind::AuthenticationFailed };
    let passing = oauth.codes.iter().any(|code| matches!(code, 90_033 | 90_006 | 90_012 | 90_024));
    let said = oauth
        .description
        .as_deref()
        .and_then(|d| d.split(" Trace ID:").next())
        .map(str::trim_end)
        .filter(|d| !d.is_empty());
    let mut message = String::from(if person { "a person must sign in again: " } else { "the authority refused: " });
    message.push_str(said.map(|s| s.trim_end_matches('.')).unwrap_or(&oauth.error));
    let advice = oauth.codes.iter().find_map(|code| advice(*code));
    let error = Error::new(kind, message).with_oauth(oauth).with_retry(passing, None);
    match advice {
        Some(advice) => error.advise(advice),
        None => error,
    }
}

fn overloaded(status: u16, oauth: Option<OAuthError>, after: Option<core::time::Duration>) -> Error {
    let message = match status {
        429 => String::from("the authority asks for fewer requests (status 429)"),
        _ => format!("the authority is not able to answer now (status {status})"),
    };
    let error = Error::new(ErrorKind::Network, message).with_retry(true, after);
    let error = match after {
        Some(span) => error.advise(format!("try again in {} s", span.as_secs().max(1))),
        None => error.advise("try again later"),
    };
    match oauth {
        Some(oauth) => error.with_oauth(oauth),
        None => error,
    }
}

/// An answer that no token endpoint gives: its type and length are told, never its text.
pub(crate) fn unexpected(response: &Response, why: &str) -> Error {
    let kind = response
        .header("content-type")
        .map_or_else(|| String::from("of no type"), |t| format!("of type {}", printable(t, 60)));
    let bytes = response.body.expose_secret().len();
    let message = format!(
        "something else answered in the authority's place (status {}, {bytes} bytes {kind}): {why}",
        response.status
    );
    Error::new(ErrorKind::Network, message)
        .advise("a proxy or captive portal may stand in between, or the authority host is wrong")
}
