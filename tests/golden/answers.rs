//! Lines of a trace as answers.

use azlatch_core::Unix;
use azlatch_core::effect::{
    BrowseFault, Effect, FailureKind, Guard, ListenFault, Listening, Loaded, Locked, Mark, RandomFault, ReceiveFault,
    Redirect, Reply, Response, Saved, Sent, Skipped, StoreFault, Version,
};
use azlatch_tests::samples::{NOON, document, failure, found};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The reply that a line of a trace means.
pub(crate) fn read(effect: Effect, line: &str) -> Reply {
    let line = &spelled(line);
    let mut words = line.splitn(3, ' ');
    let (verb, second, rest) =
        (words.next().unwrap_or_default(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (effect, verb) {
        (effect, "declined") => effect.decline(),
        (Effect::Http(ask), "failed") => {
            let sent = if second == "unsent" { Sent::No } else { Sent::Maybe };
            let kind = if rest == "untrusted" { FailureKind::Tls } else { FailureKind::Broken };
            ask.answer(Err(failure(sent, kind)))
        }
        (Effect::Http(ask), status) => ask.answer(Ok(response(status, second, rest))),
        (Effect::Load(ask), "absent") => ask.answer(Ok(Loaded::Absent)),
        (Effect::Load(ask), "unchanged") => ask.answer(Ok(Loaded::Unchanged)),
        (Effect::Load(ask), "locked") => ask.answer(Err(StoreFault::Locked)),
        (Effect::Load(ask), "found") => ask.answer(Ok(Loaded::Found(found(&sample(rest), number(second))))),
        (Effect::Save(ask), "stored") => ask.answer(Ok(Saved::Stored(Version(number(second))))),
        (Effect::Save(ask), "conflict") => ask.answer(Ok(Saved::Conflict(Some(found(&sample(rest), number(second)))))),
        (Effect::Save(ask), "full") => ask.answer(Err(StoreFault::Io("no space left".into()))),
        (Effect::Lock(ask), "free") => ask.answer(Ok(Some(Locked { guard: Guard(7), mark: None, waited: false }))),
        (Effect::Lock(ask), "busy") => ask.answer(Ok(None)),
        (Effect::Lock(ask), "marked") => {
            let (until, what) = rest.split_once(' ').expect("until and what");
            let noon = |text: &str| Unix(NOON + text.parse::<i64>().expect("seconds"));
            let mark = Mark { at: noon(second), until: noon(until), holder: 1, what: what.into() };
            ask.answer(Ok(Some(Locked { guard: Guard(7), mark: Some(mark), waited: true })))
        }
        (Effect::Unlock(ask), "unlocked") => ask.answer(()),
        (Effect::Wait(ask), "woke") => ask.answer(()),
        (Effect::Random(ask), "drawn") => {
            let bytes: Vec<u8> = (1..=u8::MAX).take(ask.op.len).collect();
            ask.answer(Ok(bytes.into()))
        }
        (Effect::Random(ask), "exhausted") => ask.answer(Err(RandomFault)),
        (Effect::Listen(ask), "listening") => {
            ask.answer(Ok(Listening { listener: 3, port: second.parse().expect("a port") }))
        }
        (Effect::Listen(ask), "taken") => ask.answer(Err(ListenFault::Taken)),
        (Effect::Browse(ask), "opened") => ask.answer(Ok(())),
        (Effect::Browse(ask), "nobody") => ask.answer(Err(BrowseFault::NoBrowser("nobody sits here".into()))),
        (Effect::Receive(ask), "nothing") => ask.answer(Ok(None)),
        (Effect::Receive(ask), "redirect") => ask.answer(Ok(Some(redirect(second)))),
        (Effect::Receive(ask), "ended") => ask.answer(Err(ReceiveFault::Closed)),
        (Effect::Close(ask), "closed") => ask.answer(()),
        (Effect::Prompt(ask), "shown") => ask.answer(Ok(())),
        (Effect::Prompt(ask), "skipped") => ask.answer(Err(Skipped)),
        (effect, _) => panic!("`{line}` is no answer to {}", effect.name()),
    }
}

/// `200 {"json":1}`, or `503 retry-after=7 {"json":1}`.
fn response(status: &str, second: &str, rest: &str) -> Response {
    let status = status.parse().expect("a status");
    match second.split_once('=').filter(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')) {
        Some((name, value)) => Response::new(status, vec![(name.into(), value.into())], rest.as_bytes()),
        None => Response::new(status, Vec::new(), format!("{second} {rest}").trim().as_bytes()),
    }
}

fn number(text: &str) -> u128 {
    text.parse().expect("a version")
}

/// A stored document by name (`ACCESS ENDS REFRESH`, `torn`, `empty`, `nobody`), or as JSON.
fn sample(text: &str) -> String {
    if text.starts_with('{') {
        return text.into();
    }
    match text.split(' ').collect::<Vec<_>>().as_slice() {
        ["torn"] => r#"{"AccessToken":{"-login"#.into(),
        ["empty"] => String::new(),
        ["nobody"] => r#"{"AccessToken":{},"RefreshToken":{},"Other":{"kept":true}}"#.into(),
        [access, ends, refresh] => document(access, ends.parse().expect("seconds"), refresh),
        _ => panic!("no document is called `{text}`"),
    }
}

/// The parameters of a redirect, written as a query.
fn redirect(text: &str) -> Redirect {
    let pairs = url::form_urlencoded::parse(text.as_bytes());
    Redirect { parameters: pairs.map(|(name, value)| (name.into_owned(), value.as_ref().into())).collect() }
}

/// The line with what stands in it for something else: `STATE` and `NONCE` of the first draw, `jwt({…})`, `info(uid.utid)`.
fn spelled(line: &str) -> String {
    let line = line.replace("STATE", &drawn(1..33)).replace("NONCE", &drawn(33..65));
    let line = filled(&line, "jwt(", |claims| format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims)));
    filled(&line, "info(", |home| {
        let (uid, utid) = home.split_once('.').expect("uid.utid");
        URL_SAFE_NO_PAD.encode(format!(r#"{{"uid":"{uid}","utid":"{utid}"}}"#))
    })
}

fn drawn(bytes: std::ops::Range<u8>) -> String {
    URL_SAFE_NO_PAD.encode(bytes.collect::<Vec<_>>())
}

fn filled(line: &str, call: &str, with: impl Fn(&str) -> String) -> String {
    let Some((before, rest)) = line.split_once(call) else { return line.into() };
    let (inside, after) = rest.split_once(')').expect("a closing bracket");
    format!("{before}{}{}", with(inside), filled(after, call, with))
}
