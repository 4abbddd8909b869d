//! Many at once: cold callers of one key, cold keys, cold processes, and an authority that is down.
//!
//! Counts and times of whole waits, where ratios would say less: `cargo bench -p azlatch-benches --bench crowd`.

mod compare;
mod fakes;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use azlatch::{Adapters, Bind as _, ClientSecretCredential, Error, TokenCachePersistenceOptions};
use azlatch_emulator::Emulator;
use azlatch_system::Clock;
use azure_core::credentials::TokenCredential as _;
use compare::{median, row, seconds, table, wanted};
use fakes::{Authority, CLIENT, TENANT, VAULT, block_on, scope};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [child, authority, directory] = words.as_slice()
        && child == "--child"
    {
        return one_of_many(authority, Path::new(directory)).expect("a token");
    }
    table("Many at once", "azlatch", "azure_identity");
    callers(100);
    callers(1_000);
    keys(10);
    processes(8);
    outage();
}

/// How long `count` threads take that begin at the same moment.
fn crowd(count: usize, work: impl Fn(usize) + Sync) -> f64 {
    let begin = Barrier::new(count + 1);
    let (begin, work) = (&begin, &work);
    let from = thread::scope(|threads| {
        for i in 0..count {
            threads.spawn(move || {
                begin.wait();
                work(i);
            });
        }
        begin.wait();
        Instant::now()
    });
    from.elapsed().as_secs_f64()
}

/// Callers of one key that nobody has asked for, the authority taking 100 ms.
fn callers(count: usize) {
    let name = format!("{count} cold callers of one key: requests");
    if !wanted(&name) {
        return;
    }
    let authority = || {
        let authority = Authority::new(86_399);
        authority.pause(100);
        authority
    };
    let (ours, theirs) = (authority(), authority());
    let (credential, other) = (ours.blocking(), theirs.other());
    let took = crowd(count, |_| drop(credential.get_token(&VAULT).expect("a token")));
    let other_took = crowd(count, |_| drop(block_on(other.get_token(&VAULT, None)).expect("a token")));
    let (requests, others) = (ours.requests(), theirs.requests());
    row(&name, &requests.to_string(), &others.to_string(), None, "1", requests == 1);
    let name = format!("{count} cold callers of one key, 100 ms away: all served");
    row(&name, &seconds(took), &seconds(other_took), Some(took / other_took), "–", true);
}

/// Different keys that nobody has asked for, at once, the authority taking 200 ms for each.
fn keys(count: usize) {
    let name = format!("{count} cold keys at once, 200 ms away: all served");
    if !wanted(&name) {
        return;
    }
    let run = |whose: &dyn Fn(&Authority) -> f64| {
        let authority = Authority::new(86_399);
        authority.pause(200);
        whose(&authority)
    };
    let ours = median(
        (0..5)
            .map(|_| {
                run(&|authority| {
                    let credential = authority.blocking();
                    crowd(count, |i| drop(credential.get_token(&[scope(i)]).expect("a token")))
                })
            })
            .collect(),
    );
    let theirs = run(&|authority| {
        let credential = authority.other();
        crowd(count, |i| drop(block_on(credential.get_token(&[&scope(i)], None)).expect("a token")))
    });
    row(&name, &seconds(ours), &seconds(theirs), Some(ours / theirs), "≤ 250 ms", ours <= 0.25);
}

/// Processes of one user that all find an empty store, against the emulator over HTTPS.
fn processes(count: usize) {
    let name = format!("{count} cold processes, one store: requests");
    if !wanted(&name) {
        return;
    }
    let emulator = Emulator::builder().start().expect("an emulator");
    let home = tempfile::tempdir().expect("a directory");
    emulator.write_ca(home.path().join("ca.pem")).expect("written");
    let own = std::env::current_exe().expect("a path");
    let start = || {
        let mut child = Command::new(&own);
        child.arg("--child").arg(emulator.authority()).arg(home.path());
        child.stdin(Stdio::null()).spawn().expect("a process")
    };
    let children: Vec<_> = (0..count).map(|_| start()).collect();
    let well = children.into_iter().all(|mut child| child.wait().is_ok_and(|status| status.success()));
    let requests = emulator.with(|entra| entra.counters().token_requests);
    row(&name, &requests.to_string(), "no store", None, "1", well && requests == 1);
}

fn one_of_many(authority: &str, directory: &Path) -> Result<(), Error> {
    let pem = std::fs::read(directory.join("ca.pem")).expect("a certificate");
    let adapters = Adapters::new()?.extra_roots(&pem)?.cache_directory(directory.join("cache"));
    let options = TokenCachePersistenceOptions::default().allow_unencrypted_storage(true);
    let credential = ClientSecretCredential::new(TENANT, CLIENT, "s3cret")?
        .authority_host(authority)?
        .disable_instance_discovery()
        .cache_persistence_options(options)
        .blocking_with(&adapters)?;
    credential.get_token(&VAULT).map(drop)
}

/// An authority that answers 503 when the token is due for renewal and still valid.
fn outage() {
    let name = "authority at 503, token due but valid: errors";
    if !wanted(name) {
        return;
    }
    let span = Duration::from_secs(3);
    // Due when half of its life is over. `azure_identity` wants five minutes to be left: its token is due at once.
    let (ours, theirs) = (Authority::new(10), Authority::new(250));
    let (credential, other) = (ours.blocking(), theirs.other());
    let ends = credential.get_token(&VAULT).expect("a token").expires_on();
    thread::sleep(Duration::from_millis(6_100));
    block_on(other.get_token(&VAULT, None)).expect("a token");
    ours.fall();
    theirs.fall();
    let during = |is_valid: &dyn Fn() -> bool, call: &dyn Fn() -> bool| {
        let from = Instant::now();
        let (mut calls, mut errors) = (0_u64, 0_u64);
        while from.elapsed() < span && is_valid() {
            calls += 1;
            errors += u64::from(!call() && is_valid());
        }
        (calls, errors)
    };
    // Times are whole seconds: a token that was got late in one ends that much earlier.
    let is_valid = || Clock::new().now().wall < ends;
    let (calls, errors) = during(&is_valid, &|| credential.get_token(&VAULT).is_ok());
    let (other_calls, other_errors) = during(&|| true, &|| block_on(other.get_token(&VAULT, None)).is_ok());
    let of = |errors: u64, calls: u64| format!("{errors} of {calls}");
    row(name, &of(errors, calls), &of(other_errors, other_calls), None, "0", errors == 0);
    let requests = ours.requests() - 1;
    row(
        "the same: requests in 3 s, the pause between tries being 30 s",
        &requests.to_string(),
        &(theirs.requests() - 1).to_string(),
        None,
        "≤ 3",
        requests <= 3,
    );
}
