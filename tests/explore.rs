//! Every flow, every answer, cancel at every step, a host that errs at every state.
//!
//! The invariants are in the explorer: no panic, locks balanced, rotated tokens saved, nothing written after a read
//! that failed, nothing but clean-up after cancel, done is final, misuse is an error that releases what is held.

use azlatch_core::Mono;
use azlatch_core::authority::AuthorityHost;
use azlatch_core::authority::discovery::Discovery;
use azlatch_core::cache::{Acquire, Demand, Discard, Listing, Place, Policy, Query};
use azlatch_core::effect::Ids;
use azlatch_core::grant::{Browser, ClientAuth, ClientCredentials, CodeInHand, Device, Person, Refresh, UserPassword};
use azlatch_core::token::{Exchange, Exchanger, Post, Replay, Vouching};
use azlatch_core::wire::form::Form;
use azlatch_tests::explorer::explore;
use azlatch_tests::samples::{app, authority, newcomer, policy, query, user, user_query};

/// The deadline of flows that are given one: 30 s after the samples' clock began.
const DEADLINE: Mono = Mono(31_000);

fn form() -> Form {
    Form::new().plain("grant_type", "client_credentials").secret("client_secret", "canary-client-secret")
}

#[test]
fn discovery_in_every_world() {
    explore("Discovery", Discovery::new(authority("login.test"), DEADLINE, Ids::root()));
}

#[test]
fn post_in_every_world() {
    for replay in [Replay::Safe, Replay::Once] {
        let url = authority("login.microsoftonline.com").token_endpoint();
        let post = Post::new(url, form(), replay, 3, DEADLINE, 12_345, Ids::root());
        explore(&format!("Post {replay:?}"), post);
    }
}

#[test]
fn exchange_in_every_world() {
    for (host, discovery) in [("login.microsoftonline.com", true), ("login.test", true), ("login.test", false)] {
        let how = Exchanger {
            authority: authority(host),
            tries: 2,
            deadline: DEADLINE,
            of_a_user: false,
            replay: Replay::Safe,
        };
        let mut ids = Ids::root();
        let exchange = Exchange::new(how, form(), ids.fork());
        let vouching = Vouching::new(&authority(host), discovery, DEADLINE, exchange, ids.fork());
        explore(&format!("Exchange {host} discovery={discovery}"), vouching);
    }
}

#[test]
fn acquire_for_the_application_in_every_world() {
    explore("Acquire ClientCredentials", app());
    for (name, demand) in demands() {
        let grant = ClientCredentials::new("canary-client-secret".into());
        explore(&format!("Acquire ClientCredentials, {name}"), Acquire::new(query(), grant, policy(), demand));
    }
}

#[test]
fn acquire_at_an_unknown_authority_in_every_world() {
    let unknown = Query { authority: authority("login.test"), ..query() };
    let careful = Policy { discovery: true, ..policy() };
    let grant = ClientCredentials::new("canary-client-secret".into());
    explore("Acquire ClientCredentials, unknown host", Acquire::new(unknown, grant, careful, Demand::Any));
}

#[test]
fn acquire_for_a_user_in_every_world() {
    explore("Acquire Refresh", user());
}

#[test]
fn acquire_for_a_user_with_demands_in_every_world() {
    let [(_, fresh), (_, claims), _] = demands();
    for (name, demand) in [("fresh", fresh), ("claims", claims)] {
        explore(&format!("Acquire Refresh, {name}"), demanding(demand));
    }
}

#[test]
fn acquire_for_a_user_whose_token_was_rejected_in_every_world() {
    let [_, _, (name, rejected)] = demands();
    explore(&format!("Acquire Refresh, {name}"), demanding(rejected));
}

#[test]
fn somebody_signs_in_with_a_browser_in_every_world() {
    for (name, policy) in places() {
        let flow = Acquire::new(newcomer(), Browser::default(), policy, Demand::Any);
        explore(&format!("Acquire Browser, {name}"), flow);
    }
}

#[test]
fn somebody_signs_in_at_an_unknown_authority_in_every_world() {
    let unknown = Query { authority: authority("login.test"), ..newcomer() };
    let careful = Policy { discovery: true, ..policy() };
    explore("Acquire Browser, unknown host", Acquire::new(unknown, Browser::default(), careful, Demand::Any));
}

#[test]
fn somebody_signs_in_with_a_device_code_in_every_world() {
    for (name, policy) in places() {
        let flow = Acquire::new(newcomer(), Device::default(), policy, Demand::Any);
        explore(&format!("Acquire Device, {name}"), flow);
    }
}

#[test]
fn somebody_signs_in_with_a_code_in_every_world() {
    let auth = ClientAuth::Secret("canary-client-secret".into());
    let redirect = "https://app.test/back".to_owned();
    let grant = CodeInHand::new("canary-code".into(), redirect, Some("canary-verifier".into()), auth);
    let demand = Demand::Claims("{}".into());
    explore("Acquire CodeInHand", Acquire::new(newcomer(), Person::SignIn(grant), policy(), demand));
}

#[test]
fn somebody_signs_in_with_a_password_in_every_world() {
    let grant = UserPassword::new("ada@t.test".into(), "canary-password".into(), ClientAuth::Public);
    explore("Acquire UserPassword", Acquire::new(newcomer(), grant, policy(), Demand::Any));
}

#[test]
fn accounts_are_listed_and_discarded_in_every_world() {
    let place = || policy().place.partition(&user_query());
    let host = AuthorityHost::default();
    explore("Discard account", Discard::account(place(), &host, "u.t"));
    explore("Discard token", Discard::token(place(), "good".into()));
    explore("Listing", Listing::new(place(), host, "app".into()));
}

/// One document for all, and one of each subject.
fn places() -> [(&'static str, Policy); 2] {
    [("shared", policy()), ("per subject", Policy { place: Place::PerSubject, ..policy() })]
}

fn demanding(demand: Demand) -> Acquire<Refresh> {
    Acquire::new(user_query(), Refresh::new(ClientAuth::Public), policy(), demand)
}

fn demands() -> [(&'static str, Demand); 3] {
    [("fresh", Demand::Fresh), ("claims", Demand::Claims("{}".into())), ("rejected", Demand::Not("good".into()))]
}
