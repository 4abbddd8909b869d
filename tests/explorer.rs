//! Walks a flow through every world: at each question every answer, at each step a caller that goes away, at each
//! state a host that errs. Flows are values, so a walk is cloning.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};

use azlatch_core::authority::discovery::Vouched;
use azlatch_core::cache::Acquired;
use azlatch_core::effect::{
    Effect, FailureKind, Found, Guard, Http, Ids, Load, Loaded, Lock, Locked, Mark, RandomFault, Reply, Save, Saved,
    Sent, StoreFault, Version, Wait,
};
use azlatch_core::secret::Secret;
use azlatch_core::token::{Exchanged, Posted};
use azlatch_core::{Error, ErrorKind, Flow, Mono, Now, Step, Unix};

use crate::samples::{NOON, at, document, failure, found, json, with_header};

/// What a walk has seen: everything the invariants need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Walk {
    /// Effects so far, with the answers chosen.
    pub trace: Vec<&'static str>,
    held: Vec<u64>,
    unwritable: bool,
    rotated: bool,
    rotated_saved: bool,
    written: bool,
    cancelled: bool,
    early_wakes: u32,
    conflicts: u32,
    elapsed_ms: u64,
}

/// What came of a walk through all worlds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Ends reached.
    pub ends: usize,
    /// Distinct states visited.
    pub states: usize,
    /// Hosts that erred.
    pub misuses: usize,
}

/// Walks `flow` through every world.
///
/// # Panics
///
/// When an invariant is broken; the message holds the trace.
pub fn explore<F, T>(name: &str, flow: F) -> Counts
where
    F: Flow<Output = T> + Clone + Hash + Debug,
    T: Outcome,
{
    let mut explorer = Explorer { counts: Counts::default(), seen: HashSet::new() };
    explorer.walk(flow, Walk::default(), None);
    let counts = explorer.counts;
    println!("explored {name:<44} {:>9} states {:>8} ends {:>9} misuses", counts.states, counts.ends, counts.misuses);
    counts
}

/// What the explorer must know of an output.
pub trait Outcome: Debug {
    /// Whether the flow stores what it is granted.
    const KEEPS: bool = false;
    /// The error, if it is one.
    fn error(&self) -> Option<&Error>;
    /// The access token, if it is one.
    fn token(&self) -> Option<&str>;
}

impl Outcome for Result<Acquired, Error> {
    const KEEPS: bool = true;

    fn error(&self) -> Option<&Error> {
        self.as_ref().err()
    }

    fn token(&self) -> Option<&str> {
        self.as_ref().ok().map(|acquired| acquired.token.expose_secret())
    }
}

impl Outcome for Result<Vouched, Error> {
    fn error(&self) -> Option<&Error> {
        self.as_ref().err()
    }

    fn token(&self) -> Option<&str> {
        None
    }
}

impl Outcome for Exchanged {
    fn error(&self) -> Option<&Error> {
        self.result.as_ref().err().map(|refused| &refused.error)
    }

    fn token(&self) -> Option<&str> {
        self.result.as_ref().ok().map(|granted| granted.access_token.expose_secret())
    }
}

impl Outcome for Posted {
    fn error(&self) -> Option<&Error> {
        match self {
            Self::Stopped(error) => Some(error),
            _ => None,
        }
    }

    fn token(&self) -> Option<&str> {
        None
    }
}

struct Explorer {
    counts: Counts,
    seen: HashSet<u64>,
}

impl Explorer {
    fn walk<F, T>(&mut self, flow: F, walk: Walk, reply: Option<Reply>)
    where
        F: Flow<Output = T> + Clone + Hash + Debug,
        T: Outcome,
    {
        for cancel in [false, true] {
            if cancel && walk.cancelled {
                continue;
            }
            let (mut flow, mut walk) = (flow.clone(), walk.clone());
            if cancel {
                flow.cancel();
                walk.cancelled = true;
                walk.trace.push("CANCEL");
            }
            match flow.step(walk.now(), reply.clone()) {
                Step::Done(output) => self.end(flow, &walk, &output),
                Step::Need(effect) => self.branch(flow, walk, &effect),
            }
        }
    }

