//! Modes of files: what others may read is made private, what others may write is not believed.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use azlatch_core::effect::{Loaded, Removed, StoreFault, Version};

use super::{Driver as _, OnFiles, skip};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("something").permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn s_10_a_document_that_others_may_read_is_read_and_made_private() {
    for readable in [0o644, 0o640, 0o604, 0o611] {
        let driver = OnFiles::holding(b"one");
        set_mode(&driver.path("p.nocae"), readable);
        assert_eq!(driver.handle().found().bytes.expose_secret(), b"one");
        assert_eq!(mode(&driver.path("p.nocae")), 0o600, "{readable:o}");
    }
}

#[test]
fn s_10_a_document_that_others_may_write_is_refused() {
    for writable in [0o660, 0o602, 0o666, 0o622] {
        let driver = OnFiles::holding(b"one");
        let path = driver.path("p.nocae");
        set_mode(&path, writable);
        let mut store = driver.handle();
        let named = |fault| match fault {
            StoreFault::Denied(why) => assert!(why.contains(&path.display().to_string()), "{why}"),
            other => panic!("{other}"),
        };
        named(store.load().expect_err("a fault"));
        named(store.save(b"two", None).expect_err("a fault"));
        named(store.remove(Version(1)).expect_err("a fault"));
        assert_eq!((fs::read(&path).expect("a document"), mode(&path)), (b"one".into(), writable));
    }
}

#[test]
fn s_10_a_lock_that_others_may_write_is_refused() {
    let driver = OnFiles::holding(b"one");
    let mut store = driver.handle();
    let guard = store.held(1, super::PATIENT).guard;
    store.unlock(guard, None);
    let token = driver.path("azlatch.locks").join("01".repeat(16));
    let document = driver.path("p.nocae.azlatch-lock");
    let version = store.found().version;
    store.stored(b"two", Some(version));
    for path in [&token, &document] {
        assert_eq!(mode(path), 0o600);
        set_mode(path, 0o666);
    }
    assert!(matches!(store.lock(1, super::PATIENT), Err(StoreFault::Denied(_))));
    assert!(matches!(store.save(b"three", None), Err(StoreFault::Denied(_))));
}

#[test]
fn s_10_what_is_made_is_private_whatever_the_umask() {
    for umask in ["000", "022", "027", "077"] {
        let driver = OnFiles::default();
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        let mut writer = Command::new("sh");
        writer.args(["-c", &script, env!("CARGO_BIN_EXE_azlatch-writer")]).arg(&driver.directory).args(["w", "0", "3"]);
        let output = writer.output().expect("a writer");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "ready\nw-0\nw-1\nw-2\n", "umask {umask}");
        let mut places = vec![driver.directory.clone()];
        let mut files = 0;
        while let Some(place) = places.pop() {
            assert_eq!(mode(&place), 0o700, "{}, umask {umask}", place.display());
            for entry in fs::read_dir(&place).expect("a directory").flatten() {
                if entry.file_type().expect("a type").is_dir() {
                    places.push(entry.path());
                } else {
                    assert_eq!(mode(&entry.path()), 0o600, "{}, umask {umask}", entry.path().display());
                    files += 1;
                }
            }
        }
        assert_eq!(files, 5, "the document, its lock, and three locks of tokens");
    }
}

#[test]
fn s_11_a_document_of_another_user_is_refused() {
    let driver = OnFiles::holding(b"one");
    if std::os::unix::fs::chown(driver.path("p.nocae"), Some(65534), None).is_err() {
        return skip("s_11", "only root can give a file away");
    }
    let mut store = driver.handle();
    assert!(matches!(store.load(), Err(StoreFault::Denied(why)) if why.contains("another user")));
    assert!(matches!(store.save(b"two", None), Err(StoreFault::Denied(_))));
    assert_eq!(fs::read(driver.path("p.nocae")).expect("a document"), b"one");
}

#[test]
fn s_10_a_rewritten_document_is_private_again() {
    let driver = OnFiles::holding(b"one");
    set_mode(&driver.path("p.nocae"), 0o444);
    let mut store = driver.handle();
    let version = store.found().version;
    store.stored(b"two", Some(version));
    assert_eq!(mode(&driver.path("p.nocae")), 0o600);
    let version = store.found().version;
    assert_eq!(store.remove(version), Ok(Removed::Gone));
    assert_eq!(store.load(), Ok(Loaded::Absent));
}
