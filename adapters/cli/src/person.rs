//! Credentials for people: whose tokens are meant, and how they sign in.

use azlatch::prelude::*;
use azlatch::{Adapters, AuthorizationCodeCredential, ErrorKind, UserCredential, UsernamePasswordCredential};
use azlatch_system::Environment;

use crate::args::{Authority, Client, CredentialName, Person};
use crate::device::Display;
use crate::input::{required, text};
use crate::options::{adapters, client_id, persistence, tenant, with_options};
use crate::record;
use crate::tokens::{OfPerson, Tokens};

/// `credential` for the application that is named, if one is.
macro_rules! asking {
    ($credential:expr, $authority:expr) => {{
        match $authority.client_id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) => $credential.client_id(id)?,
            None => $credential,
        }
    }};
}
pub(crate) use asking;

/// The bound credential `name`.
pub(crate) fn bind(name: CredentialName, client: &Client, environment: &Environment) -> Result<Box<dyn Tokens>, Error> {
    let Client { authority, person, store, .. } = client;
    let display = Display::new(None)?;
    let adapters = adapters(authority, environment)?.prompt(display.shower());
    let persistence = persistence(store, person.record.is_some())?;
    let record = match (&person.record, name) {
        (Some(path), _) => Some(record::read(path)?),
        (None, CredentialName::InteractiveBrowser | CredentialName::DeviceCode) => {
            sole_account(authority, person, persistence.as_ref(), &adapters)?
        }
        (None, _) => None,
    };
    let described = Described { authority, record, persistence, adapters: &adapters };
    match name {
        CredentialName::DeviceCode => described.bind(asking!(DeviceCodeCredential::new(), authority), &display),
        CredentialName::UsernamePassword => {
            let credential = with_password(authority, person, environment, described.record.as_ref())?;
            described.bind(credential, &display)
        }
        CredentialName::AuthorizationCode => {
            let credential = code_in_hand(client, environment, described.record.as_ref())?;
            described.bind(credential, &display)
        }
        _ => described.bind(browser(authority, person)?, &display),
    }
}

/// What every credential for people is told.
pub(crate) struct Described<'a> {
    pub(crate) authority: &'a Authority,
    pub(crate) record: Option<AuthenticationRecord>,
    pub(crate) persistence: Option<TokenCachePersistenceOptions>,
    pub(crate) adapters: &'a Adapters,
}

/// What all of them can be told, by the same names.
pub(crate) trait Describe: UserCredential + Sized {
    fn described(self, as_told: Described<'_>) -> Result<Self, Error>;
}

macro_rules! describe {
    ($($credential:ty)*) => {$(
        impl Describe for $credential {
            fn described(self, as_told: Described<'_>) -> Result<Self, Error> {
                let mut credential = with_options!(self, as_told.authority, as_told.persistence);
                if let Some(tenant) = as_told.authority.tenant_id.as_deref().filter(|tenant| !tenant.is_empty()) {
                    credential = credential.tenant_id(tenant)?;
                }
                Ok(match as_told.record {
                    Some(record) => credential.authentication_record(record),
                    None => credential,
                })
            }
        }
    )*};
}

describe! {
    AuthorizationCodeCredential
    DeviceCodeCredential
    InteractiveBrowserCredential
    UsernamePasswordCredential
}

impl Described<'_> {
    pub(crate) fn bind<C: Describe>(self, credential: C, display: &Display) -> Result<Box<dyn Tokens>, Error> {
        let adapters = self.adapters;
        let bound = credential.described(self)?.blocking_with(adapters)?;
        Ok(Box::new(OfPerson(bound, display.clone())))
    }
}

pub(crate) fn browser(authority: &Authority, person: &Person) -> Result<InteractiveBrowserCredential, Error> {
    let mut credential = asking!(InteractiveBrowserCredential::new(), authority);
    if let Some(uri) = &person.redirect_uri {
        credential = credential.redirect_uri(uri)?;
    }
    Ok(match &person.login_hint {
        Some(hint) => credential.login_hint(hint),
        None => credential,
    })
}

