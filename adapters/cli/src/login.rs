//! `azlatch login`: somebody signs in, once.

use azlatch::prelude::*;
use azlatch::{DeviceAuthorization, ErrorKind, Explain, Interaction, Note};
use azlatch_system::{Clock, Environment};

use crate::args::Login;
use crate::client::{Tokens, adapters, persistence};
use crate::device::Display;
use crate::exit::tell;
use crate::person::{Described, asking, browser, with_password};
use crate::record;

pub(crate) fn run(options: &Login) -> Result<(), Error> {
    let Login { authority, person, store, .. } = options;
    let environment = Environment::capture();
    let display = Display::new(options.pending.clone())?;
    if let Some(path) = &person.record {
        record::check(path, "the record")?;
    }
    let adapters = adapters(authority, &environment)?.prompt(display.shower());
    let described = || -> Result<_, Error> {
        Ok(Described { authority, record: None, persistence: persistence(store, true)?, adapters: &adapters })
    };
    let mut pending = None;
    let credential = if options.device_code {
        pending = under_way(options, &display)?;
        let credential = asking!(DeviceCodeCredential::new(), authority);
        let credential = options.timeout.map_or(credential.clone(), |timeout| credential.timeout(timeout));
        described()?.bind(match pending.clone() {
            Some(pending) => credential.resume(pending),
            None => credential,
        })?
    } else if person.username.is_some() {
        described()?.bind(with_password(authority, person, &environment)?)?
    } else {
        let credential = browser(authority, person)?;
        described()?.bind(options.timeout.map_or(credential.clone(), |timeout| credential.timeout(timeout)))?
    };
    let request = request(options, pending.as_ref(), &*credential)?;
    end_cleanly(&display, options);
    let signed_in = credential.answer(&request);
    display.end();
    if signed_in.as_ref().map_or_else(is_over, |_| true) {
        display.forget();
    }
    stored(&signed_in?.explain)?;
    let Some(record) = credential.who() else {
        return Err(Error::new(ErrorKind::InteractionRequired, "nobody signed in"));
    };
    if let Some(path) = &person.record {
        record::write(path, &record.to_json(), "the record")?;
    }
    tell(&format!("azlatch: signed in as {record}, in tenant {}", record.tenant_id));
    Ok(())
}

/// What somebody signs in for.
fn request(
    options: &Login,
    pending: Option<&DeviceAuthorization>,
    credential: &dyn Tokens,
) -> Result<TokenRequest, Error> {
    let scopes = match pending {
        Some(pending) => pending.scopes().iter().map(str::to_owned).collect(),
        None if options.scopes.is_empty() => credential.usual_scopes()?,
        None => options.scopes.clone(),
    };
    let mut request = TokenRequest::new(scopes)?.enable_cae(options.enable_cae).interaction(Interaction::Allowed);
    if let Some(claims) = &options.claims {
        request = request.claims(claims);
    }
    Ok(request)
}

/// The sign-in that an earlier run began, while its code is good.
fn under_way(options: &Login, display: &Display) -> Result<Option<DeviceAuthorization>, Error> {
    let Some(path) = &options.pending else { return Ok(None) };
    let Some(text) = record::read_if_there(path, "the sign-in")? else { return Ok(None) };
    let pending = DeviceAuthorization::from_json(&text)?;
    if pending.expires_on() <= Clock::new().now().wall {
        display.forget();
        tell("azlatch: the code of the earlier sign-in has expired; here is a new one");
        return Ok(None);
    }
    Ok(Some(pending))
}

/// Whether a sign-in that ended so is one that nobody can go on with. An outage is over some time, whoever was too slow
/// for `--timeout` may be about to finish, and a certificate can be trusted the next time; the code is good until then.
fn is_over(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::AuthenticationFailed | ErrorKind::InteractionRequired) && !error.is_timeout()
}

/// A sign-in that is not kept is none that was worth the trouble.
fn stored(explain: &Explain) -> Result<(), Error> {
    let trouble = explain.notes.iter().find(|note| matches!(note, Note::LoadFailed(_) | Note::SaveFailed(_)));
    match trouble {
        Some(note) => {
            let message = format!("you are signed in, but it was not kept: {note}");
            Err(Error::new(ErrorKind::Storage, message).advise("mend the store, and sign in again"))
        }
        None => Ok(()),
    }
}

/// What to say when somebody presses Ctrl-C. Stores are whole at every instant, so there is nothing to undo.
fn end_cleanly(display: &Display, options: &Login) {
    let (display, kept) = (display.clone(), options.pending.is_some());
    let heard = ctrlc::set_handler(move || {
        display.end();
        tell("\nazlatch: not signed in");
        if kept {
            tell("  run the same command again to go on with this sign-in");
        }
        std::process::exit(130);
    });
    if heard.is_err() {
        // Then it ends without a word.
        tell("azlatch: warning: Ctrl-C cannot be listened for");
    }
}
