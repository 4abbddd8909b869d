//! Writers that run beside each other, and what the tests do with a writer.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use azlatch_core::cache::{Document, Section};
use azlatch_core::effect::{Effect, Reply};
use azlatch_core::{Host, Note};
use azlatch_files::Files;
use rustix::process::{Pid, Signal, kill_process};

use crate::writer::{Generous, PLACES, called, stored, token};

/// The document, as the writers name it.
pub(crate) const DOCUMENT: &str = "msal.cache.nocae";

/// A writer process; killed when dropped.
pub(crate) struct Writer {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Writer {
    /// Starts one and waits until it is ready.
    pub(crate) fn start(directory: &Path, name: &str, first: usize, count: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_azlatch-writer"));
        command.arg(directory).args([name, &first.to_string(), count]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a writer");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let mut writer = Self { child, out };
        assert_eq!(writer.line().as_deref(), Some("ready"));
        writer
    }

    /// The next line it says; `None` when it has ended.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("text");
        line.strip_suffix('\n').map(str::to_owned)
    }

    /// Everything else it says until its end.
    pub(crate) fn rest(mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a process to signal");
    }

    /// Kills it as with `kill -9`, and waits for its end.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("its end");
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The highest number of each writer in each place of the document; none when there is no document.
pub(crate) fn document(directory: &Path) -> BTreeMap<(String, usize), usize> {
    let Ok(bytes) = fs::read(directory.join(DOCUMENT)) else { return BTreeMap::new() };
    let document = Document::parse(&bytes).expect("a whole document");
    let secrets = document.entities(Section::AccessToken).map(|(_, entity)| entity.text("secret").expect("a secret"));
    secrets.map(|secret| place(&secret)).collect()
}

/// The writer and place of a token, and its number.
pub(crate) fn place(secret: &str) -> ((String, usize), usize) {
    let (name, number) = secret.rsplit_once('-').unwrap_or_else(|| panic!("`{secret}` is no token"));
    let number: usize = number.parse().expect("a number");
    ((name.to_owned(), number % PLACES), number)
}

/// Files in the directory that a write leaves behind only when it is killed.
pub(crate) fn leftovers(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| ![DOCUMENT, "msal.cache.nocae.azlatch-lock", "azlatch.locks"].contains(&name.as_str()))
        .collect()
}

/// The file store, for which nothing may have to be waited.
struct AtOnce(Files);

impl Host for AtOnce {
    fn perform(&mut self, mut effect: Effect) -> Result<Reply, Effect> {
        match &mut effect {
            Effect::Save(ask) => ask.op.timeout = Duration::ZERO,
            Effect::Lock(ask) => ask.op.patience = Duration::ZERO,
            _ => {}
        }
        self.0.perform(effect)
    }
}

/// Whatever happened to the processes before, the next call stores its token, waits for nothing and cleans up.
/// Says how long it took.
pub(crate) fn next_call(directory: &Path, name: &str, number: usize) -> Duration {
    let began = Instant::now();
    let mut world = (AtOnce(Files::new(directory)), Generous(called(name, number)));
    let acquired = token(name, number, &mut world).expect("a token");
    let took = began.elapsed();
    assert_eq!(acquired.explain.notes, [], "the next call had to wait");
    assert!(acquired.version.is_some());
    assert_eq!(document(directory).get(&(name.to_owned(), number % PLACES)), Some(&number));
    assert_eq!(leftovers(directory), [""; 0], "the next call cleans up");
    took
}

/// On a machine with too much to do a writer may give up waiting, and says so; nothing that it stored is ever lost.
#[test]
fn c_03_sixteen_processes_lose_no_update() {
    const EACH: usize = 200;
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let names: Vec<String> = (0..16).map(|n| format!("w{n}")).collect();
    let began = Instant::now();
    let start = |name: &String| Writer::start(scratch.path(), name, 0, &EACH.to_string());
    let writers: Vec<Writer> = names.iter().map(start).collect();
    let said: Vec<String> = writers.into_iter().flat_map(Writer::rest).collect();
    let lost: Vec<&String> = said.iter().filter(|line| line.starts_with("lost")).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let (given_up, stored): (Vec<&String>, Vec<&String>) = said.iter().partition(|line| line.starts_with("unsaved"));
    println!("16 processes, {} updates, {} given up, {:?}", stored.len(), given_up.len(), began.elapsed());
    assert_eq!(stored.len() + given_up.len(), 16 * EACH);
    assert!(given_up.len() <= 16 * EACH / 100, "{given_up:?}");
    // The last of each writer in each place, and nothing that was said not to be stored.
    assert_eq!(document(scratch.path()), stored.into_iter().map(|line| place(line)).collect());
    assert_eq!(leftovers(scratch.path()), [""; 0]);
}

#[test]
fn c_09_a_stopped_writer_costs_the_others_their_save_and_not_their_token() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let directory = scratch.path();
    stored(directory, "old", 0).expect("stored");
    let writer = Writer::start(directory, "w", 0, "0");
    let lock = || File::options().write(true).open(directory.join("msal.cache.nocae.azlatch-lock")).expect("a lock");
    // Stop it, until it stops while it holds the document's lock.
    for n in 1_u64.. {
        assert!(n < 10_000, "it never holds the lock");
        std::thread::sleep(Duration::from_micros(n * 377 % 5000));
        writer.signal(Signal::STOP);
        std::thread::sleep(Duration::from_millis(2));
        if matches!(lock().try_lock(), Err(fs::TryLockError::WouldBlock)) {
            break;
        }
        writer.signal(Signal::CONT);
    }
    let before = fs::read(directory.join(DOCUMENT)).expect("a document");
    let began = Instant::now();
    let acquired = token("waiter", 1, &mut (Files::new(directory), Generous("waiter-1".into()))).expect("a token");
    let took = began.elapsed();
    assert_eq!(acquired.token.expose_secret(), "waiter-1");
    assert_eq!(acquired.version, None);
    assert!(matches!(acquired.explain.notes.as_slice(), [Note::SaveFailed(why)] if why.contains("busy")));
    assert!((Duration::from_secs(1)..Duration::from_secs(10)).contains(&took), "{took:?}");
    assert_eq!(fs::read(directory.join(DOCUMENT)).expect("a document"), before, "no lock, no write");
    // It wakes and goes on, and so do the others.
    writer.signal(Signal::CONT);
    stored(directory, "waiter", 1).expect("stored");
    drop(writer);
    next_call(directory, "next", 0);
    let there = document(directory);
    assert!([("old", 0), ("waiter", 1), ("next", 0)].iter().all(|(name, n)| there.contains_key(&((*name).into(), *n))));
}
