//! Conversations as text: one file a trace, values included.
//!
//! A trace in `tests/traces` begins with what is run (`flow: app`, options), then alternates what the flow asks for
//! (`>`, with its values indented below) and what the world answers (`<`). Answers are written by hand; the rest is
//! what the flow says. `UPDATE=1 cargo test -p azlatch-tests --test golden` rewrites the files: read the diff.

use std::fmt::Write as _;
use std::fs;

use azlatch_core::cache::{Acquire, Acquired, Demand, Policy, Query};
use azlatch_core::effect::{
    Effect, FailureKind, Guard, Http, Loaded, Locked, Mark, Reply, Response, Saved, Sent, StoreFault, Version,
};
use azlatch_core::grant::{ClientAuth, ClientCredentials, Grant, Refresh};
use azlatch_core::{Error, Flow, Mono, Now, Step, Unix};
use azlatch_tests::root;
use azlatch_tests::samples::{NOON, at, authority, document, failure, found, policy, query, user_query};

#[test]
fn every_trace_is_as_written() {
    let directory = root().join("tests/traces");
    let mut told = 0;
    let mut wrong = Vec::new();
    let mut files: Vec<_> =
        fs::read_dir(directory).expect("traces").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    for path in files {
        let written = fs::read_to_string(&path).expect("a text");
        let said = Trace::parse(&written).tell();
        told += 1;
        if said == written {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, said).expect("written");
        } else {
            let at = said.lines().zip(written.lines()).position(|(a, b)| a != b);
            let line = at.unwrap_or_else(|| said.lines().count().min(written.lines().count()));
            let of = |text: &str| text.lines().nth(line).unwrap_or("(the end)").to_owned();
            wrong.push(format!("{}:{}\n  written {}\n  said    {}", path.display(), line + 1, of(&written), of(&said)));
        }
    }
    println!("{told} traces");
    assert!(told >= 15, "the traces are gone");
    assert!(wrong.is_empty(), "{}\nUPDATE=1 rewrites the traces", wrong.join("\n"));
}

/// A trace as read: its head, and the answers in order.
struct Trace<'a> {
    head: Vec<&'a str>,
    answers: std::collections::VecDeque<&'a str>,
}

impl<'a> Trace<'a> {
    fn parse(text: &'a str) -> Self {
        let head = text.lines().take_while(|line| !line.is_empty()).collect();
        Self { head, answers: text.lines().filter_map(|line| line.strip_prefix("< ")).collect() }
    }

    fn option(&self, name: &str) -> Option<&'a str> {
        self.head.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn tell(mut self) -> String {
        let mut said = self.head.join("\n");
        said.push_str("\n\n");
        let host = self.option("authority").unwrap_or("login.microsoftonline.com");
        let cae = self.option("cae").is_some();
        let policy = Policy { discovery: self.option("discovery").is_some(), tries: 4, ..policy() };
        let demand = match (self.option("claims"), self.option("demand")) {
            (Some(claims), _) => Demand::Claims(claims.into()),
            (None, Some("fresh")) => Demand::Fresh,
            (None, Some(rejected)) => Demand::Not(rejected.into()),
            (None, None) => Demand::Any,
        };
        match self.option("flow") {
            Some("app") => {
                let query = Query { authority: authority(host), cae, ..query() };
                self.converse(Acquire::new(query, ClientCredentials::new("s3cret".into()), policy, demand), &mut said);
            }
            Some("user") => {
                let query = Query { authority: authority(host), cae, ..user_query() };
                self.converse(Acquire::new(query, Refresh::new(ClientAuth::Public), policy, demand), &mut said);
            }
            other => panic!("no flow is called {other:?}"),
        }
        said
    }

    fn converse<G: Grant>(&mut self, mut flow: Acquire<G>, said: &mut String) {
        let (mut elapsed, mut reply) = (0, None);
        loop {
            match flow.step(now(elapsed), reply.take()) {
                Step::Done(outcome) => return end(said, &outcome),
                Step::Need(effect) => {
                    ask(said, &effect);
                    let mut answer = self.answer(said);
                    while let Some(meanwhile) = answer.strip_prefix("meanwhile ") {
                        match meanwhile {
                            "cancel" => flow.cancel(),
                            millis => elapsed += millis.parse::<u64>().expect("milliseconds"),
                        }
                        answer = self.answer(said);
                    }
                    if let Effect::Wait(ask) = &effect
                        && answer == "woke"
                    {
                        elapsed += u64::try_from(ask.op.span.as_millis()).expect("short");
                    }
                    reply = Some(read(effect, answer));
                }
            }
        }
    }

