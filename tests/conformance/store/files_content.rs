//! What a document may hold, how change is seen, and what is left in the directory.

use std::fs::{self, File};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use azlatch_core::effect::{Load, Loaded, Partition, Removed, Saved, StoreFault, Version};

use super::{Driver as _, LIMIT, OnFiles, PATIENT, partition, write_private};

const GIB: u64 = 1024 * 1024 * 1024;

#[test]
fn s_20_s_21_s_22_whatever_is_stored_is_found_as_it_is() {
    let document = br#"{"AccessToken":{"k":{"secret":"s"}}}"#;
    let rows: [&[u8]; 7] =
        [b"", b"\0", &[0; 4096], b"\x7fELF\x02\x01\x01\0", b"PK\x03\x04\x14\0", b"plain text\n", b"null"];
    let cut = (0..document.len()).map(|length| &document[..length]);
    for bytes in rows.into_iter().chain(cut) {
        let driver = OnFiles::holding(bytes);
        let mut store = driver.handle();
        let found = store.found();
        assert_eq!(found.bytes.expose_secret(), bytes, "never absent, never healed by the driver");
        assert_eq!(store.load_unless(Some(found.version)), Ok(Loaded::Unchanged));
        assert!(matches!(store.save(b"new", None), Ok(Saved::Conflict(Some(current))) if current == found));
        store.stored(b"new", Some(found.version));
        assert_eq!(driver.handle().found().bytes.expose_secret(), b"new");
    }
}

#[test]
fn s_23_a_huge_file_is_refused_unread() {
    let driver = OnFiles::holding(b"");
    let file = File::options().write(true).open(driver.path("p.nocae")).expect("a document");
    file.set_len(GIB).expect("a sparse file");
    let mut store = driver.handle();
    let began = Instant::now();
    for limit in [0, LIMIT] {
        let load = Load { partition: partition("p.nocae"), unless: Some(Version(1)), limit, timeout: PATIENT };
        assert_eq!(store.ask(load), Err(StoreFault::TooLarge { limit }));
    }
    assert!(matches!(store.save(b"new", None), Err(StoreFault::TooLarge { .. })));
    assert!(matches!(store.remove(Version(1)), Err(StoreFault::TooLarge { .. })));
    assert!(began.elapsed() < Duration::from_secs(1), "a gigabyte is not read in {:?}", began.elapsed());
    assert_eq!(file.metadata().expect("a document").len(), GIB);
}

/// Rewrites the document where it is, as a program would that knows of no renaming, and dates it.
fn rewrite(driver: &OnFiles, bytes: &[u8], modified: SystemTime) {
    write_private(&driver.path("p.nocae"), bytes);
    let file = File::options().write(true).open(driver.path("p.nocae")).expect("a document");
    file.set_modified(modified).expect("a date");
}

#[test]
fn s_35_change_is_seen_whatever_the_time_stamps_say() {
    let now = SystemTime::now();
    let (hour, year) = (Duration::from_secs(3600), Duration::from_secs(365 * 24 * 3600));
    for modified in [now, now - hour, now + hour, now - year, now + year, SystemTime::UNIX_EPOCH] {
        let driver = OnFiles::holding(b"");
        rewrite(&driver, b"one", modified);
        let mut store = driver.handle();
        let one = store.found().version;
        assert_eq!(store.load_unless(Some(one)), Ok(Loaded::Unchanged));
        // The same length, the same file, the same date.
        rewrite(&driver, b"two", modified);
        let Ok(Loaded::Found(found)) = store.load_unless(Some(one)) else { panic!("{modified:?}: change went unseen") };
        assert_eq!(found.bytes.expose_secret(), b"two");
        // Another date alone is no change.
        rewrite(&driver, b"two", modified + hour);
        assert_eq!(store.load_unless(Some(found.version)), Ok(Loaded::Unchanged));
        // And back: a version names bytes, not a moment.
        rewrite(&driver, b"one", modified);
        assert_eq!(store.load_unless(Some(one)), Ok(Loaded::Unchanged));
        assert!(matches!(store.load_unless(Some(found.version)), Ok(Loaded::Found(_))));
    }
}

#[test]
fn s_35_change_is_seen_in_a_document_known_for_long() {
    let driver = OnFiles::holding(b"one");
    // Beyond the age at which a look alone is believed.
    thread::sleep(Duration::from_millis(2300));
    let mut store = driver.handle();
    let one = store.found().version;
    assert_eq!(store.load_unless(Some(one)), Ok(Loaded::Unchanged));
    let modified = fs::metadata(driver.path("p.nocae")).and_then(|meta| meta.modified()).expect("a date");
    rewrite(&driver, b"two", modified);
    assert!(matches!(store.load_unless(Some(one)), Ok(Loaded::Found(_))));
    fs::remove_file(driver.path("p.nocae")).expect("removed");
    assert_eq!(store.load_unless(Some(one)), Ok(Loaded::Absent));
}

