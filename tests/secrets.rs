//! M-01: secrets are planted everywhere, then looked for in everything that can be shown.

#[path = "secrets_sign_in.rs"]
mod sign_in;

use std::error::Error as _;
use std::fmt::{Debug, Write as _};

use azlatch::prelude::*;
use azlatch::{Adapters, TokenCache};
use azlatch_core::cache::{Acquire, Demand, Document};
use azlatch_core::effect::{Effect, Guard, Loaded, Locked, Reply, Saved, Version};
use azlatch_core::grant::{ClientAuth, ClientCredentials, Grant, Refresh};
use azlatch_core::{Error, Flow, Host, Step};
use azlatch_files::Files;
use azlatch_memory::Memory;
use azlatch_system::Environment;
use azlatch_tests::samples::{at, document, found, json, policy, query, user_query};
use azlatch_ureq::ProxySettings;
use base64::Engine as _;

const CLIENT_SECRET: &str = "canary-CLIENT~secret.0123456789";
const ACCESS: &str = "canary-ACCESS-token-0123456789abcdef";
const NEW_ACCESS: &str = "canary-NEWACCESS-token-0123456789abc";
const REFRESH: &str = "canary-REFRESH-token-0123456789abcdef";
const NEW_REFRESH: &str = "canary-NEWREFRESH-token-0123456789ab";
const ID_TOKEN: &str = "e30.eyJvaWQiOiJjYW5hcnktSURUT0tFTiJ9.canary-SIGNATURE-of-id-token";
const PASSWORD: &str = "canary-PASSWORD~of.ada-0123456789ab";
const CODE: &str = "canary-CODE~authorization.0123456789";
const DEVICE_CODE: &str = "canary-DEVICE~code-0123456789abcdef";
// As they are drawn: 32 bytes each.
const STATE: &str = "drawnS-STATE-entropy-0123456789a";
const NONCE: &str = "drawnN-NONCE-entropy-0123456789a";
const VERIFIER: &str = "drawnV-VERIFIER-entropy-01234567";
const CANARIES: [&str; 12] = [
    CLIENT_SECRET,
    ACCESS,
    NEW_ACCESS,
    REFRESH,
    NEW_REFRESH,
    ID_TOKEN,
    PASSWORD,
    CODE,
    DEVICE_CODE,
    STATE,
    NONCE,
    VERIFIER,
];

/// Everything shown so far.
#[derive(Default)]
struct Shown(String, usize);

impl Shown {
    fn debug(&mut self, value: &impl Debug) {
        let _ = writeln!(self.0, "{value:?}\n{value:#?}");
        self.1 += 1;
    }

    fn text(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
        self.1 += 1;
    }

    fn error(&mut self, error: &Error) {
        self.debug(error);
        self.text(&error.to_string());
        let mut cause = error.source();
        while let Some(error) = cause {
            self.text(&error.to_string());
            cause = error.source();
        }
    }

    fn count(&self) -> usize {
        self.1
    }

    /// No canary, in no form: as it is, encoded, or its first twelve characters.
    fn check(&self) {
        for canary in CANARIES {
            let forms = [
                canary.to_owned(),
                canary.chars().take(12).collect(),
                base64::engine::general_purpose::STANDARD_NO_PAD.encode(canary),
                base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(canary),
                canary.replace('~', "%7E"),
            ];
            for form in forms {
                if let Some(at) = self.0.find(&form) {
                    let around: String =
                        self.0[..at].chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect();
                    panic!("{form} is shown after …{around}");
                }
            }
        }
    }
}

/// Converses with a world that quotes everything it is sent, showing every value on the way.
fn converse<G: Grant + Debug>(shown: &mut Shown, flow: Acquire<G>, answer: &str, status: u16)
where
    Acquire<G>: Flow<Output = Result<azlatch_core::cache::Acquired, Error>> + Debug,
{
    let mut flow = flow;
    let mut reply: Option<Reply> = None;
    loop {
        shown.debug(&flow);
        shown.debug(&reply);
        let step = flow.step(at(0), reply.take());
        shown.debug(&step);
        match step {
            Step::Done(Ok(acquired)) => {
                acquired.explain.lines().for_each(|line| shown.text(&line));
                return;
            }
            Step::Done(Err(error)) => return shown.error(&error),
            Step::Need(effect) => {
                reply = Some(match effect {
                    Effect::Http(ask) => {
                        shown.text(&ask.op.url);
                        let sent =
                            String::from_utf8_lossy(ask.op.body.as_ref().expect("a body").expose_secret()).into_owned();
                        let echo = serde_json::to_string(&sent).expect("JSON");
                        // It can quote what it was sent, and what it grants, but no more.
                        let answer = if sent.contains("client_secret=") {
                            answer.to_owned()
                        } else {
                            answer.replace(CLIENT_SECRET, "")
                        };
                        let answer = if sent.contains("refresh_token=") { answer } else { answer.replace(REFRESH, "") };
                        ask.answer(Ok(json(status, &answer.replace("ECHO", &echo))))
                    }
                    Effect::Load(ask) => {
                        shown.text(ask.op.partition.name());
                        ask.answer(Ok(Loaded::Found(found(&document(ACCESS, -10, REFRESH), 1))))
                    }
                    Effect::Save(ask) => ask.answer(Ok(Saved::Stored(Version(2)))),
                    Effect::Lock(ask) => {
                        shown.text(&ask.op.key.to_string());
                        ask.answer(Ok(Some(Locked { guard: Guard(1), mark: None, waited: false })))
                    }
                    Effect::Unlock(ask) => {
                        // What a driver may keep in a plain file.
                        shown.text(ask.op.mark.as_ref().map_or("", |mark| &mark.what));
                        ask.answer(())
                    }
                    other => other.decline(),
                });
            }
        }
    }
}