    fn answer(&mut self, said: &mut String) -> &'a str {
        let answer = self.answers.pop_front().unwrap_or("declined");
        let _ = writeln!(said, "< {answer}");
        answer
    }
}

fn now(elapsed: u64) -> Now {
    let start = at(0);
    Now { wall: start.wall.plus(i64::try_from(elapsed / 1000).expect("short")), mono: Mono(start.mono.0 + elapsed) }
}

/// What the flow asks for.
fn ask(said: &mut String, effect: &Effect) {
    let _ = match effect {
        Effect::Http(ask) => request(said, &ask.op),
        Effect::Load(ask) => match ask.op.unless {
            Some(version) => writeln!(said, "> Load {} unless {}", ask.op.partition.name(), version.0),
            None => writeln!(said, "> Load {}", ask.op.partition.name()),
        },
        Effect::Save(ask) => {
            let expect = ask.op.expect.map_or("nothing".into(), |version| version.0.to_string());
            let _ = writeln!(said, "> Save {} over {expect}", ask.op.partition.name());
            let text = String::from_utf8_lossy(ask.op.bytes.expose_secret());
            match serde_json::from_str::<serde_json::Value>(&text) {
                Ok(json) => indented(said, &format!("{json:#}")),
                Err(_) => indented(said, &text),
            }
            Ok(())
        }
        Effect::Lock(ask) => writeln!(said, "> Lock, patience {} ms", ask.op.patience.as_millis()),
        Effect::Unlock(ask) => match &ask.op.mark {
            Some(Mark { at, until, what, .. }) => {
                writeln!(said, "> Unlock, leaving {} {} {what}", at.0 - NOON, until.0 - NOON)
            }
            None => writeln!(said, "> Unlock"),
        },
        Effect::Wait(ask) => writeln!(said, "> Wait {} ms", ask.op.span.as_millis()),
        Effect::Random(ask) => writeln!(said, "> Random {} bytes", ask.op.len),
        other => writeln!(said, "> {}", other.name()),
    };
}

fn request(said: &mut String, http: &Http) -> std::fmt::Result {
    writeln!(said, "> Http {:?} {} within {} ms", http.method, http.url, http.timeout.as_millis())?;
    for header in &http.headers {
        let version = header.value.expose_secret().replace(env!("CARGO_PKG_VERSION"), "VERSION");
        writeln!(said, "    {}: {version}", header.name)?;
    }
    if let Some(body) = &http.body {
        let text = String::from_utf8_lossy(body.expose_secret()).replace('&', "\n&");
        indented(said, &text);
    }
    Ok(())
}

fn indented(said: &mut String, text: &str) {
    text.lines().for_each(|line| {
        let _ = writeln!(said, "    {line}");
    });
}

fn end(said: &mut String, outcome: &Result<Acquired, Error>) {
    let _ = match outcome {
        Ok(acquired) => {
            let (life, token) = (acquired.token.life, acquired.token.expose_secret());
            writeln!(said, "= {token} from {} until +{}", acquired.explain.source.name(), life.expires_on.0 - NOON)
        }
        Err(error) => {
            let _ = writeln!(said, "! {}: {}", error.kind().name(), error.message());
            if let Some(after) = error.retry_after() {
                let _ = writeln!(said, "  retry after {} s", after.as_secs());
            }
            if let Some(advice) = error.advice() {
                let _ = writeln!(said, "  {advice}");
            }
            match std::error::Error::source(error) {
                Some(cause) => writeln!(said, "  because {cause}"),
                None => Ok(()),
            }
        }
    };
    if let Ok(acquired) = outcome {
        acquired.explain.lines().for_each(|line| {
            let _ = writeln!(said, "  {line}");
        });
    }
}

/// The reply that a line of a trace means.
fn read(effect: Effect, line: &str) -> Reply {
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
            let bytes: Vec<u8> = (1..=20).take(ask.op.len).collect();
            ask.answer(Ok(bytes.into()))
        }
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

/// A stored document by name: `ACCESS ENDS REFRESH`, `torn`, `empty`, `nobody`.
fn sample(text: &str) -> String {
    match text.split(' ').collect::<Vec<_>>().as_slice() {
        ["torn"] => r#"{"AccessToken":{"-login"#.into(),
        ["empty"] => String::new(),
        ["nobody"] => r#"{"AccessToken":{},"RefreshToken":{},"Other":{"kept":true}}"#.into(),
        [access, ends, refresh] => document(access, ends.parse().expect("seconds"), refresh),
        _ => panic!("no document is called `{text}`"),
    }
}
