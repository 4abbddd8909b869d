//! People who sign in to a Python program go on silently in azlatch, and the other way round: one cache, one record.
//!
//! Python asks for its authority's OpenID configuration each time it starts; what counts is that it asks for no token.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use azlatch_emulator::{Emulator, Settings, User};
use serde_json::Value;
use tempfile::TempDir;

use azlatch_tests::{command, root};

use crate::python::python;

const CLIENT: &str = "AAAAAAAA-1111-1111-1111-11111111111A";
const TENANT: &str = "3d6f8a10-5b27-4e94-a1c3-70e2d98b4f65";
const ADA: &str = "ada@contoso.example";
const BOB: &str = "bob@contoso.example";
const VAULT: &str = "https://Vault.example/.default";
const MAIL: &str = "https://mail.example/.default";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Azlatch,
    Python,
}

use Program::{Azlatch, Python};

/// How two programs meet: the order, the kind of tokens, and the tenant that somebody signs in to.
const MEETINGS: [(Program, Program, bool, Option<&str>); 6] = [
    (Python, Azlatch, false, None),
    (Azlatch, Python, false, None),
    (Python, Azlatch, true, None),
    (Azlatch, Python, true, None),
    (Python, Azlatch, false, Some(TENANT)),
    (Azlatch, Python, false, Some(TENANT)),
];

/// An authority at which whoever signs in is Ada, and a home directory that two programs share.
struct World {
    emulator: Emulator,
    home: TempDir,
    python: PathBuf,
    cae: bool,
    tenant: Option<&'static str>,
}

impl World {
    fn new(cae: bool, tenant: Option<&'static str>) -> Option<Self> {
        let python = python()?.to_owned();
        let settings = Settings {
            auto_approve: Some(ADA.into()),
            device_interval: 1,
            device_pending: 0,
            users: vec![User::new(ADA).tenant(TENANT), User::new(BOB).tenant(TENANT)],
            ..Settings::default()
        };
        let emulator = Emulator::builder().settings(settings).start().unwrap();
        let home = tempfile::tempdir().unwrap();
        emulator.write_ca(home.path().join("ca.pem")).unwrap();
        Some(Self { emulator, home, python, cae, tenant })
    }

