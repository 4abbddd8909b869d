//! What a process runs: the core's own flows, and three small programs beside them.

use std::time::Duration;

use azlatch_core::cache::{
    Acquire, Acquired, Change, Delta, Demand, Document, HeldRefreshToken, Place, Policy, Section,
};
use azlatch_core::effect::{Found, Ids, Load, Loaded, Partition, Remove, Reply, Save, Saved, Version};
use azlatch_core::grant::{ClientAuth, ClientCredentials, Grant, Refresh, Terms};
use azlatch_core::token::{Exchange, Exchanger, Replay, claims};
use azlatch_core::wire::form::Form;
use azlatch_core::{Error, Flow, Now, Step};

use crate::wants::{Want, Who};

/// What the application proves itself with.
pub const CLIENT_SECRET: &str = "canary-client-secret";

/// A running program.
#[derive(Debug)]
pub enum Running {
    /// A token for the application.
    App(Acquire<ClientCredentials>),
    /// A token for a person.
    Person(Acquire<Refresh>),
    /// A token on somebody's behalf.
    Assertion(Acquire<OnBehalf>),
    /// A person signs in.
    SignIn(SignIn),
    /// Somebody clears the cache.
    Clear(Clear),
}

/// How a program ended.
#[derive(Debug)]
pub enum Ended {
    /// With a token or an error.
    Token(Box<Result<Acquired, Error>>),
    /// Whether it did what it is there for.
    Program(bool),
}

impl Running {
    /// The acquisition of what `want` says.
    #[must_use]
    pub fn acquire(want: &Want, demand: Demand, timeout: u64, tries: u8) -> Self {
        let policy = Policy {
            place: Place::Shared(want.partition()),
            discovery: false,
            tries,
            timeout: Duration::from_secs(timeout),
            holder: want.client as u64,
        };
        let query = want.query();
        match want.who {
            Who::App => Self::App(Acquire::new(query, ClientCredentials::new(CLIENT_SECRET.into()), policy, demand)),
            Who::Person(_) => Self::Person(Acquire::new(query, Refresh::new(ClientAuth::Public), policy, demand)),
            Who::Assertion(_) => {
                let assertion = want.assertion().unwrap_or_default();
                Self::Assertion(Acquire::new(query, OnBehalf { assertion }, policy, demand))
            }
        }
    }

    /// As [`Flow::step`].
    pub fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Ended> {
        fn token(step: Step<Result<Acquired, Error>>) -> Step<Ended> {
            match step {
                Step::Need(effect) => Step::Need(effect),
                Step::Done(result) => Step::Done(Ended::Token(Box::new(result))),
            }
        }
        fn program(step: Step<bool>) -> Step<Ended> {
            match step {
                Step::Need(effect) => Step::Need(effect),
                Step::Done(done) => Step::Done(Ended::Program(done)),
            }
        }
        match self {
            Self::App(flow) => token(flow.step(now, reply)),
            Self::Person(flow) => token(flow.step(now, reply)),
            Self::Assertion(flow) => token(flow.step(now, reply)),
            Self::SignIn(flow) => program(flow.step(now, reply)),
            Self::Clear(flow) => program(flow.step(now, reply)),
        }
    }

    /// As [`Flow::cancel`].
    pub fn cancel(&mut self) {
        match self {
            Self::App(flow) => flow.cancel(),
            Self::Person(flow) => flow.cancel(),
            Self::Assertion(flow) => flow.cancel(),
            Self::SignIn(_) | Self::Clear(_) => {}
        }
    }
}

/// A grant on behalf of an assertion; to the model it is the application's own with a field more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OnBehalf {
    assertion: &'static str,
}

impl Grant for OnBehalf {
    type Exchange = Exchange;

    fn exchange(&self, terms: &Terms<'_>, _: Option<&HeldRefreshToken>, ids: Ids) -> Result<Exchange, Error> {
        let query = terms.query;
        let claims = claims::merge(terms.claims.map(String::as_str), query.cae)?;
        let form = Form::new()
            .plain("client_id", &query.client_id)
            .plain("grant_type", "client_credentials")
            .plain("scope", query.scopes.to_string())
            .plain("claims", claims.unwrap_or_default())
            .secret("client_secret", CLIENT_SECRET)
            .secret("assertion", self.assertion);
        let how = Exchanger {
            authority: query.authority.clone(),
            tries: terms.tries,
            deadline: terms.deadline,
            of_a_user: true,
            replay: Replay::Safe,
        };
        Ok(Exchange::new(how, form, ids))
    }
}

