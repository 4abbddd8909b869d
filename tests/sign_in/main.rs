//! Sign-ins by the rules of the RFCs, row by row: PKCE, state, issuer, nonce, redirect addresses, device codes, id tokens.

mod browser;
mod device;
mod id_token;
mod redirect;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use azlatch_core::cache::{Acquire, Acquired, Demand, Policy};
use azlatch_core::effect::{Effect, Listening, Loaded, RandomFault, Redirect, Reply, Saved, Version};
use azlatch_core::grant::Grant;
use azlatch_core::{Error, Host, Mono, Now, Unix, run};
use azlatch_tests::samples::{NOON, id_token, json, newcomer, policy};

/// What a world answers, and what it was asked.
pub(crate) struct World {
    /// Milliseconds since noon.
    clock: Rc<Cell<u64>>,
    /// What randomness there is.
    pub(crate) drawn: Result<Vec<u8>, RandomFault>,
    /// What the browser brings, the address that was opened being given.
    pub(crate) redirect: fn(&Opened) -> Vec<(&'static str, String)>,
    /// What the device authorization endpoint says.
    pub(crate) codes: String,
    /// What the token endpoint says.
    pub(crate) token: Box<Token>,
    /// What was asked.
    pub(crate) asked: Rc<RefCell<Asked>>,
}

/// The status, the body and the milliseconds of the answer to the nth request, the address that was opened being given.
type Token = dyn Fn(usize, &Opened) -> (u16, String, u64);

/// A request: when it was sent and answered, where to, its parameters.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    pub(crate) url: String,
    pub(crate) form: Vec<(String, String)>,
}

/// What a world was asked.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) opened: Option<Opened>,
    pub(crate) names: Vec<&'static str>,
    /// The requests but the one for device codes.
    pub(crate) requests: Vec<Request>,
    pub(crate) saved: String,
    pub(crate) prompted: Vec<(String, String, String)>,
}

/// The parameters of the address that the browser was sent to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opened {
    pub(crate) url: String,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Opened {
    pub(crate) fn get(&self, name: &str) -> String {
        find(&self.parameters, name)
    }
}

/// The one value of parameter `name`, or nothing.
pub(crate) fn find(parameters: &[(String, String)], name: &str) -> String {
    let values: Vec<_> = parameters.iter().filter(|(n, _)| n == name).collect();
    assert!(values.len() <= 1, "{name} is there twice");
    values.first().map(|(_, value)| value.clone()).unwrap_or_default()
}

fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            clock: Rc::default(),
            drawn: Ok((0..96).collect()),
            redirect: |opened| vec![("code", "the-code".into()), ("state", opened.get("state"))],
            codes: codes(r#","interval":5"#),
            token: Box::new(|_, opened| (200, granted(&claims(&opened.get("nonce"))), 0)),
            asked: Rc::default(),
        }
    }

    /// Signs in, within so many seconds.
    pub(crate) fn sign_in<G: Grant>(mut self, grant: G, seconds: u64) -> (Result<Acquired, Error>, Asked) {
        let policy = Policy { timeout: std::time::Duration::from_secs(seconds), ..policy() };
        let (clock, asked) = (self.clock.clone(), self.asked.clone());
        let now = || Now {
            wall: Unix(NOON + i64::try_from(clock.get() / 1000).expect("short")),
            mono: Mono(1_000 + clock.get()),
        };
        let outcome = run(&mut Acquire::new(newcomer(), grant, policy, Demand::Any), now, &mut self);
        (outcome, asked.take())
    }

    fn pass(&self, millis: u64) {
        self.clock.set(self.clock.get() + millis);
    }
}

impl Host for World {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        let mut asked = self.asked.borrow_mut();
        asked.names.push(effect.name());
        assert!(asked.names.len() < 5_000, "no end in sight");
        Ok(match effect {
            Effect::Random(ask) => {
                let drawn = self.drawn.clone().map(|bytes| bytes.into_iter().take(ask.op.len).collect::<Vec<_>>());
                ask.answer(drawn.map(Into::into))
            }
            Effect::Listen(ask) => {
                let port = if ask.op.port == 0 { 54_321 } else { ask.op.port };
                ask.answer(Ok(Listening { listener: 1, port }))
            }
            Effect::Browse(ask) => {
                let (url, query) = ask.op.url.split_once('?').expect("a query");
                asked.opened = Some(Opened { url: url.into(), parameters: pairs(query) });
                ask.answer(Ok(()))
            }
            Effect::Receive(ask) => {
                let brought = (self.redirect)(asked.opened.as_ref().expect("a browser"));
                let parameters = brought.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
                ask.answer(Ok(Some(Redirect { parameters })))
            }
            Effect::Close(ask) => ask.answer(()),
            Effect::Prompt(ask) => {
                let op = &ask.op;
                asked.prompted.push((op.user_code.clone(), op.verification_uri.clone(), op.message.clone()));
                ask.answer(Ok(()))
            }
            Effect::Http(ask) if ask.op.url.ends_with("/devicecode") => ask.answer(Ok(json(200, &self.codes))),
            Effect::Http(ask) => {
                let body = ask.op.body.as_ref().map(|body| body.expose_secret().to_vec()).unwrap_or_default();
                let (status, answer, millis) =
                    (self.token)(asked.requests.len(), &asked.opened.clone().unwrap_or_default());
                let sent = self.clock.get();
                self.pass(millis);
                let form = pairs(&String::from_utf8(body).expect("a form"));
                asked.requests.push(Request { sent, answered: self.clock.get(), url: ask.op.url.clone(), form });
                ask.answer(Ok(json(status, &answer)))
            }
            Effect::Wait(ask) => {
                self.pass(u64::try_from(ask.op.span.as_millis()).expect("short"));
                ask.answer(())
            }
            Effect::Load(ask) => ask.answer(Ok(Loaded::Absent)),
            Effect::Save(ask) => {
                asked.saved = String::from_utf8(ask.op.bytes.expose_secret().to_vec()).expect("text");
                ask.answer(Ok(Saved::Stored(Version(1))))
            }
            other => return Err(other),
        })
    }
}

/// The claims of an id token that is ours.
pub(crate) fn claims(nonce: &str) -> String {
    format!(r#"{{"aud":"app","sub":"s","oid":"u","tid":"t1","preferred_username":"ada","nonce":"{nonce}"}}"#)
}

/// A yes, with an id token of these claims.
pub(crate) fn granted(claims: &str) -> String {
    granted_with(&id_token(claims))
}

pub(crate) fn granted_with(id_token: &str) -> String {
    format!(
        r#"{{"access_token":"the-token","expires_in":3599,"refresh_token":"rt","client_info":"eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ","id_token":"{id_token}"}}"#
    )
}

/// The answer of the device authorization endpoint, with `more` members.
pub(crate) fn codes(more: &str) -> String {
    format!(
        r#"{{"device_code":"the-device-code","user_code":"ABCD","verification_uri":"https://login.test/device","expires_in":900{more}}}"#
    )
}
