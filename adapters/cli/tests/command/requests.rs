//! What reaches the authority: claims, tenants, and how often it is asked.

use std::time::{Duration, Instant};

use azlatch_emulator::{Fault, Target};
use serde_json::{Value, json};

use crate::world::{PERSIST, World};

/// The claims of the newest request, parsed.
fn claims(world: &World) -> Option<Value> {
    world.last().field("claims").map(|claims| serde_json::from_str(claims).expect("JSON"))
}

#[test]
fn a_persistent_token_is_asked_for_once_and_again_by_force() {
    let world = World::new();
    for (options, asked) in [(&[][..], 1), (&[], 1), (&["--force-refresh"], 2), (&[], 2)] {
        world.token(&[&PERSIST[..], options].concat()).ok();
        assert_eq!(world.asked(), asked, "{options:?}");
    }
}

#[test]
fn continuous_access_evaluation() {
    let world = World::new();
    world.token(&PERSIST).ok();
    assert_eq!(claims(&world), None);
    assert!(!world.is_stored("msal.cache.cae"));

    world.token(&[&PERSIST[..], &["--enable-cae"]].concat()).ok();
    assert_eq!(claims(&world), Some(json!({"access_token": {"xms_cc": {"values": ["cp1"]}}})));
    assert_eq!(world.asked(), 2);
    let (with, without) = (world.stored("msal.cache.cae"), world.stored("msal.cache.nocae"));
    assert_ne!(with["AccessToken"], without["AccessToken"]);
}

#[test]
fn claims_skip_the_cache() {
    let world = World::new();
    let challenge = r#"{"access_token":{"nbf":{"essential":true,"value":"1"}}}"#;
    let cae = [&PERSIST[..], &["--enable-cae"]].concat();
    world.token(&cae).ok();
    world.token(&[&cae[..], &["--claims", challenge]].concat()).ok();
    assert_eq!(world.asked(), 2);
    let expected = json!({"access_token": {"nbf": {"essential": true, "value": "1"}, "xms_cc": {"values": ["cp1"]}}});
    assert_eq!(claims(&world), Some(expected));
}

#[test]
fn other_tenants_must_be_allowed() {
    let world = World::new();
    let refused = world.token(&["--request-tenant", "fabrikam.example"]).failed(2);
    assert!(refused.err.contains("may not ask for tokens of tenant fabrikam.example"), "{refused:?}");
    assert_eq!(world.asked(), 0);

    for allowed in ["fabrikam.example", "*"] {
        let options = ["--request-tenant", "fabrikam.example", "--additionally-allowed-tenant", allowed, "-o", "json"];
        assert_eq!(world.token(&options).ok().json()["tenant"], "fabrikam.example");
        assert_eq!(world.last().path, "/fabrikam.example/oauth2/v2.0/token");
    }
}

#[test]
fn timeout_ends_a_silent_authority() {
    let world = World::new();
    world.fault(Fault::silent().on(Target::Token).times(0));
    let start = Instant::now();
    world.token(&["--timeout", "1"]).failed(6);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn an_unknown_authority_is_not_sent_the_secret() {
    let world = World::new();
    // A proxy that nobody runs keeps the question about the authority from leaving this machine.
    let mut command = world.azlatch(["token", "--ca-file", "ca.pem", "--timeout", "5", "-s", crate::world::SCOPE]);
    let run = crate::world::Run::of(command.env("HTTPS_PROXY", "http://127.0.0.1:1")).failed(6);
    assert!(run.err.contains("could not find out whether localhost:"), "{run:?}");
    assert!(run.err.contains("switch instance discovery off"), "{run:?}");
    assert_eq!(world.emulator.with(|entra| entra.counters().requests), 0);
}
