//! `azlatch try --user`: a person signs in once, and everything after that is silent.

use std::thread;
use std::time::Duration;

use azlatch::prelude::*;
use azlatch::{Adapters, Blocking, ErrorKind, Interaction};

use super::{Bound, MEMORY, NETWORK, STORE, Seen, Story, TENANT, trouble};
use crate::output;
use crate::visit::visit;

const ADA: &str = "ada@contoso.example";
const MAIL: &str = "https://mail.example/.default";

/// A step-up that only a person can take.
const CLAIMS: &str = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;

type Ask = Blocking<InteractiveBrowserCredential>;

impl Story {
    pub(super) fn tell_of_people(&self) -> Result<bool, Error> {
        self.emulator.with(|entra| {
            let settings = entra.settings_mut();
            settings.auto_approve = Some(ADA.into());
            settings.device_interval = 1;
        });
        output::line(&format!(
            "azlatch with {ADA}, who signs in at {} (the authority counts the requests, pages included)\n",
            self.emulator.authority()
        ))?;
        output::line(&format!("  {:<50} {:>8} {:>9}   {}", "what", "requests", "time", "token from"))?;
        let record = self.signed_in()?;
        self.later_runs(&record)?;
        self.asked_for_more(&record)?;
        self.elsewhere()?;
        self.gone(&record)?;
        self.end()
    }

    fn signed_in(&self) -> Result<AuthenticationRecord, Error> {
        let credential = self.browser(None)?;
        let ask = |scope: &str| Ok(credential.answer(&TokenRequest::new([scope])?)?.into());
        self.row("sign in, in a browser: its page, and the code", 2, NETWORK, || ask(MAIL))?;
        self.row("again", 0, MEMORY, || ask(MAIL))?;
        self.row("another resource: nobody is asked", 1, NETWORK, || ask("https://files.example/.default"))?;
        let crowd = "https://crowd.example/.default";
        self.row("64 threads at once, one more resource", 1, NETWORK, || {
            let bound = Bound::People(credential.clone());
            super::crowd(&bound, 64, crowd)
        })?;
        credential
            .authentication_record()
            .ok_or_else(|| Error::new(ErrorKind::InteractionRequired, "nobody is signed in after the sign-in"))
    }

    fn later_runs(&self, record: &AuthenticationRecord) -> Result<(), Error> {
        self.row("a new process, with the record of the sign-in", 0, STORE, || {
            let answer = self.browser(Some(record))?.answer(&silent(MAIL)?)?;
            let objection = self.silent_process(record, answer.token.expose_secret())?;
            Ok(Seen::from(answer).but(objection))
        })?;
        let short = "https://short.example/.default";
        let live = |seconds| self.emulator.with(|entra| entra.settings_mut().expires_in = seconds);
        live(1);
        self.browser(Some(record))?.answer(&silent(short)?)?;
        live(3599);
        thread::sleep(Duration::from_millis(2100));
        self.row("an expired token: renewed silently", 1, NETWORK, || {
            Ok(self.browser(Some(record))?.answer(&silent(short)?)?.into())
        })
    }

    fn asked_for_more(&self, record: &AuthenticationRecord) -> Result<(), Error> {
        self.emulator.with(|entra| entra.demand_claims(ADA, CLAIMS));
        let (scope, credential) = ("https://payroll.example/.default", self.browser(Some(record))?);
        self.row("Entra wants more than a password, nobody is there", 1, "interaction_required", || {
            let error = refusal(&credential, &silent(scope)?)?;
            let told = error.claims().is_some();
            Ok(refused(&error).but((!told).then(|| "the claims were not told".into())))
        })?;
        self.row("somebody is: signs in for it, and goes on", 2, NETWORK, || {
            Ok(credential.answer(&TokenRequest::new([scope])?)?.into())
        })
    }

    fn elsewhere(&self) -> Result<(), Error> {
        let credential = DeviceCodeCredential::new().tenant_id(TENANT)?.authority_host(&self.emulator.authority())?;
        let credential = credential.disable_instance_discovery().blocking_with(&self.adapters()?.prompt(|_| {}))?;
        self.row("a code typed elsewhere: asked for, polled twice", 3, NETWORK, || {
            Ok(credential.answer(&TokenRequest::new([MAIL])?)?.into())
        })
    }

    fn gone(&self, record: &AuthenticationRecord) -> Result<(), Error> {
        let credential = self.browser(Some(record))?;
        self.emulator.with(|entra| entra.revoke(ADA));
        self.row("an administrator revokes it all", 1, "interaction_required", || {
            Ok(refused(&refusal(&credential, &silent("https://late.example/.default")?)?))
        })?;
        credential.sign_out()?;
        self.row("signed out: nothing is left", 0, "interaction_required", || {
            let error = refusal(&credential, &silent(MAIL)?)?;
            let left = !credential.accounts()?.is_empty();
            Ok(refused(&error).but(left.then(|| "the account is still there".into())))
        })
    }

    /// The person's credential, on disk; in a run of its own, on the record of an earlier one.
    fn browser(&self, record: Option<&AuthenticationRecord>) -> Result<Ask, Error> {
        let plain = TokenCachePersistenceOptions::default().allow_unencrypted_storage(true);
        let credential = InteractiveBrowserCredential::new().authority_host(&self.emulator.authority())?;
        let credential = credential.disable_instance_discovery().cache_persistence_options(plain);
        match record {
            Some(record) => credential.authentication_record(record.clone()),
            None => credential.tenant_id(TENANT)?,
        }
        .blocking_with(&self.adapters()?)
    }

    /// This machine, with a browser in which Ada signs in at once.
    fn adapters(&self) -> Result<Adapters, Error> {
        let roots = self.emulator.ca_pem().as_bytes().to_vec();
        let open = move |url: &str| {
            let (url, roots) = (url.to_owned(), roots.clone());
            // A browser is not waited for.
            thread::spawn(move || visit(&url, &roots));
            Ok(())
        };
        let adapters = Adapters::new()?.extra_roots(self.emulator.ca_pem().as_bytes())?.browser(open);
        Ok(adapters.cache_directory(self.home.path().join(azlatch_files::DIRECTORY)))
    }

    /// Runs `token --no-prompt --record` in a process of its own; an objection when it does not find `expected`.
    fn silent_process(&self, record: &AuthenticationRecord, expected: &str) -> Result<Option<String>, Error> {
        let path = self.home.path().join("ada.json");
        std::fs::write(&path, record.to_json()).map_err(|e| trouble("the record could not be written", &e))?;
        let mut command = self.another_process(MAIL)?;
        let child = command
            .args(["--no-prompt", "--record"])
            .arg(path)
            .output()
            .map_err(|e| trouble("the new process did not start", &e))?;
        Ok(super::objection(&child, expected))
    }
}

/// A request with which nobody is disturbed.
fn silent(scope: &str) -> Result<TokenRequest, Error> {
    Ok(TokenRequest::new([scope])?.interaction(Interaction::Never))
}

/// The error that `request` is answered with.
fn refusal(credential: &Ask, request: &TokenRequest) -> Result<Error, Error> {
    match credential.answer(request) {
        Ok(_) => Err(Error::new(ErrorKind::AuthenticationFailed, "there is a token where none should be")),
        Err(error) => Ok(error),
    }
}

fn refused(error: &Error) -> Seen {
    Seen { from: error.kind().name(), lines: vec![error.to_string()], objection: None }
}
