//! How the model behaves when no fault is asked for.

use std::fmt;

use serde_json::{Map, Value, json};

use super::user::User;

/// The client identifier of the Azure CLI, which developer tools sign users in with.
const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

/// The settings of a model.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Scheme, host and port under which clients reach the emulator; used in discovery documents and as issuer.
    /// A started [`Emulator`](crate::Emulator) sets it to its own address.
    pub authority: String,
    /// Life of an access token in seconds, given as `expires_in`.
    pub expires_in: i64,
    /// Life of an access token during an outage, in seconds, given as `ext_expires_in`.
    pub ext_expires_in: i64,
    /// Seconds after which to refresh ahead of time, given as `refresh_in` if set.
    pub refresh_in: Option<i64>,
    /// The registered clients. Empty means: any client identifier, and any secret that is not empty and does not
    /// start with `wrong`.
    pub clients: Vec<Client>,
    /// The users. Empty means: any user name with an `@`, at home in its domain and a guest everywhere, and any
    /// password that does not start with `wrong`.
    pub users: Vec<User>,
    /// The clients that share their refresh tokens, which is told them as `foci`.
    pub family_clients: Vec<String>,
    /// The name of a user who signs in without being asked: the authorization endpoint redirects at once (a
    /// `login_hint` may name another user), and device codes are approved by themselves.
    pub auto_approve: Option<String>,
    /// Whether the sign-in page asks for consent each time, not for `prompt=consent` only.
    pub consent: bool,
    /// How many polls find a device code pending before `auto_approve` approves it.
    pub device_pending: u32,
    /// Seconds between the polls of a device; one that is more than a second early is told to slow down.
    pub device_interval: i64,
    /// How many polls of each device code are told to slow down, whenever they come.
    pub device_slow_down: u32,
    /// Life of a device code in seconds.
    pub device_expires_in: i64,
    /// Whether the device answer has a `verification_uri_complete` (RFC 8628 §3.3.1); that of Entra has none.
    pub device_complete_uri: bool,
    /// Whether a refresh gives a new refresh token and spends the one used. If not, the answer has no
    /// `refresh_token` and the one used stays good (RFC 6749 §6).
    pub rotate: bool,
    /// Whether a spent refresh token is refused and revokes its whole family (RFC 9700 §4.14.2). If not, a spent one
    /// works like any other.
    pub reuse_detection: bool,
    /// For how many seconds a spent refresh token still works under `reuse_detection`; 0 for not at all.
    pub reuse_grace: i64,
    /// Access tokens are padded to at least this many characters, at most 1 MiB.
    pub token_size: usize,
    /// Models with different seeds give out different tokens.
    pub seed: u64,
}

impl Default for Settings {
    /// Any client and any user, tokens of about an hour, rotation with reuse detection, the Azure CLI as the only
    /// client of the family.
    fn default() -> Self {
        Settings {
            authority: "https://localhost".to_owned(),
            expires_in: 3599,
            ext_expires_in: 3599,
            refresh_in: None,
            clients: Vec::new(),
            users: Vec::new(),
            family_clients: vec![AZURE_CLI.to_owned()],
            auto_approve: None,
            consent: false,
            device_pending: 1,
            device_interval: 5,
            device_slow_down: 0,
            device_expires_in: 900,
            device_complete_uri: false,
            rotate: true,
            reuse_detection: true,
            reuse_grace: 0,
            token_size: 0,
            seed: 0,
        }
    }
}

/// A registered client.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// Its identifier; compared without regard to case.
    pub client_id: String,
    /// Its secret; `None` for a public client (RFC 6749 §2.1).
    pub secret: Option<String>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("client_id", &self.client_id)
            .field("secret", &self.secret.as_ref().map(|_| "[redacted]"))
            .finish()
    }
}

impl Settings {
    /// What can be changed from outside, as the control endpoint shows it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "expires_in": self.expires_in,
            "ext_expires_in": self.ext_expires_in,
            "refresh_in": self.refresh_in,
            "rotate": self.rotate,
            "reuse_detection": self.reuse_detection,
            "reuse_grace": self.reuse_grace,
            "token_size": self.token_size,
            "family_clients": self.family_clients,
            "auto_approve": self.auto_approve,
            "consent": self.consent,
            "device_pending": self.device_pending,
            "device_interval": self.device_interval,
            "device_slow_down": self.device_slow_down,
            "device_expires_in": self.device_expires_in,
            "device_complete_uri": self.device_complete_uri,
        })
    }

    /// Does the client share its refresh tokens?
    pub(crate) fn is_family(&self, client_id: &str) -> bool {
        self.family_clients.iter().any(|known| known.eq_ignore_ascii_case(client_id))
    }

    /// The settings after the changes in `text`; an error changes nothing.
    pub(crate) fn changed(&self, text: &str) -> Result<Settings, String> {
        let changes: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))?;
        let mut settings = self.clone();
        for (name, value) in &changes {
            let wrong = || format!("unfit value for {name}");
            let yes = || value.as_bool().ok_or_else(wrong);
            let number = || value.as_i64().ok_or_else(wrong);
            let count = || value.as_u64().and_then(|count| u32::try_from(count).ok()).ok_or_else(wrong);
            let text = || value.as_str().map(str::to_owned).ok_or_else(wrong);
            match name.as_str() {
                "expires_in" => settings.expires_in = number()?,
                "ext_expires_in" => settings.ext_expires_in = number()?,
                "refresh_in" if value.is_null() => settings.refresh_in = None,
                "refresh_in" => settings.refresh_in = Some(number()?),
                "rotate" => settings.rotate = yes()?,
                "reuse_detection" => settings.reuse_detection = yes()?,
                "reuse_grace" => settings.reuse_grace = number()?,
                "token_size" => {
                    let size = value.as_u64().and_then(|size| usize::try_from(size).ok());
                    settings.token_size = size.ok_or_else(wrong)?;
                }
                "family_clients" => {
                    let clients = value.as_array().ok_or_else(wrong)?.iter();
                    let clients = clients.map(|client| client.as_str().map(str::to_owned));
                    settings.family_clients = clients.collect::<Option<_>>().ok_or_else(wrong)?;
                }
                "auto_approve" if value.is_null() => settings.auto_approve = None,
                "auto_approve" => settings.auto_approve = Some(text()?),
                "consent" => settings.consent = yes()?,
                "device_pending" => settings.device_pending = count()?,
                "device_interval" => settings.device_interval = number()?,
                "device_slow_down" => settings.device_slow_down = count()?,
                "device_expires_in" => settings.device_expires_in = number()?,
                "device_complete_uri" => settings.device_complete_uri = yes()?,
                _ => return Err(format!("unknown setting {name}")),
            }
        }
        Ok(settings)
    }
}
