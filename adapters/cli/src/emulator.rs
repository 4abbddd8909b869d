//! `azlatch emulator`: a local Entra ID until it is interrupted.

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
        ..entra::Settings::default()
    };
    let emulator = entra::Emulator::builder().settings(settings).port(options.port).start().map_err(|error| {
        Error::new(ErrorKind::Configuration, format!("the emulator cannot listen on port {}: {error}", options.port))
            .advise("choose another with --port, or 0 for any free one")
    })?;
    let path = options
        .ca_file
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("azlatch-emulator-{}.pem", emulator.port())));
    emulator.write_ca(&path).map_err(|error| {
        Error::new(
            ErrorKind::Configuration,
            format!("the root certificate cannot be written to {}: {error}", path.display()),
        )
    })?;
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
