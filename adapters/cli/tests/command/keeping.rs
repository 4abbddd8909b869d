//! Tokens that outlive the process.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::world::{Batch, PERSIST, Run, SCOPE, World};

#[test]
fn a_second_process_asks_nobody() {
    let world = World::new();
    let first = world.token(&PERSIST).ok().out;
    // Not even there: the authority is gone.
    world.emulator.stop();
    assert_eq!(world.token(&PERSIST).ok().out, first);
    assert_eq!(world.asked(), 1);
}

#[test]
fn a_name_is_a_cache_of_its_own() {
    let world = World::new();
    let named = ["--cache-name", "mine", "--allow-unencrypted-storage"];
    let first = world.token(&named).ok().out;
    assert!(world.is_stored("mine.nocae") && !world.is_stored("msal.cache.nocae"));
    assert_ne!(world.token(&PERSIST).ok().out, first);
    assert_eq!(world.token(&named).ok().out, first);
}

#[test]
fn without_persist_nothing_is_written() {
    let world = World::new();
    world.token(&[]).ok();
    assert!(!world.path(".IdentityService").exists());
}

#[cfg(unix)]
#[test]
fn only_the_owner_reads_what_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    world.token(&PERSIST).ok();
    let directory = world.path(".IdentityService");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("msal.cache.nocae")), 0o600);
}

/// The token is got; that it was not kept is told, and is no failure.
#[test]
fn trouble_with_the_store_is_a_warning() {
    let world = World::new();
    world.file(".IdentityService/msal.cache.nocae", "no JSON");
    let run = world.token(&PERSIST);
    assert_eq!((run.status, run.out.lines().count()), (Some(0), 1), "{run:?}");
    assert!(run.err.starts_with("azlatch: warning: ") && run.err.contains("damaged"), "{run:?}");
    assert_eq!(fs::read_to_string(world.path(".IdentityService/msal.cache.nocae.damaged")).unwrap(), "no JSON");
    world.token(&PERSIST).ok();

    let world = World::new();
    world.file(".IdentityService", "a file in the directory's place");
    let run = world.token(&PERSIST);
    assert_eq!((run.status, run.out.lines().count()), (Some(0), 1), "{run:?}");
    assert!(run.err.starts_with("azlatch: warning: "), "{run:?}");

    let world = World::new();
    let mut homeless = world.token_command(&PERSIST);
    let run = Run::of(homeless.args(["-s", SCOPE]).env_remove("HOME").env_remove("LOCALAPPDATA"));
    assert_eq!((run.status, run.out.lines().count()), (Some(0), 1), "{run:?}");
    assert!(run.err.contains("no home directory is set"), "{run:?}");
}

/// Python writes in place, under its lock file: who reads meanwhile sees a part, or nothing.
#[test]
fn a_file_that_is_being_written_is_not_damaged() {
    let world = World::new();
    world.token(&PERSIST).ok();
    let path = world.path(".IdentityService/msal.cache.nocae");
    let whole = fs::read(&path).unwrap();
    for part in [&whole[..whole.len() / 2], b""] {
        let lock = world.file(".IdentityService/msal.cache.nocae.lockfile", format!("{} python", std::process::id()));
        fs::write(&path, part).unwrap();
        let batch = Batch::of(world.token_command(&PERSIST).args(["--scope", "https://other.example/.default"]));
        thread::sleep(Duration::from_millis(300));
        fs::write(&path, &whole).unwrap();
        fs::remove_file(lock).unwrap();
        batch.end().ok();
        assert!(!world.is_stored("msal.cache.nocae.damaged"));
        assert_eq!(world.stored("msal.cache.nocae")["AccessToken"].as_object().unwrap().len(), 2);
    }
}

/// What Python leaves in this place when it keeps its tokens in the Secret Service.
#[test]
fn an_empty_file_is_an_empty_cache() {
    let world = World::new();
    world.file(".IdentityService/msal.cache.nocae", "");
    world.token(&PERSIST).ok();
    assert!(!world.is_stored("msal.cache.nocae.damaged"));
}

#[test]
fn an_expired_token_is_not_handed_out() {
    let world = World::new();
    world.emulator.with(|entra| entra.settings_mut().expires_in = 1);
    let first = world.token(&PERSIST).ok().out;
    world.emulator.with(|entra| entra.settings_mut().expires_in = 3599);
    thread::sleep(Duration::from_millis(2100));
    assert_ne!(world.token(&PERSIST).ok().out, first);
}
