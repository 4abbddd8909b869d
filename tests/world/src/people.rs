//! People in front of browsers and devices: who sits there, what they do, and what the drivers make of it.
//!
//! ```text
//! Listen ─► Browse ─► the person: finishes, cancels, walks away, is too late ─► the redirect ─► Receive ─► Close
//! Prompt ─► the person: types the code and agrees, declines, walks away
//! ```

use azlatch_core::effect::{
    Browse, BrowseFault, Close, Farewell, Listen, ListenFault, Listening, Prompt, Redirect, Skipped,
};

use crate::call::{Job, Must};
use crate::desk::{Question, Typed, challenge_of};
use crate::wants::{Spelling, Want, Who};
use crate::world::{Event, World};

/// A listener, and the answer that waits in it.
#[derive(Debug)]
pub(crate) struct Listener {
    call: usize,
    port: u16,
    state: String,
    pub(crate) until: u64,
    pub(crate) open: bool,
    pub(crate) arrived: Option<Redirect>,
}

const fn person_in(want: &Want) -> usize {
    match want.who {
        Who::Person(person) => person,
        _ => 0,
    }
}

/// What a person does with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Finishes,
    Cancels,
    WalksAway,
}

impl World {
    /// What the person in front of it does, and after how many milliseconds.
    fn mood(&mut self) -> (Mood, u64) {
        let after = 200 + self.random.below(6_000);
        if self.calm || !self.random.chance(self.plan.moody) {
            return (Mood::Finishes, after);
        }
        let after = after * self.random.pick(&[1, 4, 15, 40]);
        let mood = self.random.pick(&[Mood::Finishes, Mood::Cancels, Mood::WalksAway]);
        match mood {
            Mood::Finishes => {}
            Mood::Cancels => self.tally.declined += 1,
            Mood::WalksAway => self.tally.walked_away += 1,
        }
        (mood, after)
    }

    pub(crate) fn listen(&mut self, id: usize, ask: &Listen) -> Result<Listening, ListenFault> {
        if !self.calm && self.random.chance(self.plan.moody / 8) {
            return Err(ListenFault::Taken);
        }
        let (listener, port) = (self.listeners.len(), 40_000 + u16::try_from(self.listeners.len()).unwrap_or_default());
        let until = self.now + u64::try_from(ask.timeout.as_millis()).unwrap_or_default();
        let state = ask.state.expose_secret().to_owned();
        self.listeners.push(Listener { call: id, port, state, until, open: true, arrived: None });
        Ok(Listening { listener: listener as u64, port })
    }