#[test]
fn m_01_no_secret_is_ever_shown() {
    let mut shown = Shown::default();
    let granted = format!(
        r#"{{"access_token":"{NEW_ACCESS}","refresh_token":"{NEW_REFRESH}","id_token":"{ID_TOKEN}","expires_in":3599,"echo":ECHO}}"#
    );
    let refused = format!(
        r#"{{"error":"invalid_grant","suberror":"bad_token","error_description":"AADSTS70000: {CLIENT_SECRET} and {REFRESH} are no good. Trace ID: x","correlation_id":"{REFRESH}","trace_id":"{CLIENT_SECRET}"}}"#
    );
    let garbage = format!(r#"{{"access_token":["{NEW_ACCESS}"],"x":ECHO"#);
    for (status, answer) in [
        (200, &granted),
        (400, &refused),
        (401, &refused),
        (200, &garbage),
        (200, &refused),
        (503, &refused),
        (302, &garbage),
    ] {
        for demand in [Demand::Any, Demand::Not(ACCESS.into()), Demand::Claims(r#"{"a":1}"#.into())] {
            let app = ClientCredentials::new(CLIENT_SECRET.into());
            converse(&mut shown, Acquire::new(query(), app, policy(), demand.clone()), answer, status);
            for auth in [ClientAuth::Public, ClientAuth::Secret(CLIENT_SECRET.into())] {
                converse(
                    &mut shown,
                    Acquire::new(user_query(), Refresh::new(auth), policy(), demand.clone()),
                    answer,
                    status,
                );
            }
        }
    }
    println!("{} values shown, {} characters", shown.1, shown.0.len());
    shown.check();
}

#[test]
fn m_01_adapters_show_no_secret() {
    let mut shown = Shown::default();
    let directory = tempfile::tempdir().expect("a directory");
    let environment = Environment::from_iter([("AZURE_CLIENT_SECRET", CLIENT_SECRET), ("HOME", "/nonexistent")]);
    let adapters = Adapters::in_environment(environment.clone())
        .expect("adapters")
        .cache_directory(directory.path())
        .token_cache(TokenCache::new());
    let credential = ClientSecretCredential::new("t1", "app", CLIENT_SECRET).expect("a credential");
    shown.debug(&credential);
    shown.debug(&environment);
    shown.debug(&adapters);
    shown.debug(&ProxySettings::new(Some(&format!("http://user:{CLIENT_SECRET}@proxy.example:8080")), None));
    let document = Document::parse(document(ACCESS, 100, REFRESH).as_bytes()).expect("a document");
    shown.debug(&document);
    let cache = TokenCache::new();
    let world = Authority;
    let bound = credential.blocking_with(&adapters.clone().http(world).token_cache(cache.clone())).expect("bound");
    let token = bound.get_token(&["https://vault.example/.default"]).expect("a token");
    assert_eq!(token.expose_secret(), NEW_ACCESS);
    shown.debug(&token);
    shown.debug(&bound);
    shown.debug(&cache);
    let plain = TokenCachePersistenceOptions::default().allow_unencrypted_storage(true);
    let kept =
        ClientSecretCredential::new("t1", "app", CLIENT_SECRET).expect("a credential").cache_persistence_options(plain);
    let kept = kept.blocking_with(&adapters.http(world)).expect("bound");
    shown.debug(
        &kept.answer(&TokenRequest::new(["https://vault.example/.default"]).expect("a request")).expect("a token"),
    );
    shown.debug(&kept);
    shown.debug(&Files::new(directory.path()));
    shown.debug(&Memory::new());
    let mut folders = vec![directory.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            shown.text(&entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    let bad = ClientSecretCredential::new("no tenant", "app", CLIENT_SECRET).expect_err("refused");
    shown.error(&bad);
    println!("{} values shown", shown.1);
    shown.check();
}

/// An authority that grants everything.
#[derive(Clone, Copy)]
struct Authority;

impl Host for Authority {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match effect {
            Effect::Http(ask) => {
                let body = format!(r#"{{"access_token":"{NEW_ACCESS}","expires_in":3599}}"#);
                Ok(ask.answer(Ok(json(200, &body))))
            }
            other => Err(other),
        }
    }
}
