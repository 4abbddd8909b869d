//! `azlatch token`.

use std::path::Path;

use azlatch::{Error, ErrorKind, Interaction, TokenRequest};
use azlatch_system::Environment;

use crate::args::Token;
use crate::exit::tell;
use crate::output::{self, Form};
use crate::{batch, client};

pub(crate) fn run(options: &Token) -> Result<(), Error> {
    let person = &options.client.person;
    let files = [
        &options.client.client_secret_file,
        &person.password_file,
        &person.authorization_code_file,
        &person.code_verifier_file,
    ];
    let on_stdin = files.into_iter().flatten().filter(|path| *path == Path::new("-")).count();
    if on_stdin + usize::from(options.batch) > 1 {
        return Err(Error::new(ErrorKind::Configuration, "stdin cannot carry several things at once")
            .advise("put secrets into the environment or into files"));
    }
    let credential = client::bind(&options.client, &Environment::capture())?;
    if options.batch {
        return batch::run(&*credential, options);
    }
    let mut request = TokenRequest::new(&options.scopes)?.enable_cae(options.enable_cae).timeout(options.timeout);
    if options.client.no_prompt {
        request = request.interaction(Interaction::Never);
    }
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
