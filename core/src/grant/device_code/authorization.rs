//! What the authority gives for a device: the code to show, the code to keep, and how long both are good.

use alloc::format;
use alloc::string::{String, ToString};

use crate::authority::{Authority, AuthorityHost, Tenant};
use crate::error::{Error, ErrorKind};
use crate::scope::ScopeSet;
use crate::secret::{DeviceCode, Secret};
use crate::time::Unix;
use crate::wire::json::{Object, quote};
use crate::wire::text::printable;

/// A device authorization (RFC 8628 §3.2): what a sign-in that is under way can be resumed from until it expires.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceAuthorization {
    pub(super) authority: Authority,
    pub(super) client_id: String,
    pub(super) scopes: ScopeSet,
    /// Whether the tokens are for callers that can answer claims challenges.
    pub(super) cae: bool,
    pub(super) device_code: DeviceCode,
    pub(super) user_code: String,
    pub(super) verification_uri: String,
    pub(super) verification_uri_complete: Option<String>,
    pub(super) message: String,
    /// Seconds between two polls.
    pub(super) interval: u32,
    pub(super) expires_on: Unix,
}

/// Seconds between polls where the server does not say (RFC 8628 §3.5).
const INTERVAL: u32 = 5;

/// Seconds that a code lives where the server does not say.
const LIFE: i64 = 900;

/// Seconds that a code lives at most, whatever the server says.
const LONGEST: i64 = 24 * 3600;

impl DeviceAuthorization {
    /// Reads the answer of the device authorization endpoint to a request sent at `asked`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words that quote nothing of it.
    pub(super) fn read(
        body: &[u8],
        authority: &Authority,
        client_id: &str,
        (scopes, cae): (&ScopeSet, bool),
        asked: Unix,
    ) -> Result<Self, &'static str> {
        let object = core::str::from_utf8(body).ok().and_then(|text| Object::parse(text).ok());
        let object = object.ok_or("it is not a JSON object")?;
        let life = object.integer("expires_in").filter(|life| *life > 0).unwrap_or(LIFE).min(LONGEST);
        let interval = object.integer("interval").filter(|seconds| *seconds > 0).unwrap_or(INTERVAL.into());
        // ADFS has an older name for it.
        let uri = object.text("verification_uri").or_else(|| object.text("verification_url"));
        let uri = uri.filter(|uri| is_address(uri)).ok_or("it names no https address at which to type the code")?;
        let user_code = object.text("user_code").filter(|code| is_code(code, 64)).ok_or("it has no code to type")?;
        let device_code = object.text("device_code").filter(|code| is_code(code, 16 * 1024));
        let device_code = device_code.ok_or("it has no device code")?;
        // The server's wording, where it still tells the code when it is made safe, and only that one.
        let tells = |message: &String| message.contains(&*user_code) && !message.contains(&*device_code);
        let said = object.text("message").map(|message| printable(&message, 1024)).filter(tells);
        let message = match said {
            Some(message) => message,
            None => format!("To sign in, open {uri} in a web browser and enter the code {user_code}."),
        };
        Ok(Self {
            authority: authority.clone(),
            client_id: client_id.into(),
            scopes: scopes.clone(),
            cae,
            device_code: DeviceCode::from(device_code.as_ref()),
            user_code: user_code.into_owned(),
            verification_uri: uri.into_owned(),
            verification_uri_complete: object
                .text("verification_uri_complete")
                .filter(|uri| is_address(uri))
                .map(|uri| uri.into_owned()),
            message,
            interval: u32::try_from(interval).unwrap_or(u32::MAX),
            expires_on: asked.plus(life),
        })
    }

    /// Reads what [`to_json`](Self::to_json) wrote, in this process or another.
    ///
    /// # Errors
    ///
    /// `Configuration` when it is something else.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let read = || {
            let object = Object::parse(text).ok()?;
            let uri = |name: &str| object.text(name).filter(|uri| is_address(uri)).map(|uri| uri.into_owned());
            let graphic = |name: &str, max| object.text(name).filter(|code| is_code(code, max));
            let host = AuthorityHost::new(&object.text("authority")?).ok()?;
            Some(Self {
                authority: Authority { host, tenant: Tenant::new(&object.text("tenant")?).ok()? },
                client_id: graphic("client_id", 128)?.into_owned(),
                scopes: ScopeSet::new(object.text("scope")?.split_ascii_whitespace()).ok()?,
                cae: object.raw("cae") == Some("\"true\""),
                device_code: DeviceCode::from(graphic("device_code", 16 * 1024)?.as_ref()),
                user_code: graphic("user_code", 64)?.into_owned(),
                verification_uri: uri("verification_uri")?,
                verification_uri_complete: uri("verification_uri_complete"),
                message: printable(&object.text("message")?, 4096),
                interval: u32::try_from(object.integer("interval").filter(|seconds| *seconds > 0)?).ok()?,
                expires_on: Unix(object.integer("expires_on")?),
            })
        };
        read().ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "this is not a sign-in that can be resumed").advise("sign in anew")
        })
    }

    /// As JSON. Whoever has it before the person has agreed gets the tokens: as secret as a password.
    #[must_use]
    pub fn to_json(&self) -> Secret {
        let (authority, scope) = (self.authority.host.to_string(), self.scopes.to_string());
        let (interval, expires_on) = (self.interval.to_string(), self.expires_on.to_string());
        let members = [
            ("authority", authority.as_str()),
            ("tenant", self.authority.tenant.as_str()),
            ("client_id", &self.client_id),
            ("scope", &scope),
            ("cae", if self.cae { "true" } else { "" }),
            ("device_code", self.device_code.expose_secret()),
            ("user_code", &self.user_code),
            ("verification_uri", &self.verification_uri),
            ("verification_uri_complete", self.verification_uri_complete.as_deref().unwrap_or_default()),
            ("message", &self.message),
            ("interval", &interval),
            ("expires_on", &expires_on),
        ];
        // No copy of the secret stays behind in a buffer that grew.
        let room = members.iter().map(|(name, value)| name.len().saturating_add(value.len().saturating_mul(6)));
        let mut out = String::with_capacity(room.sum::<usize>().saturating_add(128));
        out.push('{');
        for (name, value) in members.into_iter().filter(|(_, value)| !value.is_empty()) {
            if out.len() > 1 {
                out.push(',');
            }
            quote(&mut out, name);
            out.push(':');
            quote(&mut out, value);
        }
        out.push('}');
        out.into()
    }

    /// For which scopes it was begun.
    #[must_use]
    pub const fn scopes(&self) -> &ScopeSet {
        &self.scopes
    }

    /// Whether it was begun for callers that can answer claims challenges (continuous access evaluation).
    #[must_use]
    pub const fn enable_cae(&self) -> bool {
        self.cae
    }

    /// The authority and the tenant at which it was begun.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// For which application.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// It can be resumed until then.
    #[must_use]
    pub const fn expires_on(&self) -> Unix {
        self.expires_on
    }
}

/// An https address that can be shown as it is.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").unwrap_or_default();
    !rest.is_empty() && !rest.starts_with('/') && text.len() <= 2048 && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_code(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}
