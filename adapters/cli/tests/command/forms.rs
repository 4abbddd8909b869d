//! Results on stdout: the form that was asked for, and nothing else anywhere.

use azlatch_emulator::Settings;
use serde_json::json;

use crate::world::{PERSIST, SCOPE, TENANT, World};

#[test]
fn forms() {
    let world = World::new();
    let result = world.token(&[&PERSIST[..], &["-o", "json"]].concat()).ok().json();
    let (token, expires_on) = (result["access_token"].as_str().unwrap(), result["expires_on"].as_i64().unwrap());
    let env = format!("AZURE_ACCESS_TOKEN={token}\nAZURE_ACCESS_TOKEN_EXPIRES_ON={expires_on}\n");
    for (form, expected) in [
        // What `$(…)` takes: the token and a newline.
        ("token", format!("{token}\n")),
        ("header", format!("Authorization: Bearer {token}\n")),
        ("env", env),
    ] {
        let again = [&PERSIST[..], &["-o", form]].concat();
        assert_eq!(world.token(&again).ok().out, expected, "{form}");
    }
    assert_eq!(world.asked(), 1);
}

#[test]
fn json() {
    let world = World::with(Settings { refresh_in: Some(1800), ..Settings::default() });
    let run = world.token(&["-o", "json"]).ok();
    assert_eq!(run.out.lines().count(), 1);
    let mut result = run.json();
    let token = result["access_token"].take();
    let expires_on = result["expires_on"].as_i64().expect("a number");
    let issued = world.emulator.with(|entra| entra.issued(token.as_str().unwrap()).cloned()).unwrap();
    // The life is counted from before the request, the authority's from within it.
    assert!((0..=5).contains(&(issued.expires_on - expires_on)), "{expires_on} and {issued:?}");
    let expected = json!({
        "access_token": null,
        "token_type": "Bearer",
        "expires_on": expires_on,
        "refresh_on": expires_on - 3599 + 1800,
        "tenant": TENANT,
        "scopes": [SCOPE],
        "source": "network",
    });
    assert_eq!(result, expected);
}

#[test]
fn json_without_a_time_to_refresh_says_null() {
    let result = World::new().token(&["-o", "json"]).ok().json();
    assert_eq!(result.get("refresh_on"), Some(&json!(null)));
}

#[test]
fn sources() {
    let world = World::new();
    let mut batch = world.batch(&PERSIST);
    for expected in ["network", "memory"] {
        assert_eq!(batch.ask(crate::world::request(SCOPE))["source"], expected);
    }
    batch.end().ok();
    assert_eq!(world.token(&["-o", "json", "--persist", "--allow-unencrypted-storage"]).ok().json()["source"], "store");
}

#[test]
fn explain_is_a_member_or_goes_to_stderr() {
    let world = World::new();
    world.file(".IdentityService/msal.cache.nocae", "{");
    let run = world.token(&[&PERSIST[..], &["--explain", "-o", "json"]].concat()).ok();
    let explain = run.json()["explain"].clone();
    assert!(explain[0].as_str().unwrap().contains("damaged"), "{explain}");

    let run = world.token(&[&PERSIST[..], &["--explain"]].concat());
    assert_eq!((run.status, run.err.as_str()), (Some(0), "azlatch: from store\n"));
    assert_eq!(run.out.lines().count(), 1);
}
