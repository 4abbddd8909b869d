//! The machine as values: rest, randomness, signatures, programs, files, environment, application code.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::scope::ScopeSet;
use crate::secret::Secret;
use crate::time::{Mono, Unix};

/// Rest. Waking early is legal: the flow looks at the clock and asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wait {
    /// Until when, on the clock that the flow is stepped with.
    pub until: Mono,
    /// The same as a span from the moment of asking, for drivers without that clock.
    pub span: Duration,
}

/// Unguessable bytes: for PKCE, `state`, nonces, jitter, request ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Random {
    /// How many.
    pub len: usize,
}

/// The system gave no randomness; nothing weaker is ever used instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RandomFault;

/// Sign `message` with a private key that never enters the core.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sign {
    /// Which key, by the name the application gave it.
    pub key: String,
    /// A JWS algorithm (RFC 7518 §3.1), such as `PS256`.
    pub algorithm: &'static str,
    /// What to sign; with the signature it is a credential.
    pub message: Secret<[u8]>,
}

/// Why there is no signature.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignFault {
    /// No such key.
    NoKey,
    /// The key cannot sign with this algorithm.
    Unsupported,
    /// The signer failed, in its words.
    Failed(String),
}

/// Run a program with an argument vector, standard input empty, never through a shell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exec {
    /// Program name, looked for on `PATH` but never in the working directory.
    pub program: String,
    /// Arguments; never a secret, since other users can read them.
    pub args: Vec<String>,
    /// Environment variables to add.
    pub env: Vec<(String, Secret)>,
    /// Bytes of output to take in, each of stdout and stderr.
    pub limit: usize,
    /// The program is killed after this.
    pub timeout: Duration,
}

/// A program that ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exited {
    /// Its exit status; `None` when a signal ended it.
    pub status: Option<i32>,
    /// Its standard output.
    pub stdout: Secret<[u8]>,
    /// Its standard error.
    pub stderr: Secret<[u8]>,
}

/// Why a program did not run to its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExecFault {
    /// No such program.
    NotFound,
    /// It could not be started, in the system's words.
    Failed(String),
    /// It ran too long and was killed.
    Timeout,
    /// It wrote more than the limit and was killed.
    TooLarge,
}

/// Read a small file whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReadFile {
    /// Absolute path.
    pub path: String,
    /// A larger file is refused.
    pub limit: usize,
    /// What else must hold.
    pub rules: FileRules,
}

/// Conditions on a file that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileRules {
    /// Any regular file; symbolic links are followed (configuration, projected tokens).
    Regular,
    /// A regular file, not through a symbolic link at its last step (secrets named by a stranger).
    NoLink,
}

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileFault {
    /// No such file.
    Absent,
    /// Not readable by us, or against the rules.
    Denied,
    /// Larger than the limit.
    TooLarge,
    /// The system failed, in its words.
    Io(String),
}

/// Read environment variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Env {
    /// Their names.
    pub names: Vec<&'static str>,
}

/// Ask application code for a value: a client assertion, a custom credential's token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Which value, by the name it was registered under.
    pub what: String,
    /// For which scopes; none for an assertion.
    pub scopes: ScopeSet,
    /// In which tenant, when the request names one.
    pub tenant: Option<String>,
    /// With which claims of a challenge, as JSON.
    pub claims: Option<String>,
    /// Whether the caller can answer claims challenges.
    pub cae: bool,
    /// The value is there, or an error, within this.
    pub timeout: Duration,
}

/// A value that application code supplied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Supplied {
    /// The value.
    pub value: Secret,
    /// When it ends, if it does.
    pub expires_on: Option<Unix>,
    /// When it should be renewed, if that is known.
    pub refresh_on: Option<Unix>,
}
