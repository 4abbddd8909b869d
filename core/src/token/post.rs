//! One POST with bounded patience.
//!
//! ```text
//! Start ──► Sending ──► final answer, or failure that a retry cannot mend ──► Done
//!              ▲  │ 408 429 5xx, or a failure that is safe to repeat
//!              │  ▼
//!             Resting (Retry-After, else 0.8 s · 2ⁿ ± 25 %)
//! ```
//!
//! * At most `tries` requests, and nothing is begun that the deadline would cut off.
//! * `Retry-After` is obeyed in full or not at all: when it reaches past the deadline, the answer is final.
//! * A single-use request ([`Replay::Once`]) is repeated only when it was certainly not acted upon.
//! * A server that could not be trusted ([`FailureKind::Tls`]) is never asked again.

use alloc::string::String;
use core::mem;
use core::time::Duration;

use crate::effect::{Failure, FailureKind, Http, Ids, Reply, Response, Sent, Wait};
use crate::error::Error;
use crate::flow::{Flow, Step};
use crate::time::{Mono, Now, Unix};
use crate::wire::date;
use crate::wire::form::Form;

/// Largest answer of a token endpoint that is taken in.
const LIMIT: usize = 1024 * 1024;

/// One request gets this much of the deadline at most, so that a silent server leaves time for another try.
const ONE_TRY: Duration = Duration::from_secs(10);

/// Even a server that says "at once" is given this much.
const LEAST_REST: Duration = Duration::from_millis(200);

/// Whether a request may be sent again when its answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Replay {
    /// Yes: asking twice does no harm.
    Safe,
    /// No: it spends something (a rotating refresh token, a code).
    Once,
}

/// How a [`Post`] ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Posted {
    /// The last answer, whatever its status; `asked` is the wall time before the request was sent.
    Answered {
        /// The answer.
        response: Response,
        /// When it was asked for.
        asked: Unix,
    },
    /// No answer.
    Failed(Failure),
    /// No answer, since nobody sends HTTP here, the caller went away, or the host erred.
    Stopped(Error),
}

/// One POST of a form, with retries.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Post {
    url: String,
    form: Form,
    correlation_id: Option<String>,
    replay: Replay,
    tries_left: u8,
    tried: u32,
    jitter: u32,
    deadline: Mono,
    cancelled: bool,
    ids: Ids,
    state: State,
}

#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
enum State {
    Start,
    Sending { asked: Unix },
    Resting { until: Mono },
    Over,
}

impl Post {
    /// A POST of `form` to `url`, ended by `deadline`, of at most `tries` requests.
    ///
    /// `jitter` is any random number; the same number makes the same waits.
    #[must_use]
    pub const fn new(
        url: String,
        form: Form,
        replay: Replay,
        tries: u8,
        deadline: Mono,
        jitter: u32,
        ids: Ids,
    ) -> Self {
        Self {
            url,
            form,
            correlation_id: None,
            replay,
            tries_left: tries,
            tried: 0,
            jitter,
            deadline,
            cancelled: false,
            ids,
            state: State::Start,
        }
    }

    /// The same, sending `client-request-id` for support requests.
    #[must_use]
    pub fn correlation_id(mut self, id: Option<String>) -> Self {
        self.correlation_id = id;
        self
    }

    fn send(&mut self, now: Now) -> Step<Posted> {
        // A request that would be cut off is not begun; one that spends something needs time for its answer.
        let least = if self.replay == Replay::Once { Duration::from_secs(2) } else { Duration::from_millis(1) };
        if now.mono.plus(least) > self.deadline {
            let detail = String::from("the time allowed ran out");
            return Step::Done(Posted::Failed(Failure { sent: Sent::No, kind: FailureKind::Timeout, detail }));
        }
        self.tries_left = self.tries_left.saturating_sub(1);
        self.tried = self.tried.saturating_add(1);
        let timeout = now.mono.until(self.deadline).min(ONE_TRY);
        let mut ask = Http::post(self.url.clone(), self.form.encode(), LIMIT, timeout)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .header("x-client-sku", "azlatch")
            .header("x-client-ver", env!("CARGO_PKG_VERSION"))
            .header("x-ms-lib-capability", "retry-after, h429");
        if let Some(id) = &self.correlation_id {
            ask = ask.header("client-request-id", id.as_str()).header("return-client-request-id", "true");
        }
        self.state = State::Sending { asked: now.wall };
        Step::Need(self.ids.ask(ask))
    }

    fn rest(&mut self, now: Now, until: Mono) -> Step<Posted> {
        self.state = State::Resting { until };
        Step::Need(self.ids.ask(Wait { until, span: now.mono.until(until) }))
    }

