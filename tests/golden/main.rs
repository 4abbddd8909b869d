//! Conversations as text: one file a trace, values included.
//!
//! A trace in `tests/traces` begins with what is run (`flow: app`, options), then alternates what the flow asks for
//! (`>`, with its values indented below) and what the world answers (`<`). Answers are written by hand; the rest is
//! what the flow says. `UPDATE=1 cargo test -p azlatch-tests --test golden` rewrites the files: read the diff.

mod answers;
mod told;

use std::fmt::{Debug, Write as _};
use std::fs;

use azlatch_core::authority::AuthorityHost;
use azlatch_core::cache::{Acquire, Acquired, Demand, Discard, Listing, Policy, Query};
use azlatch_core::credential::{
    AuthorizationCodeCredential, Credential, DeviceCodeCredential, Interaction, InteractiveBrowserCredential,
    Surroundings, TokenCachePersistenceOptions, TokenRequest, UsernamePasswordCredential,
};
use azlatch_core::effect::{Effect, Partition};
use azlatch_core::grant::{ClientAuth, ClientCredentials, DeviceAuthorization, Refresh};
use azlatch_core::{AuthenticationRecord, Error, Flow, Mono, Now, Step};
use azlatch_tests::root;
use azlatch_tests::samples::{at, authority, policy, query, user_query};

#[test]
fn every_trace_is_as_written() {
    let directory = root().join("tests/traces");
    let mut told = 0;
    let mut wrong = Vec::new();
    let mut files: Vec<_> =
        fs::read_dir(directory).expect("traces").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    for path in files {
        let written = fs::read_to_string(&path).expect("a text");
        let said = Trace::parse(&written).tell();
        told += 1;
        if said == written {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, said).expect("written");
        } else {
            let at = said.lines().zip(written.lines()).position(|(a, b)| a != b);
            let line = at.unwrap_or_else(|| said.lines().count().min(written.lines().count()));
            let of = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
            wrong.push(format!("{}:{}\n  written {}\n  said    {}", path.display(), line + 1, of(&written), of(&said)));
        }
    }
    println!("{told} traces");
    assert!(told >= 60, "the traces are gone");
    assert!(wrong.is_empty(), "{}\nUPDATE=1 rewrites the traces", wrong.join("\n"));
}

/// A trace as read: its head, and the answers in order.
struct Trace<'a> {
    head: Vec<&'a str>,
    answers: std::collections::VecDeque<&'a str>,
}

impl<'a> Trace<'a> {
    fn parse(text: &'a str) -> Self {
        let head = text.lines().take_while(|line| !line.is_empty()).collect();
        Self { head, answers: text.lines().filter_map(|line| line.strip_prefix("< ")).collect() }
    }

