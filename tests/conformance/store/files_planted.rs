//! Things planted where our files should be: never written through, never waited for.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use azlatch_core::Unix;
use azlatch_core::effect::{Mark, Saved, StoreFault, Version};

use super::{Driver as _, OnFiles, make_private, skip, write_private};

const SOON: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Plant {
    Link,
    LinkToDirectory,
    Dangling,
    Loop,
    HardLink,
    Directory,
    Fifo,
    Socket,
    Device,
}

use Plant::*;

/// A store, a victim outside it, and something planted at `name`. `None` where it cannot be planted.
fn plant(name: &str, what: Plant) -> Option<(OnFiles, impl Fn())> {
    let driver = OnFiles::holding(b"one");
    let outside = driver.directory.with_file_name("outside");
    make_private(&outside);
    let (victim, missing) = (outside.join("victim"), outside.join("missing"));
    write_private(&victim, b"victim");
    let path = driver.path(name);
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        make_private(parent);
    }
    let _ = fs::remove_file(&path);
    let made = |program: &str, arguments: &[&str]| {
        Command::new(program).arg(&path).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    let planted = match what {
        Link => symlink(&victim, &path).is_ok(),
        LinkToDirectory => symlink(&outside, &path).is_ok(),
        Dangling => symlink(&missing, &path).is_ok(),
        Loop => symlink(&path, &path).is_ok(),
        HardLink => fs::hard_link(&victim, &path).is_ok(),
        Directory => fs::create_dir(&path).is_ok(),
        Fifo => made("mkfifo", &[]),
        Socket => UnixListener::bind(&path).is_ok(),
        Device => made("mknod", &["c", "1", "5"]),
    };
    let untouched = move || {
        assert_eq!(fs::read(&victim).expect("the victim"), b"victim");
        let names: Vec<_> = fs::read_dir(&outside).expect("a directory").flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["victim"], "nothing was made out there");
    };
    planted.then_some((driver, untouched))
}

/// What comes of a save.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Comes {
    Stored,
    Denied,
    Busy,
    Failed,
}

use Comes::*;

fn comes(result: Result<Saved, StoreFault>) -> Comes {
    match result {
        Ok(Saved::Stored(_)) => Stored,
        Ok(Saved::Conflict(current)) => panic!("a conflict with {current:?}"),
        Err(StoreFault::Denied(_)) => Denied,
        Err(StoreFault::Busy) => Busy,
        Err(_) => Failed,
    }
}

/// The best of three, since a busy machine may hold anybody up.
fn in_time(limit: Duration, mut act: impl FnMut()) {
    let mut once = || {
        let began = Instant::now();
        act();
        began.elapsed()
    };
    let best = (0..3).map(|_| once()).min().unwrap_or_default();
    assert!(best < limit, "took {best:?}");
}

#[test]
fn s_12_a_symbolic_link_is_never_followed() {
    for what in [Link, LinkToDirectory, Dangling, Loop] {
        let (driver, untouched) = plant("p.nocae", what).expect("planted");
        let mut store = driver.handle();
        let denied = |fault| assert!(matches!(&fault, StoreFault::Denied(why) if why.contains("symbolic link")));
        denied(store.load().expect_err("load"));
        denied(store.save(b"two", None).expect_err("save"));
        denied(store.remove(Version(1)).expect_err("remove"));
        untouched();
        let meta = fs::symlink_metadata(driver.path("p.nocae")).expect("still there");
        assert!(meta.is_symlink(), "{what:?}");
    }
}

#[test]
fn s_13_what_is_planted_where_we_write_is_never_written_through() {
    let rows: [(&str, [(Plant, Comes); 8]); 3] = [
        (
            // Whatever is there was left by a writer that died, and goes; a directory does not.
            "p.nocae.azlatch-tmp",
            [
                (Link, Stored),
                (LinkToDirectory, Stored),
                (Dangling, Stored),
                (Loop, Stored),
                (HardLink, Stored),
                (Directory, Failed),
                (Fifo, Stored),
                (Socket, Stored),
            ],
        ),
        (
            "p.nocae.azlatch-lock",
            [
                (Link, Denied),
                (LinkToDirectory, Denied),
                (Dangling, Denied),
                (Loop, Denied),
                (HardLink, Denied),
                (Directory, Failed),
                (Fifo, Denied),
                (Socket, Failed),
            ],
        ),
        (
            "p.nocae.lockfile",
            [
                (Link, Denied),
                (LinkToDirectory, Denied),
                (Dangling, Denied),
                (Loop, Denied),
                (HardLink, Busy),
                (Directory, Denied),
                (Fifo, Denied),
                (Socket, Failed),
            ],
        ),
    ];
    for (name, plants) in rows {
        for (what, expected) in plants {
            let (driver, untouched) = plant(name, what).expect("planted");
            let mut store = driver.handle();
            let version = store.found().version;
            let began = Instant::now();
            assert_eq!(comes(store.save_by(b"two", Some(version), SOON)), expected, "{what:?} at {name}");
            assert!(began.elapsed() < Duration::from_secs(2), "{what:?} at {name}: it hung");
            let kept: &[u8] = if expected == Stored { b"two" } else { b"one" };
            assert_eq!(store.found().bytes.expose_secret(), kept, "reading needs none of them");
            untouched();
        }
    }
}

#[test]
fn s_13_what_is_planted_where_tokens_are_locked_is_never_written_through() {
    let key = format!("azlatch.locks/{}", "01".repeat(16));
    for name in ["azlatch.locks", &key] {
        for what in [Link, LinkToDirectory, Dangling, Loop, HardLink, Directory, Fifo, Socket] {
            if (name, what) == ("azlatch.locks", Directory) {
                continue;
            }
            let (driver, untouched) = plant(name, what).expect("planted");
            let mut store = driver.handle();
            let began = Instant::now();
            match store.lock(1, SOON) {
                Err(StoreFault::Denied(_) | StoreFault::Io(_)) => {}
                Ok(Some(locked)) => {
                    let mark = Mark { at: Unix(1), until: Unix(2), holder: 7, what: "mark".into() };
                    store.unlock(locked.guard, Some(mark));
                    panic!("{what:?} at {name} was taken for a lock");
                }
                other => panic!("{what:?} at {name}: {other:?}"),
            }
            assert!(began.elapsed() < Duration::from_secs(2), "{what:?} at {name}: it hung");
            untouched();
        }
    }
}

#[test]
fn s_14_a_document_that_is_no_file_is_refused_at_once() {
    for what in [Directory, Fifo, Socket, Device] {
        let Some((driver, untouched)) = plant("p.nocae", what) else {
            skip("s_14", &format!("{what:?} cannot be made here"));
            continue;
        };
        let mut store = driver.handle();
        in_time(SOON, || {
            for fault in [
                store.load().expect_err("load"),
                store.save(b"two", None).expect_err("save"),
                store.remove(Version(1)).expect_err("remove"),
            ] {
                assert!(matches!(&fault, StoreFault::Denied(_) | StoreFault::Io(_)), "{what:?}: {fault}");
            }
        });
        untouched();
        assert!(!fs::symlink_metadata(driver.path("p.nocae")).expect("still there").is_file());
    }
}

#[test]
fn s_13_a_document_with_a_second_name_leaves_that_as_it_was() {
    let (driver, untouched) = plant("p.nocae", HardLink).expect("planted");
    let mut store = driver.handle();
    let version = store.found().version;
    store.stored(b"two", Some(version));
    untouched();
    assert!(Path::new(&driver.path("p.nocae")).is_file());
}
