//! The user as values: a browser with a loopback redirect (RFC 8252), a device code to show (RFC 8628).

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::secret::Secret;
use crate::time::Unix;

/// Open a listener on loopback addresses only (RFC 8252 §7.3, §8.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// The port, or 0 for one of the system's choosing.
    pub port: u16,
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

/// Open the user's browser, then wait for its redirect at the listener.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Browse {
    /// What to open.
    pub url: String,
    /// Where the answer arrives.
    pub listener: u64,
    /// Give up after this.
    pub timeout: Duration,
}

/// The parameters of the redirect, in the order received; untrusted, and secret (they carry the code).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Redirect {
    /// Name and value pairs, of the query or of the posted form.
    pub parameters: Vec<(String, Secret)>,
}

/// Why no redirect came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BrowseFault {
    /// No browser could be started.
    NoBrowser(String),
    /// The user did not finish in time.
    Timeout,
    /// The user stopped it.
    Aborted,
}

/// Close a listener; closing twice is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Close {
    /// Which one.
    pub listener: u64,
}

/// Show the user where to go and what to type (RFC 8628 §3.3), without blocking.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prompt {
    /// The code to type.
    pub user_code: String,
    /// Where to type it.
    pub verification_uri: String,
    /// The same with the code in it, when the server gives one.
    pub verification_uri_complete: Option<String>,
    /// The server's own wording, already made safe to print.
    pub message: String,
    /// The code is good until then.
    pub expires_on: Unix,
}

/// The user cannot be shown anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Skipped;
