//! Proof key for code exchange (RFC 7636): only whoever asked for a code can redeem it. `plain` is refused.

use sha2::{Digest as _, Sha256};

use super::fields::Fields;
use super::mint::encode;
use super::refusal::Refusal;

/// The challenge of an authorization request, if it has one. The method has to be said: without it, it is `plain`.
pub(crate) fn challenge(fields: &Fields) -> Result<Option<String>, Refusal> {
    let method = fields.value("code_challenge_method");
    let Some(challenge) = fields.value("code_challenge") else {
        return match method {
            None => Ok(None),
            Some(_) => Err(Refusal::missing_field("code_challenge")),
        };
    };
    if method != Some("S256") {
        let text = "The code_challenge_method has to be 'S256'.";
        return Err(Refusal::invalid_request(50147, text));
    }
    if challenge.len() != 43 || !challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        let text = "Invalid size of Code_Challenge parameter.";
        return Err(Refusal::invalid_request(501_491, text));
    }
    Ok(Some(challenge.to_owned()))
}

/// Checks a verifier against the challenge of the code. One that nobody asked for is refused too
/// (RFC 9700 §4.8.2).
pub(crate) fn verify(verifier: Option<&str>, challenge: Option<&str>) -> Result<(), Refusal> {
    let text = match (verifier, challenge) {
        (None, None) => return Ok(()),
        (Some(verifier), Some(challenge)) if is_verifier(verifier) => {
            if encode(Sha256::digest(verifier)) == challenge {
                return Ok(());
            }
            "The Code_Verifier does not match the code_challenge supplied in the authorization request."
        }
        (Some(_), Some(_)) => "The Code_Verifier is malformed: it has to be 43 to 128 unreserved characters.",
        (None, Some(_)) => {
            "The Code_Verifier is missing, and a code_challenge was supplied in the authorization request."
        }
        (Some(_), None) => "A Code_Verifier was sent, and no code_challenge supplied in the authorization request.",
    };
    Err(Refusal::new(400, "invalid_grant", 50148, text))
}

/// RFC 7636 §4.1.
fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}
