//! The accounts that a document knows: who can go on without signing in.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::base::Base;
use super::document::{Document, Section};
use super::entity::Entity;
use super::key::Query;
use super::lookup::refresh_tokens;
use crate::authority::{AuthorityHost, Tenant, cloud};
use crate::effect::{Ids, Load, Partition, Reply};
use crate::error::Error;
use crate::flow::{Flow, Step};
use crate::record::AuthenticationRecord;
use crate::time::Now;
use crate::wire::text::printable;

/// A signed-in account, as whichever program signed it in stored it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// Enough to go on as this account: for a credential's `authentication_record`.
    pub record: AuthenticationRecord,
    /// The person's name, for people to read.
    pub name: Option<String>,
    /// Whether a refresh token is there that the application may use: without one a person must sign in.
    pub can_renew: bool,
}

/// The accounts of `host`'s cloud in `document`, as application `client_id` sees them, sorted by user name.
///
/// An account that is a guest in other tenants is one account, of the tenant that it is at home in where that is known.
#[must_use]
pub fn accounts(document: &Document, host: &AuthorityHost, client_id: &str) -> Vec<Account> {
    let mut found: Vec<Account> = Vec::new();
    for (_, entity) in document.entities(Section::Account) {
        let Some((account, at_home)) = read(document, &entity, host, client_id) else { continue };
        let same = |known: &&mut Account| known.record.home_account_id == account.record.home_account_id;
        match found.iter_mut().find(same) {
            Some(known) if at_home => *known = account,
            Some(_) => {}
            None => found.push(account),
        }
    }
    found.sort_by(|a, b| {
        let key = |account: &Account| (account.record.username.to_lowercase(), account.record.home_account_id.clone());
        key(a).cmp(&key(b))
    });
    found
}

/// The account that `entity` is, and whether its tenant is its home.
fn read(document: &Document, entity: &Entity<'_>, host: &AuthorityHost, client_id: &str) -> Option<(Account, bool)> {
    let here = entity.text("environment").is_some_and(|e| cloud::same_environment(host.environment(), &e));
    let home = entity
        .text("home_account_id")
        .filter(|id| (1..=1024).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()))?;
    let utid = home.rsplit_once('.').map(|(_, utid)| utid);
    let realm = entity.text("realm").unwrap_or_default();
    let open = crate::authority::is_open(&realm);
    // MSAL for Python stores the word that was asked for; whoever signs in to that is at home.
    let tenant = if open { utid.unwrap_or_default() } else { &realm };
    let tenant = Tenant::new(tenant).ok()?;
    let at_home = utid.is_some_and(|utid| tenant.as_str().eq_ignore_ascii_case(utid));
    if !here {
        return None;
    }
    let shown = |name: &str| entity.text(name).filter(|t| !t.is_empty()).map(|text| printable(&text, 256));
    let record = AuthenticationRecord::new(
        host.clone(),
        client_id.to_string(),
        home.to_string(),
        tenant,
        shown("username").unwrap_or_default(),
    );
    let can_renew = !refresh_tokens(document, &Query::of_account(&record, false)).is_empty();
    Some((Account { record, name: shown("name"), can_renew }, at_home))
}

/// The accounts of one document: a single read.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Listing {
    partition: Partition,
    host: AuthorityHost,
    client_id: String,
    base: Base,
    asked: bool,
    cancelled: bool,
    ids: Ids,
}

impl Listing {
    /// Of `partition`, as [`accounts`] lists them.
    #[must_use]
    pub const fn new(partition: Partition, host: AuthorityHost, client_id: String) -> Self {
        Self { partition, host, client_id, base: Base::Nowhere, asked: false, cancelled: false, ids: Ids::root() }
    }
}

impl Flow for Listing {
    type Output = Result<Vec<Account>, Error>;

    /// Done with an error of kind `Storage` when the document could not be read.
    fn step(&mut self, _now: Now, reply: Option<Reply>) -> Step<Self::Output> {
        match reply {
            None if self.cancelled && !mem::replace(&mut self.asked, true) => Step::Done(Err(Error::cancelled())),
            None if !self.asked => {
                self.asked = true;
                let load = self.base.load(&self.partition, Duration::from_secs(5));
                Step::Need(self.ids.ask(load))
            }
            None => Step::Done(Err(Error::misuse())),
            Some(reply) => {
                let answer = self.ids.take::<Load>(reply);
                if self.base.learn(answer, &mut Vec::new()).is_err() {
                    return Step::Done(Err(Error::misuse()));
                }
                let document = self.base.document();
                Step::Done(match &self.base {
                    Base::Unreadable(fault) => Err(Error::from(fault.clone())),
                    _ => Ok(document.map(|d| accounts(d, &self.host, &self.client_id)).unwrap_or_default()),
                })
            }
        }
    }

    /// What is being read already is over at once.
    fn cancel(&mut self) {
        self.cancelled = true;
    }
}
