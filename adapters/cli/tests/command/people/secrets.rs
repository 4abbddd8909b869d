//! Codes, verifiers, passwords and tokens are on no command line and in no word for people.

use super::{ADA, MAIL, VAULT};
use crate::world::{Run, World};

const PASSWORD: &str = "pa55word-for-nobody-else";

/// What looks like a secret: the emulator's are of 43 random letters and more, as verifiers are.
fn opaque(text: &str) -> Option<&str> {
    let random = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.split(|c| !random(c)).find(|word| word.len() >= 40 && word.bytes().any(|b| b.is_ascii_digit()))
}

#[track_caller]
fn quiet(run: &Run) {
    for text in [&run.out, &run.err] {
        assert_eq!(opaque(text), None, "{run:?}");
        assert!(!text.contains(PASSWORD), "{run:?}");
    }
}

#[test]
fn what_looks_like_a_secret() {
    assert_eq!(
        opaque("see dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk, and"),
        Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    );
    assert_eq!(opaque("11111111-1111-1111-1111-111111111111 ────"), None);
}

#[test]
fn nothing_secret_is_said() {
    let world = World::of_people();
    let login = |options: &[&str]| {
        let mut command = world.person("login", &["--verbose", "-s", VAULT]);
        Run::of(command.args(options).env("AZURE_PASSWORD", PASSWORD))
    };
    for options in [&["--record", "ada.json"][..], &["--device-code", "--pending", "pending"], &["--username", ADA]] {
        let run = login(options);
        assert_eq!(run.status, Some(0), "{run:?}");
        quiet(&run);
    }
    for options in [&[][..], &["-o", "json"]] {
        let listed = Run::of(&mut world.person("accounts", options)).ok();
        assert!(listed.out.contains(ADA), "{listed:?}");
        quiet(&listed);
    }
    let cached = Run::of(&mut world.azlatch(["cache", "show", "-o", "json"])).ok();
    assert!(cached.out.lines().count() > 2 && !cached.out.contains(&refresh_token(&world)), "{cached:?}");

    let explained = Run::of(world.silently(MAIL).arg("--explain"));
    assert_eq!((explained.status, opaque(&explained.err)), (Some(0), None), "{explained:?}");

    // What fails says no more.
    world.emulator.with(|entra| entra.revoke(ADA));
    quiet(&Run::of(world.silently("https://third.example/.default").arg("--verbose")).failed(4));
    let wrong = ["--verbose", "--credential", "username-password", "--username", ADA, "-s", VAULT];
    let wrong = Run::of(world.person("token", &wrong).env("AZURE_PASSWORD", format!("wrong-{PASSWORD}")));
    quiet(&wrong.failed(3));
    let code = "1.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let spent =
        ["--verbose", "--credential", "authorization-code", "--redirect-uri", "https://app.example/", "-s", VAULT];
    let file = ["--authorization-code-file", "-", "--code-verifier-file", "verifier"];
    world.file("verifier", code.replace('.', "-"));
    quiet(&Run::fed(world.person("token", &spent).args(file), code.as_bytes()).failed(4));
}

fn refresh_token(world: &World) -> String {
    let stored = world.stored("msal.cache.nocae");
    let first = stored["RefreshToken"].as_object().and_then(|tokens| tokens.values().next()).expect("a refresh token");
    first["secret"].as_str().expect("text").to_owned()
}

/// The browser's arguments can be read by everybody on the machine.
#[cfg(unix)]
#[test]
fn the_address_that_a_browser_is_given_is_worth_nothing_to_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::of_people();
    let script = format!("#!/bin/sh\necho \"$@\" >>opened\nexec '{}' visit \"$1\"\n", env!("CARGO_BIN_EXE_azlatch"));
    let browser = world.file("browser", script);
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o700)).unwrap();
    let run = Run::of(world.person("login", &["-s", VAULT, "--login-hint", ADA]).env("BROWSER", &browser));
    assert_eq!(run.status, Some(0), "{run:?}");
    let opened = std::fs::read_to_string(world.path("opened")).unwrap();
    assert_eq!(opened.lines().count(), 1, "opened more than once");
    let (page, query) = opened.trim_end().split_once('?').expect("a query");
    assert!(page.starts_with(&world.emulator.authority()) && page.ends_with("/oauth2/v2.0/authorize"), "{page}");
    let mut names: Vec<&str> = query.split('&').filter_map(|pair| pair.split('=').next()).collect();
    names.sort_unstable();
    let public = ["client_id", "client_info", "code_challenge", "code_challenge_method", "login_hint", "nonce"];
    let public =
        [&public[..], &["prompt", "redirect_uri", "response_mode", "response_type", "scope", "state"]].concat();
    assert!(names.iter().all(|name| public.contains(name)), "{names:?}");
}