pub(crate) fn with_password(
    authority: &Authority,
    person: &Person,
    environment: &Environment,
    record: Option<&AuthenticationRecord>,
) -> Result<UsernamePasswordCredential, Error> {
    let recorded = record.map(|record| record.username.as_str()).filter(|name| !name.is_empty());
    if let (Some(named), Some(recorded)) = (&person.username, recorded)
        && !named.eq_ignore_ascii_case(recorded)
    {
        let message = format!("the record is of {recorded}, and --username says another");
        return Err(Error::new(ErrorKind::Configuration, message).advise("leave one of them out"));
    }
    let named = person.username.as_deref().or(recorded).or_else(|| environment.get("AZURE_USERNAME"));
    let username = required(named, "no user name was given", "use --username, or set AZURE_USERNAME")?;
    let password = match &person.password_file {
        Some(path) => text(path, "the password file")?,
        None => {
            let advice = "set AZURE_PASSWORD, or use --password-file";
            required(environment.get("AZURE_PASSWORD"), "no password was given", advice)?.into()
        }
    };
    let id = authority.client_id.as_deref().filter(|id| !id.is_empty());
    let id = id.or(record.map(|record| record.client_id.as_str())).unwrap_or(azlatch::DEVELOPER_CLIENT_ID);
    UsernamePasswordCredential::new(id, username, password)
}

fn code_in_hand(
    client: &Client,
    environment: &Environment,
    record: Option<&AuthenticationRecord>,
) -> Result<AuthorizationCodeCredential, Error> {
    let Client { authority, person, .. } = client;
    let named = |value: Option<&str>, option: &str| {
        let message = format!("no {option} was given");
        required(value, &message, &format!("use --{option}")).map(str::to_owned)
    };
    // Whoever goes on from a record redeems no code.
    let unused = record.map(|_| "http://localhost");
    let redirect_uri = named(person.redirect_uri.as_deref().or(unused), "redirect-uri")?;
    let code = match &person.authorization_code_file {
        Some(path) => text(path, "the authorization code file")?,
        // Whoever is known already needs none.
        None if person.record.is_some() => "spent".into(),
        None => named(None, "authorization-code-file")?,
    };
    // What the record says counts where the command line is silent.
    let (tenant, id) = match (record, &authority.tenant_id, &authority.client_id) {
        (Some(record), own_tenant, own_id) => {
            (own_tenant.as_deref().unwrap_or(record.tenant_id.as_str()), own_id.as_deref().unwrap_or(&record.client_id))
        }
        _ => (tenant(authority)?, client_id(authority)?),
    };
    let mut credential = AuthorizationCodeCredential::new(tenant, id, code, &redirect_uri)?;
    if let Some(path) = &person.code_verifier_file {
        credential = credential.code_verifier(text(path, "the code verifier file")?);
    }
    let secret = match &client.client_secret_file {
        Some(path) => Some(text(path, "the client secret file")?),
        None => environment.get("AZURE_CLIENT_SECRET").map(str::to_owned),
    };
    Ok(match secret {
        Some(secret) => credential.client_secret(secret),
        None => credential,
    })
}

/// The account that the cache knows, if it is the only one that can go on silently, or the one that is named.
fn sole_account(
    authority: &Authority,
    person: &Person,
    persistence: Option<&TokenCachePersistenceOptions>,
    adapters: &Adapters,
) -> Result<Option<AuthenticationRecord>, Error> {
    let Some(options) = persistence else { return Ok(None) };
    let as_told = Described { authority, record: None, persistence: Some(options.clone()), adapters };
    let named = person.username.as_deref().or(person.login_hint.as_deref());
    let credential = browser(authority, person)?.described(as_told)?.blocking_with(adapters)?;
    let mut known = credential.accounts()?;
    known.retain(|account| account.can_renew);
    known.retain(|account| named.is_none_or(|name| account.record.username.eq_ignore_ascii_case(name)));
    match known.as_slice() {
        [] => Ok(None),
        [account] => Ok(Some(account.record.clone())),
        several => {
            let names: Vec<String> = several.iter().map(|account| account.record.to_string()).collect();
            let message = format!("several accounts are signed in: {}", names.join(", "));
            Err(Error::new(ErrorKind::Configuration, message).advise("say which with --login-hint, or with --record"))
        }
    }
}
