//! The authorization code grant with a browser and a loopback redirect (RFC 6749 §4.1, RFC 8252), PKCE always
//! (RFC 7636, S256 only).
//!
//! ```text
//! Start ─► Drawing (state, nonce, verifier) ─► Listening ─► Opening
//!                                                                 │
//! Done ◄─ Closing (the page that the person reads) ◄─ Redeeming ◄─ the answer is ours ◄─ Receiving, a moment at a time
//! ```
//!
//! Whatever happens after the listener was opened, it is closed. The authority's host is frozen when the sign-in
//! begins: code and verifier go where the browser was sent (RFC 9700 §4.4), and a token whose `nonce` is not ours is
//! thrown away unseen (RFC 9700 §4.5.3).

mod transaction;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use core::mem;
use core::time::Duration;

use transaction::{LENGTH, NonceMatched, Transaction};

use super::authorization_code::with_code;
use super::redirect::{self, StateMatched};
use super::{Grant, RedirectUri, Terms};
use crate::cache::HeldRefreshToken;
use crate::effect::{
    Browse, BrowseFault, Close, Farewell, Ids, Listen, ListenFault, Misuse, Random, Receive, ReceiveFault, Redirect,
    Reply,
};
use crate::error::{Error, ErrorKind};
use crate::flow::{Flow, Step};
use crate::secret::Secret;
use crate::time::Now;
use crate::token::{Exchange, Exchanged, Exchanger, Granted, Refused, Replay, Vouching, introduction};
use crate::wire::form::{Form, query_value};

/// The grant of somebody who sits in front of a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Browser {
    redirect: RedirectUri,
    manners: Manners,
}

/// How the person is asked (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Manners {
    /// What the page asks, whatever it could do without.
    pub prompt: Option<PromptBehavior>,
    /// The user name to begin with.
    pub login_hint: Option<String>,
    /// The organization whose sign-in page to go to at once.
    pub domain_hint: Option<String>,
}

/// What a sign-in page asks (`prompt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PromptBehavior {
    /// For the password again.
    Login,
    /// For consent.
    Consent,
    /// Which account.
    SelectAccount,
    /// For a new account.
    Create,
    /// Nothing: an error, where something would have to be asked.
    None,
}

impl PromptBehavior {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Consent => "consent",
            Self::SelectAccount => "select_account",
            Self::Create => "create",
            Self::None => "none",
        }
    }
}

impl Browser {
    /// By the browser, which comes back to `redirect`.
    #[must_use]
    pub const fn new(redirect: RedirectUri, manners: Manners) -> Self {
        Self { redirect, manners }
    }
}

impl Grant for Browser {
    type Exchange = Vouching<Browsing>;

    fn exchange(
        &self,
        terms: &Terms<'_>,
        _held: Option<&HeldRefreshToken>,
        mut ids: Ids,
    ) -> Result<Self::Exchange, Error> {
        let form = terms.user_form("authorization_code")?;
        let mut question =
            format!("{}?response_type=code&response_mode=form_post", terms.query.authority.authorization_endpoint());
        let Manners { prompt, login_hint, domain_hint } = &self.manners;
        // Who is known by name is not asked who it is.
        let asks = prompt.or(login_hint.is_none().then_some(PromptBehavior::SelectAccount));
        let parameters = [
            ("client_id", form.get("client_id")),
            ("scope", form.get("scope")),
            ("claims", form.get("claims")),
            ("client_info", Some("1")),
            ("prompt", asks.map(PromptBehavior::as_str)),
            ("login_hint", login_hint.as_deref()),
            ("domain_hint", domain_hint.as_deref()),
        ];
        for (name, value) in parameters {
            push(&mut question, name, value.unwrap_or_default());
        }
        let browsing = Browsing {
            how: terms.exchanger(true, Replay::Once),
            redirect: self.redirect.clone(),
            client_id: terms.query.client_id.clone(),
            question,
            form,
            listener: None,
            cancelled: false,
            ids: ids.fork(),
            state: State::Start,
        };
        Ok(terms.vouching(browsing, ids.fork()))
    }
}

/// Appends a parameter, unless it is empty.
fn push(url: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        url.push('&');
        url.push_str(name);
        url.push('=');
        url.push_str(&query_value(value));
    }
}

/// A sign-in in a browser, from the first question to the grant.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Browsing {
    how: Exchanger,
    redirect: RedirectUri,
    client_id: String,
    question: String,
    form: Form,
    /// Open, and to be closed.
    listener: Option<u64>,
    cancelled: bool,
    ids: Ids,
    state: State,
}

