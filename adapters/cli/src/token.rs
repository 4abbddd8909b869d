//! `azlatch token`.

use std::path::Path;

use azlatch::{Error, ErrorKind, TokenRequest};
use azlatch_system::Environment;

use crate::args::Token;
use crate::exit::tell;
use crate::output::{self, Form};
use crate::{batch, client};

pub(crate) fn run(options: &Token) -> Result<(), Error> {
    if options.batch && options.client.client_secret_file.as_deref() == Some(Path::new("-")) {
        return Err(Error::new(ErrorKind::Configuration, "stdin cannot carry both the secret and the requests")
            .advise("set AZURE_CLIENT_SECRET, or name a file"));
    }
    let credential = client::bind(&options.client, &Environment::capture())?;
    if options.batch {
        return batch::run(&credential, options);
    }
    let mut request = TokenRequest::new(&options.scopes)?.enable_cae(options.enable_cae).timeout(options.timeout);
    if options.force_refresh {
        request = request.force_refresh();
    }
    if let Some(claims) = &options.claims {
        request = request.claims(claims);
    }
    if let Some(tenant) = &options.request_tenant {
        request = request.tenant_id(tenant);
    }
    let answer = credential.answer(&request)?;
    if options.explain && options.output != Form::Json {
        tell(&format!("azlatch: from {}", answer.explain.source.name()));
        answer.explain.lines().for_each(|line| tell(&format!("  {line}")));
    } else if !options.explain {
        warn(&answer.explain);
    }
    output::token(&answer, options.output, options.explain)
}

/// What a user must know though nothing failed: the token was got but will not be there next time.
fn warn(explain: &azlatch::Explain) {
    use azlatch::Note;
    let serious = |note: &&Note| matches!(note, Note::LoadFailed(_) | Note::SaveFailed(_) | Note::Damaged { .. });
    explain.notes.iter().filter(serious).for_each(|note| tell(&format!("azlatch: warning: {note}")));
}