    /// 0.8 s doubled with each try, give or take a quarter, so that a crowd does not come back together.
    fn back_off(&self) -> Duration {
        let base = 800_u64.saturating_mul(1 << self.tried.saturating_sub(1).min(6));
        let spin = self.jitter.rotate_left(self.tried.saturating_mul(7)) % 512;
        let millis = base.saturating_mul(u64::from(spin).saturating_add(768)) / 1024;
        Duration::from_millis(millis)
    }

    /// When to try again after `retry_after` (or our own back-off); `None` when tries or time run out.
    fn again(&self, now: Now, retry_after: Option<Duration>) -> Option<Mono> {
        #[cfg(canary)]
        let retry_after = retry_after.filter(|_| !crate::canary::is(crate::canary::Bug::RetryAfterIgnored));
        let at = now.mono.plus(retry_after.map_or_else(|| self.back_off(), |span| span.max(LEAST_REST)));
        (self.tries_left > 0 && !self.cancelled && at < self.deadline).then_some(at)
    }

    fn answered(&mut self, now: Now, response: Response, asked: Unix) -> Step<Posted> {
        let passing = match self.replay {
            Replay::Safe => is_passing(response.status),
            // Only these two say that nothing was done: after the others a token may be spent.
            Replay::Once => matches!(response.status, 429 | 503),
        };
        let again = if passing { self.again(now, retry_after(&response, now.wall)) } else { None };
        match again {
            Some(until) => self.rest(now, until),
            None => Step::Done(Posted::Answered { response, asked }),
        }
    }

    fn failed(&mut self, now: Now, failure: Failure) -> Step<Posted> {
        let mendable = !matches!(failure.kind, FailureKind::Tls | FailureKind::Refused | FailureKind::TooLarge);
        let harmless = failure.sent == Sent::No || self.replay == Replay::Safe;
        #[cfg(canary)]
        let harmless = harmless || crate::canary::is(crate::canary::Bug::SingleUseRepeated);
        match if mendable && harmless { self.again(now, None) } else { None } {
            Some(until) => self.rest(now, until),
            None => Step::Done(Posted::Failed(failure)),
        }
    }
}

/// Whether a status says that the same request may succeed later.
pub(crate) const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502..=504 | 506..)
}

/// How long `response` asks to be left alone: `Retry-After`, or Azure's millisecond forms; the longest that it says.
///
/// A date counts from the server's own clock, where it tells it: ours may be fast.
pub(crate) fn retry_after(response: &Response, now: Unix) -> Option<Duration> {
    let millis = |name| response.header(name).filter(|v| v.len() <= 16).and_then(|v| v.trim().parse().ok());
    let exact = millis("retry-after-ms").or_else(|| millis("x-ms-retry-after-ms"));
    let now = response.header("date").and_then(date::http_date).unwrap_or(now);
    match exact {
        Some(millis) => Some(Duration::from_millis(millis).min(Duration::from_secs(3600))),
        None => response.all("retry-after").filter_map(|value| date::retry_after(value, now)).max(),
    }
}

impl Flow for Post {
    type Output = Posted;

    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Posted> {
        match (mem::replace(&mut self.state, State::Over), reply) {
            (State::Start, None) if self.cancelled => Step::Done(Posted::Stopped(Error::cancelled())),
            (State::Start, None) => self.send(now),
            (State::Sending { asked }, Some(reply)) => match self.ids.take::<Http>(reply) {
                Ok(Some(Ok(response))) => self.answered(now, response, asked),
                Ok(Some(Err(failure))) => self.failed(now, failure),
                Ok(None) => Step::Done(Posted::Stopped(no_http())),
                Err(_) => Step::Done(Posted::Stopped(Error::misuse())),
            },
            (State::Resting { until }, Some(reply)) => match self.ids.take::<Wait>(reply) {
                Err(_) => Step::Done(Posted::Stopped(Error::misuse())),
                Ok(_) if self.cancelled => Step::Done(Posted::Stopped(Error::cancelled())),
                // Woken early: rest on. A world that cannot wait at all (declined) is asked no more than it can bear.
                Ok(Some(())) if now.mono < until => self.rest(now, until),
                Ok(Some(())) => self.send(now),
                Ok(None) => Step::Done(Posted::Stopped(
                    Error::new(crate::error::ErrorKind::Network, "the authority is busy, and this host cannot wait")
                        .with_retry(true, Some(now.mono.until(until))),
                )),
            },
            _ => Step::Done(Posted::Stopped(Error::misuse())),
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
    }
}

fn no_http() -> Error {
    Error::new(crate::error::ErrorKind::Network, "this host cannot send HTTP requests").with_retry(false, None)
}
