//! `azlatch try`: the cache at work, told in rows that count the authority's requests.

mod people;

use std::cell::Cell;
use std::fs;
use std::io;
use std::process::{Command, ExitCode, Output};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use azlatch::prelude::*;
use azlatch::{Adapters, Answer, AsyncStd, Blocking, ErrorKind, Source};
use azlatch_async_std::{block_on, spawn};
use azlatch_emulator::{Emulator, Fault, Settings, Target};

use crate::args::Try;
use crate::exit::{report, tell};
use crate::output;

const NETWORK: &str = Source::Network.name();
const MEMORY: &str = Source::Memory.name();
const STORE: &str = Source::Store.name();

const TENANT: &str = "contoso.example";
const CLIENT: &str = "11111111-1111-1111-1111-111111111111";
const SECRET: &str = "only-the-emulator-knows";

pub(crate) fn run(options: &Try) -> ExitCode {
    match Story::begin(options).and_then(|story| if options.user { story.tell_of_people() } else { story.tell() }) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            tell("azlatch: a row is not as promised");
            ExitCode::FAILURE
        }
        Err(error) => report(&error, true),
    }
}

/// The authority, a scratch home directory, and what has been seen so far.
struct Story {
    emulator: Emulator,
    home: tempfile::TempDir,
    explain: bool,
    tasks: bool,
    kept: Cell<bool>,
}

/// The credential of a row: on threads or, with `--async`, on tasks.
enum Bound {
    Threads(Blocking<ClientSecretCredential>),
    Tasks(AsyncStd<ClientSecretCredential>),
    People(Blocking<InteractiveBrowserCredential>),
}

impl Bound {
    fn answer(&self, request: &TokenRequest) -> Result<Answer, Error> {
        match self {
            Self::Threads(credential) => credential.answer(request),
            Self::Tasks(credential) => block_on(credential.answer(request)),
            Self::People(credential) => credential.answer(request),
        }
    }

    /// What `count` threads or tasks get that ask for one token at the same moment.
    fn crowd(&self, count: usize, request: &TokenRequest) -> Result<Vec<Answer>, Error> {
        match self {
            Self::Threads(credential) => at_once(count, || credential.answer(request)),
            Self::People(credential) => at_once(count, || credential.answer(request)),
            Self::Tasks(credential) => block_on(async {
                let ask = || {
                    let (credential, request) = (credential.clone(), request.clone());
                    spawn(async move { credential.answer(&request).await })
                };
                let tasks: Vec<_> = (0..count).map(|_| ask()).collect();
                let mut answers = Vec::new();
                for task in tasks {
                    answers.push(task.await?);
                }
                Ok(answers)
            }),
        }
    }
}

