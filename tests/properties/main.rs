//! Laws that hold for every input: keys, merges, look-ups, decisions, round trips.
//!
//! `PROPTEST_CASES=100000 cargo test -p azlatch-tests --test properties` looks harder.

mod accounts;
mod bearer;
mod decision;
mod document;
mod generate;
mod key;
mod lookup;
mod wire;
