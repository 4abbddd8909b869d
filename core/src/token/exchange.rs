//! One grant, exchanged: draw a request id, post the form, judge the answer.
//!
//! ```text
//! Start ─► Drawing (randomness) ─► Posting ─► Done
//! ```

use alloc::format;
use alloc::string::String;

use super::classify::{classify, unexpected};
use super::post::{Post, Posted, Replay, is_passing};
use super::response::Granted;
use crate::authority::Authority;
use crate::authority::discovery::Vouched;
use crate::done;
use crate::effect::{Ids, Random, Reply, Sent};
use crate::error::Error;
use crate::flow::{Flow, Step};
use crate::secret::Secret;
use crate::time::{Mono, Now};
use crate::wire::form::Form;

/// How an exchange is done, apart from what is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Exchanger {
    /// Who is asked.
    pub authority: Authority,
    /// Requests at most.
    pub tries: u8,
    /// The exchange ends by then.
    pub deadline: Mono,
    /// Whether the grant belongs to a person, who can sign in again.
    pub of_a_user: bool,
    /// Whether the request may be repeated when its answer is lost.
    pub replay: Replay,
}

/// What an exchange came to, and what it learnt.
#[derive(Debug, PartialEq, Eq)]
pub struct Exchanged {
    /// Yes or no.
    pub result: Result<Granted, Refused>,
    /// The host was vouched for: later exchanges need not ask again.
    pub vouched: Option<Vouched>,
}

/// The authority's no, or silence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refused {
    /// The error for the caller.
    pub error: Error,
    /// `invalid_grant`, or a single-use request whose answer was lost: look again before believing it.
    pub doubtful: bool,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, doubtful: false }
    }
}

/// One form sent to the token endpoint, and the answer judged.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub struct Exchange {
    how: Exchanger,
    form: Form,
    cancelled: bool,
    ids: Ids,
    state: State,
}

#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
enum State {
    Start,
    Drawing,
    Posting(Post),
    Over,
}

impl Exchange {
    /// An exchange of `form`.
    #[must_use]
    pub const fn new(how: Exchanger, form: Form, ids: Ids) -> Self {
        Self { how, form, cancelled: false, ids, state: State::Start }
    }

    fn draw(&mut self) -> Step<Exchanged> {
        self.state = State::Drawing;
        Step::Need(self.ids.ask(Random { len: 20 }))
    }

    /// The request id is a convenience and the jitter a courtesy: without randomness both are left out.
    fn post(&mut self, drawn: Option<&Secret<[u8]>>) -> Post {
        let bytes = drawn.map(Secret::expose_secret).unwrap_or_default();
        let (id, jitter) = match bytes.split_first_chunk::<16>() {
            Some((id, rest)) => (Some(uuid(*id)), rest.iter().fold(0_u32, |n, b| (n << 8) | u32::from(*b))),
            None => (None, 0),
        };
        let url = self.how.authority.token_endpoint();
        Post::new(url, self.form.clone(), self.how.replay, self.how.tries, self.how.deadline, jitter, self.ids.fork())
            .correlation_id(id)
    }

    fn judge(&self, posted: Posted, now: Now) -> Result<Granted, Refused> {
        match posted {
            Posted::Stopped(error) => Err(error.into()),
            Posted::Failed(failure) => {
                let lost = failure.sent == Sent::Maybe && self.how.replay == Replay::Once;
                Err(Refused { error: Error::from(&failure), doubtful: lost })
            }
            Posted::Answered { response, asked } if response.status == 200 => {
                Granted::parse(response.body.expose_secret(), asked).map_err(|why| {
                    // A 200 that cannot be read may still have spent a single-use token.
                    Refused { error: unexpected(&response, why), doubtful: self.how.replay == Replay::Once }
                })
            }
            Posted::Answered { response, .. } => {
                let error = classify(&response, &self.form, self.how.of_a_user, now.wall);
                let spent = self.how.replay == Replay::Once && is_passing(response.status);
                let doubtful = spent || error.oauth().is_some_and(|o| o.error == "invalid_grant");
                Err(Refused { error, doubtful })
            }
        }
    }

    fn end(&mut self, result: Result<Granted, Refused>) -> Step<Exchanged> {
        self.state = State::Over;
        Step::Done(Exchanged { result, vouched: None })
    }
}

impl Flow for Exchange {
    type Output = Exchanged;

    fn step(&mut self, now: Now, mut reply: Option<Reply>) -> Step<Exchanged> {
        loop {
            match (&mut self.state, reply.take()) {
                (State::Start, None) if self.cancelled => return self.end(Err(Error::cancelled().into())),
                (State::Start, None) => return self.draw(),
                (State::Drawing, Some(reply)) => match self.ids.take::<Random>(reply) {
                    Err(_) => return self.end(Err(Error::misuse().into())),
                    Ok(_) if self.cancelled => return self.end(Err(Error::cancelled().into())),
                    Ok(drawn) => {
                        let post = self.post(drawn.and_then(Result::ok).as_ref());
                        self.state = State::Posting(post);
                    }
                },
                (State::Posting(post), reply) => {
                    let posted = done!(post.step(now, reply));
                    let result = self.judge(posted, now);
                    return self.end(result);
                }
                _ => return self.end(Err(Error::misuse().into())),
            }
        }
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        if let State::Posting(post) = &mut self.state {
            post.cancel();
        }
    }
}

/// A version 4 UUID of random bytes (RFC 9562 §5.4).
pub(crate) fn uuid(bytes: [u8; 16]) -> String {
    let n = (u128::from_be_bytes(bytes) & !(0xf000_u128 << 64) & !(0xc000_u128 << 48))
        | (0x4000_u128 << 64)
        | (0x8000_u128 << 48);
    let part = |shift: u32, mask: u128| (n >> shift) & mask;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        part(96, 0xffff_ffff),
        part(80, 0xffff),
        part(64, 0xffff),
        part(48, 0xffff),
        part(0, 0xffff_ffff_ffff)
    )
}
