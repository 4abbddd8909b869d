//! `AuthenticationRecord`: who signed in, for a later run to go on as that person without asking.
//!
//! It holds no secret, only which account of a shared cache is meant; but a user name is personal data. What is
//! written is what Azure Identity for Python and Go write; what is read is what any of its languages writes: with or
//! without a `version`, the authority as a host or as an address.

use alloc::format;
use alloc::string::String;
use core::fmt;

use crate::authority::{AuthorityHost, Tenant};
use crate::error::{Error, ErrorKind};
use crate::wire::json::{Object, quote};
use crate::wire::text::printable;

/// The version that is written, and the only one that is read.
const VERSION: &str = "1.0";

/// A longer text is no record.
const LIMIT: usize = 64 * 1024;

/// Which account of which cloud signed in to which application (Azure Identity's `AuthenticationRecord`).
///
/// ```
/// use azlatch_core::AuthenticationRecord;
///
/// // As .NET writes it: no version, another order.
/// let record = AuthenticationRecord::from_json(
///     r#"{"username":"ada@contoso.example","authority":"login.microsoftonline.com","homeAccountId":"uid.utid",
///         "tenantId":"contoso.example","clientId":"04b07795-8ddb-461a-bbee-02f9e1bf7b46"}"#,
/// )?;
/// assert_eq!(record.username, "ada@contoso.example");
/// assert!(record.to_json().ends_with(r#""version": "1.0"}"#));
/// # Ok::<(), azlatch_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AuthenticationRecord {
    /// The authority's host: refresh tokens of the account are sent there and nowhere else.
    pub authority: AuthorityHost,
    /// The application.
    pub client_id: String,
    /// `uid.utid`: the account, whatever it is called.
    pub home_account_id: String,
    /// The tenant signed in to, which may be one where the account is a guest.
    pub tenant_id: Tenant,
    /// The user name, for people to read; empty where the authority does not tell.
    pub username: String,
}

impl AuthenticationRecord {
    /// A record of these parts.
    #[must_use]
    pub const fn new(
        authority: AuthorityHost,
        client_id: String,
        home_account_id: String,
        tenant_id: Tenant,
        username: String,
    ) -> Self {
        Self { authority, client_id, home_account_id, tenant_id, username }
    }

    /// Reads what any of Azure Identity's languages wrote.
    ///
    /// # Errors
    ///
    /// `Configuration` when it is no JSON object, lacks a member, has one that cannot be what it says, or is of another
    /// version.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let refused = |why: String| {
            Error::new(ErrorKind::Configuration, format!("the authentication record cannot be read: {why}"))
                .advise("sign in again to make a new one")
        };
        let text = text.trim_start_matches('\u{feff}');
        if text.len() > LIMIT {
            return Err(refused("it is longer than 64 KiB".into()));
        }
        let object = Object::parse(text)
            .map_err(|place| refused(format!("it is no JSON object (line {}, column {})", place.line, place.column)))?;
        match object.raw("version").map(crate::wire::json::text) {
            None => {}
            Some(Some(version)) if version == VERSION => {}
            Some(version) => {
                let shown = version.map_or_else(|| "not a text".into(), |version| printable(&version, 20));
                return Err(refused(format!("its version is {shown}, and only {VERSION} is known")));
            }
        }
        let member = |name: &str| {
            let text = object.text(name).filter(|text| !text.is_empty() && text.len() <= 1024);
            text.ok_or_else(|| refused(format!("`{name}` is missing, or no short text")))
        };
        let graphic = |name: &str| {
            let text = member(name)?;
            let fits = text.bytes().all(|b| b.is_ascii_graphic());
            if fits { Ok(text.into_owned()) } else { Err(refused(format!("`{name}` has odd characters"))) }
        };
        let because = |error: Error| refused(error.message().into());
        Ok(Self {
            authority: AuthorityHost::new(&member("authority")?).map_err(because)?,
            client_id: graphic("clientId")?,
            home_account_id: graphic("homeAccountId")?,
            tenant_id: Tenant::new(&member("tenantId")?).map_err(because)?,
            username: object.text("username").map(|name| printable(&name, 1024)).unwrap_or_default(),
        })
    }

    /// The six members that every language reads, as Python writes them.
    #[must_use]
    pub fn to_json(&self) -> String {
        let authority = format!("{}", self.authority);
        let members = [
            ("authority", authority.as_str()),
            ("clientId", &self.client_id),
            ("homeAccountId", &self.home_account_id),
            ("tenantId", self.tenant_id.as_str()),
            ("username", &self.username),
            ("version", VERSION),
        ];
        let mut out = String::from("{");
        for (name, value) in members {
            if out.len() > 1 {
                out.push_str(", ");
            }
            quote(&mut out, name);
            out.push_str(": ");
            quote(&mut out, value);
        }
        out.push('}');
        out
    }
}

impl fmt::Display for AuthenticationRecord {
    /// The user name, or the account's id where there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.username.is_empty() { &self.home_account_id } else { &self.username })
    }
}
