//! What credentials for people have in common: whose tokens they look for, and when somebody must sign in.

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::time::Duration;

use super::options::Common;
use super::{Credential, Interaction, Surroundings, TokenCachePersistenceOptions, TokenRequest};
use crate::authority::discovery::Vouched;
use crate::authority::{Authority, AuthorityHost, Tenant, cloud};
use crate::cache::{Demand, Policy, Query, Scheme, Subject};
use crate::error::{Error, ErrorKind};
use crate::record::AuthenticationRecord;
use crate::scope::ScopeSet;

/// The application that a person signs in to unless another is named: the Azure CLI's, which is in every tenant.
pub const DEVELOPER_CLIENT_ID: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

/// A credential that acts for a person who signs in once, and goes on as that person silently.
pub trait UserCredential: Credential {
    /// Whose tokens are looked for before anybody signs in here.
    fn authentication_record(&self) -> Option<&AuthenticationRecord>;

    /// The authority's host and the application: the accounts of these are its own.
    fn place(&self, surroundings: &Surroundings) -> (AuthorityHost, String);

    /// What [`authenticate`](https://learn.microsoft.com/python/api/azure-identity) asks for when nothing is named: the
    /// cloud's resource manager.
    ///
    /// # Errors
    ///
    /// `Configuration` at an authority of which nobody knows what it guards.
    fn default_scopes(&self, surroundings: &Surroundings) -> Result<ScopeSet, Error> {
        let (host, _) = self.place(surroundings);
        let resource = match cloud::canonical(host.environment()) {
            cloud::PUBLIC => "https://management.core.windows.net//.default",
            "login.microsoftonline.us" => "https://management.core.usgovcloudapi.net//.default",
            "login.partner.microsoftonline.cn" => "https://management.core.chinacloudapi.cn//.default",
            _ => {
                let message = "no scope was named, and the authority is none that has a usual one";
                return Err(Error::new(ErrorKind::Configuration, message).advise("name at least one scope"));
            }
        };
        ScopeSet::new([resource])
    }
}

/// Options of every credential for people, and what they come to.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) common: Common,
    /// The tenant was named, rather than left to the record.
    pub(super) tenant_named: bool,
    pub(super) client_id: Option<String>,
    pub(super) record: Option<AuthenticationRecord>,
    /// Whether a person may be asked though nobody called `authenticate`.
    pub(super) automatic: bool,
    /// How long somebody may take to sign in; without one the request's own limit counts.
    pub(super) patience: Option<Duration>,
    pub(super) persistence: Option<TokenCachePersistenceOptions>,
}

impl User {
    pub(super) fn new(patience: Option<Duration>) -> Self {
        Self {
            common: Common::new(Tenant::organizations()),
            tenant_named: false,
            client_id: None,
            record: None,
            automatic: true,
            patience,
            persistence: None,
        }
    }

    pub(super) fn place(&self, surroundings: &Surroundings) -> (AuthorityHost, String) {
        let recorded = self.record.as_ref();
        let host = self.common.authority_host.as_ref().or(recorded.map(|record| &record.authority));
        let client = self.client_id.as_deref().or(recorded.map(|record| record.client_id.as_str()));
        let host = host.unwrap_or(&surroundings.authority_host).clone();
        (host, client.unwrap_or(DEVELOPER_CLIENT_ID).into())
    }

    pub(super) fn query(&self, request: &TokenRequest, surroundings: &Surroundings) -> Result<Query, Error> {
        let (host, client_id) = self.place(surroundings);
        let mut common = self.common.clone();
        if let Some(record) = self.record.as_ref().filter(|_| !self.tenant_named) {
            common.tenant = record.tenant_id.clone();
        }
        let mut tenant = common.authority(request, surroundings)?.tenant;
        let signed_in = surroundings.signed_in.as_ref();
        let subject = match (request.interaction, signed_in.or(self.record.as_ref())) {
            (Interaction::Required, _) => Subject::Newcomer(request.expected.clone()),
            (_, Some(record)) => Subject::Account(record.home_account_id.clone()),
            (_, None) => {
                return Err(Error::new(ErrorKind::InteractionRequired, "nobody has signed in yet")
                    .advise("sign in first, or hand over the record of an earlier sign-in"));
            }
        };
        // Who signed in to an organization by its domain, or by none, did so to a tenant that has an id.
        let own = surroundings.own_tenant.as_ref().filter(|_| tenant == common.tenant && !tenant.is_id());
        if let (Subject::Account(_), Some(own)) = (&subject, own) {
            tenant = own.clone();
        }
        Ok(Query {
            authority: Authority { host, tenant },
            client_id,
            subject,
            scopes: request.scopes.clone(),
            scheme: Scheme::Bearer,
            cae: request.enable_cae,
            extra: BTreeMap::new(),
        })
    }

    pub(super) fn policy(
        &self,
        request: &TokenRequest,
        query: &Query,
        surroundings: &Surroundings,
        vouched: Option<&Vouched>,
    ) -> Result<Policy, Error> {
        let policy = self.common.policy(request, query, surroundings, self.persistence.as_ref(), vouched)?;
        Ok(match (&query.subject, self.patience) {
            (Subject::Newcomer(_), Some(timeout)) => Policy { timeout, ..policy },
            _ => policy,
        })
    }

