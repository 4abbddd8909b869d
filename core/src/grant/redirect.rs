//! Loopback redirects (RFC 8252 §7.3): the address that the authority sends the browser back to, and what it brings.
//!
//! What arrives is a stranger's until its `state` is ours (RFC 9700 §2.1) and its `iss`, where there is one, the
//! authority that was asked (RFC 9207); only then is the code looked at, and never twice.

use alloc::format;
use alloc::string::{String, ToString};

use url::Url;

use crate::authority::{Authority, cloud};
use crate::effect::Redirect;
use crate::error::{Error, ErrorKind, OAuthError};
use crate::secret::{AuthorizationCode, Secret};
use crate::wire::form::Form;
use crate::wire::text::printable;

/// A redirect address on this machine: `http://localhost`, `127.0.0.1` or `[::1]`, with or without a port and a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RedirectUri {
    host: String,
    port: Option<u16>,
    path: String,
}

impl Default for RedirectUri {
    /// `http://localhost` at a port of the system's choosing, which Entra takes from every public client.
    fn default() -> Self {
        Self { host: "localhost".into(), port: None, path: String::new() }
    }
}

impl RedirectUri {
    /// Reads `http://localhost[:port][/path]`, or the same with a loopback address.
    ///
    /// # Errors
    ///
    /// `Configuration` when it is anything else: the answer of the browser is received on this machine only.
    pub fn new(text: &str) -> Result<Self, Error> {
        let refused = |why: &str| {
            let message =
                format!("`{}` cannot be the redirect address of a browser sign-in: {why}", printable(text, 120));
            Error::new(ErrorKind::Configuration, message)
                .advise("use http://localhost, with the port that is registered for the application if one is")
        };
        let url = Url::parse(text).map_err(|_| refused("it is no address"))?;
        let host = url.host_str().unwrap_or_default();
        if url.scheme() != "http" || !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
            return Err(refused("it is not http on this machine"));
        }
        let extras = url.query().is_some() || url.fragment().is_some() || url.password().is_some();
        if extras || !url.username().is_empty() {
            return Err(refused("it has more than a host, a port and a path"));
        }
        // What is registered ends with a slash or does not, and the authority compares to the letter.
        let path = match url.path() {
            "/" if !text.ends_with('/') => "",
            path => path,
        };
        // A port of 80 that was typed is one; the parser leaves it out.
        let typed_80 = || text.split('/').nth(2).is_some_and(|place| place.ends_with(":80"));
        let port = url.port().or_else(|| typed_80().then_some(80));
        Ok(Self { host: host.into(), port, path: path.into() })
    }

    /// The port to listen at; 0 for any.
    pub(super) fn port(&self) -> u16 {
        self.port.unwrap_or_default()
    }

    /// The path at which the answer arrives.
    pub(super) fn path(&self) -> String {
        if self.path.is_empty() { "/".into() } else { self.path.clone() }
    }

    /// The address, the listener being at `port`.
    pub(super) fn at(&self, port: u16) -> String {
        format!("http://{}:{port}{}", self.host, self.path)
    }
}

/// The answer is to our question. Only [`StateMatched::check`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct StateMatched(());

impl StateMatched {
    /// Whether the one `state` of `redirect` is `ours`, compared in constant time.
    fn check(redirect: &Redirect, ours: &Secret) -> Result<Self, Error> {
        #[cfg(canary)]
        if crate::canary::is(crate::canary::Bug::StateNotCompared) {
            return Ok(Self(()));
        }
        match single(redirect, "state") {
            Ok(Some(state)) if state == ours => Ok(Self(())),
            _ => Err(foreign("its state is not the one of this sign-in")),
        }
    }
}

/// Reads the browser's answer to a question that was asked of `authority` with `state`.
///
/// # Errors
///
/// `AuthenticationFailed` when it is not an answer to this question, or a no.
pub(super) fn read(
    redirect: &Redirect,
    state: &Secret,
    authority: &Authority,
) -> Result<(AuthorizationCode, StateMatched), Error> {
    let ours = StateMatched::check(redirect, state)?;
    if let Some(issuer) = single(redirect, "iss")? {
        check_issuer(issuer.expose_secret(), authority)?;
    }
    if let Some(error) = single(redirect, "error")? {
        return Err(refusal(redirect, error));
    }
    let code = single(redirect, "code")?.map(Secret::expose_secret).unwrap_or_default();
    if code.is_empty() || code.len() > 16 * 1024 || !code.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(foreign("it has no code"));
    }
    Ok((AuthorizationCode::from(code), ours))
}

