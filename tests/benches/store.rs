//! What the persistent path costs beside the least that any program would do: ratios, taken in one run.
//!
//! Two contenders take turns, round after round, and the median of the rounds' ratios counts: a busy machine slows
//! both alike. `cargo bench -p azlatch-benches --bench store`; a word after `--` picks the lines that contain it, and
//! `BENCH_DIRECTORY` says on which file system.

mod compare;
mod naive;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use azlatch::{Adapters, Bind as _, ClientSecretCredential, TokenCachePersistenceOptions};
use azlatch_core::cache::{Acquire, Acquired, Demand, Query, Subject, access_token};
use azlatch_core::cache::{Document, refresh_tokens};
use azlatch_core::effect::{Effect, Reply};
use azlatch_core::grant::ClientCredentials;
use azlatch_core::{Host, ScopeSet, Source, run};
use azlatch_files::Files;
use azlatch_memory::Memory;
use azlatch_tests::samples::{NOON, at, json, policy, query};
use compare::Limit::{AtMost, Free};
use compare::{table, wanted};

/// Rounds of one call each, which is long enough here.
fn compare(name: &str, limit: f64, rounds: u32, ours: impl FnMut(), naive: impl FnMut()) {
    compare::compare(name, AtMost(limit), (rounds, 1), ours, naive);
}

/// An authority in memory: it grants at once.
struct Authority(String);