#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
enum State {
    Start,
    Drawing,
    Listening(Transaction),
    Opening(Transaction),
    Receiving(Transaction),
    Redeeming(Box<Exchange>, Secret, StateMatched),
    Closing(Box<Result<Granted, Refused>>),
    Over,
}

/// A browser is asked to open within this.
const OPENING: Duration = Duration::from_secs(10);

/// So long at most nobody notices that the caller has gone.
const MOMENT: Duration = Duration::from_millis(500);

impl Browsing {
    fn draw(&mut self) -> Step<Exchanged> {
        self.state = State::Drawing;
        Step::Need(self.ids.ask(Random { len: LENGTH.saturating_mul(3) }))
    }

    fn listen(&mut self, now: Now, reply: Reply) -> Step<Exchanged> {
        let drawn = match self.ids.take::<Random>(reply) {
            Err(Misuse) => return self.fail(Error::misuse()),
            Ok(drawn) => drawn,
        };
        if self.cancelled {
            return self.fail(Error::cancelled());
        }
        let Some(transaction) = drawn.and_then(Result::ok).and_then(|bytes| Transaction::new(bytes.expose_secret()))
        else {
            return self.fail(unavailable("this host gives no entropy, and without it no sign-in is safe"));
        };
        let ask = Listen {
            port: self.redirect.port(),
            path: self.redirect.path(),
            state: transaction.state.clone(),
            // A little longer than we wait, so that it never is the first to give up.
            timeout: now.mono.until(self.how.deadline).saturating_add(MOMENT),
        };
        self.state = State::Listening(transaction);
        Step::Need(self.ids.ask(ask))
    }

    fn open(&mut self, mut transaction: Transaction, reply: Reply) -> Step<Exchanged> {
        let listening = match self.ids.take::<Listen>(reply) {
            Err(Misuse) => return self.fail(Error::misuse()),
            Ok(None) => return self.fail(unavailable("this host has no way to receive a browser's answer")),
            Ok(Some(Err(ListenFault::Taken))) => {
                let error = unavailable("the port of the redirect address is taken by another program");
                return self.fail(error.advise("end that program, or use http://localhost without a port"));
            }
            Ok(Some(Err(ListenFault::Io(why)))) => {
                return self.fail(unavailable(&format!("this host cannot receive a browser's answer: {why}")));
            }
            Ok(Some(Ok(listening))) => listening,
        };
        self.listener = Some(listening.listener);
        if self.cancelled {
            return self.fail(Error::cancelled());
        }
        transaction.redirect_uri = self.redirect.at(listening.port);
        let mut url = self.question.clone();
        // Neither is a secret from the one who sits there, and the challenge tells nothing of the verifier.
        push(&mut url, "redirect_uri", &transaction.redirect_uri);
        push(&mut url, "state", transaction.state.expose_secret());
        push(&mut url, "nonce", transaction.nonce.expose_secret());
        push(&mut url, "code_challenge", &transaction.challenge());
        push(&mut url, "code_challenge_method", "S256");
        self.state = State::Opening(transaction);
        Step::Need(self.ids.ask(Browse { url, timeout: OPENING }))
    }

    fn opened(&mut self, now: Now, transaction: Transaction, reply: Reply) -> Step<Exchanged> {
        match self.ids.take::<Browse>(reply) {
            Err(Misuse) => self.fail(Error::misuse()),
            Ok(Some(Ok(()))) => self.receive(now, transaction),
            Ok(None) => self.fail(no_browser("nothing here opens browsers")),
            Ok(Some(Err(BrowseFault::NoBrowser(why) | BrowseFault::Failed(why)))) => self.fail(no_browser(&why)),
        }
    }

    fn receive(&mut self, now: Now, transaction: Transaction) -> Step<Exchanged> {
        let Some(listener) = self.listener.filter(|_| !self.cancelled) else { return self.fail(Error::cancelled()) };
        let left = now.mono.until(self.how.deadline);
        if left.is_zero() {
            let error = Error::new(ErrorKind::AuthenticationFailed, "nobody finished the sign-in in time");
            return self.fail(error.for_want_of_time().advise("sign in again, and finish in the browser"));
        }
        self.state = State::Receiving(transaction);
        Step::Need(self.ids.ask(Receive { listener, span: left.min(MOMENT) }))
    }

