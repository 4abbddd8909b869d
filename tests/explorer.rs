//! Walks a flow through every world: at each question every answer, at each step a caller that goes away, at each
//! state a host that errs. Flows are values, so a walk is cloning.

mod answers;
mod outcome;

pub use outcome::Outcome;

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};

use azlatch_core::effect::{Effect, Http, Ids, Reply, Save, Wait};
use azlatch_core::{ErrorKind, Flow, Mono, Now, Step};

use crate::samples::at;
use answers::{DAMAGED, LISTENER, answers, drawn, guard, mentions};

/// What a walk has seen: everything the invariants need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Walk {
    /// Effects so far, with the answers chosen.
    pub trace: Vec<&'static str>,
    held: Vec<u64>,
    listening: bool,
    cleans_up: bool,
    /// The answer to a sign-in that is to be stored.
    signed_in: bool,
    /// When the last poll was answered, or the code shown, and how long to rest after that.
    answered_ms: u64,
    interval_ms: u64,
    moments: u32,
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
    explorer.walk(flow, Walk { cleans_up: T::CLEANS_UP, ..Walk::default() }, None);
    let counts = explorer.counts;
    println!("explored {name:<44} {:>9} states {:>8} ends {:>9} misuses", counts.states, counts.ends, counts.misuses);
    counts
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
        walk.check(!walk.listening, "a listener is still open");
        walk.check(
            !T::KEEPS || !walk.signed_in || walk.rotated_saved || walk.unwritable,
            "what somebody signed in for was dropped",
        );
        walk.check(
            !T::KEEPS || !walk.rotated || walk.rotated_saved || walk.unwritable,
            "a rotated refresh token was dropped",
        );
        let error = output.error();
        walk.check(error.is_none_or(|e| e.kind() != ErrorKind::Misuse), "a truthful host was told it erred");
        walk.check(error.is_some() || output.token() != Some("expired"), "an expired token was handed out");
        walk.check(!T::KEEPS || output.token() != Some("stolen"), "a token of another sign-in was handed out");
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
            let (mut held, mut listening) = (walk.held.clone(), walk.listening);
            let mut step = flow.step(walk.now(), reply);
            for _ in 0..8 {
                match step {
                    Step::Done(output) => {
                        walk.check(held.is_empty(), "misuse leaves a lock held");
                        walk.check(!listening, "misuse leaves a listener open");
                        walk.check(output.error().is_some_and(|e| e.kind() == ErrorKind::Misuse), "misuse is no error");
                        break;
                    }
                    Step::Need(effect) => {
                        if let Effect::Unlock(ask) = &effect {
                            held.retain(|guard| *guard != ask.op.guard.0);
                        }
                        listening &= !matches!(effect, Effect::Close(_));
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
                self.check_secrets(&ask.op);
                let to_issuer = ask.op.url.starts_with("https://login.microsoftonline.com/")
                    || ask.op.url.starts_with("https://login.test/");
                self.check(to_issuer, "a request to a stranger");
            }
            // To queue for a save that lost is part of the save.
            Effect::Lock(_) if self.conflicts > 0 => {}
            // Whose document it is must be known before anything of theirs is stored.
            Effect::Load(_) if self.signed_in || self.cleans_up => {}
            Effect::Browse(ask) => {
                self.check(!self.cancelled, "a browser after cancel");
                let secret = ask.op.url.contains("canary") || ask.op.url.contains(&drawn(2));
                self.check(!secret, "a secret in a URL");
            }
            Effect::Close(ask) => {
                self.check(self.listening && ask.op.listener == LISTENER, "a listener was closed that is not open");
                self.listening = false;
            }
            Effect::Load(_)
            | Effect::Lock(_)
            | Effect::Random(_)
            | Effect::Listen(_)
            | Effect::Receive(_)
            | Effect::Prompt(_) => self.check(!self.cancelled, "more than clean-up after cancel"),
            Effect::Save(ask) => {
                let aside = ask.op.partition.name().ends_with(".damaged");
                self.check(!self.unwritable, "a write after a read that failed");
                let text = String::from_utf8_lossy(ask.op.bytes.expose_secret());
                self.check(
                    aside || text.contains("\"Other\":{\"kept\":true}") || !self.written_over(ask),
                    "foreign data was dropped",
                );
                self.check(!text.contains("stolen"), "a token of another sign-in was stored");
                self.rotated_saved |= text.contains("rt-new") || (self.signed_in && text.contains(":\"new\""));
            }
            Effect::Unlock(ask) => {
                self.check(self.held.last() == Some(&ask.op.guard.0), "a lock was given back that is not held");
                self.held.pop();
            }
            _ => {}
        }
    }

    /// Secrets stand in no address; they go to the token endpoint and nowhere else, and polls to it at their time.
    fn check_secrets(&self, http: &Http) {
        let secret = |text: &str| ["canary", "rt-", &drawn(2)].iter().any(|secret| text.contains(secret));
        self.check(!secret(&http.url), "a secret in a URL");
        let body = http.body.as_ref().map(|body| String::from_utf8_lossy(body.expose_secret())).unwrap_or_default();
        self.check(!secret(&body) || http.url.ends_with("/oauth2/v2.0/token"), "a secret to another endpoint");
        self.check(!body.contains("stolen"), "a stranger's code was redeemed");
        let poll = body.contains("device_code=");
        self.check(!poll || self.elapsed_ms >= self.answered_ms + self.interval_ms, "a poll too soon");
    }

    /// Moments in which no browser came back.
    fn moments(&self) -> u32 {
        self.moments
    }

    /// Whether the save replaces a document that held foreign data.
    fn written_over(&self, ask: &azlatch_core::effect::Ask<Save>) -> bool {
        ask.op.expect.is_some_and(|version| version != DAMAGED)
    }

    fn answer(&mut self, effect: &Effect, label: &'static str) {
        self.trace.push(label);
        match (effect, label) {
            (Effect::Lock(_), "free" | "cooling" | "same flight") => self.held.push(guard(self.held.len())),
            (Effect::Listen(_), "listening") => self.listening = true,
            (Effect::Receive(_), "nothing") => {
                self.moments += 1;
                self.elapsed_ms += if self.moments > 1 { 40_000 } else { 500 };
            }
            (Effect::Prompt(_), _) => (self.answered_ms, self.interval_ms) = (self.elapsed_ms, 5_000),
            (Effect::Http(ask), label) if mentions(ask.op.body.as_ref(), "device_code=") => {
                self.answered_ms = self.elapsed_ms;
                self.interval_ms += if label == "slow down" { 5_000 } else { 0 };
                self.signed_in = label.starts_with("signed in");
            }
            (Effect::Http(_), "signed in" | "signed in for an hour") => self.signed_in = true,
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
