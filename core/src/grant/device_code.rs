//! The device authorization grant (RFC 8628): a code is shown here and typed elsewhere.
//!
//! ```text
//! Start ─► Drawing ─► Requesting (the codes) ─► Prompting ─► Resting ◄─► Polling ─► Done
//!                            resumed: Prompting ─┘
//! ```
//!
//! * A poll begins `interval` after the last one was answered, never sooner (E-01, E-06); `slow_down` adds five seconds
//!   for good (E-02); when no answer comes the rest is doubled until one does (E-03).
//! * It ends with the code: one poll may follow the moment at which it expires, none after that (E-04).
//! * What is shown can be gone on with by another process: [`Prompt::pending`](crate::effect::Prompt::pending).

mod authorization;

pub use authorization::DeviceAuthorization;

use alloc::boxed::Box;
use alloc::string::String;
use core::mem;
use core::time::Duration;

use super::{Grant, Terms};
use crate::cache::HeldRefreshToken;
use crate::effect::{FailureKind, Ids, Misuse, Prompt, Random, Reply, Response, Wait};
use crate::error::{Error, ErrorKind, OAuthError};
use crate::flow::{Flow, Step};
use crate::scope::ScopeSet;
use crate::time::{Mono, Now, Unix};
use crate::token::post::{Post, Posted, Replay, is_passing, retry_after};
use crate::token::{Exchanged, Exchanger, Granted, Refused, Vouching, classify, unexpected, uuid};
use crate::wire::form::Form;
use crate::wire::json::Object;

/// The grant of somebody who has a browser elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Device {
    pending: Option<DeviceAuthorization>,
}

impl Device {
    /// With codes of its own or, resuming what another process began for the same, with those of `pending` while they are
    /// good.
    #[must_use]
    pub const fn new(pending: Option<DeviceAuthorization>) -> Self {
        Self { pending }
    }
}

impl Grant for Device {
    type Exchange = Vouching<Polling>;

    fn exchange(
        &self,
        terms: &Terms<'_>,
        _held: Option<&HeldRefreshToken>,
        mut ids: Ids,
    ) -> Result<Self::Exchange, Error> {
        let query = terms.query;
        // One that was begun for something else is another's; whoever asks now gets codes of their own.
        let ours = |pending: &&DeviceAuthorization| {
            let same = pending.authority == query.authority && pending.client_id == query.client_id;
            same && pending.scopes == query.scopes && pending.cae == query.cae
        };
        let form = terms.user_form("urn:ietf:params:oauth:grant-type:device_code")?;
        let polling = Polling {
            how: terms.exchanger(true, Replay::Safe),
            form,
            scopes: query.scopes.clone(),
            cae: query.cae,
            pending: self.pending.as_ref().filter(ours).cloned(),
            correlation_id: None,
            ends: Mono(0),
            back_off: 0,
            last: false,
            cancelled: false,
            ids: ids.fork(),
            state: State::Start,
        };
        Ok(terms.vouching(polling, ids.fork()))
    }
}

/// A sign-in with a device code, from the codes to the grant.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Polling {
    how: Exchanger,
    form: Form,
    scopes: ScopeSet,
    cae: bool,
    pending: Option<DeviceAuthorization>,
    correlation_id: Option<String>,
    /// The code is good until then, by our clock.
    ends: Mono,
    /// Polls without an answer, in a row.
    back_off: u32,
    /// The code has expired: the poll that is next is the last.
    last: bool,
    cancelled: bool,
    ids: Ids,
    state: State,
}

#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
enum State {
    Start,
    Drawing,
    Requesting(Box<Post>),
    Prompting(Box<DeviceAuthorization>),
    Resting(Box<DeviceAuthorization>, Mono),
    Polling(Box<DeviceAuthorization>, Box<Post>),
    Over,
}

/// A poll gets this much time for its answer.
const ONE_POLL: Duration = Duration::from_secs(10);

/// The longest rest after polls without an answer.
const LONGEST: Duration = Duration::from_secs(60);

/// What `slow_down` adds (RFC 8628 §3.5).
const SLOWER: u32 = 5;

/// What a poll came to.
enum Heard {
    Pending,
    SlowDown,
    /// No answer worth the name; not before this, if the server said so.
    Nothing(Option<Duration>),
    Over(Result<Granted, Refused>),
}

impl Polling {
    fn drawn(&mut self, now: Now, reply: Reply) -> Step<Exchanged> {
        let drawn = match self.ids.take::<Random>(reply) {
            Err(Misuse) => return self.fail(Error::misuse()),
            Ok(drawn) => drawn.and_then(Result::ok),
        };
        if self.cancelled {
            return self.fail(Error::cancelled());
        }
        // As with any exchange the id is a convenience: without randomness it is left out.
        self.correlation_id = drawn.and_then(|bytes| bytes.expose_secret().first_chunk::<16>().copied()).map(uuid);
        match self.pending.take() {
            Some(pending) if now.wall < pending.expires_on => self.prompt(now, pending),
            _ => self.request(now),
        }
    }

