//! Somebody signed in: who it is, and whose document the tokens go to.

use alloc::boxed::Box;
use core::time::Duration;

use super::{Acquire, Outcome, State};
use crate::authority::Tenant;
use crate::cache::key::{Query, Subject};
use crate::effect::{Misuse, Reply};
use crate::error::{Error, ErrorKind};
use crate::flow::Step;
use crate::grant::Grant;
use crate::record::AuthenticationRecord;
use crate::time::Now;
use crate::token::{Granted, introduction};

/// What was granted may take this long to be stored, however late it came.
const STORING: Duration = Duration::from_secs(5);

impl<G: Grant> Acquire<G> {
    /// From here on the query is for the account that signed in, in the tenant it signed in to; and what is stored for it
    /// must be known before anything is.
    pub(super) fn arrive(&mut self, now: Now, granted: Granted) -> Step<Outcome> {
        #[cfg(canary)]
        if self.cancelled && crate::canary::is(crate::canary::Bug::SignInLostWhenCancelled) {
            return self.end(Err(Error::cancelled()));
        }
        let record = match introduce(&self.query, &granted) {
            Ok(record) => record,
            Err(error) => return self.fall_back(now, error),
        };
        if let Subject::Newcomer(Some(expected)) = &self.query.subject
            && *expected != record.home_account_id
        {
            let error =
                Error::new(ErrorKind::AuthenticationFailed, "another account signed in than the one that is needed");
            return self.fall_back(now, error.advise("sign in with the account that the program began with"));
        }
        self.query.subject = Subject::Account(record.home_account_id.clone());
        self.query.authority.tenant = record.tenant_id.clone();
        self.key = self.query.key();
        self.record = Some(record);
        // Also when the caller has gone, or its time has: whoever signed in need not do so again.
        self.state = State::Arriving(Box::new(granted));
        let load = self.base.load(&self.partition(), STORING);
        Step::Need(self.ids.ask(load))
    }

    pub(super) fn arrived(&mut self, now: Now, granted: Granted, reply: Reply) -> Step<Outcome> {
        match self.learn(reply) {
            Ok(()) => self.store(now, granted),
            Err(Misuse) => self.end(Err(Error::misuse())),
        }
    }
}

/// Who signed in, as the authority tells.
///
/// # Errors
///
/// `AuthenticationFailed` when it does not tell, or speaks of another application or cloud.
fn introduce(query: &Query, granted: &Granted) -> Result<AuthenticationRecord, Error> {
    let host = &query.authority.host;
    let hints = introduction(granted, &query.client_id, host)?;
    let home = granted.signed_in(&hints).ok_or_else(|| {
        Error::new(ErrorKind::AuthenticationFailed, "the authority did not say who signed in").advise("sign in again")
    })?;
    #[cfg(canary)]
    let home = match (&hints.local_account_id, &hints.tenant) {
        (Some(oid), Some(tid)) if crate::canary::is(crate::canary::Bug::GuestTakenForAtHome) => {
            alloc::format!("{oid}.{tid}")
        }
        _ => home,
    };
    let told = hints.tenant.as_deref().and_then(|tenant| Tenant::new(tenant).ok());
    let tenant = told.unwrap_or_else(|| query.authority.tenant.clone());
    let username = crate::wire::text::printable(hints.username.as_deref().unwrap_or_default(), 1024);
    Ok(AuthenticationRecord::new(host.clone(), query.client_id.clone(), home, tenant, username))
}
