//! `azlatch emulator`: a local Entra ID until it is interrupted.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use azlatch::{Error, ErrorKind};
use azlatch_emulator as entra;

use crate::args::Emulator;
use crate::exit::tell;
use crate::output;

pub(crate) fn run(options: &Emulator) -> Result<(), Error> {
    let settings = entra::Settings {
        expires_in: options.expires_in,
        refresh_in: options.refresh_in,
        auto_approve: options.auto_approve.clone(),
        ..entra::Settings::default()
    };
    let emulator = entra::Emulator::builder().settings(settings).port(options.port).start().map_err(|error| {
        Error::new(ErrorKind::Configuration, format!("the emulator cannot listen on port {}: {error}", options.port))
            .advise("choose another with --port, or 0 for any free one")
    })?;
    let unwritable = |path: &Path, error: &io::Error| {
        Error::new(
            ErrorKind::Configuration,
            format!("the root certificate cannot be written to {}: {error}", path.display()),
        )
    };
    let path = match &options.ca_file {
        Some(path) => path.clone(),
        None => temporary().map_err(|error| unwritable(&std::env::temp_dir(), &error))?,
    };
    emulator.write_ca(&path).map_err(|error| unwritable(&path, &error))?;
    let path = path.canonicalize().unwrap_or(path);
    output::line(&format!("AZURE_AUTHORITY_HOST={}", emulator.authority()))?;
    for name in ["AZLATCH_CA_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
        output::line(&format!("{name}={}", path.display()))?;
    }
    tell("azlatch: any tenant, any client id, any secret (one that starts with `wrong` is refused); Ctrl-C ends it");
    tell("azlatch: clients must switch instance discovery off; see /_emulator/ for counters, the log and faults");
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// A new file of ours: under a name that others know, they could put their own certificate, which clients would trust.
fn temporary() -> io::Result<PathBuf> {
    let file = tempfile::Builder::new().prefix("azlatch-emulator-").suffix(".pem").tempfile()?;
    let (_, path) = file.keep().map_err(|kept| kept.error)?;
    Ok(path)
}