    fn request(&mut self, now: Now) -> Step<Exchanged> {
        let mut form = Form::new();
        for name in ["client_id", "scope", "claims"] {
            form = form.plain(name, self.form.get(name).unwrap_or_default());
        }
        let post =
            self.post(self.how.authority.device_authorization_endpoint(), form, self.how.tries, self.how.deadline);
        self.requesting(now, Box::new(post), None)
    }

    fn post(&mut self, url: String, form: Form, tries: u8, deadline: Mono) -> Post {
        Post::new(url, form, Replay::Safe, tries, deadline, 0, self.ids.fork())
            .correlation_id(self.correlation_id.clone())
    }

    fn requesting(&mut self, now: Now, mut post: Box<Post>, reply: Option<Reply>) -> Step<Exchanged> {
        let posted = match post.step(now, reply) {
            Step::Need(effect) => {
                self.state = State::Requesting(post);
                return Step::Need(effect);
            }
            Step::Done(posted) => posted,
        };
        match posted {
            Posted::Stopped(error) => self.fail(error),
            Posted::Failed(failure) => self.fail(Error::from(&failure)),
            Posted::Answered { .. } if self.cancelled => self.fail(Error::cancelled()),
            Posted::Answered { response, asked } if response.status == 200 => {
                let body = response.body.expose_secret();
                let (authority, client) = (&self.how.authority, self.form.get("client_id").unwrap_or_default());
                match DeviceAuthorization::read(body, authority, client, (&self.scopes, self.cae), asked) {
                    Ok(authorization) => self.prompt(now, authorization),
                    Err(why) => self.fail(unexpected(&response, why)),
                }
            }
            Posted::Answered { response, .. } => self.fail(classify(&response, &self.form, false, now.wall)),
        }
    }

    fn prompt(&mut self, now: Now, authorization: DeviceAuthorization) -> Step<Exchanged> {
        let left = authorization.expires_on.since(now.wall).max(0).unsigned_abs();
        self.ends = now.mono.plus(Duration::from_secs(left));
        let ask = Prompt {
            user_code: authorization.user_code.clone(),
            verification_uri: authorization.verification_uri.clone(),
            verification_uri_complete: authorization.verification_uri_complete.clone(),
            message: authorization.message.clone(),
            expires_on: authorization.expires_on,
            pending: authorization.to_json(),
        };
        self.state = State::Prompting(Box::new(authorization));
        Step::Need(self.ids.ask(ask))
    }

    fn prompted(&mut self, now: Now, authorization: Box<DeviceAuthorization>, reply: Reply) -> Step<Exchanged> {
        match self.ids.take::<Prompt>(reply) {
            Err(Misuse) => self.fail(Error::misuse()),
            Ok(_) if self.cancelled => self.fail(Error::cancelled()),
            Ok(Some(Ok(()))) => self.rest(now, authorization, None),
            Ok(None | Some(Err(_))) => self.fail(
                Error::new(ErrorKind::Unavailable, "the code cannot be shown to anybody")
                    .advise("give the application a way to show device codes, or use another credential"),
            ),
        }
    }

    /// Rests until the next poll, unless the code or the caller's time is over by then.
    fn rest(&mut self, now: Now, authorization: Box<DeviceAuthorization>, least: Option<Duration>) -> Step<Exchanged> {
        let interval = Duration::from_secs(authorization.interval.into());
        let doubled = interval.saturating_mul(1 << self.back_off.min(6)).min(LONGEST.max(interval));
        let until = now.mono.plus(doubled.max(least.unwrap_or_default()));
        if mem::replace(&mut self.last, until >= self.ends) {
            return self.fail(expired());
        }
        if until >= self.how.deadline {
            let error = Error::new(ErrorKind::AuthenticationFailed, "nobody finished the sign-in in time");
            return self.fail(error.for_want_of_time().advise("sign in again, and finish where the code is typed"));
        }
        self.sleep(now, authorization, until)
    }

    fn sleep(&mut self, now: Now, authorization: Box<DeviceAuthorization>, until: Mono) -> Step<Exchanged> {
        self.state = State::Resting(authorization, until);
        Step::Need(self.ids.ask(Wait { until, span: now.mono.until(until) }))
    }

    fn rested(
        &mut self,
        now: Now,
        authorization: Box<DeviceAuthorization>,
        until: Mono,
        reply: Reply,
    ) -> Step<Exchanged> {
        match self.ids.take::<Wait>(reply) {
            Err(Misuse) => self.fail(Error::misuse()),
            Ok(_) if self.cancelled => self.fail(Error::cancelled()),
            Ok(Some(())) if now.mono < until => self.sleep(now, authorization, until),
            Ok(Some(())) => self.poll(now, authorization),
            Ok(None) => self.fail(Error::new(ErrorKind::Unavailable, "this host cannot wait for somebody to sign in")),
        }
    }

