//! What a process runs: the core's own flows, and three small programs beside them.

use std::time::Duration;

use azlatch_core::cache::{
    Acquire, Acquired, Change, Delta, Demand, Discard, Document, HeldRefreshToken, Place, Policy, Query, Section,
    Subject,
};
use azlatch_core::effect::{Found, Ids, Load, Loaded, Partition, Remove, Reply, Save, Saved, Version};
use azlatch_core::grant::{
    Browser, ClientAuth, ClientCredentials, CodeInHand, Device, Grant, Manners, Person, RedirectUri, Refresh, Terms,
};
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
    /// A person signs in, in a browser.
    Browser(Box<Acquire<Person<Browser>>>),
    /// A person signs in, with a code that is typed elsewhere.
    Device(Box<Acquire<Person<Device>>>),
    /// A person signed in elsewhere, and brings a code.
    Code(Box<Acquire<CodeInHand>>),
    /// An account signs out.
    SignOut(Discard),
    /// A program of another make stores the token of somebody who signed in.
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
        Self::acquire_for(want, want.query(), demand, timeout, tries)
    }

    /// The acquisition of what `query` asks for, in the name of `want`.
    pub(crate) fn acquire_for(want: &Want, query: Query, demand: Demand, timeout: u64, tries: u8) -> Self {
        let policy = policy(want, timeout, tries);
        match want.who {
            Who::App => Self::App(Acquire::new(query, ClientCredentials::new(CLIENT_SECRET.into()), policy, demand)),
            Who::Person(_) => Self::Person(Acquire::new(query, Refresh::new(ClientAuth::Public), policy, demand)),
            Who::Assertion(_) => {
                let assertion = want.assertion().unwrap_or_default();
                Self::Assertion(Acquire::new(query, OnBehalf { assertion }, policy, demand))
            }
        }
    }

    /// The person of `want` signs in; `code` is the one that is brought, with its verifier.
    pub(crate) fn meet(
        want: &Want,
        means: Means,
        code: Option<Brought>,
        demand: Demand,
        timeout: u64,
        tries: u8,
    ) -> Self {
        let policy = policy(want, timeout, tries);
        let query = Query { subject: Subject::Newcomer(None), ..want.query() };
        match (means, code) {
            (Means::Code, Some((code, verifier))) => {
                let verifier = verifier.map(Into::into);
                let back = "https://app.test/back".into();
                let grant = CodeInHand::new(code.into(), back, verifier, ClientAuth::Public);
                Self::Code(Box::new(Acquire::new(query, grant, policy, demand)))
            }
            (Means::Device, _) => {
                let grant = Person::SignIn(Device::new(None));
                Self::Device(Box::new(Acquire::new(query, grant, policy, demand)))
            }
            _ => {
                let manners = Manners { login_hint: want.person().map(Into::into), ..Manners::default() };
                let grant = Person::SignIn(Browser::new(RedirectUri::default(), manners));
                Self::Browser(Box::new(Acquire::new(query, grant, policy, demand)))
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
            Self::Browser(flow) => token(flow.step(now, reply)),
            Self::Device(flow) => token(flow.step(now, reply)),
            Self::Code(flow) => token(flow.step(now, reply)),
            Self::SignOut(flow) => match flow.step(now, reply) {
                Step::Need(effect) => Step::Need(effect),
                Step::Done(result) => Step::Done(Ended::Program(result.is_ok())),
            },
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
            Self::Browser(flow) => flow.cancel(),
            Self::Device(flow) => flow.cancel(),
            Self::Code(flow) => flow.cancel(),
            Self::SignIn(_) | Self::Clear(_) | Self::SignOut(_) => {}
        }
    }
}

fn policy(want: &Want, timeout: u64, tries: u8) -> Policy {
    Policy {
        place: Place::Shared(want.partition()),
        discovery: false,
        tries,
        timeout: Duration::from_secs(timeout),
        holder: want.client as u64,
    }
}

/// By which means somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// A browser on this machine.
    Browser,
    /// A code that is typed elsewhere.
    Device,
    /// A code that the application was brought.
    Code,
}

/// A code that was brought, and the verifier that goes with it.
pub(crate) type Brought = (String, Option<String>);

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
    /// That the application is of a family.
    metadata: Option<(String, String)>,
    ids: Ids,
    saving: bool,
}

impl SignIn {
    /// Of the person of `want`, with `token`, which may be a whole family's.
    #[must_use]
    pub fn new(want: &Want, token: &str, family: bool, at: i64) -> Self {
        let (key, json) = want.refresh_entity(token, family, at);
        let metadata = family.then(|| want.family_entity());
        Self { partition: want.partition(), key, json, metadata, ids: Ids::root(), saving: false }
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
        if let Some((key, json)) = self.metadata.clone() {
            delta.push(Change::Put { section: Section::AppMetadata, key, json: json.as_str().into() });
        }
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
