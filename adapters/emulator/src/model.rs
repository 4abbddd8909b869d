//! The pure model: what Entra answers, without sockets, clock or randomness.
//!
//! [`Entra::answer`] is the only door for requests. Each passes the same stations: route, count, consume a fault if
//! one waits for this kind of request, answer, add the headers that all answers share, log. The control endpoints
//! under `/_emulator/` turn off before the count, so that looking at the emulator does not change what is seen.

mod authorize;
mod client;
mod code;
mod context;
mod control;
mod counters;
mod date;
mod demand;
mod device;
mod device_page;
mod discovery;
mod fault;
mod fields;
mod http;
mod issued;
mod log;
mod mint;
mod page;
mod password;
mod person;
mod personal;
mod pkce;
mod realm;
mod redirect;
mod refresh;
mod refusal;
mod renew;
mod route;
mod scope;
mod script;
mod settings;
mod shelf;
mod sign_in;
mod tenant;
mod token;
mod user;

#[cfg(test)]
mod tests;

use std::fmt;

use code::Codes;
use context::Context;
use demand::Demands;
use device::Devices;
use issued::Ledger;
use log::Log;
use mint::Mint;
use person::Person;
use refresh::Families;
use route::Route;
use script::Script;
use sign_in::Transactions;

pub use counters::Counters;
#[cfg(feature = "server")]
pub(crate) use date::Date;
pub use fault::{Fault, Kind, Target};
pub use http::{Answer, Conduct, Request};
pub use issued::Issued;
pub use log::Entry;
pub use settings::{Client, Settings};
pub use user::User;

/// The model of an Entra: its settings, the sign-ins under way, the refresh tokens it has out, the faults it has been
/// told to show.
#[derive(Clone)]
pub struct Entra {
    settings: Settings,
    mint: Mint,
    transactions: Transactions,
    codes: Codes,
    devices: Devices,
    demands: Demands,
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
            transactions: Transactions::default(),
            codes: Codes::default(),
            devices: Devices::default(),
            demands: Demands::default(),
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
            Route::Authorize { tenant } => Ok(self.authorize(context, tenant, request)),
            Route::SignIn => Ok(self.sign_in(context, request)),
            Route::DeviceCode { tenant } => self.device_code(context, tenant, request),
            Route::DeviceLogin => Ok(self.device_login(context, request)),
            Route::Realm(name) => realm::realm(&self.settings, name, request),
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

    /// Forgets counters, log and waiting faults; settings, sign-ins and refresh tokens stay.
    pub fn reset(&mut self) {
        self.counters = Counters::default();
        self.log = Log::default();
        self.script = Script::default();
    }

    /// Gives out the first refresh token of a new family, as if `user`, at home in `tenant`, had just signed in with
    /// `client_id`.
    ///
    /// Redeeming it, and the tokens that follow from it, is refused to any other client, unless both are in
    /// [`family_clients`](Settings::family_clients). The answers tell who the user is, whether the request asks for
    /// that or not.
    pub fn grant_refresh_token(&mut self, client_id: &str, tenant: &str, user: &str) -> String {
        let token = self.mint.refresh_token(self.settings.seed);
        let person = Person { name: user.to_owned(), home: tenant.to_owned() };
        self.families.found(&token, client_id, &person, true);
        token
    }

    /// Revokes all refresh tokens of a user that are out, as a change of the password does, and tells how many
    /// families of them there were. Each is answered with `invalid_grant` from now on.
    pub fn revoke(&mut self, user: &str) -> usize {
        self.families.revoke(user)
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
