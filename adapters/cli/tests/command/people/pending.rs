//! A sign-in that is interrupted: killed, gone on with; given up, and nothing broken.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use azlatch_emulator::{Fault, Target};
use serde_json::Value;

use super::{ADA, VAULT, until};
use crate::world::{Batch, Run, World};

const BEGIN: [&str; 7] = ["--device-code", "--pending", "pending", "--record", "ada.json", "-s", VAULT];

impl World {
    /// A sign-in that waits for somebody to type its code, and the code.
    fn begun(&self, options: &[&str]) -> (Batch, String) {
        self.approve(None);
        let waiting = Batch::of(self.person("login", &BEGIN).args(options));
        until(|| self.path("pending").exists() && self.emulator.with(|entra| entra.counters().device_polls > 0));
        (waiting, self.user_code())
    }

    fn user_code(&self) -> String {
        let pending: Value = serde_json::from_slice(&fs::read(self.path("pending")).unwrap()).expect("JSON");
        pending["user_code"].as_str().expect("a code").to_owned()
    }

    fn types(&self, code: &str) {
        self.emulator.with(|entra| entra.approve(code, ADA)).expect("a code that is known");
    }
}

fn signal(waiting: &mut Batch, name: &str) {
    let id = waiting.child().id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

#[test]
fn killed_while_it_waits_it_is_gone_on_with() {
    let world = World::of_people();
    let (mut waiting, code) = world.begun(&[]);
    let mode = fs::metadata(world.path("pending")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "whoever reads it gets the tokens");
    signal(&mut waiting, "-KILL");
    assert_eq!(waiting.child().wait().unwrap().signal(), Some(9));
    assert!(world.path("pending").exists());

    world.types(&code);
    // Scopes are those that it was begun for.
    let resumed = Run::of(&mut world.person("login", &BEGIN));
    assert_eq!(resumed.status, Some(0), "{resumed:?}");
    let counted = world.counted();
    assert_eq!((counted.devices, counted.signed_in), (1, 1), "no second code");
    assert!(!world.path("pending").exists(), "what is over is gone");
    world.silent(VAULT).ok();
    assert_eq!(world.counted().requests, 0);
}

#[test]
fn slowness_is_no_end_and_nor_is_an_outage() {
    let world = World::of_people();
    let (mut waiting, code) = world.begun(&[]);
    signal(&mut waiting, "-KILL");
    waiting.child().wait().unwrap();
    let begun = fs::read(world.path("pending")).unwrap();
    let slow = || Run::of(world.person("login", &BEGIN).args(["--timeout", "2"])).refused(3, &["in time"]);
    slow();
    assert_eq!(fs::read(world.path("pending")).unwrap().trim_ascii(), begun.trim_ascii());
    world.emulator.with(|entra| entra.script(Fault::reset().on(Target::Token).times(0)));
    slow();
    assert_eq!(fs::read(world.path("pending")).unwrap().trim_ascii(), begun.trim_ascii());
    world.counted();
    world.emulator.with(|entra| entra.deny(&code)).expect("a code that is known");
    let run = Run::of(&mut world.person("login", &BEGIN)).failed(3);
    assert!(run.err.contains("declined"), "{run:?}");
    assert!(!world.path("pending").exists() && !world.path("ada.json").exists());
}

#[test]
fn an_old_code_is_replaced() {
    let world = World::of_people();
    let (mut waiting, old) = world.begun(&[]);
    signal(&mut waiting, "-KILL");
    waiting.child().wait().unwrap();
    let text = fs::read_to_string(world.path("pending")).unwrap();
    let mut pending: Value = serde_json::from_str(&text).unwrap();
    pending["expires_on"] = "1".into();
    world.file("pending", pending.to_string());
    let mut again = Batch::of(&mut world.person("login", &BEGIN));
    until(|| world.path("pending").exists() && world.user_code() != old);
    world.types(&world.user_code());
    assert!(again.child().wait().unwrap().success());
    let run = again.end();
    assert!(run.err.contains("has expired; here is a new one"), "{run:?}");
}

/// Ctrl-C at each way to wait: a word, a status of its own, and a store that is as it was.
#[test]
fn given_up() {
    let world = World::of_people();
    world.signed_in(ADA, "ada.json", &[]);
    fs::remove_file(world.path("ada.json")).unwrap();
    let stored = || fs::read(world.path(".IdentityService/msal.cache.nocae")).unwrap();
    let before = stored();
    let (mut waiting, code) = world.begun(&[]);
    signal(&mut waiting, "-INT");
    assert_eq!(waiting.child().wait().unwrap().code(), Some(130));
    let run = waiting.end();
    assert!(run.err.contains("azlatch: not signed in") && run.err.contains("run the same command again"), "{run:?}");
    assert_eq!((run.out.as_str(), stored()), ("", before.clone()));
    world.types(&code);
    Run::of(&mut world.person("login", &BEGIN));
    assert!(!world.path("pending").exists() && world.path("ada.json").exists());

    let before = stored();
    world.counted();
    let browser = world.file("browser", "#!/bin/sh\n: >opened\n");
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o700)).unwrap();
    let mut waiting = Batch::of(world.person("login", &["-s", VAULT]).env("BROWSER", &browser));
    until(|| world.path("opened").exists());
    signal(&mut waiting, "-INT");
    assert_eq!(waiting.child().wait().unwrap().code(), Some(130));
    let run = waiting.end();
    assert!(run.err.contains("azlatch: not signed in") && !run.err.contains("run the same command"), "{run:?}");
    assert_eq!((run.out.as_str(), stored(), world.counted().requests), ("", before, 0));
}