/// What `count` threads come to that `ask` at the same moment.
fn at_once(count: usize, ask: impl Fn() -> Result<Answer, Error> + Sync) -> Result<Vec<Answer>, Error> {
    let start = Barrier::new(count);
    let ask = || {
        start.wait();
        ask()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(ask)).collect();
        let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
        ended.map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// What a row came to, and a remark when it is not as promised.
struct Seen {
    /// Where the token is from, or what kind of error there is instead.
    from: &'static str,
    /// What happened on the way.
    lines: Vec<String>,
    objection: Option<String>,
}

impl From<Answer> for Seen {
    fn from(answer: Answer) -> Self {
        Self { from: answer.explain.source.name(), lines: answer.explain.lines().collect(), objection: None }
    }
}

impl Seen {
    fn but(self, objection: Option<String>) -> Self {
        Self { objection, ..self }
    }
}

impl Story {
    fn begin(options: &Try) -> Result<Self, Error> {
        let emulator = Emulator::builder()
            .settings(Settings::default())
            .port(0)
            .start()
            .map_err(|e| trouble("the emulator did not start", &e))?;
        let home = tempfile::tempdir().map_err(|e| trouble("no scratch directory could be made", &e))?;
        emulator
            .write_ca(home.path().join("ca.pem"))
            .map_err(|e| trouble("the root certificate could not be written", &e))?;
        Ok(Self { emulator, home, explain: options.explain, tasks: options.tasks, kept: Cell::new(true) })
    }

    fn tell(&self) -> Result<bool, Error> {
        output::line(&format!(
            "azlatch {}against a local authority, {} (the authority counts the requests)\n",
            if self.tasks { "on async-std " } else { "" },
            self.emulator.authority()
        ))?;
        output::line(&format!("  {:<50} {:>8} {:>9}   {}", "what", "requests", "time", "token from"))?;
        self.in_memory()?;
        self.on_disk()?;
        self.in_trouble()?;
        self.damaged()?;
        self.end()
    }

    fn end(&self) -> Result<bool, Error> {
        let verdict = if self.kept.get() { "every row as promised" } else { "NOT as promised, see above" };
        output::line(&format!("\n{verdict}"))?;
        Ok(self.kept.get())
    }

    fn in_memory(&self) -> Result<(), Error> {
        let credential = self.credential(false)?;
        let ask = |scope: &str| credential.answer(&TokenRequest::new([scope])?);
        self.row("first token", 1, NETWORK, || Ok(ask("https://vault.example/.default")?.into()))?;
        self.row("again", 0, MEMORY, || Ok(ask("https://vault.example/.default")?.into()))?;
        let crowd_of =
            if self.tasks { "64 tasks at once, one cold scope" } else { "64 threads at once, one cold scope" };
        self.row(crowd_of, 1, NETWORK, || crowd(&credential, 64, "https://crowd.example/.default"))
    }

    fn on_disk(&self) -> Result<(), Error> {
        let credential = self.credential(true)?;
        let scope = "https://storage.example/.default";
        self.row("a token that is kept on disk", 1, NETWORK, || {
            Ok(credential.answer(&TokenRequest::new([scope])?)?.into())
        })?;
        self.row("a new process on the same disk cache", 0, STORE, || {
            let answer = self.credential(true)?.answer(&TokenRequest::new([scope])?)?;
            let objection = self.new_process(scope, answer.token.expose_secret())?;
            Ok(Seen::from(answer).but(objection))
        })
    }

    fn in_trouble(&self) -> Result<(), Error> {
        let credential = self.credential(false)?;
        let ask = |scope: &str| credential.answer(&TokenRequest::new([scope])?);
        let queue = "https://queue.example/.default";
        self.emulator.with(|entra| entra.settings_mut().expires_in = 1);
        let first = ask(queue)?;
        self.emulator.with(|entra| entra.settings_mut().expires_in = 3599);
        thread::sleep(Duration::from_millis(2100));
        self.row("an expired token", 1, NETWORK, || {
            let answer = ask(queue)?;
            let same = answer.token.expose_secret() == first.token.expose_secret();
            Ok(Seen::from(answer).but(same.then(|| "the expired token was handed out".into())))
        })?;
        let table = "https://table.example/.default";
        // Half of so short a life is left when it is due.
        self.emulator.with(|entra| entra.settings_mut().expires_in = 6);
        let first = ask(table)?;
        self.emulator.with(|entra| {
            entra.settings_mut().expires_in = 3599;
            entra.script(Fault::status(503).on(Target::Token).times(0));
        });
        thread::sleep(Duration::from_millis(3200));
        self.row("due for renewal, but Entra answers 503: served", 1, MEMORY, || {
            let answer = ask(table)?;
            let other = answer.token.expose_secret() != first.token.expose_secret();
            Ok(Seen::from(answer).but(other.then(|| "another token was handed out".into())))
        })?;
        self.row("and again, within half a minute: Entra left alone", 0, MEMORY, || Ok(ask(table)?.into()))?;
        self.emulator.with(azlatch_emulator::Entra::reset);
        Ok(())
    }

    fn damaged(&self) -> Result<(), Error> {
        let path = self.home.path().join(azlatch_files::DIRECTORY).join("msal.cache.nocae");
        let whole = fs::read(&path).map_err(|e| trouble("the cache file could not be read", &e))?;
        fs::write(&path, &whole[..whole.len() / 2]).map_err(|e| trouble("the cache file could not be cut", &e))?;
        let request = TokenRequest::new(["https://storage.example/.default"])?;
        self.row("the cache file cut in half: healed", 1, NETWORK, || {
            let answer = self.credential(true)?.answer(&request)?;
            let healed = self.credential(true)?.answer(&request)?;
            let objection = (healed.explain.source != Source::Store).then(|| "the file was not healed".into());
            Ok(Seen::from(answer).but(objection))
        })
    }

    /// Plays one row and tells it: `requests` counted, from `source`.
    fn row(
        &self,
        what: &str,
        requests: u64,
        source: &str,
        play: impl FnOnce() -> Result<Seen, Error>,
    ) -> Result<(), Error> {
        let before = self.requests();
        let start = Instant::now();
        let seen = play()?;
        let took = start.elapsed();
        if self.tasks && requests > 0 && source == MEMORY {
            // The task that tries to renew it is on its way, and nobody waits for it.
            thread::sleep(Duration::from_millis(500));
        }
        let counted = self.requests() - before;
        let as_promised = counted == requests && seen.from == source && seen.objection.is_none();
        self.kept.set(self.kept.get() && as_promised);
        let verdict = if as_promised { String::new() } else { format!("   EXPECTED {requests}, {source}") };
        output::line(&format!("  {what:<50} {counted:>8} {:>6} ms   {}{verdict}", took.as_millis(), seen.from))?;
        if let Some(objection) = &seen.objection {
            output::line(&format!("      {objection}"))?;
        }
        if self.explain {
            seen.lines.iter().try_for_each(|line| output::line(&format!("      {line}")))?;
        }
        Ok(())
    }

    fn requests(&self) -> u64 {
        self.emulator.with(|entra| entra.counters().requests)
    }

    fn credential(&self, persistent: bool) -> Result<Bound, Error> {
        let adapters = Adapters::new()?
            .extra_roots(self.emulator.ca_pem().as_bytes())?
            .cache_directory(self.home.path().join(azlatch_files::DIRECTORY));
        let credential = ClientSecretCredential::new(TENANT, CLIENT, SECRET)?
            .authority_host(&self.emulator.authority())?
            .disable_instance_discovery();
        let plain = TokenCachePersistenceOptions::default().allow_unencrypted_storage(true);
        let credential = if persistent { credential.cache_persistence_options(plain) } else { credential };
        Ok(match self.tasks {
            true => Bound::Tasks(credential.async_std_with(&adapters)?),
            false => Bound::Threads(credential.blocking_with(&adapters)?),
        })
    }

    /// Runs this very program once more; an objection when it does not find `expected` in the store.
    fn new_process(&self, scope: &str, expected: &str) -> Result<Option<String>, Error> {
        let mut command = self.another_process(scope)?;
        let child = command
            .args(["--tenant-id", TENANT, "--client-id", CLIENT, "--authority-host", &self.emulator.authority()])
            .env("AZURE_CLIENT_SECRET", SECRET)
            .output()
            .map_err(|e| trouble("the new process did not start", &e))?;
        Ok(objection(&child, expected))
    }

    /// This very program once more, with the same home, asked for a token of `scope`.
    fn another_process(&self, scope: &str) -> Result<Command, Error> {
        let program = std::env::current_exe().map_err(|e| trouble("this program's own file was not found", &e))?;
        let mut command = Command::new(program);
        command
            .args(["token", "--output", "json", "--persist", "--allow-unencrypted-storage"])
            .args(["--no-instance-discovery", "--scope", scope, "--ca-file"])
            .arg(self.home.path().join("ca.pem"))
            .env("HOME", self.home.path())
            .env("LOCALAPPDATA", self.home.path());
        Ok(command)
    }
}

/// An objection, when `child` did not find `expected` in the store.
fn objection(child: &Output, expected: &str) -> Option<String> {
    let found: serde_json::Value = serde_json::from_slice(&child.stdout).unwrap_or_default();
    let as_expected = child.status.success() && found["source"] == STORE && found["access_token"] == expected;
    (!as_expected).then(|| format!("the new process did not find the token in the store ({})", child.status))
}

/// `count` at once; an objection when they do not all get the same.
fn crowd(credential: &Bound, count: usize, scope: &str) -> Result<Seen, Error> {
    let answers = credential.crowd(count, &TokenRequest::new([scope])?)?;
    let all_same = answers.windows(2).all(|pair| pair[0].token.expose_secret() == pair[1].token.expose_secret());
    let objection = (!all_same).then(|| "they did not all get the same token".into());
    match answers.into_iter().find(|answer| answer.explain.source == Source::Network) {
        Some(answer) => Ok(Seen::from(answer).but(objection)),
        None => Err(Error::new(ErrorKind::Network, "nobody fetched the token")),
    }
}

fn trouble(what: &str, error: &io::Error) -> Error {
    Error::new(ErrorKind::Configuration, format!("{what}: {error}"))
}