    fn branch<F, T>(&mut self, flow: F, mut walk: Walk, effect: &Effect)
    where
        F: Flow<Output = T> + Clone + Hash + Debug,
        T: Outcome,
    {
        walk.ask(effect);
        if !self.is_new(&flow, &walk) {
            return;
        }
        self.counts.states += 1;
        self.misuse(&flow, &walk);
        for (label, reply) in answers(effect, &walk) {
            let mut next = walk.clone();
            next.answer(effect, label);
            self.walk(flow.clone(), next, Some(reply));
        }
        let mut next = walk.clone();
        next.answer(effect, "declined");
        self.walk(flow, next, Some(effect.clone().decline()));
    }

    fn is_new<F: Hash>(&mut self, flow: &F, walk: &Walk) -> bool {
        let mut hasher = DefaultHasher::new();
        flow.hash(&mut hasher);
        // The way here does not matter, only what the invariants remember of it.
        Walk { trace: Vec::new(), ..walk.clone() }.hash(&mut hasher);
        self.seen.insert(hasher.finish())
    }

    /// Done is final, locks are released, rotated tokens were saved, and a truthful host is never told it erred.
    fn end<F, T>(&mut self, mut flow: F, walk: &Walk, output: &T)
    where
        F: Flow<Output = T>,
        T: Outcome,
    {
        self.counts.ends += 1;
        walk.check(walk.held.is_empty(), "a lock is still held");
        walk.check(
            !T::KEEPS || !walk.rotated || walk.rotated_saved || walk.unwritable,
            "a rotated refresh token was dropped",
        );
        let error = output.error();
        walk.check(error.is_none_or(|e| e.kind() != ErrorKind::Misuse), "a truthful host was told it erred");
        walk.check(error.is_some() || output.token() != Some("expired"), "an expired token was handed out");
        match flow.step(walk.now(), None) {
            Step::Done(again) => {
                walk.check(again.error().is_some_and(|e| e.kind() == ErrorKind::Misuse), "done is not final");
            }
            Step::Need(_) => walk.check(false, "a question after the end"),
        }
    }

    /// A host that answers the wrong question, or none: an error, and nothing stays held.
    fn misuse<F, T>(&mut self, flow: &F, walk: &Walk)
    where
        F: Flow<Output = T> + Clone,
        T: Outcome,
    {
        // Of another flow: as deep a child as none of ours is.
        let mut deep = Ids::root().fork().fork().fork();
        let wait = Wait { until: Mono(0), span: std::time::Duration::ZERO };
        let stranger = deep.ask(wait).decline();
        for reply in [None, Some(stranger)] {
            self.counts.misuses += 1;
            let mut flow = flow.clone();
            let mut held = walk.held.clone();
            let mut step = flow.step(walk.now(), reply);
            for _ in 0..8 {
                match step {
                    Step::Done(output) => {
                        walk.check(held.is_empty(), "misuse leaves a lock held");
                        walk.check(output.error().is_some_and(|e| e.kind() == ErrorKind::Misuse), "misuse is no error");
                        break;
                    }
                    Step::Need(effect) => {
                        if let Effect::Unlock(ask) = &effect {
                            held.retain(|guard| *guard != ask.op.guard.0);
                        }
                        step = flow.step(walk.now(), Some(effect.decline()));
                    }
                }
            }
        }
    }
}

impl Walk {
    /// The clocks: they move while the flow waits.
    #[must_use]
    pub fn now(&self) -> Now {
        let start = at(0);
        let seconds = i64::try_from(self.elapsed_ms / 1000).unwrap_or_default();
        Now { wall: start.wall.plus(seconds), mono: Mono(start.mono.0 + self.elapsed_ms) }
    }

    fn check(&self, holds: bool, what: &str) {
        assert!(holds, "{what}\n  {}", self.trace.join("\n  "));
    }

