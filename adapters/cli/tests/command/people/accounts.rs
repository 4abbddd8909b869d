//! `accounts` and `logout`: who is signed in, and who leaves.

use serde_json::{Value, json};

use super::{ADA, BOB, MAIL, VAULT};
use crate::world::{Run, World};

fn two() -> World {
    let world = World::of_people();
    world.signed_in(ADA, "ada.json", &[]);
    // In the other of the two documents.
    world.signed_in(BOB, "bob.json", &["--enable-cae"]);
    world.counted();
    world
}

impl World {
    fn logout(&self, options: &[&str]) -> Run {
        Run::of(&mut self.person("logout", options))
    }

    fn record(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).expect("a record")).expect("JSON")
    }

    fn home_account(&self, name: &str) -> String {
        self.record(name)["homeAccountId"].as_str().expect("text").to_owned()
    }
}

#[test]
fn they_are_listed() {
    let world = two();
    let (record, host) = (world.record("ada.json"), format!("localhost:{}", world.emulator.port()));
    let run = Run::of(&mut world.person("accounts", &["--output", "json"])).ok();
    let first: Value = serde_json::from_str(run.out.lines().next().expect("a line")).expect("JSON");
    assert_eq!(first["home_account_id"], record["homeAccountId"]);
    assert_eq!((&first["tenant"], &first["client_id"]), (&record["tenantId"], &record["clientId"]));
    assert_eq!((&first["username"], &first["signed_in"]), (&json!(ADA), &json!(true)));
    assert!(first["authority"].as_str().is_some_and(|authority| authority.contains(&host)), "{first}");
    assert_eq!(world.names(), [ADA, BOB]);

    let table = Run::of(&mut world.person("accounts", &[])).ok().out;
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 2, "{table}");
    for (row, name) in rows.into_iter().zip([ADA, BOB]) {
        assert!(row.contains(name) && row.ends_with("signed in"), "{table}");
    }
    assert_eq!(world.counted().requests, 0);
}

#[test]
fn nobody_is_no_error() {
    let world = World::of_people();
    for (name, options) in
        [("accounts", &[][..]), ("accounts", &["-o", "json"]), ("logout", &[]), ("logout", &["--all"])]
    {
        let run = Run::of(&mut world.person(name, options));
        assert_eq!((run.status, run.out.as_str()), (Some(0), ""), "{run:?}");
        assert_eq!(run.err, "azlatch: nobody is signed in\n");
    }
    world.logout(&[ADA]).refused(2, &[&format!("no account `{ADA}` is signed in"), "azlatch accounts"]);
    assert_eq!(world.counted().requests, 0);
}

#[test]
fn they_leave_by_name_by_id_or_together() {
    let by_name = |world: &World| world.logout(&["ADA@Contoso.example"]);
    let by_id = |world: &World| world.logout(&[&world.home_account("ada.json")]);
    for leave in [&by_name as &dyn Fn(&World) -> Run, &by_id] {
        let world = two();
        let run = leave(&world);
        assert_eq!((run.status, run.err.as_str()), (Some(0), &*format!("azlatch: removed {ADA}\n")), "{run:?}");
        assert_eq!(world.names(), [BOB]);
        world.silent(VAULT).refused(4, &["azlatch login"]);
        let bob = ["--no-prompt", "--record", "bob.json", "--enable-cae", "-s", VAULT];
        Run::of(&mut world.person("token", &bob)).ok();
        let id = world.home_account("ada.json");
        for name in ["msal.cache.nocae", "msal.cache.cae"].into_iter().filter(|name| world.is_stored(name)) {
            assert!(!world.stored(name).to_string().contains(&id), "{name} still has {id}");
        }
        // Who is left is meant.
        assert_eq!(world.logout(&[]).err, format!("azlatch: removed {BOB}\n"));
        assert!(world.names().is_empty());
        assert_eq!(world.counted().requests, 0);
    }
    let world = two();
    let run = world.logout(&["--all"]);
    assert_eq!((run.status, run.err), (Some(0), format!("azlatch: removed {ADA}\nazlatch: removed {BOB}\n")));
    assert!(world.names().is_empty());
}

#[test]
fn which_of_several_has_to_be_said() {
    let world = two();
    let (ada, bob) = (world.home_account("ada.json"), world.home_account("bob.json"));
    world.logout(&[]).refused(2, &[&ada, &bob, ADA, BOB, "--all"]);
    world.logout(&["eve@contoso.example"]).refused(2, &["eve@contoso.example"]);
    world.logout(&["\u{1b}[31m"]).refused(2, &[r"\u{1b}[31m"]);
    world.logout(&["--all", ADA]).refused(2, &["cannot be used with"]);
    assert_eq!(world.names(), [ADA, BOB]);
}

/// One application's list is not another's.
#[test]
fn another_application_has_accounts_of_its_own() {
    let world = World::of_people();
    world.signed_in(ADA, "ada.json", &[]);
    let other = ["--client-id", "22222222-2222-2222-2222-222222222222"];
    let listed = Run::of(world.person("accounts", &["-o", "json"]).args(other));
    let state = |run: &Run| {
        run.out
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["signed_in"].clone())
            .collect::<Vec<_>>()
    };
    assert!(state(&listed).iter().all(|signed_in| signed_in == &json!(false)), "{listed:?}");
    world.silent(MAIL).ok();
}