    fn ca(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// With nothing in the environment that leads to a session bus, a proxy, or somebody's own home.
    fn run(&self, mut command: Command) -> Output {
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "SYSTEMROOT"));
        command.env("HOME", self.home.path()).env("REQUESTS_CA_BUNDLE", self.ca()).current_dir(&self.home);
        command.output().expect("a program that starts")
    }

    fn azlatch(&self, name: &str, options: &[&str]) -> Output {
        let mut azlatch = Command::new(command());
        azlatch.args([name, "--no-instance-discovery", "--allow-unencrypted-storage", "--client-id", CLIENT]);
        azlatch.args(["--authority-host", &self.emulator.authority()]).arg("--ca-file").arg(self.ca()).args(options);
        self.run(azlatch)
    }

    fn python(&self, what: &str, options: &[&str]) -> Value {
        let mut python = Command::new(&self.python);
        python.arg(root().join("tests/real/shared_people.py")).arg(what).args(["--client", CLIENT]);
        python.args(["--authority", &self.emulator.authority(), "--record", "record.json"]).args(options);
        python.args(self.cae.then_some("--cae"));
        let output = self.run(python);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Somebody signs in, and `record.json` says who.
    fn sign_in(&self, program: Program) {
        let tenant = self.tenant.map(|tenant| ["--tenant", tenant]);
        match program {
            Python => {
                let options = tenant.iter().flatten().copied().collect::<Vec<_>>();
                self.python("sign-in", &[&options[..], &["--scope", VAULT]].concat());
            }
            Azlatch => {
                let tenant = self.tenant.map(|tenant| ["--tenant-id", tenant]);
                let options = ["--device-code", "--record", "record.json", "--scope", VAULT];
                let more: Vec<&str> = tenant.into_iter().flatten().chain(self.cae.then_some("--enable-cae")).collect();
                let output = self.azlatch("login", &[&options[..], &more].concat());
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }

    /// A token of the account of the record, of which nobody is asked; `None` where somebody would have to be.
    fn silent(&self, program: Program, scope: &str) -> Option<String> {
        match program {
            Python => self.python("token", &["--scope", scope])["token"].as_str().map(str::to_owned),
            Azlatch => {
                let options = ["--no-prompt", "--record", "record.json", "--scope", scope];
                let more: Vec<&str> = self.cae.then_some("--enable-cae").into_iter().collect();
                let output = self.azlatch("token", &[&options[..], &more].concat());
                let told = String::from_utf8_lossy(&output.stderr);
                match output.status.code() {
                    Some(0) => Some(String::from_utf8(output.stdout).expect("text").trim_end().to_owned()),
                    Some(4) => None,
                    other => panic!("{other:?}: {told}"),
                }
            }
        }
    }

    fn sign_out(&self, program: Program) {
        match program {
            Python => drop(self.python("sign-out", &[])),
            Azlatch => assert!(self.azlatch("logout", &[ADA]).status.success()),
        }
    }

    /// The user names of the accounts that the program knows.
    fn accounts(&self, program: Program) -> Vec<String> {
        let name = |value: &Value| value.as_str().expect("text").to_owned();
        match program {
            Python => self.python("accounts", &[])["accounts"].as_array().expect("a list").iter().map(name).collect(),
            Azlatch => {
                let lines = String::from_utf8(self.azlatch("accounts", &["-o", "json"]).stdout).expect("text");
                let account = |line| serde_json::from_str::<Value>(line).expect("JSON");
                lines.lines().map(|line| name(&account(line)["username"])).collect()
            }
        }
    }

    /// The grants since the last look: refresh tokens, and others.
    fn asked(&self) -> (u64, u64) {
        self.emulator.with(|entra| {
            let (refreshed, asked) = (entra.counters().grant("refresh_token"), entra.counters().token_requests);
            entra.reset();
            (refreshed, asked - refreshed)
        })
    }

    fn stored(&self) -> String {
        let name = if self.cae { "msal.cache.cae" } else { "msal.cache.nocae" };
        fs::read_to_string(self.home.path().join(".IdentityService").join(name)).unwrap_or_default()
    }
}

#[test]
fn who_signed_in_to_one_is_silent_in_the_other() {
    for (first, second, cae, tenant) in MEETINGS {
        let Some(world) = World::new(cae, tenant) else { return };
        let case = format!("{first:?} then {second:?}, cae {cae}, {tenant:?}");
        world.sign_in(first);
        world.asked();
        let found = world.silent(second, VAULT);
        assert!(found.is_some() && world.asked() == (0, 0), "{case}: {}", world.stored());
        // Python stores what it got from `organizations` under that word, and then looks for the record's tenant.
        let finds_its_own = (first, tenant) != (Python, None);
        let own = world.silent(first, VAULT);
        assert_eq!((own == found, world.asked().0), (finds_its_own, u64::from(!finds_its_own)), "{case}");
        // Another resource: one renewal, by the refresh token that the other stored.
        let mail = world.silent(second, MAIL).unwrap_or_else(|| panic!("{case}: {}", world.stored()));
        assert_eq!(world.asked(), (1, 0), "{case}: {}", world.stored());
        assert_eq!(world.silent(first, MAIL), Some(mail), "{case}: back, {}", world.stored());
        assert_eq!(world.asked(), (0, 0), "{case}: back");
        for program in [first, second] {
            assert_eq!(world.accounts(program), [ADA], "{case}: {program:?}");
        }
    }
}

/// Neither leaves anything with which the other could go on.
#[test]
fn who_left_one_has_left_the_other() {
    for (leaves, stays) in [(Azlatch, Python), (Python, Azlatch)] {
        for signs_in in [Azlatch, Python] {
            let Some(world) = World::new(false, None) else { return };
            let case = format!("{signs_in:?} signs in, {leaves:?} signs out");
            world.sign_in(signs_in);
            world.silent(stays, MAIL).expect("silent");
            world.sign_out(leaves);
            world.asked();
            for scope in [VAULT, MAIL] {
                assert_eq!(world.silent(stays, scope), None, "{case}: {}", world.stored());
            }
            assert_eq!(world.asked(), (0, 0), "{case}");
            for program in [leaves, stays] {
                assert!(world.accounts(program).is_empty(), "{case}: {program:?} in {}", world.stored());
            }
        }
    }
}

/// Two people, one of each program: each record leads to its own.
#[test]
fn two_people_are_kept_apart() {
    let Some(world) = World::new(false, None) else { return };
    world.sign_in(Python);
    let ada = fs::read(world.home.path().join("record.json")).unwrap();
    world.emulator.with(|entra| entra.settings_mut().auto_approve = Some(BOB.into()));
    world.sign_in(Azlatch);
    let owner = |token: &str| world.emulator.with(|entra| entra.issued(token).and_then(|i| i.user.clone()));
    for (record, name) in [(None, BOB), (Some(ada), ADA)] {
        if let Some(record) = record {
            fs::write(world.home.path().join("record.json"), record).unwrap();
        }
        for (program, scope) in [(Azlatch, VAULT), (Python, VAULT), (Azlatch, MAIL), (Python, MAIL)] {
            let token = world.silent(program, scope).expect("silent");
            assert_eq!(owner(&token).as_deref(), Some(name), "{program:?}, {scope}");
        }
    }
    world.sign_out(Azlatch);
    assert_eq!(world.accounts(Python), [BOB]);
}
