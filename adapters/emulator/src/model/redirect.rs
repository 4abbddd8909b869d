//! The way back to the client: where it may lead, and what is sent along (RFC 6749 §4.1.2, RFC 9207).

use url::Url;

use super::Entra;
use super::authorize::{Ask, Return};
use super::context::Context;
use super::http::Answer;
use super::page;
use super::person::Person;
use super::refusal::Refusal;
use super::tenant::issuer;

/// How parameters are sent to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// In the query of a redirect.
    Query,
    /// By a form that sends itself (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// Refuses an address to which nothing may be sent: all but loopback addresses, with any port (RFC 8252 §7.3), and
/// `https` ones.
pub(crate) fn check_redirect(text: &str) -> Result<(), Refusal> {
    let good = Url::parse(text).is_ok_and(|url| {
        let looped = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        let safe = url.scheme() == "https" && url.host_str().is_some() || url.scheme() == "http" && looped;
        safe && url.fragment().is_none()
    });
    if good {
        return Ok(());
    }
    let text = format!(
        "The redirect URI '{text}' specified in the request does not match the redirect URIs configured for the \
         application."
    );
    Err(Refusal::invalid_request(50011, text))
}

impl Entra {
    /// Sends a code to the client.
    pub(super) fn redirect_code(&mut self, back: &Return, tenant: &str, person: &Person, code: &str) -> Answer {
        let mut pairs = vec![("code", code.to_owned())];
        pairs.extend(back.client_info.then(|| ("client_info", person.client_info())));
        pairs.extend(back.state.clone().map(|state| ("state", state)));
        pairs.push(("session_state", self.mint.identifier(self.settings.seed)));
        pairs.push(("iss", issuer(&self.settings.authority, tenant)));
        send(back, &pairs)
    }

    /// Tells the client why there is no code. Its `iss` is the issuer of the tenant that the client named.
    pub(super) fn redirect_refused(&self, context: &Context, ask: &Ask, back: &Return, refusal: &Refusal) -> Answer {
        // The token endpoint's word for what is wrong with a user is none of this endpoint's (RFC 6749 §4.1.2.1).
        let error = if refusal.error() == "invalid_grant" { "access_denied" } else { refusal.error() };
        let mut pairs = vec![("error", error.to_owned()), ("error_description", refusal.description(context))];
        pairs.extend(refusal.subcode().map(|subcode| ("error_subcode", subcode.to_owned())));
        pairs.extend(refusal.claims().map(|claims| ("claims", claims.to_owned())));
        pairs.extend(back.state.clone().map(|state| ("state", state)));
        pairs.push(("iss", issuer(&self.settings.authority, &ask.tenant)));
        send(back, &pairs)
    }
}

fn send(back: &Return, pairs: &[(&str, String)]) -> Answer {
    match (back.mode, Url::parse(&back.redirect_uri)) {
        (Mode::Query, Ok(mut url)) => {
            url.query_pairs_mut().extend_pairs(pairs);
            let mut answer = Answer::new(302, "text/html; charset=utf-8", "");
            answer.headers.push(("location".to_owned(), url.into()));
            answer
        }
        _ => page::form_post(&back.redirect_uri, pairs),
    }
}
