//! Signed in by one process, silent in every later one, and told what to do when that ends.

use super::{ADA, BOB, MAIL, VAULT, outlive};
use crate::world::{Run, World, request};

/// The promise of the tool: nothing, then exactly one renewal, then a word on what to do.
#[test]
fn a_later_run_is_silent_until_the_sign_in_is_revoked() {
    let world = World::of_people();
    world.login(&["--record", "ada.json"]);
    world.counted();
    assert_eq!(world.owner(&world.silent(VAULT).ok().out), ADA);
    assert_eq!(world.counted().requests, 0);

    // Expired.
    let expired = || {
        world.tokens_live(1);
        world.signed_in(ADA, "ada.json", &[]);
        world.tokens_live(3599);
        outlive();
        world.counted();
    };
    expired();
    let renewed = world.silent(VAULT).ok().out;
    let other = world.silent(MAIL).ok().out;
    assert_eq!((world.owner(&renewed).as_str(), world.owner(&other).as_str()), (ADA, ADA));
    let counted = world.counted();
    assert_eq!((counted.grant("refresh_token"), counted.requests), (2, 2), "one for each resource");
    assert_eq!(world.silent(VAULT).ok().out, renewed);
    assert_eq!(world.counted().requests, 0, "what was renewed is kept");

    // Revoked.
    expired();
    world.emulator.with(|entra| entra.revoke(ADA));
    world.silent(VAULT).refused(4, &["azlatch login"]);
    let counted = world.counted();
    assert_eq!((counted.grant("refresh_token"), counted.requests), (1, 1));
    world.silent(VAULT).refused(4, &["azlatch login"]);
    assert_eq!(world.counted().requests, 0, "a refresh token that is dead is not tried again");
}

#[cfg(unix)]
#[test]
fn a_record_is_for_its_owner_and_takes_the_place_of_an_old_one() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::of_people();
    world.file("ada.json", "what was there before, and was longer than a record is".repeat(100));
    world.signed_in(ADA, "ada.json", &[]);
    let path = world.path("ada.json");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let record: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let members = ["authority", "clientId", "homeAccountId", "tenantId", "username", "version"];
    assert_eq!(record.as_object().unwrap().keys().collect::<Vec<_>>(), members);
    assert_eq!((&record["username"], &record["version"]), (&ADA.into(), &"1.0".into()));
}

/// The environment speaks of an application; the record says whom this is about. The command line has the last word.
#[test]
fn a_record_is_stronger_than_the_environment() {
    let world = World::of_people();
    world.signed_in(ADA, "ada.json", &[]);
    let first = world.silent(VAULT).ok().out;
    world.counted();
    let elsewhere = [
        ("AZURE_TENANT_ID", "fabrikam.example"),
        ("AZURE_CLIENT_ID", "22222222-2222-2222-2222-222222222222"),
        ("AZURE_AUTHORITY_HOST", "https://localhost:1"),
        ("AZURE_CLIENT_SECRET", "of an application"),
        ("AZURE_USERNAME", BOB),
    ];
    assert_eq!(Run::of(world.silently(VAULT).envs(elsewhere)).ok().out, first);
    assert_eq!(world.counted().requests, 0);
    let mut named = world.silently(VAULT);
    Run::of(named.args(["--client-id", "22222222-2222-2222-2222-222222222222"])).failed(4);
    let unknown = world.silently("not a scope");
    Run::of({ unknown }.arg("--verbose")).failed(2);
}

#[test]
fn without_a_record_the_sole_account_is_meant() {
    let world = World::of_people();
    let token = |options: &[&str]| {
        let fixed = ["--credential", "interactive-browser", "--persist", "--no-prompt", "-s", VAULT];
        // A tenant that is named may be another than the account's; to know, a token is fetched from it, once.
        Run::of(world.person("token", &fixed).args(options).env_remove("AZURE_TENANT_ID"))
    };
    token(&[]).refused(4, &["azlatch login"]);
    world.login(&[]);
    let of_ada = token(&[]).ok().out;
    world.approve(BOB);
    world.login(&["--device-code"]);
    world.counted();
    token(&[]).refused(2, &[ADA, BOB, "--login-hint", "--record"]);
    assert_eq!(token(&["--login-hint", "ADA@contoso.example"]).ok().out, of_ada);
    assert_eq!(world.owner(&token(&["--username", BOB]).ok().out), BOB);
    assert_eq!(token(&["--record", "ada.json"]).refused(4, &["no record", "azlatch login"]).status, Some(4));
    assert_eq!(world.counted().requests, 0);
}

#[test]
fn no_prompt_disturbs_nobody() {
    let world = World::of_people();
    for credential in ["interactive-browser", "device-code"] {
        let options = ["--credential", credential, "--no-prompt", "-s", VAULT];
        Run::of(&mut world.person("token", &options)).refused(4, &["azlatch login"]);
    }
    assert_eq!(world.counted().requests, 0);
}

/// A batch can say who is signed in, which other languages keep as their record.
#[test]
fn a_batch_signs_in_when_it_is_asked_to() {
    let world = World::of_people();
    let options = ["--credential", "interactive-browser", "--persist", "--batch"];
    let batch = |more: &[&str]| crate::world::Batch::of(world.person("token", &options).args(more));
    let who = serde_json::json!({"op": "authenticate", "scopes": [VAULT]}).to_string();
    let mut quiet = batch(&["--no-prompt"]);
    assert_eq!(quiet.ask(&who)["error"]["kind"], "interaction_required");
    assert_eq!(world.counted().requests, 0);

    let mut open = batch(&[]);
    let record = open.ask(&who)["record"].take();
    assert_eq!((&record["username"], &record["version"]), (&ADA.into(), &"1.0".into()), "{record}");
    assert_eq!(open.ask(request(VAULT))["source"], "memory");
    let counted = world.counted();
    assert_eq!((counted.authorize, counted.token_requests), (1, 1));
    open.end().ok();

    world.file("ada.json", record.to_string());
    world.silent(VAULT).ok();
    assert_eq!(world.counted().requests, 0);
    let mut application = world.batch(&[]);
    assert_eq!(application.ask(&who)["error"]["kind"], "configuration", "an application has nobody");
}

#[test]
fn a_token_that_is_still_good_outlives_the_sign_in() {
    let world = World::of_people();
    world.signed_in(ADA, "ada.json", &[]);
    world.emulator.with(|entra| entra.revoke(ADA));
    world.silent(VAULT).ok();
    world.silent(MAIL).refused(4, &["azlatch login"]);
    world.tokens_live(1);
    world.signed_in(ADA, "ada.json", &[]);
    outlive();
    world.emulator.stop();
    let run = world.silent(VAULT).failed(6);
    assert!(!run.err.contains("azlatch login"), "an outage is no reason to sign in: {run:?}");
}
