//! The commands beside `token`: version, try, emulator.

use crate::world::{Run, SCOPE, World};

#[test]
fn version() {
    let world = World::new();
    let expected = format!("azlatch {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(world.run(&["version"]).ok().out, expected);
    assert_eq!(world.run(&["--version"]).ok().out, expected);
}

#[test]
fn try_tells_rows_that_are_as_promised() {
    let world = World::new();
    for options in [&["try"][..], &["try", "--explain"], &["try", "--async"]] {
        let told = world.run(options).ok().out;
        assert!(told.ends_with("\nevery row as promised\n"), "{told}");
        let rows = [
            "first token",
            "again",
            "s at once, one cold scope",
            "a new process",
            "an expired token",
            "answers 503",
            "cut in half",
        ];
        for row in rows {
            assert!(told.lines().any(|line| line.contains(row) && line.contains(" ms   ")), "{row} is not in {told}");
        }
        assert_eq!(told.contains("renewal failed"), options.contains(&"--explain"), "{told}");
    }
    let told = world.run(&["try", "--user"]).ok().out;
    assert!(told.ends_with("\nevery row as promised\n"), "{told}");
    for row in ["sign in, in a browser", "a new process", "renewed silently", "signed out: nothing is left"] {
        assert!(told.lines().any(|line| line.contains(row) && line.contains(" ms   ")), "{row} is not in {told}");
    }
    assert!(!world.path(".IdentityService").exists(), "try uses the user's own cache");
}

#[test]
fn an_emulator_port_that_is_taken_is_2() {
    let world = World::new();
    let run = world.run(&["emulator", "--port", &world.emulator.port().to_string()]).failed(2);
    assert!(run.err.contains("choose another with --port"), "{run:?}");
}

/// Starts with lines that a shell can take in, answers until it is told to end, and ends then.
#[cfg(unix)]
#[test]
fn emulator() {
    use std::os::unix::process::ExitStatusExt as _;

    use crate::world::Batch;

    let world = World::new();
    let options = ["emulator", "--port", "0", "--expires-in", "600", "--refresh-in", "60"];
    let mut emulator = Batch::of(&mut world.azlatch(options));
    let line = |name: &str| {
        let line = emulator.line();
        line.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).expect(name).to_owned()
    };
    let authority = line("AZURE_AUTHORITY_HOST");
    assert!(authority.starts_with("https://localhost:"), "{authority}");
    let ca = line("AZLATCH_CA_FILE");
    assert_eq!([line("REQUESTS_CA_BUNDLE"), line("NODE_EXTRA_CA_CERTS")], [ca.clone(), ca.clone()]);
    assert!(std::path::Path::new(&ca).is_absolute());
    assert!(!ca.contains(authority.rsplit(':').next().unwrap()), "a name that others could have taken: {ca}");

    let ask = ["token", "--no-instance-discovery", "-o", "json", "-s", SCOPE];
    let ask = |more: &[&str]| {
        let mut command = world.azlatch(ask);
        Run::of(command.args(more).env("AZURE_AUTHORITY_HOST", &authority).env("AZLATCH_CA_FILE", &ca))
    };
    let result = ask(&[]).ok().json();
    assert_eq!(result["expires_on"].as_i64().unwrap() - result["refresh_on"].as_i64().unwrap(), 540);

    let id = emulator.child().id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(emulator.child().wait().unwrap().signal(), Some(15));
    ask(&["--timeout", "1"]).failed(6);
}

#[test]
fn emulator_writes_the_certificate_where_it_is_told() {
    let world = World::new();
    let emulator = crate::world::Batch::of(&mut world.azlatch(["emulator", "--port", "0", "--ca-file", "root.pem"]));
    emulator.line();
    assert!(emulator.line().ends_with("root.pem"));
    assert!(std::fs::read_to_string(world.path("root.pem")).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    let run = world.run(&["emulator", "--port", "0", "--ca-file", "no/such/directory/root.pem"]).failed(2);
    assert!(run.err.contains("cannot be written"), "{run:?}");
}