    fn option(&self, name: &str) -> Option<&'a str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn tell(mut self) -> String {
        let mut said = self.head.join("\n");
        said.push_str("\n\n");
        let host = self.option("authority").unwrap_or("login.microsoftonline.com");
        let cae = self.option("cae").is_some();
        let policy = Policy { discovery: self.option("discovery").is_some(), tries: 4, ..policy() };
        let of = |query: Query| Query { authority: authority(host), cae, ..query };
        let place = Partition::new("msal.cache.nocae").expect("a name");
        match self.option("flow").expect("a flow") {
            "app" => {
                let grant = ClientCredentials::new("s3cret".into());
                self.acquire(Acquire::new(of(query()), grant, policy, self.demand()), &mut said);
            }
            "user" => {
                let grant = Refresh::new(ClientAuth::Public);
                self.acquire(Acquire::new(of(user_query()), grant, policy, self.demand()), &mut said);
            }
            "sign out" => {
                let discard = Discard::account(place, &AuthorityHost::default(), "u.t");
                match self.converse(discard, &mut said) {
                    Ok(()) => said.push_str("= signed out\n"),
                    Err(error) => told::refusal(&mut said, &error),
                }
            }
            "accounts" => match self.converse(Listing::new(place, AuthorityHost::default(), "app".into()), &mut said) {
                Ok(accounts) => accounts.iter().for_each(|account| {
                    let silent = if account.can_renew { "can go on" } else { "must sign in" };
                    let _ = writeln!(said, "= {} {silent}", account.record.to_json());
                }),
                Err(error) => told::refusal(&mut said, &error),
            },
            person => self.person(person, &mut said).expect("a good description"),
        }
        said
    }

    fn demand(&self) -> Demand {
        match (self.option("claims"), self.option("demand")) {
            (Some(claims), _) => Demand::Claims(claims.into()),
            (None, Some("fresh")) => Demand::Fresh,
            (None, Some(rejected)) => Demand::Not(rejected.into()),
            (None, None) => Demand::Any,
        }
    }

    /// A credential for people, as its user sees it: silently where there is a record, else by the sign-in.
    fn person(&mut self, credential: &str, said: &mut String) -> Result<(), Error> {
        let tenant = self.option("tenant").unwrap_or("t1");
        let plain = TokenCachePersistenceOptions::default;
        let record = self.option("record").map(AuthenticationRecord::from_json).transpose()?;
        match credential {
            "browser" => {
                let mut browser = InteractiveBrowserCredential::new().client_id("app")?.tenant_id(tenant)?;
                if let Some(uri) = self.option("redirect") {
                    browser = browser.redirect_uri(uri)?;
                }
                if let Some(record) = record {
                    browser = browser.authentication_record(record);
                }
                self.sign_in(&browser.cache_persistence_options(plain()), said)
            }
            "device" => {
                let device = DeviceCodeCredential::new().cache_persistence_options(plain());
                let device = match self.option("pending") {
                    Some(pending) => device.resume(DeviceAuthorization::from_json(pending)?),
                    None => device.client_id("app")?.tenant_id(tenant)?,
                };
                self.sign_in(&device, said)
            }
            "code" => {
                let code =
                    AuthorizationCodeCredential::new(tenant, "app", "the-code", "https://app.example/back?x=1&y")?;
                let code = code.client_secret("s3cret").code_verifier("the-verifier");
                self.sign_in(&code.cache_persistence_options(plain()), said)
            }
            "password" => {
                let password = UsernamePasswordCredential::new("app", "ada+1@contoso.example", "pass & word")?;
                self.sign_in(&password.tenant_id(tenant)?.cache_persistence_options(plain()), said)
            }
            other => panic!("no flow is called {other}"),
        }
    }

    fn sign_in<C: Credential>(&mut self, credential: &C, said: &mut String) -> Result<(), Error> {
        let around = Surroundings::default();
        let mut request = TokenRequest::new(["https://vault.example/.default"])?;
        request.demand = self.demand();
        request.enable_cae = self.option("cae").is_some();
        if let Err(error) = credential.query(&request, &around) {
            request = credential.sign_in(&request, &around, &error).expect("a sign-in");
            assert_eq!(request.interaction, Interaction::Required);
        }
        let outcome = self.converse(credential.acquire(&request, &around, None)?, said);
        told::end(said, &outcome);
        if let Some(next) = outcome.err().and_then(|error| credential.sign_in(&request, &around, &error)) {
            told::sign_in(said, &next);
        }
        Ok(())
    }

    fn acquire<F: Flow<Output = Result<Acquired, Error>>>(&mut self, flow: F, said: &mut String) {
        let outcome = self.converse(flow, said);
        told::end(said, &outcome);
    }

    fn converse<F: Flow<Output: Debug>>(&mut self, mut flow: F, said: &mut String) -> F::Output {
        let (mut elapsed, mut reply) = (0, None);
        loop {
            match flow.step(now(elapsed), reply.take()) {
                Step::Done(outcome) => return outcome,
                Step::Need(effect) => {
                    told::ask(said, &effect);
                    let mut answer = self.answer(said);
                    while let Some(meanwhile) = answer.strip_prefix("meanwhile ") {
                        match meanwhile {
                            "cancel" => flow.cancel(),
                            millis => elapsed += millis.parse::<u64>().expect("milliseconds"),
                        }
                        answer = self.answer(said);
                    }
                    let slept = match (&effect, answer) {
                        (Effect::Wait(ask), "woke") => ask.op.span,
                        (Effect::Receive(ask), "nothing") => ask.op.span,
                        _ => std::time::Duration::ZERO,
                    };
                    elapsed += u64::try_from(slept.as_millis()).expect("short");
                    reply = Some(answers::read(effect, answer));
                }
            }
        }
    }

    fn answer(&mut self, said: &mut String) -> &'a str {
        let answer = self.answers.pop_front().unwrap_or("declined");
        let _ = writeln!(said, "< {answer}");
        answer
    }
}

fn now(elapsed: u64) -> Now {
    let start = at(0);
    Now { wall: start.wall.plus(i64::try_from(elapsed / 1000).expect("short")), mono: Mono(start.mono.0 + elapsed) }
}