    /// The sign-in after `error`, where a person may be asked.
    pub(super) fn ask(
        &self,
        request: &TokenRequest,
        surroundings: &Surroundings,
        error: &Error,
    ) -> Option<TokenRequest> {
        let may = match request.interaction {
            Interaction::Automatic => self.automatic,
            Interaction::Allowed => true,
            Interaction::Never | Interaction::Required => false,
        };
        if may { self.sign_in(request, surroundings, error) } else { None }
    }

    /// The sign-in after `error`, where nobody is disturbed by one.
    pub(super) fn sign_in(
        &self,
        request: &TokenRequest,
        surroundings: &Surroundings,
        error: &Error,
    ) -> Option<TokenRequest> {
        if !error.needs_interaction() || request.interaction == Interaction::Required {
            return None;
        }
        let demand = match (error.claims(), &request.demand) {
            (Some(claims), _) => Demand::Claims(claims.into()),
            (None, Demand::Claims(claims)) => Demand::Claims(claims.clone()),
            (None, _) => Demand::Any,
        };
        let known = surroundings.signed_in.as_ref().or(self.record.as_ref());
        let name = known.map(|record| record.username.clone()).filter(|name| !name.is_empty());
        // A program that did not ask for a sign-in goes on as whom it began as; one that did is told who it is.
        let same = known.filter(|_| request.interaction == Interaction::Automatic);
        Some(TokenRequest {
            interaction: Interaction::Required,
            demand,
            login_hint: request.login_hint.clone().or(name),
            expected: request.expected.clone().or(same.map(|record| record.home_account_id.clone())),
            ..request.clone()
        })
    }
}

/// The setters of a user credential's options, and what of [`Credential`] is the same for all of them.
macro_rules! user_options {
    ($credential:ident) => {
        super::options::common_options!($credential, user.common);

        impl $credential {
            /// Signs in to this tenant, by GUID or domain, instead of whichever organization the person belongs to.
            ///
            /// # Errors
            ///
            /// `Configuration` when it cannot be a tenant.
            pub fn tenant_id(mut self, tenant_id: &str) -> Result<Self, crate::Error> {
                self.user.common.tenant = crate::authority::Tenant::new(tenant_id)?;
                self.user.tenant_named = true;
                Ok(self)
            }

            /// Goes on as the account of an earlier sign-in. Application, authority and tenant are the record's unless
            /// others are named.
            #[must_use]
            pub fn authentication_record(mut self, record: crate::AuthenticationRecord) -> Self {
                self.user.record = Some(record);
                self
            }

            /// Keeps tokens in a persistent cache, shared with other processes and other languages' programs.
            #[must_use]
            pub fn cache_persistence_options(mut self, options: super::TokenCachePersistenceOptions) -> Self {
                self.user.persistence = Some(options);
                self
            }
        }

        impl super::UserCredential for $credential {
            fn authentication_record(&self) -> Option<&crate::AuthenticationRecord> {
                self.user.record.as_ref()
            }

            fn place(
                &self,
                surroundings: &super::Surroundings,
            ) -> (crate::authority::AuthorityHost, alloc::string::String) {
                self.user.place(surroundings)
            }
        }
    };
}

/// The setters of credentials that ask a person.
macro_rules! asking_options {
    ($credential:ident) => {
        impl $credential {
            /// Signs in to this application instead of the Azure CLI's.
            ///
            /// # Errors
            ///
            /// `Configuration` when it cannot be a client id.
            pub fn client_id(mut self, client_id: &str) -> Result<Self, crate::Error> {
                self.user.client_id = Some(super::options::checked_client_id(client_id)?);
                Ok(self)
            }

            /// Asks nobody unless the application says so by `authenticate`: where a sign-in is needed there is an error
            /// of kind [`InteractionRequired`](crate::ErrorKind::InteractionRequired) instead.
            #[must_use]
            pub const fn disable_automatic_authentication(mut self) -> Self {
                self.user.automatic = false;
                self
            }

            /// How long somebody may take to sign in.
            #[must_use]
            pub const fn timeout(mut self, timeout: core::time::Duration) -> Self {
                self.user.patience = Some(timeout);
                self
            }
        }
    };
}

/// What [`Credential`] asks of every user credential alike.
macro_rules! user_queries {
    () => {
        fn query(&self, request: &TokenRequest, surroundings: &Surroundings) -> Result<Query, Error> {
            self.user.query(request, surroundings)
        }

        fn policy(
            &self,
            request: &TokenRequest,
            query: &Query,
            surroundings: &Surroundings,
            vouched: Option<&Vouched>,
        ) -> Result<Policy, Error> {
            self.user.policy(request, query, surroundings, vouched)
        }

        fn persistence(&self) -> Option<&TokenCachePersistenceOptions> {
            self.user.persistence.as_ref()
        }
    };
}

pub(super) use {asking_options, user_options, user_queries};
