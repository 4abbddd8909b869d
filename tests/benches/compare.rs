//! Two contenders take turns, round after round, and the median of the rounds' ratios counts: a busy machine slows
//! both alike. Results are rows of a Markdown table.

#![allow(clippy::print_stdout, reason = "the results")]
#![allow(dead_code, reason = "no bench uses all of it")]

use std::fmt;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// What a ratio is held against.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// Ours divided by theirs is this at most.
    AtMost(f64),
    /// Theirs divided by ours is this at least.
    Times(f64),
    /// Ours divided by theirs, to be known.
    Free,
}

impl Limit {
    fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Self::Times(_) => theirs / ours,
            Self::AtMost(_) | Self::Free => ours / theirs,
        }
    }

    fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(limit) => ratio <= limit,
            Self::Times(limit) => ratio >= limit,
            Self::Free => true,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "≤ {limit}"),
            Self::Times(limit) => write!(f, "≥ {limit}"),
            Self::Free => f.write_str("–"),
        }
    }
}

/// Begins a table.
pub(crate) fn table(title: &str, ours: &str, theirs: &str) {
    println!("\n### {title}\n");
    println!("| {:<58} | {ours:>12} | {theirs:>14} | {:>8} | {:>8} | {:<6} |", "", "ratio", "limit", "");
    println!("|:{:-<59}|{:->13}:|{:->15}:|{:->9}:|{:->9}:|:{:-<7}|", "", "", "", "", "", "");
}

/// One row whose values were taken elsewhere.
pub(crate) fn row(name: &str, ours: &str, theirs: &str, ratio: Option<f64>, limit: &str, holds: bool) {
    let ratio = ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
    let verdict = if holds { "" } else { "*over*" };
    println!("| {name:<58} | {ours:>12} | {theirs:>14} | {ratio:>8} | {limit:>8} | {verdict:<6} |");
}

/// A row with a ratio of two values, higher being worse.
pub(crate) fn ratio_row(name: &str, limit: Limit, (ours, theirs): (f64, f64), show: fn(f64) -> String) {
    let ratio = limit.ratio(ours, theirs);
    row(name, &show(ours), &show(theirs), Some(ratio), &limit.to_string(), limit.holds(ratio));
}

/// One comparison: what it is, the limit of its ratio, how many rounds of how many calls, and the two contenders.
pub(crate) fn compare(name: &str, limit: Limit, times: (u32, u32), ours: impl FnMut(), theirs: impl FnMut()) {
    let began = Instant::now();
    compare_by(|| began.elapsed(), name, limit, times, ours, theirs);
}

/// As [`compare`], by another clock than the one on the wall.
pub(crate) fn compare_by(
    clock: impl Fn() -> Duration,
    name: &str,
    limit: Limit,
    (rounds, calls): (u32, u32),
    mut ours: impl FnMut(),
    mut theirs: impl FnMut(),
) {
    if !wanted(name) {
        return;
    }
    let timed = |what: &mut dyn FnMut()| {
        let from = clock();
        what();
        (clock() - from).as_secs_f64() / f64::from(calls)
    };
    let mut ours = || (0..calls).for_each(|_| ours());
    let mut theirs = || (0..calls).for_each(|_| theirs());
    // Whoever goes first warms the caches for the other: they take turns at that too.
    let measured: Vec<(f64, f64)> = (0..rounds + 2)
        .map(|round| {
            if round % 2 == 0 {
                let a = timed(&mut ours);
                (a, timed(&mut theirs))
            } else {
                let b = timed(&mut theirs);
                (timed(&mut ours), b)
            }
        })
        .skip(2)
        .collect();
    let ratio = median(measured.iter().map(|(a, b)| limit.ratio(*a, *b)).collect());
    let of = |part: fn(&(f64, f64)) -> f64| seconds(median(measured.iter().map(part).collect()));
    row(name, &of(|pair| pair.0), &of(|pair| pair.1), Some(ratio), &limit.to_string(), limit.holds(ratio));
}

/// Seconds, in the unit that suits them.
pub(crate) fn seconds(value: f64) -> String {
    match value {
        v if v < 1e-6 => format!("{:.1} ns", v * 1e9),
        v if v < 1e-3 => format!("{:.1} µs", v * 1e6),
        v if v < 1.0 => format!("{:.1} ms", v * 1e3),
        v => format!("{v:.2} s"),
    }
}

/// Makes so many calls.
pub(crate) type Work<'a> = &'a (dyn Fn(u32) + Sync);

/// Calls a second by each of `works`, all at once for `window`, together: from the first one's start to the last one's
/// end, so that threads which the machine ran one after the other count for no more than one.
pub(crate) fn throughput(window: Duration, works: &[Work<'_>]) -> f64 {
    let begin = Barrier::new(works.len());
    thread::scope(|scope| {
        let threads: Vec<_> = works
            .iter()
            .enumerate()
            .map(|(i, work)| {
                let begin = &begin;
                scope.spawn(move || {
                    settle_on(i);
                    // What a thread's first calls set up is not part of the window.
                    work(64);
                    begin.wait();
                    let (from, mut calls) = (Instant::now(), 0.0);
                    loop {
                        work(64);
                        calls += 64.0;
                        let now = Instant::now();
                        if now - from >= window {
                            return (calls, from, now);
                        }
                    }
                })
            })
            .collect();
        let ends: Vec<_> = threads.into_iter().filter_map(|thread| thread.join().ok()).collect();
        let (from, to) = (ends.iter().map(|end| end.1).min(), ends.iter().map(|end| end.2).max());
        let span = from.zip(to).map_or(f64::INFINITY, |(from, to)| (to - from).as_secs_f64());
        ends.iter().map(|end| end.0).sum::<f64>() / span
    })
}

/// Keeps this thread to processor `i`: the system would start two threads on one, and part them too late.
#[cfg(target_os = "linux")]
fn settle_on(i: usize) {
    let mut one = rustix::thread::CpuSet::new();
    one.set(i);
    let _ = rustix::thread::sched_setaffinity(None, &one);
}

#[cfg(not(target_os = "linux"))]
fn settle_on(_: usize) {}

/// The median of the best quarter: what it comes to while nobody else is at work on the machine.
pub(crate) fn best_quarter(mut values: Vec<f64>) -> f64 {
    values.sort_by(|a, b| f64::total_cmp(b, a));
    values.truncate(values.len().div_ceil(4));
    median(values)
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Whether the words after `--` pick this row: a part of its name, or none at all.
pub(crate) fn wanted(name: &str) -> bool {
    let picked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    picked.is_empty() || picked.iter().any(|word| name.contains(word.as_str()))
}
