//! The refresh decision, as a table of times.

use azlatch_core::Unix;
use azlatch_core::cache::Decision::{Fetch, Use, UseAndRefresh};
use azlatch_core::cache::{Decision, Life, decide};

/// `made` and `ends` in seconds from now, `due` and `tried` likewise.
fn at_zero(made: i64, ends: i64, due: Option<i64>, tried: Option<i64>) -> Decision {
    let now = Unix(1_800_000_000);
    let life = Life { cached_at: now.plus(made), expires_on: now.plus(ends), refresh_on: due.map(|at| now.plus(at)) };
    decide(Some(life), tried.map(|at| now.plus(at)), now, false, 0)
}

#[test]
fn the_decision_as_a_table() {
    let table = [
        ("fresh", -10, 3590, None, None, Use),
        ("301 s left", -3299, 301, None, None, Use),
        ("300 s left", -3300, 300, None, None, UseAndRefresh),
        ("1 s left", -3599, 1, None, None, UseAndRefresh),
        ("ended now", -3600, 0, None, None, Fetch),
        ("ended long ago", -7200, -3600, None, None, Fetch),
        ("due", -1800, 1800, Some(0), None, UseAndRefresh),
        ("due in a second", -1799, 1801, Some(1), None, Use),
        ("due, tried 29 s ago", -1800, 1800, Some(0), Some(-29), Use),
        ("due, tried 30 s ago", -1800, 1800, Some(0), Some(-30), UseAndRefresh),
        ("ended, tried just now", -3600, 0, None, Some(0), Fetch),
        ("tried in the future is no try", -1800, 1800, Some(0), Some(60), UseAndRefresh),
        ("T-05: a minute's life, half gone", -30, 30, None, None, UseAndRefresh),
        ("T-05: a minute's life, fresh", -1, 59, None, None, Use),
        ("T-01: the clock was set back an hour", 3600, 7200, None, None, UseAndRefresh),
        ("T-08: another host is a little ahead", 299, 3899, None, None, Use),
        ("T-02: the clock jumped 50 years", -1_600_000_000, -1_599_996_400, None, None, Fetch),
        ("never made, never ends", i64::MIN, i64::MAX, None, None, Use),
        ("ends before it was made", 10, -10, None, None, Fetch),
    ];
    for (what, made, ends, due, tried, expected) in table {
        assert_eq!(at_zero(made, ends, due, tried), expected, "{what}");
    }
}

#[test]
fn claims_force_and_rejection_fetch_whatever_is_cached() {
    let now = Unix(1_800_000_000);
    let life = Life { cached_at: now, expires_on: now.plus(3600), refresh_on: None };
    assert_eq!(decide(Some(life), None, now, true, 0), Fetch);
    assert_eq!(decide(Some(life), Some(now), now, true, 0), Fetch);
    assert_eq!(decide(None, None, now, false, 0), Fetch);
}

#[test]
fn t_11_a_thousand_nodes_do_not_renew_in_one_second() {
    let made = Unix(1_800_000_000);
    let hour = Life { cached_at: made, expires_on: made.plus(3600), refresh_on: None };
    let day = Life { expires_on: made.plus(86_400), refresh_on: Some(made.plus(43_200)), ..hour };
    for life in [hour, day] {
        let mut due: Vec<Unix> = (0..1000_u64).map(|node| life.due(node.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        due.sort_unstable();
        let most = due.chunk_by(|a, b| a == b).map(<[Unix]>::len).max();
        assert!(most.is_some_and(|most| most <= 50), "{most:?} of 1,000 in one second");
        let (first, last) = (due[0], due[999]);
        assert!(last.since(first) <= 60 && last < life.expires_on.plus(-200), "{first} to {last}");
    }
}

#[test]
fn t_11_a_short_life_is_hardly_spread() {
    let made = Unix(1_800_000_000);
    let table = [(3600, 3300, 60), (600, 300, 60), (100, 50, 10), (60, 30, 6), (8, 4, 0), (1, 1, 0), (0, 0, 0)];
    for (lives, first, spread) in table {
        let life = Life { cached_at: made, expires_on: made.plus(lives), refresh_on: None };
        assert_eq!(
            (life.due(0), life.due(spread)),
            (made.plus(first), made.plus(first + i64::try_from(spread).expect("small"))),
            "{lives} s"
        );
        assert_eq!(life.due(spread + 1), made.plus(first), "{lives} s");
    }
}

#[test]
fn t_10_the_last_seconds_are_nobodys() {
    let made = Unix(1_800_000_000);
    let life = |lives| Life { cached_at: made, expires_on: made.plus(lives), refresh_on: None };
    for (lives, left, ending) in [(3600, 31, false), (3600, 30, true), (60, 16, false), (60, 15, true), (2, 1, false)] {
        assert_eq!(life(lives).is_ending(made.plus(lives - left)), ending, "{left} s of {lives} s left");
    }
}
