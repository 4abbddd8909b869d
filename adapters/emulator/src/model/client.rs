//! Who asks, and whether it can prove it (RFC 6749 §2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use super::fields::Fields;
use super::http::Request;
use super::refusal::Refusal;
use super::settings::Settings;

/// The client that a request claims to come from.
pub(crate) struct Claimant {
    pub(crate) client_id: String,
    secret: Option<String>,
    basic: bool,
}

/// Whether a grant may be used by a client without a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The client must prove who it is.
    Required,
    /// A public client need not.
    IfConfidential,
}

impl Claimant {
    /// Takes identifier and secret out of the body or an HTTP Basic header, never out of both.
    pub(crate) fn of(request: &Request, fields: &Fields) -> Result<Self, Refusal> {
        let malformed = |text: &str| Refusal::invalid_request(9_002_313, text);
        if fields.value("client_assertion").is_some() {
            let text = "The emulator does not check client assertions; use a client secret.";
            return Err(Refusal::invalid_client(700_027, text));
        }
        let body_id = fields.value("client_id").map(str::to_owned);
        let body_secret = fields.value("client_secret").map(str::to_owned);
        let Some(credentials) = request.header("authorization").and_then(basic_text) else {
            return Ok(Claimant {
                client_id: body_id.ok_or_else(|| Refusal::missing_field("client_id"))?,
                secret: body_secret,
                basic: false,
            });
        };

        let (id, secret) = basic(credentials).ok_or_else(|| malformed("The HTTP Basic credentials are malformed."))?;
        if body_secret.is_some() {
            return Err(malformed("The request has more than one client secret."));
        }
        if body_id.is_some_and(|body_id| body_id != id) {
            return Err(malformed("The request names two different clients."));
        }
        Ok(Claimant { client_id: id, secret: Some(secret).filter(|secret| !secret.is_empty()), basic: true })
    }

    /// Checks the claim against the registered clients, or, if there are none, lets any client in whose secret does
    /// not start with `wrong`.
    pub(crate) fn check(&self, settings: &Settings, proof: Proof) -> Result<(), Refusal> {
        let required = || {
            let text = "The request body must contain the following parameter: \
                'client_assertion' or 'client_secret'.";
            Err(Refusal::invalid_client(7_000_218, text))
        };
        let known = settings.clients.iter().find(|client| client.client_id.eq_ignore_ascii_case(&self.client_id));
        let good = match (&self.secret, known) {
            (None, None) if settings.clients.is_empty() => match proof {
                Proof::Required => return required(),
                Proof::IfConfidential => true,
            },
            (Some(secret), None) if settings.clients.is_empty() => !secret.starts_with("wrong"),
            (_, None) => return Err(unknown(&self.client_id)),
            (None, Some(client)) => {
                if proof == Proof::Required || client.secret.is_some() {
                    return required();
                }
                true
            }
            (Some(secret), Some(client)) => match &client.secret {
                Some(right) => secret == right,
                None => {
                    let text = "Client is public so neither 'client_assertion' nor \
                        'client_secret' should be presented.";
                    return Err(Refusal::invalid_client(700_025, text).with_challenge(self.basic));
                }
            },
        };
        if good { Ok(()) } else { Err(self.wrong_secret()) }
    }

    fn wrong_secret(&self) -> Refusal {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret \
             value, not the client secret ID, for a secret added to app '{}'.",
            self.client_id
        );
        Refusal::invalid_client(7_000_215, text).with_challenge(self.basic)
    }
}

/// Refuses a client that is not among the registered ones, if there are any.
pub(crate) fn check_known(settings: &Settings, client_id: &str) -> Result<(), Refusal> {
    let known = settings.clients.iter().any(|client| client.client_id.eq_ignore_ascii_case(client_id));
    if known || settings.clients.is_empty() { Ok(()) } else { Err(unknown(client_id)) }
}

fn unknown(client_id: &str) -> Refusal {
    let text = format!("Application with identifier '{client_id}' was not found in the directory.");
    Refusal::new(400, "unauthorized_client", 700_016, text)
}

/// What follows the scheme, if it is Basic (RFC 7617 §2).
fn basic_text(header: &str) -> Option<&str> {
    let (scheme, rest) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("basic").then(|| rest.trim())
}

/// Identifier and secret, each of them form-encoded before they were joined (RFC 6749 §2.3.1).
fn basic(text: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let id = form_decoded(id);
    (!id.is_empty()).then(|| (id, form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    // A lone value has no `=` or `&` left in it once encoded, so it parses as the name of one pair. What was sent
    // without encoding may have them; the raw text is then the best reading.
    if text.contains(['=', '&']) {
        return text.to_owned();
    }
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    pairs.next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}
