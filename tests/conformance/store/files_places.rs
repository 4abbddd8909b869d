//! The directory: made private when it is missing, refused when others could tamper with it, never reached by a link.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use azlatch_core::effect::{Loaded, Saved, StoreFault, Version};
use azlatch_files::Files;

use super::{Driver as _, OnFiles, PATIENT, Store, skip};

/// Asks everything of a store in `directory`; each answer must be a refusal that names it.
fn refused(directory: &Path, name: &Path) {
    let mut store = Store(Files::new(directory));
    let faults = [
        store.load().expect_err("load"),
        store.load_unless(Some(Version(1))).expect_err("conditional load"),
        store.save(b"one", None).expect_err("save"),
        store.remove(Version(1)).expect_err("remove"),
        store.lock(1, PATIENT).expect_err("lock"),
    ];
    for fault in faults {
        match fault {
            StoreFault::Denied(why) => assert!(why.contains(&name.display().to_string()), "{why}"),
            other => panic!("{other}"),
        }
    }
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).expect("a directory").next().is_none()
}

#[test]
fn s_11_a_directory_that_others_may_write_is_refused() {
    for mode in [0o777, 0o1777, 0o770, 0o720, 0o702] {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        fs::set_permissions(scratch.path(), Permissions::from_mode(mode)).expect("a mode");
        refused(scratch.path(), scratch.path());
        assert!(is_empty(scratch.path()), "{mode:o}");
    }
}

#[test]
fn s_11_a_directory_of_another_user_is_refused() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    if std::os::unix::fs::chown(scratch.path(), Some(65534), None).is_err() {
        return skip("s_11", "only root can give a directory away");
    }
    refused(scratch.path(), scratch.path());
    assert!(is_empty(scratch.path()));
}

#[test]
fn s_11_a_directory_that_others_may_read_is_used() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).expect("a mode");
    Store(Files::new(scratch.path())).stored(b"one", None);
}

#[test]
fn s_12_a_directory_is_not_reached_through_a_symbolic_link() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let victim = scratch.path().join("victim");
    fs::create_dir(&victim).expect("a directory");
    fs::set_permissions(&victim, Permissions::from_mode(0o700)).expect("a mode");
    let (link, missing) = (scratch.path().join("link"), scratch.path().join("missing"));
    for target in [&victim, &missing, &link] {
        let _ = fs::remove_file(&link);
        symlink(target, &link).expect("a link");
        refused(&link, &link);
        // However the path is spelled: a slash behind it would make the system follow the link.
        for spelling in ["/", "//", "/.", "/./"] {
            let mut spelled = link.clone().into_os_string();
            spelled.push(spelling);
            refused(&PathBuf::from(spelled), &link);
        }
    }
    assert!(is_empty(&victim) && !missing.exists());
}

#[test]
fn s_12_a_file_is_no_directory() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let file = scratch.path().join("file");
    fs::write(&file, "victim").expect("a file");
    refused(&file, &file);
    let below = Store(Files::new(file.join("below"))).save(b"one", None);
    assert!(matches!(below, Err(StoreFault::Unavailable(why)) if why.contains("below")));
    assert_eq!(fs::read(&file).expect("a file"), b"victim");
}

#[test]
fn s_15_a_missing_directory_is_made_for_us_alone() {
    let driver = OnFiles::default();
    assert_eq!(driver.handle().load(), Ok(Loaded::Absent));
    assert!(!driver.directory.exists(), "reading makes nothing");
    driver.handle().stored(b"one", None);
    let mode = fs::metadata(&driver.directory).expect("a directory").permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
}

#[test]
fn s_15_a_directory_that_is_removed_again_and_again_is_made_again() {
    let driver = OnFiles::default();
    let mut stored = 0;
    thread::scope(|scope| {
        let remover = scope.spawn(|| {
            for round in 0..200 {
                let _ = fs::remove_dir_all(&driver.directory);
                thread::sleep(Duration::from_micros(round % 20 * 500));
            }
        });
        let mut store = driver.handle();
        while !remover.is_finished() {
            let expect = match store.load() {
                Ok(Loaded::Found(found)) => Some(found.version),
                Ok(_) => None,
                Err(StoreFault::Io(_)) => continue,
                Err(fault) => panic!("{fault}"),
            };
            match store.save(b"one", expect) {
                Ok(Saved::Stored(_)) => stored += 1,
                Ok(Saved::Conflict(_)) | Err(StoreFault::Io(_) | StoreFault::Unavailable(_)) => {}
                Err(fault) => panic!("{fault}"),
            }
            if let Ok(Some(locked)) = store.lock(1, PATIENT) {
                store.unlock(locked.guard, None);
            }
        }
    });
    assert!(stored > 0);
    let mut store = driver.handle();
    let expect = if let Ok(Loaded::Found(found)) = store.load() { Some(found.version) } else { None };
    store.stored(b"two", expect);
}

#[test]
fn s_15_the_lock_of_a_removed_directory_keeps_nobody_out_of_the_new_one() {
    let driver = OnFiles::default();
    let (mut first, mut second) = (driver.handle(), driver.handle());
    first.held(1, PATIENT);
    fs::remove_dir_all(&driver.directory).expect("removed");
    let guard = second.held(1, Duration::ZERO).guard;
    assert_eq!(driver.handle().lock(1, Duration::ZERO), Ok(None));
    second.unlock(guard, None);
}

#[test]
fn s_15_a_waiter_whose_lock_was_removed_waits_at_the_new_one() {
    let driver = OnFiles::default();
    let (mut first, mut waiter, mut second) = (driver.handle(), driver.handle(), driver.handle());
    let old = first.held(1, PATIENT).guard;
    thread::scope(|scope| {
        let waiting = scope.spawn(move || waiter.lock(1, Duration::from_millis(300)));
        thread::sleep(Duration::from_millis(50));
        fs::remove_dir_all(&driver.directory).expect("removed");
        second.held(1, Duration::ZERO);
        first.unlock(old, None);
        assert_eq!(waiting.join().expect("the waiter"), Ok(None));
    });
}

#[test]
fn s_16_a_missing_parent_is_told_and_not_made() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let parent = scratch.path().join("no home");
    let mut store = Store(Files::new(parent.join("store")));
    assert_eq!(store.load(), Ok(Loaded::Absent));
    for fault in [store.save(b"one", None).expect_err("save"), store.lock(1, PATIENT).expect_err("lock")] {
        assert!(matches!(fault, StoreFault::Unavailable(why) if why.contains("no home")));
    }
    assert!(!parent.exists());
}

#[test]
fn s_16_a_relative_path_is_relative_to_the_working_directory() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    for directory in ["store", "./other", "store/../third"] {
        let mut writer = Command::new(env!("CARGO_BIN_EXE_azlatch-writer"));
        let output = writer.current_dir(scratch.path()).args([directory, "w", "0", "1"]).output().expect("a writer");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "ready\nw-0\n", "{directory}");
        assert!(scratch.path().join(directory).join("msal.cache.nocae").is_file());
    }
}
