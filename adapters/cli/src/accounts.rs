//! `azlatch accounts` and `azlatch logout`: who is signed in, and who leaves.

use azlatch::prelude::*;
use azlatch::{Account, Blocking, ErrorKind};
use azlatch_system::Environment;
use serde_json::json;

use crate::args::{Accounts, Authority, ListForm, Logout, Person, Store};
use crate::exit::tell;
use crate::options::{adapters, persistence};
use crate::output;
use crate::person::{Describe as _, Described, browser};

pub(crate) fn list(options: &Accounts) -> Result<(), Error> {
    let accounts = bind(&options.authority, &options.store)?.accounts()?;
    if accounts.is_empty() {
        tell("azlatch: nobody is signed in");
    }
    accounts.iter().try_for_each(|account| match options.output {
        ListForm::Table => output::line(&row(account)),
        ListForm::Json => output::line(&object(account).to_string()),
    })
}

pub(crate) fn logout(options: &Logout) -> Result<(), Error> {
    let credential = bind(&options.authority, &options.store)?;
    let known = credential.accounts()?;
    let leaving: Vec<&Account> = match &options.account {
        _ if options.all => known.iter().collect(),
        Some(named) => known.iter().filter(|account| is_named(account, named)).collect(),
        None => known.iter().collect(),
    };
    match (leaving.as_slice(), &options.account) {
        ([], Some(named)) => {
            let message = format!("no account `{}` is signed in", named.escape_debug());
            return Err(Error::new(ErrorKind::Configuration, message).advise("see `azlatch accounts`"));
        }
        ([], None) => tell("azlatch: nobody is signed in"),
        ([_, _, ..], _) if !options.all => {
            // By the name they may be the same.
            let name = |account: &&Account| format!("{} ({})", account.record, account.record.home_account_id);
            let names: Vec<String> = leaving.iter().map(name).collect();
            let message = format!("several accounts are signed in: {}", names.join(", "));
            return Err(Error::new(ErrorKind::Configuration, message).advise("say which, or --all"));
        }
        _ => {}
    }
    for account in leaving {
        credential.remove_account(&account.record)?;
        tell(&format!("azlatch: removed {}", account.record));
    }
    Ok(())
}

fn is_named(account: &Account, name: &str) -> bool {
    account.record.username.eq_ignore_ascii_case(name) || account.record.home_account_id == name
}

fn bind(authority: &Authority, store: &Store) -> Result<Blocking<InteractiveBrowserCredential>, Error> {
    let adapters = adapters(authority, &Environment::capture())?;
    let as_told = Described { authority, record: None, persistence: persistence(store, true)?, adapters: &adapters };
    browser(authority, &Person::default())?.described(as_told)?.blocking_with(&adapters)
}

fn row(account: &Account) -> String {
    let record = &account.record;
    let state = if account.can_renew { "signed in" } else { "must sign in again" };
    let name = account.name.as_deref().unwrap_or("-");
    format!("{}  {name}  {}  {}  {state}", record, record.tenant_id, record.home_account_id)
}

fn object(account: &Account) -> serde_json::Value {
    let record = &account.record;
    json!({
        "username": record.username,
        "name": account.name,
        "home_account_id": record.home_account_id,
        "tenant": record.tenant_id.as_str(),
        "authority": record.authority.to_string(),
        "client_id": record.client_id,
        "signed_in": account.can_renew,
    })
}
