//! Warm hits: what `get_token` costs when the token is there, beside the bare limit and beside `azure_identity`.
//!
//! `cargo bench -p azlatch-benches --bench hot`; a word after `--` picks the rows that contain it.

mod compare;
mod fakes;
mod limits;

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use compare::Limit::{AtMost, Free, Times};
use compare::{Work, best_quarter, compare, ratio_row, row, seconds, table, throughput, wanted};
use fakes::{Authority, GRAPH, HUNG, VAULT, block_on, hit_other, ready, scope};
use limits::{Entry, Locked, Place, Swapped};

// Scopes are hidden from the optimizer by a thin reference: a slice that went through memory in two halves would be
// read back whole, which costs more than a hit.

/// Rounds, and calls in each.
const ROUNDS: (u32, u32) = (80, 20_000);

fn main() {
    limits();
    others();
    sizes();
    threads();
    hanging();
}

/// Beside the bare limits, with ten tokens in each.
fn limits() {
    table("A hit beside the least it can cost", "azlatch", "limit");
    let authority = Authority::new(86_399);
    let (credential, tasks) = (authority.blocking_of(10), authority.tasks());
    let token = credential.get_token(&VAULT).expect("a token");
    block_on(tasks.get_token(&VAULT)).expect("a token");
    let handle = credential.for_scopes(VAULT).expect("scopes");
    let scopes: Vec<String> = (1..10).map(scope).collect();
    let entries = || {
        let own = [Entry::new(&VAULT, &token)];
        own.into_iter().chain(scopes.iter().map(|scope| Entry::new(&[scope], &token)))
    };
    let (swapped, locked) = (Swapped::new(entries()), Locked::new(entries()));
    let place = Place::new(Entry::new(&VAULT, &token));
    let vault = || &black_box(&VAULT)[..];
    let ours = || drop(black_box(credential.get_token(vault())));
    compare("get_token; a swapped map", AtMost(1.5), ROUNDS, ours, || drop(black_box(swapped.get(vault()))));
    let polled = || drop(black_box(ready(tasks.get_token(vault()))));
    compare("async get_token, polled once; a swapped map", AtMost(1.5), ROUNDS, polled, || {
        drop(black_box(ready(swapped.get_async(vault()))));
    });
    compare("get_token; a map behind a lock", AtMost(1.0), ROUNDS, ours, || drop(black_box(locked.get(vault()))));
    let handed = || drop(black_box(handle.token()));
    compare("token() of a handle; a swapped place", AtMost(1.5), ROUNDS, handed, || drop(black_box(place.get())));
}

/// Beside `azure_identity`.
fn others() {
    table("A hit beside azure_identity", "azlatch", "azure_identity");
    let authority = Authority::new(86_399);
    let (credential, tasks, other) = (authority.blocking(), authority.tasks(), authority.other());
    credential.get_token(&VAULT).expect("a token");
    block_on(tasks.get_token(&VAULT)).expect("a token");
    let handle = credential.for_scopes(VAULT).expect("scopes");
    hit_other(&other, &VAULT);
    let vault = || &black_box(&VAULT)[..];
    let theirs = || drop(black_box(hit_other(&other, vault())));
    compare("get_token", Times(7.0), ROUNDS, || drop(black_box(credential.get_token(vault()))), theirs);
    compare(
        "async get_token, polled once",
        Times(7.0),
        ROUNDS,
        || drop(black_box(ready(tasks.get_token(vault())))),
        theirs,
    );
    compare("token() of a handle", Times(7.0), ROUNDS, || drop(black_box(handle.token())), theirs);
}

/// With more tokens in the cache.
fn sizes() {
    if !wanted("tokens in the cache") {
        return;
    }
    table("A hit with more tokens in the cache", "azlatch", "beside");
    let authority = Authority::new(86_399);
    let [one, some, many] = [1, 1_000, 100_000].map(|count| authority.blocking_of(count));
    let vault = || &black_box(&VAULT)[..];
    let first = || drop(black_box(one.get_token(vault())));
    compare("1,000 tokens in the cache; 1", AtMost(1.3), ROUNDS, || drop(black_box(some.get_token(vault()))), first);
    compare("100,000 tokens in the cache; 1", AtMost(1.3), ROUNDS, || drop(black_box(many.get_token(vault()))), first);
    // Where no key is asked for twice in a row, memory is what costs: for anybody's map.
    let scopes: Vec<String> = (1..100_000).map(scope).collect();
    let scopes: Vec<[&str; 1]> = scopes.iter().map(|scope| [scope.as_str()]).collect();
    let limit = Swapped::new(scopes.iter().map(|scope| Entry::new(scope, &many.get_token(scope).expect("a token"))));
    let mut turns = [0_usize; 2];
    let mut next = |who: usize| {
        turns[who] = (turns[who] + 61_813) % scopes.len();
        &scopes[turns[who]]
    };
    let picked: Vec<_> = (0..20_000).map(|_| next(0)).collect();
    let (mut i, mut j) = (0, 0);
    let step = |at: &mut usize| {
        *at = (*at + 1) % picked.len();
        picked[*at]
    };
    compare(
        "100,000 tokens in the cache, another each time; swapped map",
        Free,
        (20, 20_000),
        || drop(black_box(many.get_token(step(&mut i)))),
        || drop(black_box(limit.get(step(&mut j)))),
    );
}

