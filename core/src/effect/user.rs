//! The user as values: a browser with a loopback redirect (RFC 8252), a device code to show (RFC 8628).
//!
//! ```text
//! Listen ─► Browse ─► Receive (again and again, each for a moment) ─► Close (and say farewell)
//! ```

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::secret::Secret;
use crate::time::Unix;

/// Open a listener on loopback addresses only, IPv4 and IPv6 (RFC 8252 §7.3, §8.3).
///
/// It accepts one answer: a GET with a query or a POST of a form, at `path`, for a loopback `Host`, with this `state`.
/// Whatever else arrives is refused, and the wait goes on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// The port, or 0 for one of the system's choosing.
    pub port: u16,
    /// The path of the redirect URI, `/` at least.
    pub path: String,
    /// What the answer's `state` parameter must be.
    pub state: Secret,
    /// The listener closes by itself after this.
    pub timeout: Duration,
}

/// An open listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listening {
    /// Its name to the driver.
    pub listener: u64,
    /// The port to put into the redirect URI.
    pub port: u16,
}

/// Why no listener could be opened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListenFault {
    /// The port is taken.
    Taken,
    /// The system refused, in its words.
    Io(String),
}

/// Open the user's browser, without waiting for what the user does there.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Browse {
    /// What to open. Its query carries the `state`, so logs show the address without it.
    pub url: String,
    /// Give up opening it after this.
    pub timeout: Duration,
}

impl fmt::Debug for Browse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("Browse").field("url", &place).field("timeout", &self.timeout).finish()
    }
}

/// Why no browser was opened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BrowseFault {
    /// Nobody sits in front of this machine, or it has no browser; why, in a few words.
    NoBrowser(String),
    /// A browser is there but failed to start, in the system's words.
    Failed(String),
}

/// Wait for the redirect at a listener, a moment at a time: `None` when it has not come within `span`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Receive {
    /// At which listener.
    pub listener: u64,
    /// Return after this at the latest.
    pub span: Duration,
}

/// The parameters of the redirect, in the order received; untrusted, and secret (they carry the code).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Redirect {
    /// Name and value pairs, of the query or of the posted form.
    pub parameters: Vec<(String, Secret)>,
}

/// Why no redirect will come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReceiveFault {
    /// There is no such listener, or its time is up.
    Closed,
    /// The system failed, in its words.
    Io(String),
}

/// Close a listener, and answer the browser that waits there, if one does; closing twice is harmless.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Close {
    /// Which one.
    pub listener: u64,
    /// What the person reads.
    pub farewell: Farewell,
}

/// How a sign-in ended, for the page that the person reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Farewell {
    /// Signed in: the window can be closed.
    SignedIn,
    /// Not signed in, for this reason: printable, but not escaped for HTML.
    Failed(String),
}

/// Show the user where to go and what to type (RFC 8628 §3.3), without blocking.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prompt {
    /// The code to type.
    pub user_code: String,
    /// Where to type it: an https address.
    pub verification_uri: String,
    /// The same with the code in it, when the server gives one: an https address.
    pub verification_uri_complete: Option<String>,
    /// The server's own wording, already made safe to print.
    pub message: String,
    /// The code is good until then.
    pub expires_on: Unix,
    /// What resumes the sign-in in another process, until then: JSON, as secret as a password.
    pub pending: Secret,
}

/// The user cannot be shown anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Skipped;
