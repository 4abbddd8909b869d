//! How the command ends: one exit status a kind of trouble.

use std::error::Error as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use azlatch::{Error, ErrorKind};

/// Exit status of `kind`: 2 usage or configuration, 3 authentication failed, 4 interaction required, 5 credential
/// unavailable, 6 network, 7 storage.
pub(crate) const fn status(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::AuthenticationFailed => 3,
        ErrorKind::InteractionRequired => 4,
        ErrorKind::Unavailable => 5,
        ErrorKind::Network | ErrorKind::Cancelled => 6,
        ErrorKind::Storage => 7,
        _ => 2,
    }
}

/// Tells `error` on stderr: what happened, what to do; with `verbose` the chain of causes too.
pub(crate) fn report(error: &Error, verbose: bool) -> ExitCode {
    tell(&format!("azlatch: {}", error.message()));
    if let Some(advice) = error.advice() {
        tell(&format!("  {advice}"));
    }
    if error.needs_interaction() {
        tell("  to sign in: azlatch login");
    }
    if let Some(oauth) = error.oauth().filter(|_| verbose) {
        let codes: Vec<_> = oauth.codes.iter().map(ToString::to_string).collect();
        tell(&format!(
            "  server: error={} suberror={} codes={}",
            oauth.error,
            oauth.suberror.as_deref().unwrap_or("-"),
            codes.join(",")
        ));
        let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "-".into());
        tell(&format!(
            "  support: correlation_id={} trace_id={} timestamp={}",
            id(&oauth.correlation_id),
            id(&oauth.trace_id),
            id(&oauth.timestamp)
        ));
    }
    let mut cause = error.source();
    while let Some(error) = cause.filter(|_| verbose) {
        tell(&format!("  because: {error}"));
        cause = error.source();
    }
    ExitCode::from(status(error.kind()))
}

/// A line for people. A closed stderr is no reason to fail.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
