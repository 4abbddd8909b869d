//! `azlatch login`: somebody signs in, once.

use azlatch::prelude::*;
use azlatch::{DeviceAuthorization, ErrorKind, Explain, Interaction, Note, ScopeSet};
use azlatch_core::authority::AuthorityHost;
use azlatch_system::{Clock, Environment};

use crate::args::{Authority, Login};
use crate::device::Display;
use crate::exit::tell;
use crate::options::{adapters, persistence};
use crate::person::{Described, asking, browser, with_password};
use crate::record;
use crate::tokens::Tokens;

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
        described()?.bind(
            match pending.clone() {
                Some(pending) => credential.resume(pending),
                None => credential,
            },
            &display,
        )?
    } else if person.username.is_some() {
        described()?.bind(with_password(authority, person, &environment, None)?, &display)?
    } else {
        let credential = browser(authority, person)?;
        described()?
            .bind(options.timeout.map_or(credential.clone(), |timeout| credential.timeout(timeout)), &display)?
    };
    let request = request(options, pending.as_ref(), &*credential)?;
    end_cleanly(&display, options);
    let signed_in = credential.answer(&request);
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
    let mut request = TokenRequest::new(scopes)?.interaction(Interaction::Allowed);
    request = request.enable_cae(pending.map_or(options.enable_cae, DeviceAuthorization::enable_cae));
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
    if !is_for(&pending, options)? {
        let message = format!("the sign-in at {} is for something else than the command line says", path.display());
        return Err(Error::new(ErrorKind::Configuration, message).advise("name another file, or leave the rest out"));
    }
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

/// Whether `pending` was begun for what the command line says, as far as it says something.
fn is_for(pending: &DeviceAuthorization, options: &Login) -> Result<bool, Error> {
    let Authority { authority_host, tenant_id, client_id, .. } = &options.authority;
    let authority = pending.authority();
    let named = authority_host.as_deref().filter(|host| !host.trim().is_empty());
    let host = named.map(AuthorityHost::new).transpose()?;
    let said = |said: &Option<String>, is: &str| said.as_deref().is_none_or(|said| said.eq_ignore_ascii_case(is));
    let scopes = options.scopes.is_empty() || ScopeSet::new(&options.scopes)? == *pending.scopes();
    Ok(scopes
        && host.is_none_or(|host| host == authority.host)
        && said(tenant_id, authority.tenant.as_str())
        && said(client_id, pending.client_id()))
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
