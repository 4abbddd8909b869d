//! What belongs to one exchange: its time, its identifiers, and the headers every answer carries.

use super::date::Date;
use super::http::{Answer, Request};
use super::mint::Mint;

/// The longest correlation identifier that is taken over from a client.
const MAX_CORRELATION: usize = 128;

/// One exchange.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) now: i64,
    /// The identifier of this exchange that Entra makes; empty for a control request.
    pub(crate) trace: String,
    /// The identifier that the client sent in `client-request-id`, or one made here.
    pub(crate) correlation: String,
    echo: bool,
}

impl Context {
    /// The context of a control request: it uses up no identifiers, so that looking changes nothing.
    pub(crate) fn control(now: i64) -> Self {
        Context { now, trace: String::new(), correlation: String::new(), echo: false }
    }

    pub(crate) fn new(now: i64, request: &Request, mint: &mut Mint, seed: u64) -> Self {
        let sent = request.header("client-request-id").filter(|id| is_plain(id) && id.len() <= MAX_CORRELATION);
        Context {
            now,
            trace: mint.identifier(seed),
            correlation: match sent {
                Some(id) => id.to_owned(),
                None => mint.identifier(seed),
            },
            echo: sent.is_some(),
        }
    }

    /// Adds the headers that all answers have.
    pub(crate) fn finish(&self, mut answer: Answer) -> Answer {
        if answer.status == 0 {
            return answer;
        }
        let mut add = |name: &str, value: String| answer.headers.push((name.to_owned(), value));
        add("cache-control", "no-store".to_owned());
        add("pragma", "no-cache".to_owned());
        add("date", Date::from_unix(self.now).imf_fixdate());
        if !self.trace.is_empty() {
            add("x-ms-request-id", self.trace.clone());
        }
        if self.echo {
            add("client-request-id", self.correlation.clone());
        }
        answer
    }
}

/// Visible ASCII only, so that it can stand in a header and in an error text.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
