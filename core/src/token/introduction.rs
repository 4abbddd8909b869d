//! Whom a grant is for: an id token is a hint, but one that speaks of somebody else is a reason to refuse.

use crate::authority::{AuthorityHost, cloud};
use crate::error::{Error, ErrorKind};
use crate::token::Granted;
use crate::wire::jwt::AccountHints;

/// What the id token of `granted` tells, which came to application `client_id` from `host` on the very connection that
/// brought the tokens (OpenID Connect Core §3.1.3.7). Its times are not looked at: clocks differ.
///
/// # Errors
///
/// `AuthenticationFailed` when it speaks of another application or cloud.
pub(crate) fn introduction(granted: &Granted, client_id: &str, host: &AuthorityHost) -> Result<AccountHints, Error> {
    let refused = |why| Error::new(ErrorKind::AuthenticationFailed, why).advise("sign in again");
    let hints = granted.id_token.as_ref().and_then(|token| AccountHints::parse(token.expose_secret()));
    let hints = hints.unwrap_or_default();
    if !hints.audience.is_empty() && !hints.audience.iter().any(|a| a.eq_ignore_ascii_case(client_id)) {
        return Err(refused("the authority's answer is for another application"));
    }
    // Authorities of one's own, and those of customers, sign with names of their own choosing.
    if let Some(issuer) = hints.issuer.as_deref().filter(|_| host.is_known()) {
        let issuing = issuer.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        if !cloud::same_environment(host.environment(), issuing) {
            return Err(refused("the authority's answer names another issuer"));
        }
    }
    Ok(hints)
}
