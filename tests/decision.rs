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
