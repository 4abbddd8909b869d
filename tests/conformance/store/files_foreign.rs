//! The lock file of the other languages' libraries: kept while its owner lives, cleared away when it is dead.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use azlatch_core::effect::{Saved, StoreFault, Version};

use super::{Driver as _, OnFiles, PATIENT, write_private};

/// A store with a document and the lock file of somebody who wrote `said` into it.
fn locked_by(said: &str) -> (OnFiles, Version) {
    let driver = OnFiles::holding(b"one");
    write_private(&driver.path("p.nocae.lockfile"), said.as_bytes());
    let version = driver.handle().found().version;
    (driver, version)
}

/// A save that cannot wait at all.
fn save_at_once(driver: &OnFiles, version: Version) -> Result<Saved, StoreFault> {
    driver.handle().save_by(b"two", Some(version), Duration::ZERO)
}

fn cleared(driver: &OnFiles, version: Version, row: &str) {
    let saved = save_at_once(driver, version);
    assert!(matches!(saved, Ok(Saved::Stored(_))), "{row}: {saved:?}");
    assert!(!driver.path("p.nocae.lockfile").exists(), "{row}");
}

fn kept(driver: &OnFiles, version: Version, row: &str) {
    let said = fs::read(driver.path("p.nocae.lockfile")).expect("a lock file");
    assert_eq!(save_at_once(driver, version), Err(StoreFault::Busy), "{row}");
    assert_eq!(fs::read(driver.path("p.nocae.lockfile")).expect("a lock file"), said, "{row}");
    assert_eq!(driver.handle().found().bytes.expose_secret(), b"one", "{row}");
    assert!(!driver.path("p.nocae.azlatch-tmp").exists(), "{row}");
}

fn age(driver: &OnFiles, seconds: u64) {
    let file = File::options().write(true).open(driver.path("p.nocae.lockfile")).expect("a lock file");
    file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).expect("a date");
}

/// The number of a process that is no more.
fn dead() -> u32 {
    let mut child = Command::new("true").spawn().expect("a process");
    child.wait().expect("its end");
    child.id()
}

struct Living(Child);

impl Living {
    fn new() -> Self {
        Self(Command::new("sleep").arg("600").spawn().expect("a process"))
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_lock_file_of_a_dead_process_costs_no_waiting() {
    let pid = dead();
    for said in [
        format!("{pid} python"),
        format!("{pid}"),
        format!("{pid} /usr/bin/python3 7 {}", std::process::id()),
        format!("{{{pid}}} {{/usr/local/bin/app}}"),
        format!("\u{feff}{pid} dotnet\n"),
    ] {
        let (driver, version) = locked_by(&said);
        cleared(&driver, version, &said);
    }
}

#[test]
fn the_lock_file_of_a_living_process_is_respected() {
    let living = Living::new();
    let pid = living.0.id();
    for said in [
        format!("{pid} python"),
        format!("{pid}"),
        format!("{{{pid}}} {{/usr/local/bin/azlatch}}"),
        format!("\u{feff}{pid} azlatch"),
        format!("{pid} azlatch.py"),
        "1 init".into(),
    ] {
        let (driver, version) = locked_by(&said);
        kept(&driver, version, &said);
    }
}

/// In a container the process that died and the one that comes after it are both number 1.
#[test]
fn a_lock_file_of_ours_was_left_by_one_of_us_that_died() {
    let living = Living::new();
    for pid in [1, std::process::id(), living.0.id(), dead()] {
        let (driver, version) = locked_by(&format!("{pid} azlatch"));
        cleared(&driver, version, &format!("process {pid}"));
    }
}

#[test]
fn a_lock_file_without_an_owner_is_respected_while_it_is_young() {
    for said in ["", "python", "{}", "\0\0", "-", "99999999999999999999 python"] {
        let (driver, version) = locked_by(said);
        kept(&driver, version, said);
        age(&driver, 50);
        kept(&driver, version, said);
        age(&driver, 70);
        cleared(&driver, version, said);
    }
}

#[test]
fn a_lock_file_an_hour_old_names_a_number_that_was_given_to_another() {
    let living = Living::new();
    let (driver, version) = locked_by(&format!("{} python", living.0.id()));
    age(&driver, 3000);
    kept(&driver, version, "fifty minutes");
    age(&driver, 3700);
    cleared(&driver, version, "more than an hour");
}

/// Process numbers mean nothing across containers, but the lock on the file does.
#[test]
fn a_lock_file_that_is_itself_locked_has_a_living_owner() {
    for said in ["", &format!("{} dotnet", dead()), "1 azlatch"] {
        let (driver, version) = locked_by(said);
        age(&driver, 7200);
        let file = File::options().write(true).open(driver.path("p.nocae.lockfile")).expect("a lock file");
        file.lock().expect("the lock");
        kept(&driver, version, said);
        drop(file);
        cleared(&driver, version, said);
    }
}

#[test]
fn a_lock_file_of_any_mode_is_only_looked_at() {
    for mode in [0o664, 0o666, 0o644] {
        let living = Living::new();
        let (driver, version) = locked_by(&format!("{} python", living.0.id()));
        let path = driver.path("p.nocae.lockfile");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
        kept(&driver, version, "living");
        assert_eq!(fs::metadata(&path).expect("a lock file").permissions().mode() & 0o7777, mode);
        drop(living);
        cleared(&driver, version, "dead");
    }
}

#[test]
fn a_living_owner_is_waited_for_a_bounded_time() {
    let living = Living::new();
    for (timeout, least) in [(Duration::from_millis(150), 150), (PATIENT, 2000)] {
        let (driver, version) = locked_by(&format!("{} python", living.0.id()));
        let began = Instant::now();
        assert_eq!(driver.handle().save_by(b"two", Some(version), timeout), Err(StoreFault::Busy));
        let waited = began.elapsed();
        assert!((Duration::from_millis(least)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
    }
}

#[test]
fn an_owner_that_lets_go_is_followed() {
    let living = Living::new();
    let (driver, version) = locked_by(&format!("{} python", living.0.id()));
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            fs::remove_file(driver.path("p.nocae.lockfile")).expect("let go");
        });
        let saved = driver.handle().save(b"two", Some(version));
        assert!(matches!(saved, Ok(Saved::Stored(_))), "{saved:?}");
    });
}

/// Dying between making the lock file and naming its owner would lock everybody out for a minute.
#[test]
fn our_lock_file_is_never_without_its_owner() {
    let driver = OnFiles::holding(b"0");
    let done = AtomicBool::new(false);
    let ours = format!("{} azlatch", std::process::id());
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = 0;
            while !done.load(Ordering::Relaxed) {
                if let Ok(said) = fs::read_to_string(driver.path("p.nocae.lockfile")) {
                    assert_eq!(said, ours);
                    seen += 1;
                }
            }
            seen
        });
        let mut store = driver.handle();
        let mut version = store.found().version;
        for n in 1..500 {
            version = store.stored(n.to_string().as_bytes(), Some(version));
        }
        done.store(true, Ordering::Relaxed);
        assert!(watcher.join().expect("the watcher") > 0, "it was looked at in time");
    });
}
