//! How the model behaves when no fault is asked for.

use std::fmt;

use serde_json::{Map, Value, json};

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
    /// Any client, tokens of about an hour, rotation with reuse detection.
    fn default() -> Self {
        Settings {
            authority: "https://localhost".to_owned(),
            expires_in: 3599,
            ext_expires_in: 3599,
            refresh_in: None,
            clients: Vec::new(),
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
        })
    }

    /// The settings after the changes in `text`; an error changes nothing.
    pub(crate) fn changed(&self, text: &str) -> Result<Settings, String> {
        let changes: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))?;
        let mut settings = self.clone();
        for (name, value) in &changes {
            let wrong = || format!("unfit value for {name}");
            match name.as_str() {
                "expires_in" => settings.expires_in = value.as_i64().ok_or_else(wrong)?,
                "ext_expires_in" => settings.ext_expires_in = value.as_i64().ok_or_else(wrong)?,
                "refresh_in" if value.is_null() => settings.refresh_in = None,
                "refresh_in" => settings.refresh_in = Some(value.as_i64().ok_or_else(wrong)?),
                "rotate" => settings.rotate = value.as_bool().ok_or_else(wrong)?,
                "reuse_detection" => settings.reuse_detection = value.as_bool().ok_or_else(wrong)?,
                "reuse_grace" => settings.reuse_grace = value.as_i64().ok_or_else(wrong)?,
                "token_size" => {
                    let size = value.as_u64().and_then(|size| usize::try_from(size).ok());
                    settings.token_size = size.ok_or_else(wrong)?;
                }
                _ => return Err(format!("unknown setting {name}")),
            }
        }
        Ok(settings)
    }
}