    /// What may be asked at all.
    fn ask(&mut self, effect: &Effect) {
        self.trace.push(effect.name());
        self.check(self.trace.len() < 200, "no end in sight");
        match effect {
            Effect::Http(ask) => {
                self.check(!self.cancelled, "a request after cancel");
                self.check(!ask.op.url.contains("canary") && !ask.op.url.contains("rt-"), "a secret in a URL");
                let to_issuer = ask.op.url.starts_with("https://login.microsoftonline.com/")
                    || ask.op.url.starts_with("https://login.test/");
                self.check(to_issuer, "a request to a stranger");
                let body = ask.op.body.as_ref();
                let secret = mentions(body, "client_secret") || mentions(body, "refresh_token=");
                self.check(!secret || ask.op.url.ends_with("/oauth2/v2.0/token"), "a secret to another endpoint");
            }
            // To queue for a save that lost is part of the save.
            Effect::Lock(_) if self.conflicts > 0 => {}
            Effect::Load(_) | Effect::Lock(_) | Effect::Random(_) => {
                self.check(!self.cancelled, "more than clean-up after cancel")
            }
            Effect::Save(ask) => {
                let aside = ask.op.partition.name().ends_with(".damaged");
                self.check(!self.unwritable, "a write after a read that failed");
                let text = String::from_utf8_lossy(ask.op.bytes.expose_secret());
                self.check(
                    aside || text.contains("\"Other\":{\"kept\":true}") || !self.written_over(ask),
                    "foreign data was dropped",
                );
                self.rotated_saved |= text.contains("rt-new");
            }
            Effect::Unlock(ask) => {
                self.check(self.held.last() == Some(&ask.op.guard.0), "a lock was given back that is not held");
                self.held.pop();
            }
            _ => {}
        }
    }

    /// Whether the save replaces a document that held foreign data.
    fn written_over(&self, ask: &azlatch_core::effect::Ask<Save>) -> bool {
        ask.op.expect.is_some_and(|version| version != DAMAGED)
    }

    fn answer(&mut self, effect: &Effect, label: &'static str) {
        self.trace.push(label);
        match (effect, label) {
            (Effect::Lock(_), "free" | "cooling" | "same flight") => self.held.push(guard(self.held.len())),
            (Effect::Load(_), label) => self.unwritable = matches!(label, "locked" | "declined"),
            (Effect::Http(ask), "rotated") => self.rotated = mentions(ask.op.body.as_ref(), "refresh_token="),
            (Effect::Save(_), "stored") => self.written = true,
            (Effect::Save(_), "store busy") => self.conflicts += 1,
            (Effect::Save(_), "gone" | "sibling") => {
                self.conflicts += 1;
                // Somebody removed the account, or stored a newer token: either way ours has no place any more.
                self.rotated_saved = true;
            }
            (Effect::Wait(_), "declined") => {}
            (Effect::Wait(_), "early") => self.early_wakes += 1,
            (Effect::Wait(ask), _) => {
                let span = self.now().mono.until(ask.op.until);
                self.elapsed_ms += u64::try_from(span.as_millis()).unwrap_or_default();
            }
            _ => {}
        }
    }
}

fn mentions(body: Option<&Secret<[u8]>>, word: &str) -> bool {
    body.is_some_and(|body| String::from_utf8_lossy(body.expose_secret()).contains(word))
}

const DAMAGED: Version = Version(4);

/// The states that a partition may be found in.
fn stored() -> Vec<(&'static str, Found)> {
    vec![
        ("expired", found(&document("expired", -10, "rt-old"), 1)),
        ("good", found(&document("good", 3000, "rt-old"), 2)),
        ("due", found(&document("due", 200, "rt-old"), 3)),
        ("damaged", found("{\"AccessToken\":{\"a", 4)),
        ("moved", found(&document("expired", -10, "rt-sibling"), 5)),
    ]
}