/// Hits by two threads, in calls a second of both beside those of one alone: the best quarter of the rounds, for a
/// machine of two cores that does something else as well has only one.
fn threads() {
    let authority = Authority::new(86_399);
    let (credential, other) = (authority.blocking(), authority.other());
    for scopes in [VAULT, GRAPH] {
        credential.get_token(&scopes).expect("a token");
        hit_other(&other, &scopes);
    }
    let (credential, other) = (&credential, &*other);
    let hits = |scopes: [&'static str; 1]| {
        move |calls| (0..calls).for_each(|_| drop(black_box(credential.get_token(black_box(&scopes)))))
    };
    let theirs = |scopes: [&'static str; 1]| {
        move |calls| (0..calls).for_each(|_| drop(black_box(hit_other(other, black_box(&scopes)))))
    };
    let (vault, graph, theirs, others) = (hits(VAULT), hits(GRAPH), theirs(VAULT), theirs(GRAPH));
    let rows: [(_, _, [Work<'_>; 2]); 4] = [
        ("two threads, two keys", Times(1.8), [&vault, &graph]),
        ("two threads, one key", Times(1.0), [&vault, &vault]),
        ("azure_identity: two threads, two keys", Free, [&theirs, &others]),
        ("azure_identity: two threads, one key", Free, [&theirs, &theirs]),
    ];
    table("Calls a second of two threads beside one", "one thread", "two threads");
    for (name, limit, works) in rows.into_iter().filter(|(name, ..)| wanted(name)) {
        // Shorter than the turns that a busy machine gives to each.
        let window = Duration::from_millis(3);
        let (mut one, mut two) = (Vec::new(), Vec::new());
        for _ in 0..400 {
            one.push(throughput(window, &works[..1]));
            two.push(throughput(window, &works));
        }
        let (one, two) = (best_quarter(one), best_quarter(two));
        let millions = |calls: f64| format!("{:.1} M/s", calls / 1e6);
        match limit {
            Times(_) => ratio_row(name, limit, (one, two), millions),
            _ => row(name, &millions(one), &millions(two), Some(two / one), "–", true),
        }
    }
}

/// Hits while the fetch for another key hangs.
fn hanging() {
    let name = "a hit while another key's fetch hangs; without";
    if !wanted(name) {
        return;
    }
    table("A hit while another fetch hangs", "hanging", "quiet");
    let authority = Authority::new(86_399);
    let (quiet, hanging, other) = (authority.blocking(), authority.blocking(), authority.other());
    quiet.get_token(&VAULT).expect("a token");
    hanging.get_token(&VAULT).expect("a token");
    hit_other(&other, &VAULT);
    thread::scope(|scope| {
        scope.spawn(|| hanging.get_token(&HUNG).expect("a token"));
        thread::sleep(Duration::from_millis(50));
        let vault = || &black_box(&VAULT)[..];
        let (ours, alone) =
            (|| drop(black_box(hanging.get_token(vault()))), || drop(black_box(quiet.get_token(vault()))));
        compare(name, AtMost(1.1), ROUNDS, ours, alone);
        authority.release();
    });
    // A hit of the other, while its fetch takes 300 ms.
    authority.pause(300);
    let waited = thread::scope(|scope| {
        scope.spawn(|| block_on(azure_core::credentials::TokenCredential::get_token(&*other, &GRAPH, None)).is_ok());
        thread::sleep(Duration::from_millis(50));
        let from = Instant::now();
        block_on(azure_core::credentials::TokenCredential::get_token(&*other, &VAULT, None)).expect("a token");
        from.elapsed()
    });
    row("azure_identity: the same, the fetch taking 300 ms", &seconds(waited.as_secs_f64()), "", None, "–", true);
}