impl Authority {
    fn new() -> Self {
        Self(format!(r#"{{"token_type":"Bearer","expires_in":3599,"access_token":"{}"}}"#, naive::token(0)))
    }
}

impl Host for Authority {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        match effect {
            Effect::Http(ask) => Ok(ask.answer(Ok(json(200, &self.0)))),
            Effect::Random(ask) => Ok(ask.answer(Ok([7_u8; 20].as_slice().into()))),
            other => Err(other),
        }
    }
}

/// The query for resource `i`, of the application or of user `i`.
fn wanting(i: usize, of_users: bool) -> Query {
    let subject = if of_users { Subject::Account(naive::home(i)) } else { Subject::Application };
    let resource = if of_users { 0 } else { i };
    // A program reads its authority's address once.
    static BASE: LazyLock<Query> = LazyLock::new(query);
    Query { scopes: ScopeSet::parse(&naive::scope(resource)), subject, client_id: naive::CLIENT.into(), ..BASE.clone() }
}

fn acquire(query: Query, host: &mut impl Host) -> Acquired {
    let mut flow = Acquire::new(query, ClientCredentials::new("s3cret".into()), policy(), Demand::Any);
    run(&mut flow, || at(0), host).expect("a token")
}

/// A store of `n` entries on disk.
fn store(name: &str, n: usize, of_users: bool, now: i64) -> (PathBuf, PathBuf) {
    let parent = std::env::var_os("BENCH_DIRECTORY").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let directory = PathBuf::from(parent).join(format!("bench-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("a directory");
    private(&directory, 0o700);
    let path = directory.join("msal.cache.nocae");
    fs::write(&path, naive::document(n, of_users, now)).expect("written");
    private(&path, 0o600);
    (directory, path)
}

#[cfg(unix)]
fn private(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode");
}

#[cfg(not(unix))]
fn private(_: &Path, _: u32) {}

/// A process that has just begun finds its token in the file.
fn cold_hit(n: usize, of_users: bool, limit: f64) {
    let name = format!("hit, {n} {}", if of_users { "users" } else { "resources" });
    if !wanted(&name) {
        return;
    }
    let (directory, path) = store("hit", n, of_users, NOON);
    let rounds = if n <= 10 { 2_000 } else { 40 };
    let (mut i, mut j) = (0, 0);
    let next = move |i: &mut usize| {
        *i = (*i + n / 3 + 1) % n;
        *i
    };
    compare(
        &name,
        limit,
        rounds,
        || {
            let query = wanting(next(&mut i), of_users);
            assert_eq!(acquire(query, &mut Files::new(&directory)).explain.source, Source::Store);
        },
        || {
            let j = next(&mut j);
            let home = of_users.then(|| naive::home(j));
            let scope = naive::scope(if of_users { 0 } else { j });
            assert!(naive::hit(&path, home.as_deref(), &scope, NOON).is_some());
        },
    );
    let _ = fs::remove_dir_all(directory);
}

/// A program's first token: described, bound, found in the file; beside a naive program's whole hit. By the machine's
/// own clock.
fn first_token(n: usize) {
    let name = format!("bind and first token, {n} resources");
    if !wanted(&name) {
        return;
    }
    let now = azlatch_system::Clock::new().now().wall.0;
    let (directory, path) = store("first", n, false, now);
    let options = || TokenCachePersistenceOptions::default().allow_unencrypted_storage(true);
    let rounds = if n <= 100 { 1_000 } else { 40 };
    let (mut i, mut j) = (0, 0);
    let next = move |i: &mut usize| {
        *i = (*i + n / 3 + 1) % n;
        naive::scope(*i)
    };
    compare::compare(
        &name,
        Free,
        (rounds, 1),
        || {
            let adapters = Adapters::new().expect("adapters").cache_directory(&directory);
            let described = ClientSecretCredential::new("t1", naive::CLIENT, "s3cret").expect("a credential");
            let credential = described.disable_instance_discovery().cache_persistence_options(options());
            let credential = credential.blocking_with(&adapters).expect("bound");
            let answer = credential.answer(&azlatch::TokenRequest::new([next(&mut i)]).expect("a request"));
            assert_eq!(answer.expect("a token").explain.source, Source::Store);
        },
        || assert!(naive::hit(&path, None, &next(&mut j), now).is_some()),
    );
    let _ = fs::remove_dir_all(directory);
}

/// Each round adds a token that was not there.
fn durable_save(n: usize, limit: f64) {
    let name = format!("save, {n} resources");
    if !wanted(&name) {
        return;
    }
    let ((ours, _), (theirs, path)) = (store("save", n, false, NOON), store("save-naive", n, false, NOON));
    let (mut i, mut j) = (n, n);
    let mut authority = Authority::new();
    compare(
        &name,
        limit,
        100,
        || {
            i += 1;
            let acquired = acquire(wanting(i, false), &mut (Files::new(&ours), &mut authority));
            assert!(acquired.explain.source == Source::Network && acquired.version.is_some());
        },
        || {
            j += 1;
            naive::save(&path, j, NOON);
        },
    );
    let _ = fs::remove_dir_all(ours);
    let _ = fs::remove_dir_all(theirs);
}

/// Without any I/O: what the flow itself costs, from nothing to a stored token, a hundred times over; beside that the
/// form and the answer alone.
fn pure_miss() {
    let mut authority = Authority::new();
    let answer = authority.0.clone();
    compare(
        "100 misses in memory",
        25.0,
        200,
        || {
            for i in 0..100 {
                let acquired = acquire(wanting(i, false), &mut (Memory::new(), &mut authority));
                assert_eq!(acquired.explain.source, Source::Network);
            }
        },
        || {
            for i in 0..100 {
                std::hint::black_box((naive::form(&naive::scope(i)), naive::granted(std::hint::black_box(&answer))));
            }
        },
    );
}

/// Reading a document and asking it once, without the file: for an account, and for its refresh token.
fn lookups(n: usize) {
    let name = format!("parse and look up, {n} users");
    if !wanted(&name) {
        return;
    }
    let text = naive::document(n, true, NOON);
    let (mut i, mut j) = (0, 0);
    let next = move |i: &mut usize| {
        *i = (*i + n / 3 + 1) % n;
        *i
    };
    compare(
        &name,
        1.0,
        40,
        || {
            let (document, query) =
                (Document::parse(text.as_bytes()).expect("a document"), wanting(next(&mut i), true));
            assert!(access_token(&document, &query, at(0).wall).is_some());
            assert_eq!(refresh_tokens(&document, &query).len(), 1);
        },
        || {
            let (document, home) = (naive::parse(&text), naive::home(next(&mut j)));
            assert!(naive::find(&document, Some(&home), &naive::scope(0), NOON).is_some());
            assert!(naive::find_refresh(&document, &home).is_some());
        },
    );
}

/// Ten times as many entities cost about ten times as much to ask, wherever the wanted one is.
fn linear() {
    let name = "look up, 5000 against 500 users";
    if !wanted(name) {
        return;
    }
    let documents =
        [5_000, 500].map(|n| Document::parse(naive::document(n, true, NOON).as_bytes()).expect("a document"));
    let [large, small] = &documents;
    let mut i = 0;
    let ask = |document: &Document, i: usize| {
        let query = wanting(i, true);
        assert!(access_token(document, &query, at(0).wall).is_some());
        assert_eq!(refresh_tokens(document, &query).len(), 1);
    };
    compare(
        "look up, 5000 against 500 users",
        15.0,
        200,
        || ask(large, 4_567),
        || {
            i = (i + 167) % 500;
            ask(small, i);
        },
    );
}

fn main() {
    table("The store, beside a naive program", "azlatch", "naive");
    cold_hit(1, false, 2.0);
    cold_hit(1_000, false, 2.0);
    cold_hit(10_000, false, 2.0);
    cold_hit(5_000, true, 2.0);
    first_token(1);
    first_token(100);
    first_token(10_000);
    durable_save(1, 1.5);
    durable_save(1_000, 1.5);
    lookups(5_000);
    linear();
    pure_miss();
}
