//! The pure model: what Entra answers, without sockets, clock or randomness.
//!
//! [`Entra::answer`] is the only door for requests. Each passes the same stations: route, count, consume a fault if
//! one waits for this kind of request, answer, add the headers that all answers share, log. The control endpoints
//! under `/_emulator/` turn off before the count, so that looking at the emulator does not change what is seen.

mod client;
mod context;
mod control;
mod counters;
mod date;
mod discovery;
mod fault;
mod http;
mod issued;
mod log;
mod mint;
mod refresh;
mod refusal;
mod route;
mod script;
mod settings;
mod token;

#[cfg(test)]
mod tests;

use std::fmt;

use context::Context;
use issued::Ledger;
use log::Log;
use mint::Mint;
use refresh::Families;
use route::Route;
use script::Script;

pub use counters::Counters;
#[cfg(feature = "server")]
pub(crate) use date::Date;
pub use fault::{Fault, Kind, Target};
pub use http::{Answer, Conduct, Request};
pub use issued::Issued;
pub use log::Entry;
pub use settings::{Client, Settings};

/// The model of an Entra: its settings, the refresh tokens it has out, the faults it has been told to show.
#[derive(Clone)]
pub struct Entra {
    settings: Settings,
    mint: Mint,
    families: Families,
    issued: Ledger,
    script: Script,
    counters: Counters,
    log: Log,
}

impl Entra {
    /// Starts a model that has seen nothing yet.
    pub fn new(settings: Settings) -> Self {
        Entra {
            settings,
            mint: Mint::default(),
            families: Families::default(),
            issued: Ledger::default(),
            script: Script::default(),
            counters: Counters::default(),
            log: Log::default(),
        }
    }

    /// Answers one request, received at `now` (seconds since the Unix epoch).
    pub fn answer(&mut self, now: i64, request: &Request) -> Answer {
        let route = Route::of(request);
        if let Route::Control(rest) = route {
            return Context::control(now).finish(self.control(rest, request));
        }

        let context = Context::new(now, request, &mut self.mint, self.settings.seed);
        self.counters.arrived(&route, request);
        let fault = self.script.take(&route);
        let answer = match &fault {
            None => self.serve(&context, &route, request),
            Some(kind) => {
                self.counters.faults += 1;
                match script::instead(kind, &context) {
                    Some(answer) => answer,
                    None => {
                        let answer = self.serve(&context, &route, request);
                        Answer { conduct: script::conduct(kind), ..answer }
                    }
                }
            }
        };
        let answer = context.finish(answer);
        self.log.push(Entry::of(now, request, &answer, fault));
        answer
    }

    /// What the endpoint at `route` answers when no fault is in the way of it.
    fn serve(&mut self, context: &Context, route: &Route<'_>, request: &Request) -> Answer {
        let outcome = match route {
            Route::Token { tenant } => {
                let outcome = self.token(context, tenant, request);
                match &outcome {
                    Ok(_) => self.counters.granted += 1,
                    Err(_) => self.counters.refused += 1,
                }
                outcome
            }
            Route::Instance => discovery::instance(&self.settings, request),
            Route::Configuration { tenant } => discovery::configuration(&self.settings, tenant),
            Route::Keys => Ok(discovery::keys()),
            Route::Control(_) | Route::Other => Ok(Answer::missing()),
        };
        outcome.unwrap_or_else(|refusal| refusal.answer(context))
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The settings, to change; what has been minted already stays as it is.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    /// What has been counted since the start or the last [`reset`](Self::reset).
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The newest 10,000 requests, oldest first, without secrets.
    pub fn log(&self) -> &[Entry] {
        self.log.entries()
    }

    /// Appends a fault to the queue of faults.
    pub fn script(&mut self, fault: Fault) {
        self.script.push(fault);
    }

    /// How many faults still wait in the queue; one that is to happen several times counts as one.
    pub fn pending_faults(&self) -> usize {
        self.script.len()
    }

    /// Forgets counters, log and waiting faults; settings and refresh tokens stay.
    pub fn reset(&mut self) {
        self.counters = Counters::default();
        self.log = Log::default();
        self.script = Script::default();
    }

    /// Gives out the first refresh token of a new family, as if `user` had just logged in with `client_id`.
    ///
    /// Redeeming it, and the tokens that follow from it, is refused to any other client.
    pub fn grant_refresh_token(&mut self, client_id: &str, tenant: &str, user: &str) -> String {
        let token = self.mint.refresh_token(self.settings.seed);
        self.families.found(&token, client_id, tenant, user);
        token
    }

    /// Whom an access token was minted for, or `None` if it is not one of the newest 10,000 minted here.
    pub fn issued(&self, access_token: &str) -> Option<&Issued> {
        self.issued.find(access_token)
    }
}

impl fmt::Debug for Entra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entra")
            .field("settings", &self.settings)
            .field("counters", &self.counters)
            .field("pending_faults", &self.script.len())
            .finish_non_exhaustive()
    }
}
