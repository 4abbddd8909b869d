//! The queue of faults, and the answer that each kind of fault gives.
//!
//! Faults happen in the order in which they were queued: a request consumes one turn of the first fault that is for
//! its kind of request. A fault without a limit therefore keeps those behind it waiting until a reset.

use std::collections::VecDeque;

use super::context::Context;
use super::fault::{Fault, Kind, Target};
use super::http::{Answer, Conduct, JSON};
use super::refusal::Refusal;
use super::route::Route;

/// The faults that wait.
#[derive(Clone, Default)]
pub(crate) struct Script {
    faults: VecDeque<Fault>,
}

impl Script {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.faults.push_back(fault);
    }

    pub(crate) fn len(&self) -> usize {
        self.faults.len()
    }

    /// Consumes a turn of the first fault that is for `route`.
    pub(crate) fn take(&mut self, route: &Route<'_>) -> Option<Kind> {
        let fits = |fault: &Fault| match fault.target {
            Target::Token => matches!(route, Route::Token { .. }),
            Target::Discovery => route.is_discovery(),
            Target::SignIn => route.is_sign_in(),
            Target::Any => true,
        };
        let index = self.faults.iter().position(fits)?;
        let fault = self.faults.get_mut(index)?;
        match fault.times {
            0 => Some(fault.kind.clone()),
            1 => self.faults.remove(index).map(|fault| fault.kind),
            _ => {
                fault.times -= 1;
                Some(fault.kind.clone())
            }
        }
    }
}

/// The answer in place of the model's, or `None` for the faults that let the model answer.
pub(crate) fn instead(kind: &Kind, context: &Context) -> Option<Answer> {
    match kind {
        Kind::Status { status, retry_after, body } => {
            let mut answer = match body {
                Some(text) => text_answer(*status, text),
                None => worded(*status, context),
            };
            if let Some(value) = retry_after {
                let header = ("retry-after".to_owned(), value.clone());
                answer.headers.push(header);
            }
            Some(answer)
        }
        Kind::Html => Some(Answer::new(200, "text/html; charset=utf-8", PORTAL)),
        Kind::Garbage => Some(Answer::new(200, JSON, BROKEN)),
        Kind::Empty => Some(Answer::new(200, JSON, "")),
        Kind::Reset => Some(Answer::unsent(Conduct::ResetBefore)),
        Kind::Silent => Some(Answer::unsent(Conduct::Silent)),
        Kind::Raw(bytes) => Some(Answer::unsent(Conduct::Raw(bytes.clone()))),
        Kind::Slow(_) | Kind::ResetAfter | Kind::Truncated(_) | Kind::Drip(_) => None,
    }
}

/// How the model's own answer is delivered under a fault.
pub(crate) fn conduct(kind: &Kind) -> Conduct {
    match kind {
        Kind::Slow(pause) => Conduct::Delayed(*pause),
        Kind::ResetAfter => Conduct::Reset,
        Kind::Truncated(bytes) => Conduct::Truncated(*bytes),
        Kind::Drip(pause) => Conduct::Drip(*pause),
        _ => Conduct::Prompt,
    }
}

/// The name of a kind in JSON.
pub(crate) fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Status { .. } => "status",
        Kind::Slow(_) => "slow",
        Kind::Reset => "reset",
        Kind::ResetAfter => "reset_after",
        Kind::Truncated(_) => "truncated",
        Kind::Html => "html",
        Kind::Garbage => "garbage",
        Kind::Empty => "empty",
        Kind::Drip(_) => "drip",
        Kind::Silent => "silent",
        Kind::Raw(_) => "raw",
    }
}

fn text_answer(status: u16, text: &str) -> Answer {
    let json = serde_json::from_str::<serde_json::Value>(text).is_ok();
    let kind = if json { JSON } else { "text/plain; charset=utf-8" };
    Answer::new(status, kind, text)
}

/// An answer for `status` as Entra words it.
fn worded(status: u16, context: &Context) -> Answer {
    match status {
        204 | 304 => Answer::new(status, JSON, ""),
        200..=399 => Answer::new(status, JSON, "{}"),
        429 | 500.. => {
            let text = "A transient error has occurred. Please try again.";
            Refusal::new(status, "temporarily_unavailable", 90033, text).answer(context)
        }
        _ => {
            let text = "Invalid request. Request is malformed or invalid.";
            Refusal::new(status, "invalid_request", 9_002_313, text).answer(context)
        }
    }
}

/// What a network without a way out gives for any address.
const PORTAL: &str = "<!DOCTYPE html>\n<html><head><title>Guest network</title></head>\
<body><h1>Welcome</h1><p>Accept the terms of use to go online.</p>\
<form method=\"post\" action=\"/login\"><button>Accept</button></form></body></html>\n";

/// JSON that breaks off in the middle of a token.
const BROKEN: &str = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"eyJ0eXAi";
