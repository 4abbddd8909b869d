//! The system refuses: errors in place of the calls of a write. The token is returned all the same, the old document
//! is intact, and nothing is left lying about.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::processes::{DOCUMENT, document, leftovers, next_call};
use crate::strace::{
    Call, FSYNC, Fault, LINK, LOCK, MKDIR, OPEN, READ, RENAME, UNLINK, WRITE, is_there, skip, write_under,
};
use crate::writer::stored;

const TEMPORARY: &str = "msal.cache.nocae.azlatch-tmp";
const LOCKED: &str = "msal.cache.nocae.azlatch-lock";

/// What comes of a write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Comes {
    /// The token is stored.
    Stored,
    /// The token is returned; the document is the old one.
    Unsaved,
}

use Comes::{Stored, Unsaved};

/// A call, the error in its place, at which of these calls, the file it touches (the document's directory if empty).
type Row = (Call, &'static str, &'static str, &'static str, Comes);

fn check(id: &str, rows: &[Row]) {
    if !is_there() {
        return skip(id, "strace is not installed, or may not trace");
    }
    for (call, error, when, name, comes) in rows {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let (directory, record) = (scratch.path().join("store"), scratch.path().join("record"));
        stored(&directory, "old", 0).expect("stored");
        let old = fs::read(directory.join(DOCUMENT)).expect("a document");
        let touched = directory.join(name);
        let fault = Fault { call: *call, what: error, when, at: Some(&touched) };
        let output = write_under(&fault, &directory, &record);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let record = fs::read_to_string(&record).expect("a record");
        let row = format!("{} {error} number {when} at {name}: {said}{record}", call.0);
        assert!(record.contains("INJECTED"), "{row}: nothing was injected");
        assert!(output.status.success(), "{row}");
        match comes {
            Stored => {
                assert_eq!(said, "ready\nnew-0\n", "{row}");
                assert_eq!(document(&directory).len(), 2, "{row}");
            }
            Unsaved => {
                let unsaved = said.strip_prefix("ready\nunsaved ").unwrap_or_else(|| panic!("{row}"));
                assert_eq!(unsaved.lines().count(), 1, "{row}");
                assert_eq!(fs::read(directory.join(DOCUMENT)).expect("a document"), old, "{row}");
            }
        }
        assert_eq!(leftovers(&directory), [""; 0], "{row}");
        next_call(&directory, "next", 0);
    }
}

#[test]
fn s_04_what_cannot_be_made_durable_is_given_up() {
    check(
        "s_04",
        &[
            (FSYNC, "error=EIO", "1", TEMPORARY, Unsaved),
            (FSYNC, "error=ENOSPC", "1+", TEMPORARY, Unsaved),
            (FSYNC, "error=EDQUOT", "1+", TEMPORARY, Unsaved),
            (FSYNC, "error=EINTR", "1", TEMPORARY, Stored),
            // The rename has happened by then; only a power cut could undo it.
            (FSYNC, "error=EIO", "1+", "", Stored),
        ],
    );
}

/// After a failed `fsync` the kernel calls the pages clean: a second one would succeed and mean nothing.
#[test]
fn s_04_a_failed_fsync_is_never_tried_again() {
    if !is_there() {
        return skip("s_04", "strace is not installed, or may not trace");
    }
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (directory, record) = (scratch.path().join("store"), scratch.path().join("record"));
    stored(&directory, "old", 0).expect("stored");
    let temporary = directory.join(TEMPORARY);
    let fault = Fault { call: FSYNC, what: "error=EIO", when: "1", at: Some(&temporary) };
    write_under(&fault, &directory, &record);
    let record = fs::read_to_string(&record).expect("a record");
    assert_eq!(record.matches("fsync(").count() + record.matches("fdatasync(").count(), 1, "{record}");
}

#[test]
fn s_05_a_full_disk_costs_only_the_save() {
    check(
        "s_05",
        &[
            (OPEN, "error=ENOSPC", "1+", TEMPORARY, Unsaved),
            (OPEN, "error=EDQUOT", "2", TEMPORARY, Unsaved),
            (OPEN, "error=EMFILE", "2", TEMPORARY, Unsaved),
            (WRITE, "error=ENOSPC", "1", TEMPORARY, Unsaved),
            (WRITE, "error=ENOSPC", "2", TEMPORARY, Unsaved),
            (WRITE, "error=EDQUOT", "2", TEMPORARY, Unsaved),
            (RENAME, "error=ENOSPC", "1", TEMPORARY, Unsaved),
            (LINK, "error=ENOSPC", "1", TEMPORARY, Unsaved),
        ],
    );
}

#[test]
fn s_06_an_io_error_is_not_an_empty_cache() {
    check(
        "s_06",
        &[
            (WRITE, "error=EIO", "2", TEMPORARY, Unsaved),
            (READ, "error=EIO", "1+", DOCUMENT, Unsaved),
            (OPEN, "error=EIO", "1+", DOCUMENT, Unsaved),
            (OPEN, "error=EACCES", "1+", DOCUMENT, Unsaved),
            (OPEN, "error=EMFILE", "1+", DOCUMENT, Unsaved),
        ],
    );
}

#[test]
fn s_07_interrupted_calls_are_repeated() {
    check(
        "s_07",
        &[
            (OPEN, "error=EINTR", "1", TEMPORARY, Stored),
            (OPEN, "error=EINTR", "1", LOCKED, Stored),
            (LOCK, "error=EINTR", "1", LOCKED, Stored),
            (READ, "error=EINTR", "1", DOCUMENT, Stored),
            (WRITE, "error=EINTR", "1", TEMPORARY, Stored),
            (WRITE, "error=EINTR", "2", TEMPORARY, Stored),
        ],
    );
}

#[test]
fn s_08_a_write_that_lies_is_found_out() {
    check("s_08", &[(WRITE, "retval=100", "2", TEMPORARY, Unsaved), (WRITE, "retval=1", "2", TEMPORARY, Unsaved)]);
}

#[test]
fn s_09_a_rename_that_fails_leaves_the_old_document() {
    let row = |error| (RENAME, error, "1", TEMPORARY, Unsaved);
    let errors = ["EXDEV", "EACCES", "EROFS", "EBUSY", "ENOENT", "EPERM", "EIO"];
    let errors = errors.map(|error| format!("error={error}").leak() as &'static str);
    check("s_09", &errors.map(row));
}

/// FAT and others have none: then the lock file is made plainly.
#[test]
fn a_file_system_without_hard_links_will_do() {
    check(
        "hard links",
        &[(LINK, "error=EPERM", "1", TEMPORARY, Stored), (LINK, "error=EOPNOTSUPP", "1", TEMPORARY, Stored)],
    );
}

#[test]
fn s_36_a_file_system_without_locks_is_not_written_to() {
    check(
        "s_36",
        &[
            (LOCK, "error=ENOLCK", "1+", LOCKED, Unsaved),
            (LOCK, "error=EINVAL", "1+", LOCKED, Unsaved),
            (LOCK, "error=EOPNOTSUPP", "1+", LOCKED, Unsaved),
        ],
    );
}

#[test]
fn s_16_a_read_only_file_system_costs_only_the_save() {
    check(
        "s_16",
        &[
            (OPEN, "error=EROFS", "1+", LOCKED, Unsaved),
            (OPEN, "error=EROFS", "1+", TEMPORARY, Unsaved),
            (UNLINK, "error=EROFS", "1", TEMPORARY, Unsaved),
        ],
    );
}

#[test]
fn s_16_a_directory_that_cannot_be_made_costs_only_the_save() {
    if !is_there() {
        return skip("s_16", "strace is not installed, or may not trace");
    }
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (directory, record) = (scratch.path().join("store"), scratch.path().join("record"));
    let fault = Fault { call: MKDIR, what: "error=EROFS", when: "1+", at: Some(&directory) };
    let output = write_under(&fault, &directory, &record);
    let record = fs::read_to_string(&record).expect("a record");
    assert!(record.contains("INJECTED") && output.status.success(), "{record}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("ready\nunsaved "), "{said}");
    assert!(!directory.exists(), "{record}");
    next_call(&directory, "next", 0);
}

/// A real one, of 64 KiB, in a mount namespace of its own.
#[test]
fn s_05_a_disk_that_fills_up_keeps_the_old_document() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let script = r#"
        mount -t tmpfs -o size=64k,mode=0700 tmpfs "$1" || exit 77
        "$0" "$1/store" old 0 4 && dd if=/dev/zero of="$1/filler" bs=1k 2>/dev/null
        "$0" "$1/store" new 0 2; ls "$1/store" > "$2.names"; rm "$1/filler"; "$0" "$1/store" next 0 1
        cp "$1/store/msal.cache.nocae" "$2"
    "#;
    let copy = scratch.path().join("copy");
    let mount = scratch.path().join("mount");
    fs::create_dir(&mount).and_then(|()| fs::create_dir(&copy)).expect("directories");
    let run = |arguments: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(arguments).args(["sh", "-c", script, env!("CARGO_BIN_EXE_azlatch-writer")]);
        unshare.args([&mount, &copy.join(DOCUMENT)]).output().ok().filter(|output| output.status.success())
    };
    let Some(output) = run(&["-m"]).or_else(|| run(&["-rm"])) else {
        return skip("s_05", "no file system can be mounted here");
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said.matches("unsaved").count(), 2, "{said}");
    assert!(said.ends_with("ready\nnext-0\n"), "{said}");
    let names = fs::read_to_string(copy.join("msal.cache.nocae.names")).expect("names");
    assert_eq!(names, "azlatch.locks\nmsal.cache.nocae\nmsal.cache.nocae.azlatch-lock\n");
    let there = document(Path::new(&copy));
    assert_eq!(there.keys().filter(|(name, _)| name == "old").count(), 4, "{there:?}");
    assert!(there.contains_key(&("next".into(), 0)) && !there.contains_key(&("new".into(), 0)), "{there:?}");
}
