//! Killed at every system call of a write: the document is the old one or the new one, and the next call waits for
//! nothing.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::processes::{DOCUMENT, document, leftovers, next_call};
use crate::strace::{
    CLOSE, Call, FSYNC, Fault, LINK, LOCK, MKDIR, OPEN, READ, RENAME, STAT, UNLINK, WRITE, is_there, skip, write_under,
};
use crate::writer::stored;

/// What came of the kills at one call.
#[derive(Debug, Default)]
struct Tally {
    old: usize,
    new: usize,
    slowest: Duration,
}

#[test]
fn s_01_killed_at_any_call_of_the_first_write() {
    every_call(&[MKDIR], |_| ());
}

#[test]
fn s_01_killed_at_any_call_of_a_later_write() {
    every_call(&[], |directory| stored(directory, "old", 0).expect("stored"));
}

/// Prints figures, for whoever wants to see them.
#[allow(clippy::print_stdout)]
fn every_call(first: &[Call], prepare: impl Fn(&Path)) {
    if !is_there() {
        return skip("s_01", "strace is not installed, or may not trace");
    }
    let (mut points, mut new) = (0, 0);
    let calls = [OPEN, STAT, LOCK, READ, WRITE, FSYNC, LINK, RENAME, UNLINK, CLOSE];
    for call in first.iter().copied().chain(calls) {
        let tally = each_time(call, &prepare);
        assert!(tally.old + tally.new > 0, "{call:?} is no call of the write path");
        println!("{:<36} {tally:?}", call.0);
        points += tally.old + tally.new;
        new += tally.new;
    }
    assert!(new > 0 && new < points);
    println!("{points} crash points");
}

/// Kills at the first of these calls, at the second, and so on, until the writer gets through.
fn each_time(call: Call, prepare: &impl Fn(&Path)) -> Tally {
    let mut tally = Tally::default();
    for when in 1.. {
        assert!(when < 200, "no end in sight");
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let directory = scratch.path().join("store");
        prepare(&directory);
        let old = fs::read(directory.join(DOCUMENT)).ok();
        let fault = Fault { call, what: "signal=SIGKILL", when: &when.to_string(), at: None };
        let output = write_under(&fault, &directory, Path::new("/dev/null"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let point = format!("killed at {} number {when}", call.0);
        if fs::read(directory.join(DOCUMENT)).ok() == old {
            assert!(!said.contains("new-0"), "{point}: said to be stored, but is not");
            tally.old += 1;
        } else {
            let there = document(&directory);
            let expected = if old.is_some() { vec!["new", "old"] } else { vec!["new"] };
            assert_eq!(there.keys().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected, "{point}");
            tally.new += 1;
        }
        let left = leftovers(&directory);
        assert!(left.iter().filter(|name| !name.ends_with(".lockfile")).count() <= 1, "{point}: {left:?}");
        tally.slowest = tally.slowest.max(next_call(&directory, "next", 0));
        assert!(old.is_none() || document(&directory).contains_key(&("old".into(), 0)), "{point}");
        if output.status.success() {
            assert_eq!(said, "ready\nnew-0\n");
            // Not a crash point: it got through.
            tally.new -= 1;
            return tally;
        }
    }
    tally
}