    /// The browser opens, and somebody sits in front of it.
    pub(crate) fn browse(&mut self, id: usize, ask: &Browse) -> Result<(), BrowseFault> {
        if !self.calm && self.random.chance(self.plan.moody / 8) {
            return Err(BrowseFault::NoBrowser("none".into()));
        }
        let (mood, after) = self.mood();
        let request = azlatch_emulator::Request::new("GET", &ask.url);
        let field =
            |name: &str| request.query.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()).unwrap_or_default();
        let want = self.calls[id].want;
        let listener = self.listeners.iter().rposition(|listener| listener.call == id).unwrap_or_default();
        let place = format!("https://{}/{}/oauth2/v2.0/authorize", want.host(), want.tenant());
        let redirect_uri = format!("http://localhost:{}", self.listeners[listener].port);
        let (state, nonce, challenge) = (field("state"), field("nonce"), field("code_challenge"));
        // What is random may look like anything.
        let told = [&state, &nonce, &challenge].into_iter().fold(ask.url.clone(), |url, drawn| url.replace(drawn, ""));
        for (holds, what) in [
            (request.path == place, "the browser was sent elsewhere"),
            (field("client_id") == want.client(), "the browser asks for another application"),
            (field("redirect_uri") == redirect_uri, "the browser is sent back elsewhere"),
            (state == self.listeners[listener].state && state.len() >= 32, "the state is not the listener's"),
            (nonce.len() >= 32 && nonce != state, "the nonce is none"),
            (field("code_challenge_method") == "S256" && challenge.len() == 43, "no proof of the code's owner"),
            (!self.authorities.leaks(&told), "a secret in the address that the browser opens"),
        ] {
            self.trace.hold(holds, || format!("call {id}: {what}"));
        }
        let stranger = !self.calm && self.random.chance(self.plan.strangers);
        let question = Question {
            call: Some(id),
            cloud: want.cloud,
            tenant: want.tenant().into(),
            client: want.client().into(),
            scope: field("scope"),
            claims: field("claims"),
            nonce: Some(nonce),
            challenge: Some(challenge),
            redirect_uri,
        };
        if stranger {
            // Somebody else's answer: the code is good, for the stranger's account, and nothing ties it to a question.
            let theirs = Question { call: None, nonce: None, challenge: None, ..question.clone() };
            let code = self.authorities.give_code(theirs, person_in(&self.calls[id].want) ^ 1, self.true_time());
            let parameters = vec![("code".to_owned(), code), ("state".to_owned(), "stranger".to_owned())];
            let sooner = self.random.below(after);
            self.schedule(sooner, Event::Redirected { listener, parameters });
        }
        let mut parameters = match mood {
            Mood::WalksAway => return Ok(()),
            Mood::Cancels => vec![("error".to_owned(), "access_denied".to_owned())],
            Mood::Finishes => {
                // It is good for long enough: when it arrives, it was given just now.
                let code = self.authorities.give_code(question, person_in(&self.calls[id].want), self.true_time());
                vec![("code".to_owned(), code)]
            }
        };
        parameters.push(("state".to_owned(), state));
        self.schedule(after, Event::Redirected { listener, parameters });
        Ok(())
    }

    /// A browser comes to a listener.
    pub(crate) fn redirected(&mut self, listener: usize, parameters: Vec<(String, String)>) {
        let it = &self.listeners[listener];
        let ours = parameters.iter().any(|(name, value)| name == "state" && *value == it.state);
        let (call, open) = (it.call, it.open && it.arrived.is_none() && self.now <= it.until);
        let alive = self.calls[call].running.is_some();
        if !open || !alive {
            self.tally.too_late += u64::from(ours);
            return self.say(|| format!("listener {listener}: nobody there any more"));
        }
        if !ours {
            self.tally.strangers += 1;
            if !self.random.chance(self.plan.careless) {
                return self.say(|| format!("listener {listener}: a stranger's answer is refused"));
            }
            self.say(|| format!("listener {listener}: a stranger's answer is let through"));
        }
        let parameters = parameters.into_iter().map(|(name, value)| (name, value.into())).collect();
        self.listeners[listener].arrived = Some(Redirect { parameters });
        if matches!(self.calls[call].job, Job::Receive(..)) {
            self.resume(call, 0);
        }
    }

    pub(crate) fn close(&mut self, id: usize, ask: &Close) {
        let known = usize::try_from(ask.listener).ok().and_then(|listener| self.listeners.get_mut(listener));
        let ours = known.is_some_and(|listener| std::mem::replace(&mut listener.open, false) && listener.call == id);
        self.trace.hold(ours, || format!("call {id}: a listener was closed that it did not open, or twice"));
        let told = match &ask.farewell {
            Farewell::SignedIn => {
                let granted = self.calls[id].facts.granted.is_some();
                return self.trace.hold(granted, || format!("call {id}: a farewell to somebody who is not signed in"));
            }
            Farewell::Failed(why) => why,
        };
        let leaks = self.authorities.leaks(told);
        self.trace.hold(!leaks, || format!("call {id}: a secret in a farewell"));
    }

    /// How many listeners of a call are open.
    pub(crate) fn listening(&self, id: usize) -> bool {
        self.listeners.iter().any(|listener| listener.call == id && listener.open)
    }

    /// A code is shown, and somebody may type it elsewhere.
    pub(crate) fn prompt(&mut self, id: usize, ask: &Prompt) -> Result<(), Skipped> {
        let leaks = self.authorities.leaks(&format!("{} {} {}", ask.user_code, ask.verification_uri, ask.message));
        self.trace.hold(!leaks, || format!("call {id}: a secret is shown"));
        let left = u64::try_from(ask.expires_on.0 - self.clocks(self.calls[id].process).wall.0).unwrap_or_default();
        let mono = self.clocks(self.calls[id].process).mono.0;
        self.calls[id].facts.code_ends = Some(mono + left * 1000);
        if !self.calm && self.random.chance(self.plan.moody / 8) {
            return Err(Skipped);
        }
        let (mood, after) = self.mood();
        let person = person_in(&self.calls[id].want);
        let typed = match mood {
            Mood::WalksAway => return Ok(()),
            Mood::Cancels => Typed::Declined,
            Mood::Finishes => Typed::Agreed(person),
        };
        self.schedule(after, Event::Typed { user_code: ask.user_code.clone(), typed });
        Ok(())
    }

    /// Somebody wants to sign in: to which tenant, as whom, for what?
    pub(crate) fn newcomer(&mut self) -> Want {
        let mut want = self.wants[self.random.index(self.wants.len())];
        if want.person().is_none() || self.random.chance(200) {
            want.who = Who::Person(self.random.index(2));
        }
        if self.random.chance(200) {
            want.tenant ^= 1;
        }
        want.spelling = match want.tenant {
            0 => self.random.pick(&[Spelling::Name, Spelling::Name, Spelling::Open]),
            _ => Spelling::Name,
        };
        want
    }

    /// An account that somebody may have tokens of: for what the authority or its owner does to it.
    pub(crate) fn account(&mut self) -> Want {
        let people: Vec<Want> = self.wants.iter().copied().filter(|want| want.person().is_some()).collect();
        match people.len() {
            0 => self.newcomer(),
            len => people[self.random.index(len)],
        }
    }

    /// A code that somebody brings to the application: what it was asked for with.
    pub(crate) fn code_in_hand(&mut self, id: usize, want: &Want, claims: &str) -> (String, Option<String>) {
        let number = self.random.draw();
        let verifier = self.random.chance(500).then(|| format!("canary-verifier-of-the-code-in-hand-{number:020}"));
        let question = Question {
            call: Some(id),
            cloud: want.cloud,
            tenant: want.tenant().into(),
            client: want.client().into(),
            scope: want.scope().into(),
            claims: claims.into(),
            nonce: None,
            challenge: verifier.as_deref().map(challenge_of),
            redirect_uri: "https://app.test/back".into(),
        };
        let person = person_in(want);
        (self.authorities.give_code(question, person, self.true_time()), verifier)
    }

    /// What is expected of a sign-in: once faults are over, that it succeeds.
    pub(crate) const fn must_meet(&self) -> Must {
        if self.calm { Must::Succeed(0) } else { Must::Nothing }
    }
}
