//! Time passing, or a clock that is ahead, never makes a cached token look better.

use azlatch_core::Unix;
use azlatch_core::cache::{Decision, Life, decide};
use proptest::prelude::*;

fn life() -> impl Strategy<Value = Life> {
    (0..100_000_i64, 0..100_000_i64, prop::option::of(0..100_000_i64)).prop_map(|(made, lives, due)| Life {
        cached_at: Unix(made),
        expires_on: Unix(made + lives),
        refresh_on: due.map(|span| Unix(made + span)),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn t_09_a_later_clock_never_lengthens_a_life(life in life(), early in 0..250_000_i64, skew in 0..250_000_i64) {
        // From the moment it was made: before that the clock was set back, and the token is renewed early.
        let early = life.cached_at.plus(early);
        let late = early.plus(skew);
        prop_assert!(decide(Some(life), None, early, false, 0) <= decide(Some(life), None, late, false, 0));
    }

    #[test]
    fn an_ended_token_is_never_used(life in life(), now in 0..250_000_i64, tried in prop::option::of(0..250_000_i64), must in any::<bool>()) {
        let decision = decide(Some(life), tried.map(Unix), Unix(now), must, 0);
        prop_assert!(decision == Decision::Fetch || (Unix(now) < life.expires_on && !must));
    }

    #[test]
    fn no_times_overflow(made in any::<i64>(), ends in any::<i64>(), due in any::<Option<i64>>(), tried in any::<Option<i64>>(), now in any::<i64>()) {
        let life = Life { cached_at: Unix(made), expires_on: Unix(ends), refresh_on: due.map(Unix) };
        let _ = decide(Some(life), tried.map(Unix), Unix(now), false, 0);
    }

    #[test]
    fn calm_is_when_there_is_nothing_to_decide(life in life(), tried in prop::option::of(0..250_000_i64), now in 0..250_000_i64, spread in any::<u64>()) {
        let (tried, now) = (tried.map(Unix), Unix(now));
        let calm = life.calm(tried, spread);
        for now in [now, calm.start, calm.end.plus(-1)] {
            if calm.contains(&now) {
                prop_assert_eq!(decide(Some(life), tried, now, false, spread), Decision::Use);
            }
        }
        // And it is no shorter than it need be: without a failed attempt, the moment after it something is due.
        if tried.is_none() && calm.end > calm.start {
            prop_assert_ne!(decide(Some(life), None, calm.end, false, spread), Decision::Use);
        }
    }
}
