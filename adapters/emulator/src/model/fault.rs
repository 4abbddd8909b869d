//! Faults: what a network, a proxy or an Entra in trouble can do to a request.

use std::time::Duration;

use serde_json::{Map, Value};

/// A fault for the queue: which requests it is for, how many of them, and what happens.
///
/// Made with one of the constructors, for one request of any kind, and then narrowed or widened:
///
/// ```
/// use azlatch_emulator::{Fault, Target};
///
/// let busy = Fault::status(429).retry_after("2").times(3).on(Target::Token);
/// assert_eq!(busy.times, 3);
/// let same = r#"{"kind": "status", "status": 429, "retry_after": "2", "times": 3, "on": "token"}"#;
/// assert_eq!(Fault::parse(same), Ok(busy));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which requests it is for.
    pub target: Target,
    /// How many of them; 0 for all until the next reset.
    pub times: u32,
    /// What happens.
    pub kind: Kind,
}

/// Which requests a fault is for. The control endpoints are never among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Those to a token endpoint.
    Token,
    /// Those to instance discovery, OpenID configuration, keys or user realm.
    Discovery,
    /// Those to the authorization endpoint, the device code endpoint and the pages of a sign-in.
    SignIn,
    /// All.
    Any,
}

/// What happens to a request that meets a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// This answer in place of the model's.
    Status {
        /// The status, 200 to 599.
        status: u16,
        /// The value of a `Retry-After` header (RFC 9110 §10.2.3): seconds or a date.
        retry_after: Option<String>,
        /// The body, JSON or plain text; without one, an error as Entra words it.
        body: Option<String>,
    },
    /// The model's answer, this much later.
    Slow(Duration),
    /// The connection is closed and the request not processed.
    Reset,
    /// The request is processed and then the connection closed.
    ResetAfter,
    /// The request is processed, but the connection closed after this many bytes of the body.
    Truncated(usize),
    /// A login page of a captive portal, with status 200.
    Html,
    /// JSON that breaks off, with status 200.
    Garbage,
    /// Nothing, with status 200.
    Empty,
    /// The model's answer, a byte at a time with this pause after each.
    Drip(Duration),
    /// No answer ever, on a connection that stays open.
    Silent,
    /// These bytes in place of an HTTP answer, then the connection is closed.
    Raw(Vec<u8>),
}

impl Fault {
    fn new(kind: Kind) -> Self {
        Fault { target: Target::Any, times: 1, kind }
    }

    /// [`Kind::Status`] with a body as Entra words it; a status outside of 200 to 599 becomes 500.
    pub fn status(status: u16) -> Self {
        Fault::new(Kind::Status { status: if is_final(status) { status } else { 500 }, retry_after: None, body: None })
    }

    /// [`Kind::Slow`].
    pub fn slow(pause: Duration) -> Self {
        Fault::new(Kind::Slow(pause))
    }

    /// [`Kind::Reset`].
    pub fn reset() -> Self {
        Fault::new(Kind::Reset)
    }

    /// [`Kind::ResetAfter`].
    pub fn reset_after() -> Self {
        Fault::new(Kind::ResetAfter)
    }

    /// [`Kind::Truncated`].
    pub fn truncated(bytes: usize) -> Self {
        Fault::new(Kind::Truncated(bytes))
    }

    /// [`Kind::Html`].
    pub fn html() -> Self {
        Fault::new(Kind::Html)
    }

    /// [`Kind::Garbage`].
    pub fn garbage() -> Self {
        Fault::new(Kind::Garbage)
    }

    /// [`Kind::Empty`].
    pub fn empty() -> Self {
        Fault::new(Kind::Empty)
    }

    /// [`Kind::Drip`].
    pub fn drip(pause: Duration) -> Self {
        Fault::new(Kind::Drip(pause))
    }

    /// [`Kind::Silent`].
    pub fn silent() -> Self {
        Fault::new(Kind::Silent)
    }

