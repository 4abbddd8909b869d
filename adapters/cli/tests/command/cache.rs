//! `azlatch cache`: what is stored can be seen and be gone; its secrets cannot be seen.

use serde_json::{Value, json};

use crate::world::{CLIENT, PERSIST, Run, SCOPE, TENANT, World};

/// A token of the application in both caches, made by the command itself.
fn filled() -> World {
    let world = World::new();
    world.token(&PERSIST).ok();
    world.token(&[&PERSIST[..], &["--enable-cae"]].concat()).ok();
    world
}

#[test]
fn show_lists_what_is_stored() {
    let world = filled();
    let table = world.run(&["cache", "show"]).ok().out;
    for part in ["msal.cache.nocae (plain text, ", "msal.cache.cae (plain text, ", CLIENT, TENANT, SCOPE, "59 min left"]
    {
        assert!(table.contains(part), "{part} is not in {table}");
    }

    let lines = world.run(&["cache", "show", "-o", "json"]).ok().out;
    let mut entries: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for entry in &mut entries {
        let times = ["cached_at", "expires_on"].map(|name| entry.as_object_mut().unwrap().remove(name));
        assert!(entry["kind"] != "AccessToken" || times.iter().flatten().all(Value::is_u64), "{times:?}");
    }
    let expected = |cache: &str| {
        let token = json!({
            "cache": cache, "kind": "AccessToken", "environment": "localhost", "realm": TENANT, "client_id": CLIENT,
            "target": SCOPE, "token_type": "Bearer",
        });
        let application =
            json!({"cache": cache, "kind": "AppMetadata", "environment": "localhost", "client_id": CLIENT});
        [token, application]
    };
    assert_eq!(entries, [expected("msal.cache.nocae"), expected("msal.cache.cae")].concat());
}

/// Entries of people, as other programs write them, with a name that would steer a terminal.
#[test]
fn show_never_shows_a_secret() {
    let world = World::new();
    let entity = |secret: &str| {
        json!({"key": {
            "secret": secret, "home_account_id": "user.tenant", "environment": "localhost", "client_id": CLIENT,
            "realm": TENANT, "target": "read", "expires_on": "1", "username": "\u{1b}]0;mallory\u{7}",
            "client_info": "canary-info", "key_id": "canary-key",
        }})
    };
    let document = json!({
        "AccessToken": entity("canary-access"),
        "RefreshToken": entity("canary-refresh"),
        "IdToken": entity("canary-id"),
        "Account": entity("canary-account"),
        "AppMetadata": entity("canary-app"),
        "Foreign": {"secret": "canary-foreign"},
    });
    world.file(".IdentityService/msal.cache.nocae", document.to_string());
    for (form, lines) in [("table", 6), ("json", 5)] {
        let shown = world.run(&["cache", "show", "-o", form]).ok().out;
        assert_eq!(shown.lines().count(), lines, "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
        assert!(form != "table" || shown.contains("expired"), "{shown}");
    }
}

#[test]
fn clear_removes_both_caches_and_what_was_set_aside() {
    let world = filled();
    world.file(".IdentityService/msal.cache.nocae.damaged", "canary");
    let told = world.run(&["cache", "clear"]);
    assert_eq!((told.status, told.out.as_str(), told.err.lines().count()), (Some(0), "", 3), "{told:?}");
    for name in ["msal.cache.nocae", "msal.cache.cae", "msal.cache.nocae.damaged"] {
        assert!(told.err.contains(name) && !world.is_stored(name), "{name}: {told:?}");
    }
    for form in ["table", "json"] {
        let shown = world.run(&["cache", "show", "-o", form]);
        assert_eq!((shown.status, shown.out.as_str()), (Some(0), ""));
        assert!(shown.err.contains("nothing is stored under `msal.cache`"), "{shown:?}");
    }
    world.run(&["cache", "clear"]).ok();

    let asked = world.asked();
    world.token(&PERSIST).ok();
    assert_eq!(world.asked(), asked + 1);
}

#[test]
fn a_name_chooses_the_cache() {
    let world = filled();
    world.token(&["--cache-name", "mine", "--allow-unencrypted-storage"]).ok();
    assert!(world.run(&["cache", "show", "--cache-name", "mine"]).ok().out.contains("mine.nocae (plain text"));
    assert_eq!(world.run(&["cache", "clear", "--cache-name", "mine"]).err.lines().count(), 1);
    assert!(!world.is_stored("mine.nocae") && world.is_stored("msal.cache.nocae"));
}

#[test]
fn a_damaged_cache_is_told_and_can_be_cleared() {
    let world = World::new();
    world.file(".IdentityService/msal.cache.nocae", "{\"AccessToken\": {\"key\": {\"secret\": \"canary");
    let shown = world.run(&["cache", "show"]);
    assert_eq!((shown.status, shown.out.as_str()), (Some(0), ""), "{shown:?}");
    assert!(shown.err.contains("msal.cache.nocae is damaged") && !shown.err.contains("canary"), "{shown:?}");
    assert!(!shown.err.contains("nothing is stored"), "{shown:?}");
    world.run(&["cache", "clear"]);
    assert!(!world.is_stored("msal.cache.nocae"));
}

#[test]
fn a_cache_that_may_not_be_used_is_7() {
    let world = World::new();
    let run = Run::of(world.azlatch(["cache", "show"]).env_remove("HOME").env_remove("LOCALAPPDATA")).failed(7);
    assert!(run.err.contains("no home directory is set"), "{run:?}");
    world.file(".IdentityService", "a file in the directory's place");
    for command in ["show", "clear"] {
        world.run(&["cache", command]).failed(7);
    }
}