/// Every answer that a truthful world may give.
fn answers(effect: &Effect, walk: &Walk) -> Vec<(&'static str, Reply)> {
    match effect.clone() {
        Effect::Http(ask) if ask.op.url.contains("/discovery/instance") => {
            discovery().into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Http(ask) => token().into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect(),
        Effect::Load(ask) => {
            loads(&ask.op).into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Save(ask) => {
            saves(walk).into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Lock(ask) => {
            locks(&ask.op, walk).into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Unlock(ask) => vec![("unlocked", ask.answer(()))],
        Effect::Wait(ask) => {
            let early = (walk.early_wakes < 1).then(|| ("early", ask.clone().answer(())));
            early.into_iter().chain([("woke", ask.answer(()))]).collect()
        }
        Effect::Random(ask) => {
            let bytes = vec![7; ask.op.len];
            vec![("drawn", ask.clone().answer(Ok(bytes.into()))), ("no entropy", ask.answer(Err(RandomFault)))]
        }
        _ => Vec::new(),
    }
}

type HttpAnswer = <Http as azlatch_core::effect::Operation>::Answer;

fn token() -> Vec<(&'static str, HttpAnswer)> {
    let granted = r#"{"token_type":"Bearer","access_token":"new","expires_in":3599}"#;
    let rotated = r#"{"token_type":"Bearer","access_token":"new","expires_in":3599,"refresh_token":"rt-new","client_info":"eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ","id_token":"e30.e30.x"}"#;
    vec![
        ("granted", Ok(json(200, granted))),
        ("rotated", Ok(json(200, rotated))),
        ("over at birth", Ok(json(200, r#"{"access_token":"new","expires_in":0}"#))),
        ("captive portal", Ok(json(200, "<html>"))),
        ("bad_token", Ok(json(400, r#"{"error":"invalid_grant","suberror":"bad_token"}"#))),
        ("invalid_grant", Ok(json(400, r#"{"error":"invalid_grant"}"#))),
        ("invalid_client", Ok(json(401, r#"{"error":"invalid_client"}"#))),
        ("429", Ok(with_header(429, "retry-after", "7"))),
        ("503", Ok(json(503, ""))),
        ("redirect", Ok(with_header(302, "location", "http://elsewhere.test/"))),
        ("never sent", Err(failure(Sent::No, FailureKind::Connect))),
        ("lost", Err(failure(Sent::Maybe, FailureKind::Broken))),
        ("untrusted", Err(failure(Sent::No, FailureKind::Tls))),
    ]
}

fn discovery() -> Vec<(&'static str, HttpAnswer)> {
    vec![
        (
            "vouched",
            Ok(json(
                200,
                r#"{"tenant_discovery_endpoint":"https://login.test/t1/v2.0/.well-known/openid-configuration"}"#,
            )),
        ),
        ("unknown", Ok(json(400, r#"{"error":"invalid_instance"}"#))),
        ("no idea", Ok(json(200, "{}"))),
        ("unreachable", Err(failure(Sent::No, FailureKind::Name))),
    ]
}

fn loads(op: &Load) -> Vec<(&'static str, Result<Loaded, StoreFault>)> {
    let unless = |found: &Found| Some(found.version) != op.unless;
    let mut all: Vec<(&'static str, Result<Loaded, StoreFault>)> =
        stored().into_iter().filter(|(_, f)| unless(f)).map(|(label, f)| (label, Ok(Loaded::Found(f)))).collect();
    all.push(("absent", Ok(Loaded::Absent)));
    all.push(("locked", Err(StoreFault::Locked)));
    if op.unless.is_some() {
        all.push(("unchanged", Ok(Loaded::Unchanged)));
    }
    all
}

fn saves(walk: &Walk) -> Vec<(&'static str, Result<Saved, StoreFault>)> {
    let mut all = vec![("stored", Ok(Saved::Stored(Version(9)))), ("full", Err(StoreFault::Io("no space".into())))];
    // Conflicts go on as long as others write; four are as good as a hundred.
    if walk.conflicts < 4 {
        all.push(("store busy", Err(StoreFault::Busy)));
        all.push(("gone", Ok(Saved::Conflict(None))));
        all.push(("sibling", Ok(Saved::Conflict(Some(found(&document("good", 3000, "rt-sibling"), 6))))));
    }
    all
}

/// The name of the lock that is taken when `held` are.
fn guard(held: usize) -> u64 {
    7 + u64::try_from(held).unwrap_or_default()
}

fn locks(op: &Lock, walk: &Walk) -> Vec<(&'static str, Result<Option<Locked>, StoreFault>)> {
    let held = |mark| Ok(Some(Locked { guard: Guard(guard(walk.held.len())), mark, waited: !op.patience.is_zero() }));
    let mark =
        |until| Some(Mark { at: Unix(NOON), until: Unix(NOON + until), holder: 1, what: "network it is down".into() });
    let mut all = vec![("free", held(None)), ("busy", Ok(None)), ("no locks here", Err(StoreFault::Unsupported))];
    if walk.conflicts > 0 {
        // The queue of writers, where marks mean nothing.
        return all;
    }
    all.push(("cooling", held(mark(600))));
    if !op.patience.is_zero() {
        all.push(("same flight", held(mark(0))));
    }
    all
}
