//! One opaque error, with predicates: local misuse, remote misbehaviour and storage trouble are told apart.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Why there is no token. Printable as it stands: remote text in it is bounded and escaped, secrets are never in it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Inner {
    kind: ErrorKind,
    message: String,
    advice: Option<String>,
    oauth: Option<OAuthError>,
    retryable: bool,
    retry_after: Option<Duration>,
    timeout: bool,
    cause: Option<Error>,
}

/// What kind of trouble an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What the application or its environment asked for cannot be done.
    Configuration,
    /// The authority said no.
    AuthenticationFailed,
    /// A person must sign in (again).
    InteractionRequired,
    /// This credential cannot be used here; a chain goes on to its next member.
    Unavailable,
    /// The authority could not be reached, was overloaded, or something else answered in its place.
    Network,
    /// The store could not be used, and without it there is no answer.
    Storage,
    /// The caller went away.
    Cancelled,
    /// A flow was stepped against its contract: a defect in the host.
    Misuse,
}

impl ErrorKind {
    /// The kind as one lower-case word with underscores, as the command line's JSON spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::AuthenticationFailed => "authentication_failed",
            Self::InteractionRequired => "interaction_required",
            Self::Unavailable => "unavailable",
            Self::Network => "network",
            Self::Storage => "storage",
            Self::Cancelled => "cancelled",
            Self::Misuse => "misuse",
        }
    }
}

/// The fields of an OAuth error answer (RFC 6749 §5.2, with Entra's additions); each bounded and made printable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct OAuthError {
    /// `error`: `invalid_grant`, `invalid_client`, ….
    pub error: String,
    /// `suberror`: `bad_token`, `consent_required`, ….
    pub suberror: Option<String>,
    /// `error_description`, at most 2 KiB.
    pub description: Option<String>,
    /// `error_codes`: the numbers after `AADSTS`.
    pub codes: Vec<u32>,
    /// `claims`: the JSON that a new sign-in must carry, verbatim.
    pub claims: Option<String>,
    /// `correlation_id`, for a support request.
    pub correlation_id: Option<String>,
    /// `trace_id`, for a support request.
    pub trace_id: Option<String>,
    /// `timestamp` of the answer, in the server's clock.
    pub timestamp: Option<String>,
}

impl Error {
    /// An error of `kind` saying `message`: one sentence without a full stop.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            advice: None,
            oauth: None,
            retryable: kind == ErrorKind::Network,
            retry_after: None,
            timeout: false,
            cause: None,
        }))
    }

    pub(crate) fn misuse() -> Self {
        Self::new(ErrorKind::Misuse, "the flow got a reply to another question, or was stepped out of turn")
    }

    pub(crate) fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "the caller went away")
    }

    /// The same error, saying what to do next.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// The same error, caused by another.
    #[must_use]
    pub fn because(mut self, cause: Self) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// The same error, caused by another unless its cause is known already.
    pub(crate) fn because_perhaps(self, cause: Option<Self>) -> Self {
        match cause {
            Some(cause) if self.0.cause.is_none() => self.because(cause),
            _ => self,
        }
    }

    pub(crate) fn with_oauth(mut self, oauth: OAuthError) -> Self {
        self.0.oauth = Some(oauth);
        self
    }

    pub(crate) fn with_retry(mut self, retryable: bool, after: Option<Duration>) -> Self {
        self.0.retryable = retryable;
        self.0.retry_after = after;
        self
    }

    /// The same error, for want of time.
    pub(crate) fn for_want_of_time(mut self) -> Self {
        self.0.timeout = true;
        self
    }

    /// Whether time ran out before there was an answer: the caller's own time, or what one request is given.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.timeout
    }

    /// What kind of trouble this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether asking again later, unchanged, may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether a person must act; see [`claims`](Self::claims).
    #[must_use]
    pub fn needs_interaction(&self) -> bool {
        self.0.kind == ErrorKind::InteractionRequired
    }

    /// Whether this credential cannot work here, so that a chain goes on to its next member.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.0.kind == ErrorKind::Unavailable
    }

    /// How long the server asked to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The claims that the next sign-in must carry, as JSON text.
    #[must_use]
    pub fn claims(&self) -> Option<&str> {
        self.0.oauth.as_ref()?.claims.as_deref()
    }

    /// The server's own fields, when a server answered.
    #[must_use]
    pub fn oauth(&self) -> Option<&OAuthError> {
        self.0.oauth.as_ref()
    }

    /// What happened, in one sentence, without the advice.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next, when that is known.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// The kind and retry state of this error with the words of a mark: how followers share a leader's error.
    pub(crate) fn to_mark(&self) -> String {
        let mut text = String::from(self.0.kind.name());
        text.push(' ');
        text.push_str(&crate::wire::text::printable(&self.0.message, 900));
        text
    }

    pub(crate) fn from_mark(text: &str, retry_after: Option<Duration>) -> Self {
        let (kind, message) = text.split_once(' ').unwrap_or(("network", text));
        let kinds = [
            ErrorKind::Configuration,
            ErrorKind::AuthenticationFailed,
            ErrorKind::InteractionRequired,
            ErrorKind::Unavailable,
            ErrorKind::Network,
            ErrorKind::Storage,
        ];
        let kind = kinds.into_iter().find(|k| k.name() == kind).unwrap_or(ErrorKind::Network);
        let message = crate::wire::text::printable(message, 1024);
        let error = Self::new(kind, message).with_retry(kind == ErrorKind::Network, retry_after);
        match retry_after {
            Some(span) => {
                error.advise(alloc::format!("the authority is left alone; try again in {} s", span.as_secs().max(1)))
            }
            None => error,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.advice {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Error");
        shown.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(oauth) = &self.0.oauth {
            shown.field("oauth", oauth);
        }
        if let Some(after) = &self.0.retry_after {
            shown.field("retry_after", after);
        }
        if let Some(cause) = &self.0.cause {
            shown.field("cause", cause);
        }
        shown.finish()
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as &(dyn core::error::Error + 'static))
    }
}