    fn asking(&self, authorization: &DeviceAuthorization) -> Form {
        // The older parameter's name is what ADFS reads.
        let code = authorization.device_code.expose_secret();
        self.form.clone().secret("device_code", code).secret("code", code)
    }

    fn poll(&mut self, now: Now, authorization: Box<DeviceAuthorization>) -> Step<Exchanged> {
        // Also when the rest before it lasted longer than it should have, as it does where a machine sleeps.
        let late = now.mono >= self.ends;
        #[cfg(canary)]
        let late = late && !crate::canary::is(crate::canary::Bug::PolledAfterTheEnd);
        self.last |= late;
        let form = self.asking(&authorization);
        let deadline = now.mono.plus(ONE_POLL).min(self.how.deadline);
        let post = self.post(self.how.authority.token_endpoint(), form, 1, deadline);
        self.polling(now, authorization, Box::new(post), None)
    }

    fn polling(
        &mut self,
        now: Now,
        mut authorization: Box<DeviceAuthorization>,
        mut post: Box<Post>,
        reply: Option<Reply>,
    ) -> Step<Exchanged> {
        let posted = match post.step(now, reply) {
            Step::Need(effect) => {
                self.state = State::Polling(authorization, post);
                return Step::Need(effect);
            }
            Step::Done(posted) => posted,
        };
        let heard = self.hear(posted, &authorization, now.wall);
        // What was granted is kept though the caller has gone; nobody waits for anything else.
        if self.cancelled && !matches!(heard, Heard::Over(_)) {
            return self.fail(Error::cancelled());
        }
        self.back_off = match &heard {
            Heard::Nothing(_) => self.back_off.saturating_add(1),
            _ => 0,
        };
        match heard {
            Heard::Over(result) => self.end(result),
            Heard::Pending => self.rest(now, authorization, None),
            Heard::SlowDown => {
                #[cfg(canary)]
                if crate::canary::is(crate::canary::Bug::SlowDownIgnored) {
                    return self.rest(now, authorization, None);
                }
                authorization.interval = authorization.interval.saturating_add(SLOWER);
                self.rest(now, authorization, None)
            }
            Heard::Nothing(least) => self.rest(now, authorization, least),
        }
    }

    fn hear(&self, posted: Posted, authorization: &DeviceAuthorization, now: Unix) -> Heard {
        let over = |error: Error| Heard::Over(Err(error.into()));
        match posted {
            Posted::Stopped(error) => over(error),
            Posted::Failed(failure) => match failure.kind {
                FailureKind::Tls | FailureKind::Refused | FailureKind::TooLarge => over(Error::from(&failure)),
                _ => Heard::Nothing(None),
            },
            Posted::Answered { response, asked } if response.status == 200 => {
                match Granted::parse(response.body.expose_secret(), asked) {
                    Ok(granted) => Heard::Over(Ok(granted)),
                    Err(why) => over(unexpected(&response, why)),
                }
            }
            Posted::Answered { response, .. } => match word(&response).as_deref() {
                Some("authorization_pending") => Heard::Pending,
                Some("slow_down") => Heard::SlowDown,
                Some("authorization_declined" | "access_denied") => over(
                    Error::new(ErrorKind::AuthenticationFailed, "the sign-in was declined where the code was typed")
                        .with_oauth(OAuthError { error: "authorization_declined".into(), ..OAuthError::default() })
                        .advise("sign in again"),
                ),
                Some("expired_token" | "code_expired") => over(expired()),
                _ if is_passing(response.status) => Heard::Nothing(retry_after(&response, now)),
                // What was sent is told, so that none of it is shown if the authority quotes it.
                _ => over(classify(&response, &self.asking(authorization), true, now)),
            },
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

/// The `error` of an answer.
fn word(response: &Response) -> Option<String> {
    let text = core::str::from_utf8(response.body.expose_secret()).ok()?;
    Object::parse(text).ok()?.text("error").map(|word| word.into_owned())
}

fn expired() -> Error {
    Error::new(ErrorKind::AuthenticationFailed, "the code has expired before somebody typed it")
        .advise("sign in again, with a new code")
}

impl Flow for Polling {
    type Output = Exchanged;

    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Exchanged> {
        match (mem::replace(&mut self.state, State::Over), reply) {
            (State::Start, None) if self.cancelled => self.fail(Error::cancelled()),
            (State::Start, None) => {
                self.state = State::Drawing;
                Step::Need(self.ids.ask(Random { len: 16 }))
            }
            (State::Drawing, Some(reply)) => self.drawn(now, reply),
            (State::Requesting(post), reply) => self.requesting(now, post, reply),
            (State::Prompting(authorization), Some(reply)) => self.prompted(now, authorization, reply),
            (State::Resting(authorization, until), Some(reply)) => self.rested(now, authorization, until, reply),
            (State::Polling(authorization, post), reply) => self.polling(now, authorization, post, reply),
            _ => self.fail(Error::misuse()),
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        match &mut self.state {
            State::Requesting(post) | State::Polling(_, post) => post.cancel(),
            _ => {}
        }
    }
}
