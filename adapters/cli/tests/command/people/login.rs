//! `login`, in the three ways that people have, and what is refused before anybody is troubled.

use azlatch_emulator::{Fault, Target, User};

use super::{ADA, VAULT};
use crate::world::{Run, TENANT, World};

#[test]
fn in_a_browser() {
    let world = World::of_people();
    let run = world.login(&[]);
    assert!(run.err.starts_with(&format!("azlatch: signed in as {ADA}, in tenant ")), "{run:?}");
    let counted = world.counted();
    assert_eq!((counted.authorize, counted.grant("authorization_code"), counted.requests), (1, 1, 2));
    assert!(world.is_stored("msal.cache.nocae") && !world.is_stored("msal.cache.cae"));
    world.login(&["--browser", "--enable-cae", "--login-hint", ADA, "--redirect-uri", "http://localhost"]);
    assert!(world.is_stored("msal.cache.cae"));
    let seen = world.emulator.with(|entra| entra.log()[0].clone());
    assert_eq!((seen.parameter("login_hint"), seen.parameter("code_challenge_method")), (Some(ADA), Some("S256")));
}

/// The code stands large and alone, the address beside it, and a QR code where the address says it all.
#[test]
fn with_a_code_on_another_device() {
    let world = World::of_people();
    for complete in [false, true] {
        world.emulator.with(|entra| entra.settings_mut().device_complete_uri = complete);
        let run = world.login(&["--device-code", "--timeout", "20"]);
        assert!(run.err.contains(&format!("Open   {}/devicelogin", world.emulator.authority())), "{run:?}");
        assert!(run.err.contains("Only go on if you asked to sign in yourself."), "{run:?}");
        let code = run.err.lines().find_map(|line| line.trim().strip_prefix('│')).expect("a framed code");
        let letters: Vec<&str> = code.trim_end_matches('│').split_whitespace().collect();
        assert!(letters.len() >= 8 && letters.iter().all(|letter| letter.len() == 1), "{run:?}");
        assert_eq!(run.err.contains("or scan") && run.err.contains('█'), complete, "{run:?}");
        let counted = world.counted();
        assert_eq!((counted.devices, counted.device_polls, counted.authorize), (1, 2, 0));
    }
}

#[test]
fn with_a_password_from_where_no_other_program_looks() {
    let world = World::of_people();
    let users = vec![User::new(ADA).password("pa55 word").tenant(TENANT)];
    world.emulator.with(|entra| entra.settings_mut().users = users);
    let file = world.file("password", "pa55 word\n");
    let login = |options: &[&str]| {
        let mut command = world.person("login", &["-s", VAULT, "--username", ADA]);
        command.args(options).env("AZURE_PASSWORD", "wrong: a file comes first");
        command
    };
    Run::of(&mut login(&["--password-file", &file])).told();
    Run::fed(&mut login(&["--password-file", "-"]), b"pa55 word\r\n").told();
    Run::of(login(&[]).env("AZURE_PASSWORD", "pa55 word")).told();
    assert_eq!(world.counted().grant("password"), 3);

    Run::of(&mut login(&[])).refused(3, &["AADSTS50126"]);
    Run::of(login(&[]).env_remove("AZURE_PASSWORD")).refused(2, &["AZURE_PASSWORD", "--password-file"]);
    Run::of(&mut login(&["--password-file", "no-such-file"])).refused(2, &["no-such-file"]);
    assert_eq!(world.counted().grant("password"), 1);
}

impl Run {
    /// Succeeded, and tells nothing but who signed in.
    #[track_caller]
    fn told(self) {
        let line = format!("azlatch: signed in as {ADA}, in tenant ");
        assert!(self.err.starts_with(&line) && self.err.lines().count() == 1, "{self:?}");
        assert_eq!((self.status, self.out.as_str()), (Some(0), ""), "{self:?}");
    }
}

/// Nobody is sent anywhere for a sign-in that could not be kept, or that cannot be as asked.
#[test]
fn what_is_refused_before_anybody_is_troubled() {
    let world = World::of_people();
    world.file("folder/file", "");
    let encrypted = |options: &[&str]| {
        let mut command = world.person("login", options);
        command.env_remove("AZLATCH_ALLOW_UNENCRYPTED_STORAGE");
        Run::of(&mut command)
    };
    encrypted(&["-s", VAULT]).refused(7, &["--allow-unencrypted-storage"]);
    encrypted(&["-s", VAULT, "--device-code"]).refused(7, &["--allow-unencrypted-storage"]);
    let cases: [(&[&str], i32, &str); 8] = [
        (&["--record", "no/such/folder/ada.json"], 2, "the record cannot be written to no/such/folder/ada.json"),
        (&["--record", "folder"], 2, "the record cannot be written to folder"),
        (&["--device-code", "--pending", "no/such/folder/p"], 2, "cannot be written to no/such/folder/p"),
        (&["--pending", "p"], 2, "--device-code"),
        (&["--browser", "--device-code"], 2, "cannot be used with"),
        (&["--redirect-uri", "http://example.test/"], 2, "redirect"),
        (&["--claims", "no JSON"], 2, "claims"),
        (&["--timeout", "0"], 2, "seconds"),
    ];
    for (options, status, says) in cases {
        Run::of(world.person("login", &["-s", VAULT]).args(options)).refused(status, &[says]);
    }
    // This authority is of no cloud, so there is nothing that everybody wants of it.
    Run::of(&mut world.person("login", &[])).refused(2, &["name at least one scope"]);
    assert_eq!(world.counted().requests, 0);
    assert!(!world.path(".IdentityService").exists() && !world.path("p").exists());
}

#[test]
fn without_a_browser_the_device_code_is_named() {
    let world = World::of_people();
    Run::of(world.person("login", &["-s", VAULT]).env_remove("BROWSER")).refused(5, &["device code"]);
    Run::of(world.person("login", &["-s", VAULT]).env("BROWSER", "/no/such/browser")).refused(5, &["device code"]);
    assert_eq!(world.counted().requests, 0);
}

/// A sign-in that is not kept would be asked for again by every later run.
#[test]
fn what_cannot_be_kept_is_no_success() {
    let world = World::of_people();
    world.file(".IdentityService", "a file in the directory's place");
    let run = Run::of(&mut world.person("login", &["-s", VAULT, "--record", "ada.json"]));
    run.refused(7, &["you are signed in, but it was not kept"]);
    assert!(!world.path("ada.json").exists());
}

/// Nobody does anything, or the authority is in trouble: a status for each, and nobody is signed in.
#[test]
fn how_a_sign_in_fails() {
    let world = World::of_people();
    world.emulator.with(|entra| entra.script(Fault::status(503).on(Target::Token).times(0)));
    Run::of(world.person("login", &["-s", VAULT]).args(["--timeout", "3"])).refused(6, &[]);
    world.counted();
    // A browser in which nobody does anything, and one that ends in trouble.
    let mut slow = world.person("login", &["-s", VAULT, "--timeout", "2"]);
    Run::of(slow.env("BROWSER", concat!(env!("CARGO_BIN_EXE_azlatch"), " --help"))).refused(3, &["in time"]);
    world.approve(None);
    Run::of(&mut world.person("login", &["-s", VAULT])).refused(5, &["no browser could be opened", "device code"]);
    assert!(world.names().is_empty());
}
