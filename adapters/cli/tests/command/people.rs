//! People sign in once; later runs go on silently. The browser is the command itself, as `azlatch visit`.

mod accounts;
mod hostile;
mod login;
#[cfg(unix)]
mod pending;
mod secrets;
mod silent;
mod ways;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use azlatch_emulator::{Counters, Settings};

use crate::world::{Run, World};

const ADA: &str = "ada@contoso.example";
const BOB: &str = "bob@contoso.example";
const VAULT: &str = "https://vault.example/.default";
const MAIL: &str = "https://mail.example/.default";

impl World {
    /// One in which whoever opens a browser, or types a code, is Ada.
    fn of_people() -> Self {
        Self::with(Settings { auto_approve: Some(ADA.into()), device_interval: 1, ..Settings::default() })
    }

    /// `azlatch {name}` with these options, on a machine with a browser, where plain text will do.
    fn person(&self, name: &str, options: &[&str]) -> Command {
        let mut command = self.azlatch([name, "--no-instance-discovery"]);
        command.args(options).env_remove("AZURE_CLIENT_SECRET").env("AZLATCH_CA_FILE", self.path("ca.pem"));
        command.env("AZLATCH_ALLOW_UNENCRYPTED_STORAGE", "1");
        command.env("BROWSER", format!("{} visit", env!("CARGO_BIN_EXE_azlatch")));
        command
    }

    /// Signs `user` in, by the way that takes the least time; the record is in this file.
    fn signed_in(&self, user: &str, record: &str, options: &[&str]) {
        let password = self.file("password", "any");
        let fixed = ["--username", user, "--password-file", &password, "--record", record];
        self.login(&[&fixed, options].concat());
    }

    fn login(&self, options: &[&str]) -> Run {
        let run = Run::of(self.person("login", &["-s", VAULT]).args(options));
        assert_eq!((run.status, run.out.as_str()), (Some(0), ""), "{run:?}");
        assert!(run.err.contains("azlatch: signed in as "), "{run:?}");
        run
    }

    /// `token --no-prompt --record ada.json`.
    fn silently(&self, scope: &str) -> Command {
        self.person("token", &["--no-prompt", "--record", "ada.json", "-s", scope])
    }

    /// A token of the account of `ada.json`, of which nobody else is asked.
    fn silent(&self, scope: &str) -> Run {
        Run::of(&mut self.silently(scope))
    }

    /// Who signs in from now on.
    fn approve(&self, user: impl Into<Option<&'static str>>) {
        self.emulator.with(|entra| entra.settings_mut().auto_approve = user.into().map(str::to_owned));
    }

    fn tokens_live(&self, seconds: i64) {
        self.emulator.with(|entra| entra.settings_mut().expires_in = seconds);
    }

    /// What happened since the last look.
    fn counted(&self) -> Counters {
        self.emulator.with(|entra| {
            let counters = entra.counters().clone();
            entra.reset();
            counters
        })
    }

    /// Whose the token on this line is.
    fn owner(&self, line: &str) -> String {
        let user = |issued: &azlatch_emulator::Issued| issued.user.clone();
        self.emulator.with(|entra| entra.issued(line.trim_end()).and_then(user)).unwrap_or_default()
    }

    /// The names of the accounts that are signed in.
    fn names(&self) -> Vec<String> {
        let run = Run::of(&mut self.person("accounts", &["-o", "json"]));
        let name = |line: &str| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["username"].clone();
        run.out.lines().map(|line| name(line).as_str().expect("a name").to_owned()).collect()
    }
}

impl Run {
    /// Failed with this status, and says all of these on stderr.
    #[track_caller]
    fn refused(self, status: i32, says: &[&str]) -> Self {
        let run = self.failed(status);
        for words in says {
            assert!(run.err.contains(words), "no `{words}` in {run:?}");
        }
        run
    }
}

/// Waits until `done`, but not for ever.
#[track_caller]
fn until(done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(30), "it did not happen");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Longer than a token lives of which Entra says one second.
fn outlive() {
    thread::sleep(Duration::from_millis(2100));
}
