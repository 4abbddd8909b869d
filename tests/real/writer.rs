//! A process that gets one token after another, for the tests to kill: real flows over the file store, with an
//! authority that grants whatever is asked for.
//!
//! `azlatch-writer DIRECTORY NAME FIRST COUNT` says `ready`, then a line for each token: `NAME-NUMBER` once it is
//! stored, or `unsaved` and why. Numbers begin at FIRST; tokens take turns in a few places of the document, so that
//! it stays small, and before each the writer looks whether all that it stored is still there (`lost` if not). A
//! COUNT of 0 goes on for ever; `hang` asks an authority that never answers, and says `asked`.
//!
//! The tests include this file as a module, to do the same in their own process.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;
use std::{env, fs, process, thread};

use azlatch_core::cache::{Acquire, Acquired, Demand, Query};
use azlatch_core::effect::{Effect, Reply};
use azlatch_core::grant::ClientCredentials;
use azlatch_core::{Error, Host, ScopeSet, run};
use azlatch_files::Files;
use azlatch_system::{Clock, System};
use azlatch_tests::samples;

/// Tokens of one writer that are in the document at a time.
pub(crate) const PLACES: usize = 4;

#[cfg_attr(test, allow(dead_code))]
fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [directory, name, first, count] = arguments.as_slice() else {
        say("usage: azlatch-writer DIRECTORY NAME FIRST COUNT|hang");
        process::exit(2);
    };
    let directory = Path::new(directory);
    let first: usize = first.parse().unwrap_or_default();
    let count: usize = count.parse().unwrap_or_default();
    say("ready");
    if arguments.last().is_some_and(|last| last == "hang") {
        let _ = token(name, first, &mut (Files::new(directory), Silence));
        return;
    }
    let mut kept = [const { None }; PLACES];
    for number in (first..).take(if count == 0 { usize::MAX } else { count }) {
        if let Some(lost) = lost(directory, &kept) {
            say(&format!("lost {lost}"));
        }
        match stored(directory, name, number) {
            Ok(()) => {
                say(&called(name, number));
                kept[number % PLACES] = Some(called(name, number));
            }
            Err(why) => say(&format!("unsaved {why}")),
        }
    }
}

fn say(line: &str) {
    let mut out = io::stdout().lock();
    // One write a line, so that a kill leaves no half of one.
    if out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()).is_err() {
        process::exit(3);
    }
}

/// A token of ours that is no longer in the document.
fn lost(directory: &Path, kept: &[Option<String>; PLACES]) -> Option<String> {
    let text = fs::read_to_string(directory.join(samples::policy().place.partition(&samples::query()).name()))
        .unwrap_or_default();
    kept.iter().flatten().find(|name| !text.contains(&format!("\"{name}\""))).cloned()
}

/// The secret of a writer's token.
pub(crate) fn called(name: &str, number: usize) -> String {
    format!("{name}-{number}")
}

/// Gets a token and stores it in `directory`; what went wrong with storing it is an error here.
pub(crate) fn stored(directory: &Path, name: &str, number: usize) -> Result<(), String> {
    let mut world = (Files::new(directory), Generous(called(name, number)));
    let acquired = token(name, number, &mut world).map_err(|error| error.to_string())?;
    match acquired.version {
        Some(_) => Ok(()),
        None => Err(acquired.explain.lines().collect::<Vec<_>>().join("; ")),
    }
}

/// Gets a fresh token from `world`.
pub(crate) fn token(name: &str, number: usize, world: &mut impl Host) -> Result<Acquired, Error> {
    let scopes = ScopeSet::parse(&format!("https://{name}.example/{}", number % PLACES));
    let query = Query { scopes, ..samples::query() };
    let mut flow = Acquire::new(query, ClientCredentials::new("s".into()), samples::policy(), Demand::Fresh);
    let clock = Clock::new();
    run(&mut flow, || clock.now(), &mut (world, System::default(), Rest))
}

/// An authority that grants this token at once.
pub(crate) struct Generous(pub(crate) String);

impl Host for Generous {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        let body = format!(r#"{{"access_token":"{}","token_type":"Bearer","expires_in":3600}}"#, self.0);
        match effect {
            Effect::Http(ask) => Ok(ask.answer(Ok(samples::json(200, &body)))),
            other => Err(other),
        }
    }
}

/// An authority that never answers.
struct Silence;

impl Host for Silence {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match effect {
            Effect::Http(_) => {
                say("asked");
                loop {
                    thread::sleep(Duration::from_secs(60));
                }
            }
            other => Err(other),
        }
    }
}

/// Waits as it is told.
struct Rest;

impl Host for Rest {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match effect {
            Effect::Wait(ask) => {
                thread::sleep(ask.op.span);
                Ok(ask.answer(()))
            }
            other => Err(other),
        }
    }
}