/// The value of the parameter `name`; one that is there twice is nobody's (RFC 6749 §3.1).
fn single<'a>(redirect: &'a Redirect, name: &str) -> Result<Option<&'a Secret>, Error> {
    let mut values = redirect.parameters.iter().filter(|(n, _)| n == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (value, None) => Ok(value.filter(|value| !value.expose_secret().is_empty())),
        _ => Err(foreign("a parameter is there twice")),
    }
}

fn foreign(why: &str) -> Error {
    Error::new(ErrorKind::AuthenticationFailed, format!("the browser's answer cannot be used: {why}"))
        .advise("sign in again, in the window that was opened last")
}

/// RFC 9207 §2.4: an answer of another authority than the one that was asked is a mix-up.
///
/// The authority's issuer is `https://{host}/{tenant}/v2.0`. A tenant that was named by its domain, or not at all, is
/// told by its id there; and one cloud has several hosts.
fn check_issuer(issuer: &str, authority: &Authority) -> Result<(), Error> {
    let mix_up = || foreign("it comes from another authority than the one that was asked");
    let rest = issuer.strip_prefix("https://").ok_or_else(mix_up)?;
    let (host, path) = rest.split_once('/').ok_or_else(mix_up)?;
    let own = authority.host.to_string();
    // To the letter, as RFC 9207 has it: no issuer writes its name in capitals.
    let known = cloud::find(authority.host.environment()).filter(|_| authority.host.is_known());
    let alias = known.is_some_and(|cloud| cloud.aliases.contains(&host));
    if host != own && !alias {
        return Err(mix_up());
    }
    if authority.tenant.is_adfs() {
        return Ok(());
    }
    let tenant = path.strip_suffix("/v2.0").filter(|tenant| !tenant.is_empty() && !tenant.contains('/'));
    let named = authority.tenant.as_str();
    // Domains have dots, and tenants' ids have none.
    let told_by_id = authority.tenant.is_open() || named.contains('.');
    match tenant {
        Some(tenant) if told_by_id || tenant == named || tenant == named.to_ascii_lowercase() => Ok(()),
        _ => Err(mix_up()),
    }
}

/// The text of `value` without the state and the code, should it quote them.
fn discreet(redirect: &Redirect, value: &Secret) -> String {
    let told = |name: &str| single(redirect, name).ok().flatten().map(Secret::expose_secret).unwrap_or_default();
    let secrets = Form::new().secret("state", told("state")).secret("code", told("code"));
    secrets.redact(value.expose_secret())
}

fn refusal(redirect: &Redirect, error: &Secret) -> Error {
    let shown = |name: &str, max| {
        let value = single(redirect, name).ok().flatten();
        value.map(|value| printable(&discreet(redirect, value), max))
    };
    let word = printable(&discreet(redirect, error), 128);
    let description = shown("error_description", 2048);
    let cancelled = word == "access_denied" || shown("error_subcode", 64).as_deref() == Some("cancel");
    // Nobody was to be asked (`prompt=none`), and somebody must be.
    let person = matches!(word.as_str(), "interaction_required" | "login_required" | "consent_required");
    let kind = if person { ErrorKind::InteractionRequired } else { ErrorKind::AuthenticationFailed };
    let message = match (cancelled, &description) {
        (true, _) => "the sign-in was cancelled, or consent was not given".to_string(),
        (false, Some(text)) => format!("the sign-in failed: {}", text.trim_end_matches('.')),
        (false, None) => format!("the sign-in failed: {word}"),
    };
    let oauth = OAuthError { error: word, suberror: shown("suberror", 128), description, ..OAuthError::default() };
    Error::new(kind, message).with_oauth(oauth).advise("sign in again")
}
