//! Allocations and bytes of a hit, counted.

mod compare;
mod fakes;

use std::alloc::System;
use std::hint::black_box;

use compare::{row, table};
use fakes::{Authority, VAULT, block_on, hit_other, ready};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: usize = 10_000;

/// Allocations and bytes a call, in hundredths.
fn count(mut call: impl FnMut()) -> (usize, usize) {
    // A thread that did not get the token itself makes its copy once.
    (0..200).for_each(|_| call());
    let region = Region::new(ALLOCATOR);
    (0..CALLS).for_each(|_| call());
    let change = region.change();
    let each = |total: usize| (total * 100).div_ceil(CALLS);
    (each(change.allocations + change.reallocations), each(change.bytes_allocated))
}

fn main() {
    let authority = Authority::new(86_399);
    let (credential, tasks, other) = (authority.blocking(), authority.tasks(), authority.other());
    let handle = credential.for_scopes(VAULT).expect("scopes");
    handle.token().expect("a token");
    block_on(tasks.get_token(&VAULT)).expect("a token");
    hit_other(&other, &VAULT);
    let vault = || &black_box(&VAULT)[..];
    table("Allocations of a hit", "allocations", "bytes");
    let rows: [(_, _, &mut dyn FnMut()); 4] = [
        ("get_token", true, &mut || drop(black_box(credential.get_token(vault())))),
        ("async get_token", true, &mut || drop(black_box(ready(tasks.get_token(vault()))))),
        ("token() of a handle", true, &mut || drop(black_box(handle.token()))),
        ("azure_identity", false, &mut || drop(black_box(hit_other(&other, vault())))),
    ];
    for (name, ours, call) in rows {
        let (allocations, bytes) = count(call);
        let show = |hundredths: usize| format!("{}.{:02}", hundredths / 100, hundredths % 100);
        let limit = if ours { "0" } else { "–" };
        row(name, &show(allocations), &show(bytes), None, limit, !ours || allocations == 0);
    }
}
