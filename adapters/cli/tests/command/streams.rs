//! Streams that somebody closed: no panic, and a status that tells.

use std::io::pipe;
use std::process::Stdio;

use crate::world::{Run, SCOPE, World};

/// A pipe that nobody reads any more.
fn closed() -> Stdio {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn closed_stdout() {
    let world = World::new();
    let token = ["token", "--no-instance-discovery", "--ca-file", "ca.pem", "-s", SCOPE];
    let cases: &[(&[&str], i32)] = &[
        (&token, 2),
        (&["version"], 2),
        (&["try"], 2),
        (&["emulator", "--port", "0"], 2),
        // Nothing to say, so nothing fails.
        (&["cache", "show"], 0),
    ];
    for (args, status) in cases {
        let child = world.azlatch(*args).stdout(closed()).stderr(Stdio::piped()).spawn().unwrap();
        let run = Run::from(child.wait_with_output().unwrap());
        assert_eq!(run.status, Some(*status), "{args:?}: {run:?}");
        assert_eq!(run.err.contains("stdout cannot be written"), *status == 2, "{args:?}: {run:?}");
        assert!(!run.err.contains("panicked"), "{args:?}: {run:?}");
    }
    for args in [&["--help"][..], &["token", "--help"], &["--version"]] {
        let child = world.azlatch(args).stdout(closed()).stderr(Stdio::piped()).spawn().unwrap();
        let run = Run::from(child.wait_with_output().unwrap());
        assert!(run.status.is_some_and(|status| status != 101) && run.err.is_empty(), "{args:?}: {run:?}");
    }
}

#[test]
fn closed_stdout_ends_a_batch() {
    let world = World::new();
    let request = crate::world::request(SCOPE);
    let mut command = world.token_command(&["--batch"]);
    let mut child = command.stdin(Stdio::piped()).stdout(closed()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), format!("{request}\n").as_bytes()).unwrap();
    // Stdin stays open: the answer that could not be written ends it.
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn closed_stderr() {
    let world = World::new();
    for (args, status) in [
        (&["token"][..], 2),
        (&["token", "-s", "two words"], 2),
        (&["token", "-s", SCOPE, "--no-instance-discovery"], 6),
        (&["cache", "show"], 0),
    ] {
        let run = world.azlatch(args).stderr(closed()).status().unwrap();
        assert_eq!(run.code(), Some(status), "{args:?}");
    }
}
