//! The resource owner password credentials grant (RFC 6749 §4.3), which RFC 9700 §2.4 forbids to new programs.
//!
//! ```text
//! Start ─► Asking (is the user managed here?) ─► Posting ─► Done
//! ```
//!
//! No second factor is possible. A federated user's password is another server's business: nothing is sent then.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::mem;
use core::time::Duration;

use super::{ClientAuth, Grant, Terms};
use crate::cache::HeldRefreshToken;
use crate::effect::{FailureKind, Http, Ids, Misuse, Reply, Response};
use crate::error::{Error, ErrorKind};
use crate::flow::{Flow, Step};
use crate::secret::Password;
use crate::time::Now;
use crate::token::post::is_passing;
use crate::token::{Exchange, Exchanged, Exchanger, Granted, Refused, Replay, Vouching, classify};
use crate::wire::form::{Form, query_value};
use crate::wire::json::Object;

/// The grant of a program that knows somebody's password.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserPassword {
    username: String,
    password: Password,
    auth: ClientAuth,
}

impl UserPassword {
    /// As `username`.
    #[must_use]
    pub const fn new(username: String, password: Password, auth: ClientAuth) -> Self {
        Self { username, password, auth }
    }
}

impl Grant for UserPassword {
    type Exchange = Vouching<WithPassword>;

    fn exchange(
        &self,
        terms: &Terms<'_>,
        _held: Option<&HeldRefreshToken>,
        mut ids: Ids,
    ) -> Result<Self::Exchange, Error> {
        let form = self.auth.sign(terms.user_form("password")?);
        let form = form.plain("username", &self.username).secret("password", self.password.expose_secret());
        let how = terms.exchanger(true, Replay::Safe);
        let exchange = Exchange::new(how.clone(), form, ids.fork());
        let realm = format!(
            "{}/common/userrealm/{}?api-version=1.0",
            how.authority.host.origin(),
            query_value(&self.username).replace('+', "%20")
        );
        let asking = WithPassword {
            how,
            realm,
            exchange: Box::new(exchange),
            asked: 0,
            cancelled: false,
            ids: ids.fork(),
            state: State::Start,
        };
        Ok(terms.vouching(asking, ids.fork()))
    }
}

/// The sign-in with a password.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct WithPassword {
    how: Exchanger,
    realm: String,
    exchange: Box<Exchange>,
    /// How often the realm was asked for in vain.
    asked: u8,
    cancelled: bool,
    ids: Ids,
    state: State,
}

#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
enum State {
    Start,
    Asking,
    Posting,
    Over,
}

impl WithPassword {
    fn ask(&mut self, now: Now) -> Step<Exchanged> {
        if self.how.authority.tenant.is_adfs() {
            return self.post(now, None);
        }
        let timeout = now.mono.until(self.how.deadline).min(Duration::from_secs(10));
        let ask = Http::get(self.realm.clone(), 64 * 1024, timeout).header("accept", "application/json");
        self.state = State::Asking;
        Step::Need(self.ids.ask(ask))
    }

    fn asked(&mut self, now: Now, reply: Reply) -> Step<Exchanged> {
        match self.ids.take::<Http>(reply) {
            Err(Misuse) => self.fail(Error::misuse()),
            Ok(_) if self.cancelled => self.fail(Error::cancelled()),
            Ok(Some(Ok(response))) if is_federated(&response) => self.fail(
                Error::new(
                    ErrorKind::AuthenticationFailed,
                    "the user is federated: another server checks the password",
                )
                .advise("sign in with a browser or a device code instead"),
            ),
            // Nothing is sent that another server may have to check.
            Ok(Some(Ok(response))) if is_passing(response.status) => {
                self.again(now, classify(&response, &Form::new(), true, now.wall))
            }
            // An authority that does not know the question may still know the user.
            Ok(Some(Ok(_))) => self.post(now, None),
            Ok(Some(Err(failure))) if failure.kind == FailureKind::Tls => self.fail(Error::from(&failure)),
            Ok(Some(Err(failure))) => self.again(now, Error::from(&failure)),
            Ok(None) => self.fail(Error::new(ErrorKind::Network, "this host cannot send HTTP requests")),
        }
    }

    /// Asks once more, at once, unless tries or time have run out.
    fn again(&mut self, now: Now, error: Error) -> Step<Exchanged> {
        self.asked = self.asked.saturating_add(1);
        let over =
            self.asked >= self.how.tries.min(2) || now.mono >= self.how.deadline || error.retry_after().is_some();
        if over { self.fail(error) } else { self.ask(now) }
    }

    fn post(&mut self, now: Now, reply: Option<Reply>) -> Step<Exchanged> {
        match self.exchange.step(now, reply) {
            Step::Need(effect) => {
                self.state = State::Posting;
                Step::Need(effect)
            }
            Step::Done(Exchanged { result, .. }) => self.end(result),
        }
    }

    fn fail(&mut self, error: Error) -> Step<Exchanged> {
        self.end(Err(error.into()))
    }

    fn end(&mut self, result: Result<Granted, Refused>) -> Step<Exchanged> {
        self.state = State::Over;
        Step::Done(Exchanged { result, vouched: None })
    }
}

fn is_federated(response: &Response) -> bool {
    let text = core::str::from_utf8(response.body.expose_secret()).ok();
    let object = text.and_then(|text| Object::parse(text).ok());
    let kind = object.and_then(|object| object.text("account_type").map(|kind| kind.into_owned()));
    response.status == 200 && kind.is_some_and(|kind| kind.eq_ignore_ascii_case("federated"))
}

impl Flow for WithPassword {
    type Output = Exchanged;

    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Exchanged> {
        match (mem::replace(&mut self.state, State::Over), reply) {
            (State::Start, None) if self.cancelled => self.fail(Error::cancelled()),
            (State::Start, None) => self.ask(now),
            (State::Asking, Some(reply)) => self.asked(now, reply),
            (State::Posting, reply) => self.post(now, reply),
            _ => self.fail(Error::misuse()),
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        self.exchange.cancel();
    }
}
