//! `token` with the credentials of people: a code in hand, a code on another device, a password, a browser.

use std::time::{SystemTime, UNIX_EPOCH};

use azlatch_emulator::Request;

use super::{ADA, BOB, VAULT};
use crate::world::{CLIENT, Run, TENANT, World};

/// The example of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const BACK: &str = "https://app.example/back";

impl World {
    /// The code that the authority sends the browser back with, to an application that a server runs.
    fn code(&self) -> String {
        let target = format!(
            "/{TENANT}/oauth2/v2.0/authorize?client_id={CLIENT}&response_type=code&redirect_uri={BACK}\
             &scope=openid+offline_access+{VAULT}&code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
        let answer = self.emulator.with(|entra| entra.answer(now.cast_signed(), &Request::new("GET", &target)));
        let back = answer.header("location").expect("a redirect").to_owned();
        back.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).expect("a code").into()
    }
}

#[test]
fn a_code_in_hand() {
    let world = World::of_people();
    let verifier = world.file("verifier", format!("{VERIFIER}\n"));
    let fixed = ["--credential", "authorization-code", "-s", VAULT, "--redirect-uri", BACK];
    let token = |options: &[&str]| {
        let mut command = world.person("token", &fixed);
        command.args(["--code-verifier-file", &verifier]).args(options);
        command
    };
    let file = world.file("code", world.code());
    let with_file = ["--authorization-code-file", &file, "--persist"];
    let from_file = Run::of(&mut token(&with_file)).ok().out;
    assert_eq!(world.owner(&from_file), ADA);
    Run::of(&mut token(&["--authorization-code-file", &file])).failed(4);
    let code = world.code();
    let from_stdin = Run::fed(&mut token(&["--authorization-code-file", "-"]), code.as_bytes()).ok().out;
    assert_eq!(world.owner(&from_stdin), ADA);
    let code = world.file("code", world.code());
    let with_secret = ["--authorization-code-file", &code];
    Run::of(token(&with_secret).env("AZURE_CLIENT_SECRET", "of the application")).ok();
    let grants = world.counted();
    assert_eq!(grants.grant("authorization_code"), 4);

    Run::of(&mut token(&[])).refused(2, &["--authorization-code-file"]);
    let nowhere = ["--credential", "authorization-code", "-s", VAULT, "--authorization-code-file", &code];
    Run::of(&mut world.person("token", &nowhere)).refused(2, &["--redirect-uri"]);
    let two = ["--authorization-code-file", "-", "--client-secret-file", "-"];
    Run::of(&mut token(&two)).refused(2, &["stdin cannot carry several things"]);
    assert_eq!(world.counted().requests, 0);
}

#[test]
fn a_code_on_another_device() {
    let world = World::of_people();
    let run = Run::of(&mut world.person("token", &["--credential", "device-code", "-s", VAULT, "-o", "json"]));
    assert_eq!((run.status, run.json()["source"].as_str()), (Some(0), Some("network")), "{run:?}");
    assert!(run.err.contains("/devicelogin"), "what is for people is on stderr: {run:?}");
    assert_eq!(world.owner(run.json()["access_token"].as_str().unwrap()), ADA);
}

#[test]
fn a_password() {
    let world = World::of_people();
    let options = ["--credential", "username-password", "-s", VAULT];
    let token = || {
        let mut command = world.person("token", &options);
        command.env("AZURE_USERNAME", ADA).env("AZURE_PASSWORD", "pa55word");
        command
    };
    assert_eq!(world.owner(&Run::of(&mut token()).ok().out), ADA);
    let file = world.file("password", "pa55word");
    let named = ["--username", ADA, "--password-file", &file];
    Run::of(token().args(named).env_remove("AZURE_USERNAME").env("AZURE_PASSWORD", "wrong")).ok();
    assert_eq!(world.counted().grant("password"), 2);
    Run::of(token().env("AZURE_PASSWORD", "wrong")).refused(3, &["AADSTS50126"]);
    Run::of(token().env_remove("AZURE_USERNAME")).refused(2, &["--username", "AZURE_USERNAME"]);
    Run::of(token().env_remove("AZURE_PASSWORD")).refused(2, &["AZURE_PASSWORD", "--password-file"]);
}

#[test]
fn a_browser() {
    let world = World::of_people();
    let options = ["--credential", "interactive-browser", "-s", VAULT];
    assert_eq!(world.owner(&Run::of(&mut world.person("token", &options)).ok().out), ADA);
    let alone = Run::of(world.person("token", &options).env_remove("BROWSER"));
    alone.refused(5, &["device code"]);
}

/// Whatever the credential, the record says whose tokens of which application are meant.
#[test]
fn a_record_with_every_credential() {
    let world = World::of_people();
    world.signed_in(ADA, "ada.json", &["--client-id", CLIENT]);
    world.counted();
    for credential in ["authorization-code", "device-code", "interactive-browser", "username-password"] {
        let options = ["--credential", credential, "--record", "ada.json", "--no-prompt", "-s", VAULT];
        let mut command = world.person("token", &options);
        command
            .env("AZURE_TENANT_ID", "fabrikam.example")
            .env("AZURE_CLIENT_ID", "another")
            .env("AZURE_PASSWORD", "any");
        assert_eq!(world.owner(&Run::of(&mut command).ok().out), ADA, "{credential}");
    }
    let bobs = ["--credential", "username-password", "--record", "ada.json", "--username", BOB, "-s", VAULT];
    Run::of(world.person("token", &bobs).env("AZURE_PASSWORD", "any")).refused(2, &["the record is of", ADA]);
    assert_eq!(world.counted().requests, 0);
}