    /// [`Kind::Raw`].
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Fault::new(Kind::Raw(bytes.into()))
    }

    /// The same fault for these requests.
    #[must_use]
    pub fn on(self, target: Target) -> Self {
        Fault { target, ..self }
    }

    /// The same fault for this many requests; 0 for all until the next reset.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Fault { times, ..self }
    }

    /// The same fault with a `Retry-After` header, if it is a [`Kind::Status`].
    #[must_use]
    pub fn retry_after(mut self, value: impl Into<String>) -> Self {
        if let Kind::Status { retry_after, .. } = &mut self.kind {
            *retry_after = Some(value.into());
        }
        self
    }

    /// The same fault with this body, if it is a [`Kind::Status`].
    #[must_use]
    pub fn body(mut self, text: impl Into<String>) -> Self {
        if let Kind::Status { body, .. } = &mut self.kind {
            *body = Some(text.into());
        }
        self
    }

    /// Reads the JSON form that `POST /_emulator/fault` takes.
    ///
    /// `kind` is one of `status` (with `status` and optionally `retry_after`, `body`), `slow` and `drip` (with
    /// `millis`), `truncated` (with `bytes`), `raw` (with `text`), `reset`, `reset_after`, `html`, `garbage`,
    /// `empty`, `silent`. `on` is `token`, `discovery` or, by default, `any`; `times` is 1 by default.
    ///
    /// # Errors
    ///
    /// A sentence for the author of the JSON, if it is not that: an unknown member is refused too.
    pub fn parse(text: &str) -> Result<Self, String> {
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))?;
        let members = Members(&object);
        let kind = members.text("kind")?.ok_or("kind is missing")?;
        let own: &[&str] = match kind {
            "status" => &["status", "retry_after", "body"],
            "slow" | "drip" => &["millis"],
            "truncated" => &["bytes"],
            "raw" => &["text"],
            _ => &[],
        };
        let known = |name: &str| ["kind", "on", "times"].contains(&name) || own.contains(&name);
        if let Some(name) = object.keys().find(|name| !known(name)) {
            return Err(format!("{name} has no meaning for kind {kind}"));
        }

        let fault = match kind {
            "status" => Fault::new(Kind::Status {
                status: u16::try_from(members.number("status")?)
                    .ok()
                    .filter(|status| is_final(*status))
                    .ok_or("status must be 200 to 599")?,
                retry_after: members.text("retry_after")?.map(str::to_owned),
                body: members.text("body")?.map(str::to_owned),
            }),
            "slow" => Fault::slow(Duration::from_millis(members.number("millis")?)),
            "drip" => Fault::drip(Duration::from_millis(members.number("millis")?)),
            "truncated" => Fault::truncated(members.number("bytes")?.try_into().unwrap_or(usize::MAX)),
            "raw" => Fault::raw(members.text("text")?.ok_or("text is missing")?),
            "reset" => Fault::reset(),
            "reset_after" => Fault::reset_after(),
            "html" => Fault::html(),
            "garbage" => Fault::garbage(),
            "empty" => Fault::empty(),
            "silent" => Fault::silent(),
            _ => return Err(format!("unknown kind {kind}")),
        };
        let target = match members.text("on")? {
            None | Some("any") => Target::Any,
            Some("token") => Target::Token,
            Some("discovery") => Target::Discovery,
            Some("sign_in") => Target::SignIn,
            Some(other) => return Err(format!("on must be token, discovery, sign_in or any, not {other}")),
        };
        let times = match object.contains_key("times") {
            true => u32::try_from(members.number("times")?).map_err(|_| "times is too large")?,
            false => 1,
        };
        Ok(fault.on(target).times(times))
    }
}

/// Can an exchange end with this status? The informational ones only precede another.
fn is_final(status: u16) -> bool {
    (200..=599).contains(&status)
}

/// Typed access to the members of a JSON object.
struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    fn text(&self, name: &str) -> Result<Option<&'a str>, String> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{name} must be a string")),
        }
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        let value = self.0.get(name).ok_or(format!("{name} is missing"))?;
        value.as_u64().ok_or(format!("{name} must be a whole number, 0 or more"))
    }
}
