//! Opening a browser, and showing prompts. The browser is a script that writes down its arguments.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use azlatch_core::effect::{Browse, BrowseFault, Effect, Ids, Prompt};
use azlatch_core::{Host, Unix};
use azlatch_system::{Environment, System};
use tempfile::TempDir;

/// An address with everything that a shell would take for more than text.
const URL: &str = "https://login.example/authorize?a=$(touch$IFS/x)&b=';id;'&c=%20*~!#[x]";

/// A folder of programs. One at a time: a program that another thread is just writing cannot be started.
struct Programs {
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Programs {
    fn new() -> Self {
        static ONE: Mutex<()> = Mutex::new(());
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { folder: tempfile::tempdir().unwrap(), _alone: alone }
    }

    /// A program that writes down its arguments, one a line, and then does `then`.
    fn add(&self, name: &str, then: &str) -> String {
        let path = self.path(name);
        let written = path.with_extension("argv");
        let text = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" > '{0}.part'\n/bin/mv '{0}.part' '{0}'\n{then}\n",
            written.display()
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What `name` was called with; `None` when it was not.
    fn arguments(&self, name: &str) -> Option<Vec<String>> {
        let written = self.path(name).with_extension("argv");
        // A program is not waited for to the end.
        for _ in 0..if name.starts_with("never") { 1 } else { 200 } {
            if let Ok(text) = fs::read_to_string(&written) {
                return Some(text.lines().map(str::to_owned).collect());
            }
            sleep(Duration::from_millis(10));
        }
        None
    }

    /// An environment whose programs are these alone.
    fn environment<const N: usize>(&self, variables: [(&str, String); N]) -> Environment {
        variables.into_iter().chain([("PATH", self.folder.path().display().to_string())]).collect()
    }
}

fn browse(environment: Environment, url: &str) -> Result<(), BrowseFault> {
    let (mut system, mut ids) = (System::new(environment), Ids::root());
    let browse = Browse { url: url.to_owned(), timeout: Duration::from_secs(10) };
    let reply = system.perform(ids.ask(browse)).unwrap_or_else(Effect::decline);
    ids.take::<Browse>(reply).unwrap().expect("it is taken")
}

#[test]
fn the_browser_variable_gets_the_address_as_one_argument() {
    let programs = Programs::new();
    let path = programs.add("fake", "");
    for (command, expected) in [
        (path.clone(), vec![URL.to_owned()]),
        (format!("{path} --new %s --last"), vec!["--new".into(), URL.into(), "--last".into()]),
        (format!("{path} --app=%s"), vec![format!("--app={URL}")]),
        ("fake -x &".to_owned(), vec!["-x".into(), URL.into()]),
    ] {
        let _ = fs::remove_file(programs.path("fake.argv"));
        assert_eq!(browse(programs.environment([("BROWSER", command.clone())]), URL), Ok(()), "{command}");
        assert_eq!(programs.arguments("fake"), Some(expected), "{command}");
    }
}

#[test]
fn the_first_browser_of_the_list_that_starts_is_the_one() {
    let programs = Programs::new();
    let failing = programs.add("failing", "exit 3");
    programs.add("good", "");
    programs.add("never", "");
    let list = format!("absent:/no/such/program:./relative:{failing}:good:never");
    assert_eq!(browse(programs.environment([("BROWSER", list)]), URL), Ok(()));
    for name in ["failing", "good"] {
        assert_eq!(programs.arguments(name), Some(vec![URL.to_owned()]), "{name}");
    }
    assert_eq!(programs.arguments("never"), None);

    let Err(BrowseFault::Failed(why)) = browse(programs.environment([("BROWSER", failing)]), URL) else {
        panic!("it fails");
    };
    assert!(why.contains("failing") && why.contains('3'), "{why}");
    let absent = browse(programs.environment([("BROWSER", "absent:./also".into())]), URL);
    assert_eq!(absent, Err(BrowseFault::NoBrowser("none of these programs is here: absent, ./also".into())));
}

#[test]
fn a_browser_that_stays_is_neither_waited_for_nor_left_a_zombie() {
    let programs = Programs::new();
    let (path, here, pid) = (programs.path("staying"), programs.path("here"), programs.path("pid"));
    fs::write(&here, "").unwrap();
    let staying = format!("while [ -e '{}' ]; do /bin/sleep 0.05; done", here.display());
    programs.add("staying", &format!("echo $$ > '{}'\n{staying}", pid.display()));
    assert_eq!(browse(programs.environment([("BROWSER", path.display().to_string())]), URL), Ok(()));
    assert_eq!(programs.arguments("staying"), Some(vec![URL.to_owned()]));

    let process = fs::read_to_string(pid).unwrap().trim().to_owned();
    let stat = || fs::read_to_string(format!("/proc/{process}/stat"));
    if let Ok(stat) = stat() {
        // pid (comm) state ppid pgrp: its process group is its own.
        let after_name = stat.rsplit_once(") ").unwrap().1;
        assert_eq!(after_name.split(' ').nth(2), Some(process.as_str()), "{stat}");
    }
    fs::remove_file(here).unwrap();
    let ended = (0..1000).any(|_| {
        sleep(Duration::from_millis(10));
        stat().is_err()
    });
    assert!(ended, "{:?}", stat());
}

#[test]
fn only_addresses_of_a_sign_in_reach_a_program() {
    let programs = Programs::new();
    let path = programs.add("never", "");
    for url in ["http://login.example/", "file:///etc/passwd", "-P", "https://x/\u{7}", "https://x/ y", "javascript:0"]
    {
        let refused = browse(programs.environment([("BROWSER", path.clone())]), url);
        assert!(matches!(refused, Err(BrowseFault::Failed(_))), "{url}");
    }
    assert_eq!(programs.arguments("never"), None);
    let _ = fs::remove_file(path);
    let here = programs.add("fake", "");
    assert_eq!(browse(programs.environment([("BROWSER", here)]), "http://127.0.0.1:8400/"), Ok(()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_a_screen_has_no_browser() {
    let programs = Programs::new();
    programs.add("xdg-open", "");
    if fs::read_to_string("/proc/sys/kernel/osrelease").is_ok_and(|text| text.to_lowercase().contains("microsoft")) {
        return;
    }
    let without = Err(BrowseFault::NoBrowser("neither DISPLAY nor WAYLAND_DISPLAY is set".to_owned()));
    assert_eq!(browse(programs.environment([]), URL), without);
    assert_eq!(browse(programs.environment([("SSH_CONNECTION", "::1 1 ::1 22".into())]), URL), without);
    assert_eq!(browse(programs.environment([("WAYLAND_DISPLAY", "wayland-0".into())]), URL), Ok(()));
    assert_eq!(programs.arguments("xdg-open"), Some(vec![URL.to_owned()]));

    let empty = Programs { folder: tempfile::tempdir().unwrap(), _alone: programs._alone };
    let environment = empty.environment([("DISPLAY", ":0".into())]);
    let none = "none of these programs is here: xdg-open, gio, x-www-browser".to_owned();
    assert_eq!(browse(environment, URL), Err(BrowseFault::NoBrowser(none)));
}

#[test]
fn programs_are_not_looked_for_where_this_one_stands() {
    let programs = Programs::new();
    let name = "azlatch-never-here";
    let here = std::env::current_dir().unwrap().join(name);
    fs::write(&here, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&here, fs::Permissions::from_mode(0o755)).unwrap();
    let found: Vec<_> = [".", "", ":", "relative"]
        .map(|path| browse([("PATH", path), ("BROWSER", name)].into_iter().collect(), URL))
        .into_iter()
        .filter(Result::is_ok)
        .collect();
    fs::remove_file(here).unwrap();
    assert_eq!(found, []);
    drop(programs);
}

#[test]
fn prompts_go_where_the_caller_says() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&shown);
    let mut system =
        System::default().prompt(move |prompt| seen.lock().unwrap().push(prompt.user_code.clone())).clone();
    let mut ids = Ids::root();
    let prompt = Prompt {
        user_code: "ABC-123".to_owned(),
        verification_uri: "https://login.example/device".to_owned(),
        verification_uri_complete: None,
        message: "canary".to_owned(),
        expires_on: Unix(0),
        pending: "canary".into(),
    };
    let reply = system.perform(ids.ask(prompt)).unwrap_or_else(Effect::decline);
    assert_eq!(ids.take::<Prompt>(reply), Ok(Some(Ok(()))));
    assert_eq!(*shown.lock().unwrap(), ["ABC-123"]);
    assert!(!format!("{system:?}").contains("canary"));
}