    fn received(&mut self, now: Now, transaction: Transaction, reply: Reply) -> Step<Exchanged> {
        match self.ids.take::<Receive>(reply) {
            Err(Misuse) => self.fail(Error::misuse()),
            Ok(Some(Ok(None))) => self.receive(now, transaction),
            Ok(Some(Ok(Some(_)))) if self.cancelled => self.fail(Error::cancelled()),
            Ok(Some(Ok(Some(redirect)))) => self.answered(now, &transaction, &redirect),
            Ok(None) => self.fail(unavailable("this host has no way to receive a browser's answer")),
            Ok(Some(Err(ReceiveFault::Closed))) => {
                self.fail(unavailable("the wait for the browser's answer was ended from outside"))
            }
            Ok(Some(Err(ReceiveFault::Io(why)))) => {
                self.fail(unavailable(&format!("the browser's answer was not received: {why}")))
            }
        }
    }

    fn answered(&mut self, now: Now, transaction: &Transaction, redirect: &Redirect) -> Step<Exchanged> {
        let (code, ours) = match redirect::read(redirect, &transaction.state, &self.how.authority) {
            Ok(read) => read,
            Err(error) => return self.fail(error),
        };
        let form = mem::take(&mut self.form);
        let form = with_code(form, &code, &transaction.redirect_uri, Some(&transaction.verifier));
        let exchange = Exchange::new(self.how.clone(), form, self.ids.fork());
        self.redeeming(now, Box::new(exchange), transaction.nonce.clone(), ours, None)
    }

    fn redeeming(
        &mut self,
        now: Now,
        mut exchange: Box<Exchange>,
        nonce: Secret,
        ours: StateMatched,
        reply: Option<Reply>,
    ) -> Step<Exchanged> {
        match exchange.step(now, reply) {
            Step::Need(effect) => {
                self.state = State::Redeeming(exchange, nonce, ours);
                Step::Need(effect)
            }
            Step::Done(Exchanged { result, .. }) => {
                let client_id = self.client_id.as_str();
                let matched = |granted: Granted| {
                    let hints = introduction(&granted, client_id, &self.how.authority.host);
                    match hints.and_then(|hints| NonceMatched::check(hints, &nonce)) {
                        Ok(NonceMatched { .. }) => Ok(granted),
                        Err(error) => Err(Refused::from(error)),
                    }
                };
                let result = result.and_then(matched);
                self.close(result)
            }
        }
    }

    fn fail(&mut self, error: Error) -> Step<Exchanged> {
        self.close(Err(error.into()))
    }

    /// Ends with `result`, the listener being closed first.
    fn close(&mut self, result: Result<Granted, Refused>) -> Step<Exchanged> {
        #[cfg(canary)]
        if self.cancelled && crate::canary::is(crate::canary::Bug::ListenerLeftOpen) {
            return self.end(result);
        }
        let Some(listener) = self.listener.take() else { return self.end(result) };
        let farewell = match &result {
            Ok(_) => Farewell::SignedIn,
            Err(refused) => Farewell::Failed(refused.error.message().to_string()),
        };
        self.state = State::Closing(Box::new(result));
        Step::Need(self.ids.ask(Close { listener, farewell }))
    }

    fn end(&mut self, result: Result<Granted, Refused>) -> Step<Exchanged> {
        self.state = State::Over;
        Step::Done(Exchanged { result, vouched: None })
    }
}

fn unavailable(why: &str) -> Error {
    Error::new(ErrorKind::Unavailable, why)
}

fn no_browser(why: &str) -> Error {
    unavailable(&format!("no browser could be opened: {why}"))
        .advise("sign in with a device code instead, or name a browser in BROWSER")
}

impl Flow for Browsing {
    type Output = Exchanged;

    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Exchanged> {
        match (mem::replace(&mut self.state, State::Over), reply) {
            (State::Start, None) if self.cancelled => self.fail(Error::cancelled()),
            (State::Start, None) => self.draw(),
            (State::Drawing, Some(reply)) => self.listen(now, reply),
            (State::Listening(transaction), Some(reply)) => self.open(transaction, reply),
            (State::Opening(transaction), Some(reply)) => self.opened(now, transaction, reply),
            (State::Receiving(transaction), Some(reply)) => self.received(now, transaction, reply),
            (State::Redeeming(exchange, nonce, ours), reply) => self.redeeming(now, exchange, nonce, ours, reply),
            (State::Closing(result), Some(reply)) => match self.ids.take::<Close>(reply) {
                Ok(_) => self.end(*result),
                Err(Misuse) => self.end(Err(Error::misuse().into())),
            },
            _ => self.fail(Error::misuse()),
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        if let State::Redeeming(exchange, ..) = &mut self.state {
            exchange.cancel();
        }
    }
}