const PROGRAM: Duration = Duration::from_secs(5);

/// A program that stores the refresh token of somebody who just signed in.
#[derive(Debug)]
pub struct SignIn {
    partition: Partition,
    key: String,
    json: String,
    ids: Ids,
    saving: bool,
}

impl SignIn {
    /// Of the person of `want`, with `token`.
    #[must_use]
    pub fn new(want: &Want, token: &str, at: i64) -> Self {
        let (key, json) = want.refresh_entity(token, at);
        Self { partition: want.partition(), key, json, ids: Ids::root(), saving: false }
    }

    /// `document` with the token in it.
    fn with_token(&self, found: Option<&Found>) -> Option<Document> {
        let document = match found {
            None => Document::parse(br#"{"Other":{"kept":true}}"#),
            Some(found) => Document::parse(found.bytes.expose_secret()),
        };
        let mut delta = Delta::default();
        let (section, key, json) = (Section::RefreshToken, self.key.clone(), self.json.as_str().into());
        delta.push(Change::Put { section, key, json });
        Some(document.ok()?.apply(&delta))
    }

    /// `bytes` with the token in it.
    #[must_use]
    pub fn into_document(self, bytes: &[u8]) -> Option<Document> {
        self.with_token(Some(&Found { bytes: bytes.into(), version: Version(0) }))
    }

    fn save(&mut self, found: Option<Found>) -> Step<bool> {
        let Some(document) = self.with_token(found.as_ref()) else { return Step::Done(false) };
        self.saving = true;
        let (partition, expect) = (self.partition.clone(), found.map(|found| found.version));
        Step::Need(self.ids.ask(Save { partition, bytes: document.bytes(), expect, timeout: PROGRAM }))
    }
}

impl Flow for SignIn {
    type Output = bool;

    fn step(&mut self, _now: Now, reply: Option<Reply>) -> Step<bool> {
        match reply {
            None => {
                let partition = self.partition.clone();
                Step::Need(self.ids.ask(Load { partition, unless: None, limit: 1 << 24, timeout: PROGRAM }))
            }
            Some(reply) if self.saving => match self.ids.take::<Save>(reply) {
                Ok(Some(Ok(Saved::Stored(_)))) => Step::Done(true),
                Ok(Some(Ok(Saved::Conflict(found)))) => self.save(found),
                _ => Step::Done(false),
            },
            Some(reply) => match self.ids.take::<Load>(reply) {
                Ok(Some(Ok(Loaded::Absent))) => self.save(None),
                Ok(Some(Ok(Loaded::Found(found)))) => self.save(Some(found)),
                _ => Step::Done(false),
            },
        }
    }

    fn cancel(&mut self) {}
}

/// A program that removes a document, if it still is the one it has seen.
#[derive(Debug)]
pub struct Clear {
    partition: Partition,
    ids: Ids,
    removing: bool,
}

impl Clear {
    /// Of `partition`.
    #[must_use]
    pub const fn new(partition: Partition) -> Self {
        Self { partition, ids: Ids::root(), removing: false }
    }
}

impl Flow for Clear {
    type Output = bool;

    fn step(&mut self, _now: Now, reply: Option<Reply>) -> Step<bool> {
        match reply {
            None => {
                let partition = self.partition.clone();
                Step::Need(self.ids.ask(Load { partition, unless: None, limit: 1 << 24, timeout: PROGRAM }))
            }
            Some(_) if self.removing => Step::Done(true),
            Some(reply) => match self.ids.take::<Load>(reply) {
                Ok(Some(Ok(Loaded::Found(found)))) => {
                    self.removing = true;
                    let (partition, expect) = (self.partition.clone(), found.version);
                    Step::Need(self.ids.ask(Remove { partition, expect, timeout: PROGRAM }))
                }
                _ => Step::Done(false),
            },
        }
    }

    fn cancel(&mut self) {}
}