#[test]
fn nothing_is_left_but_the_document_and_its_locks() {
    let driver = OnFiles::default();
    let mut store = driver.handle();
    let locks = ["azlatch.locks", "p.nocae.azlatch-lock"].map(String::from);
    let with_document = ["azlatch.locks", "p.nocae", "p.nocae.azlatch-lock"].map(String::from);
    let locked = store.held(1, PATIENT);
    let version = store.stored(b"one", None);
    store.unlock(locked.guard, None);
    assert_eq!(driver.names(), with_document);
    assert!(matches!(store.save(b"two", None), Ok(Saved::Conflict(_))));
    assert_eq!(driver.names(), with_document, "after a conflict");
    assert!(matches!(store.remove(Version(1)), Ok(Removed::Conflict(_))));
    assert_eq!(driver.names(), with_document, "after a refused removal");
    assert_eq!(store.remove(version), Ok(Removed::Gone));
    assert_eq!(driver.names(), locks, "after a removal");
}

#[test]
fn a_dead_writers_temporary_file_goes_with_the_next_change() {
    let leave = || {
        let driver = OnFiles::holding(b"one");
        write_private(&driver.path("p.nocae.azlatch-tmp"), b"a token");
        let version = driver.handle().found().version;
        (driver, version)
    };
    let gone = |driver: &OnFiles| assert!(!driver.path("p.nocae.azlatch-tmp").exists());
    let (driver, version) = leave();
    driver.handle().stored(b"two", Some(version));
    gone(&driver);
    let (driver, _) = leave();
    assert!(matches!(driver.handle().save(b"two", None), Ok(Saved::Conflict(_))));
    gone(&driver);
    let (driver, version) = leave();
    assert_eq!(driver.handle().remove(version), Ok(Removed::Gone));
    gone(&driver);
    let (driver, version) = leave();
    fs::remove_file(driver.path("p.nocae")).expect("removed");
    assert_eq!(driver.handle().remove(version), Ok(Removed::Gone));
    gone(&driver);
}

#[test]
fn reading_needs_no_lock() {
    let driver = OnFiles::holding(b"one");
    let lock = driver.path("p.nocae.azlatch-lock");
    write_private(&lock, b"");
    let held = File::options().write(true).open(&lock).expect("a lock file");
    held.lock().expect("the lock");
    write_private(&driver.path("p.nocae.lockfile"), format!("{} python", std::process::id()).as_bytes());
    let mut store = driver.handle();
    let _token = store.held(1, PATIENT);
    let version = store.found().version;
    assert_eq!(store.load_unless(Some(version)), Ok(Loaded::Unchanged));
    assert_eq!(store.save_by(b"two", Some(version), Duration::ZERO), Err(StoreFault::Busy));
    assert_eq!(store.found().version, version);
}

#[test]
fn c_13_closing_another_descriptor_of_a_lock_file_frees_nothing() {
    let driver = OnFiles::default();
    let mut store = driver.handle();
    let locked = store.held(1, PATIENT);
    let path = driver.path("azlatch.locks").join("01".repeat(16));
    for _ in 0..3 {
        drop(File::options().read(true).write(true).open(&path).expect("the lock file"));
        drop(fs::read(&path).expect("the lock file"));
        assert_eq!(driver.handle().lock(1, Duration::ZERO), Ok(None));
    }
    store.unlock(locked.guard, None);
    driver.handle().held(1, Duration::ZERO);
}

/// A process has a thousand of them, and a server as many callers.
#[cfg(target_os = "linux")]
#[test]
fn c_01_waiting_costs_no_file_descriptor() {
    let driver = OnFiles::default();
    let mut store = driver.handle();
    let locked = store.held(1, PATIENT);
    thread::scope(|scope| {
        for _ in 0..100 {
            let mut waiter = store.clone();
            scope.spawn(move || {
                let guard = waiter.held(1, PATIENT).guard;
                waiter.unlock(guard, None);
            });
        }
        thread::sleep(Duration::from_millis(100));
        let path = driver.path("azlatch.locks").join("01".repeat(16));
        let open = fs::read_dir("/proc/self/fd").expect("descriptors").flatten();
        let count = open.filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == path)).count();
        store.unlock(locked.guard, None);
        assert_eq!(count, 1, "the holder's");
    });
}

#[test]
fn names_with_dots_and_dashes_are_files_of_that_name() {
    for name in ["a", "a.b", "a-b_c.9", &"n".repeat(128)] {
        let driver = OnFiles::default();
        let ask = azlatch_core::effect::Save {
            partition: Partition::new(name).expect("a name"),
            bytes: b"one".as_slice().into(),
            expect: None,
            timeout: PATIENT,
        };
        assert!(matches!(driver.handle().ask(ask), Ok(Saved::Stored(_))));
        assert_eq!(fs::read(driver.path(name)).expect("a document"), b"one");
    }
}
