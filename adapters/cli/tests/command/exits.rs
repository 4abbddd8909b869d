//! Failures: one exit status a kind, a text of a few lines that says what to do, and no secret in it.
//!
//! Statuses 4 and 5 belong to credentials of people and of machines, which this version does not have.

use azlatch_emulator::{Fault, Target};
use serde_json::json;

use crate::world::{Run, SCOPE, SECRET, World};

/// Not more than a few lines, each for people, none with a secret.
#[track_caller]
fn is_fit_to_show(run: &Run) {
    let lines = run.err.lines().count();
    assert!((1..=4).contains(&lines), "{lines} lines: {run:?}");
    assert!(run.err.starts_with("azlatch: "), "{run:?}");
    assert!(!run.err.contains("canary"), "a secret is shown: {run:?}");
}

#[test]
fn configuration_is_2() {
    let world = World::new();
    let (latin1, large) = (world.file("latin1", b"caf\xe9"), world.file("large", vec![b'x'; 1024 * 1024 + 1]));
    let cases: &[(&[&str], &str)] = &[
        (&["--tenant-id", ""], "no tenant was given"),
        (&["--tenant-id", "../contoso"], "tenant"),
        (&["--client-id", ""], "no client id was given"),
        (&["--client-id", "two words"], "client id"),
        (&["--scope", "https://vault.example/.default https://graph.example/.default"], "scope"),
        (&["--scope", ""], "scope"),
        (&["--authority-host", "http://localhost:1"], "only https is allowed"),
        (&["--authority-host", "https://user@localhost"], "cannot be an authority host"),
        (&["--client-secret-file", "absent"], "absent cannot be read"),
        (&["--client-secret-file", &latin1], "is not text"),
        (&["--client-secret-file", &large], "larger than 1 MiB"),
        (&["--ca-file", "absent"], "absent cannot be read"),
        (&["--ca-file", &latin1], "certificate"),
        (&["--claims", "not JSON"], "claims"),
        (&["--claims", "[]"], "claims"),
        (&["--request-tenant", "fabrikam.example"], "may not ask for tokens of tenant fabrikam.example"),
        (&["--allow-unencrypted-storage"], "nothing is persisted"),
        (&["--cache-name", "../name", "--allow-unencrypted-storage"], "name"),
    ];
    for (options, says) in cases {
        // Given twice, an option would be a usage error.
        let mut command = world.azlatch(["token", "--no-instance-discovery"]);
        if !options.contains(&"--scope") {
            command.args(["--scope", SCOPE]);
        }
        let run = Run::of(command.args(*options)).failed(2);
        assert!(run.err.contains(says), "{options:?} should say `{says}`: {run:?}");
        is_fit_to_show(&run);
    }
    assert_eq!(world.asked(), 0);
}

#[test]
fn what_the_environment_lacks_is_2() {
    let world = World::new();
    for (name, says) in [
        ("AZURE_TENANT_ID", "no tenant was given"),
        ("AZURE_CLIENT_ID", "no client id was given"),
        ("AZURE_CLIENT_SECRET", "no client secret was given"),
    ] {
        let run = Run::of(world.token_command(&["-s", SCOPE]).env_remove(name)).failed(2);
        assert!(run.err.contains(says) && run.err.contains(name), "{name}: {run:?}");
        is_fit_to_show(&run);
        Run::of(world.token_command(&["-s", SCOPE]).env(name, "")).failed(2);
    }
}

#[test]
fn usage_is_2() {
    let world = World::new();
    let cases: &[&[&str]] = &[
        &[],
        &["no-such-command"],
        &["token"],
        &["token", "--scope"],
        &["token", "--no-such-option"],
        &["token", "--batch", "--scope", SCOPE],
        &["token", "--batch", "-o", "json"],
        &["token", "--batch", "--claims", "{}"],
        &["token", "--batch", "--force-refresh"],
        &["token", "--batch", "--request-tenant", "fabrikam.example"],
        &["token", "--batch", "--client-secret-file", "-"],
        &["token", "-s", SCOPE, "-o", "xml"],
        &["token", "-s", SCOPE, "--timeout", "0"],
        &["token", "-s", SCOPE, "--timeout", "-1"],
        &["token", "-s", SCOPE, "--timeout", "soon"],
        &["token", "-s", SCOPE, "--timeout", "3601"],
        &["token", "-s", SCOPE, "--credential", "no-such-credential"],
        &["cache"],
        &["cache", "show", "-o", "xml"],
        &["cache", "show", "--cache-name", "../name"],
        &["emulator", "--port", "70000"],
    ];
    for args in cases {
        let run = world.run(args).failed(2);
        assert!(!run.err.is_empty() && !run.err.contains("canary"), "{args:?}: {run:?}");
    }
}

#[test]
fn a_refusal_is_3() {
    let world = World::new();
    let mut wrong = world.token_command(&["-s", SCOPE]);
    let run = Run::of(wrong.env("AZURE_CLIENT_SECRET", "wrong canary")).failed(3);
    assert!(run.err.contains("AADSTS7000215") && run.err.contains("check the client secret"), "{run:?}");
    is_fit_to_show(&run);

    let run = Run::of(&mut world.token_command(&["-s", "https://vault.example/user_impersonation"])).failed(3);
    assert!(run.err.contains("check the scope"), "{run:?}");
    is_fit_to_show(&run);
}

#[test]
fn trouble_on_the_way_is_6() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    let cases = [
        (Fault::status(503), "status 503"),
        (Fault::status(429).retry_after("120"), "try again in 120 s"),
        (Fault::status(307), "redirect"),
        (Fault::raw(redirect), "redirect"),
        (Fault::raw("SSH-2.0-OpenSSH_9.2\r\n"), "could not be asked"),
        (Fault::html(), "something else answered"),
        (Fault::garbage(), "something else answered"),
        (Fault::empty(), "something else answered"),
        (Fault::reset(), "could not be asked"),
        (Fault::truncated(10), "could not be asked"),
    ];
    for (fault, says) in cases {
        let world = World::new();
        let told = format!("{fault:?}");
        world.fault(fault.on(Target::Any).times(0));
        let run = world.token(&["--timeout", "2"]).failed(6);
        assert!(run.err.contains(says), "{told} should say `{says}`: {run:?}");
        is_fit_to_show(&run);
        let elsewhere = world.emulator.with(|entra| entra.log().iter().any(|entry| entry.path == "/elsewhere"));
        assert!(!elsewhere, "{told}: followed");
    }
}

#[test]
fn nobody_there_is_6() {
    let world = World::new();
    let run = world.token(&["--authority-host", "https://localhost:1", "--timeout", "1"]).failed(6);
    assert!(run.err.contains("check the network"), "{run:?}");
    is_fit_to_show(&run);
}

#[test]
fn an_authority_that_is_not_trusted_is_6() {
    let world = World::new();
    let run = Run::of(&mut world.azlatch(["token", "--no-instance-discovery", "-s", SCOPE])).failed(6);
    assert!(run.err.contains("root certificates"), "{run:?}");
    is_fit_to_show(&run);
    assert_eq!(world.emulator.with(|entra| entra.counters().requests), 0);
    assert_eq!(world.emulator.connections(), 1, "asked again though the certificate will stay as it is");
}

#[test]
fn storage_without_encryption_is_7() {
    let world = World::new();
    for options in [&["--persist"][..], &["--cache-name", "mine"]] {
        let run = world.token(options).failed(7);
        assert!(run.err.contains("--allow-unencrypted-storage"), "{run:?}");
        is_fit_to_show(&run);
    }
    assert!(!world.path(".IdentityService").exists());
    assert_eq!(world.asked(), 0);
}

#[test]
fn verbose_shows_the_servers_ids() {
    let world = World::new();
    let wrong = |options: &[&str]| {
        Run::of(world.token_command(options).args(["-s", SCOPE]).env("AZURE_CLIENT_SECRET", "wrong")).failed(3).err
    };
    let told = wrong(&["--verbose"]);
    for part in ["error=invalid_client", "codes=7000215", "correlation_id=", "trace_id=", "timestamp="] {
        assert!(told.contains(part), "{part} is not in {told}");
        assert!(!wrong(&[]).contains(part), "{part} though not verbose");
    }
}

/// A server that quotes the secret back, in whichever field.
fn quoting(secret: &str, quoted: &str) {
    let world = World::new();
    for (http, status) in [(401, 3), (503, 6)] {
        let body = json!({
            "error": "invalid_client",
            "suberror": quoted,
            "error_description": format!("AADSTS7000215: `{quoted}` is no secret. Trace ID: {quoted}"),
            "error_codes": [7_000_215],
            "correlation_id": quoted,
            "trace_id": quoted,
            "timestamp": quoted,
        });
        world.emulator.with(|entra| entra.reset());
        world.fault(Fault::status(http).body(body.to_string()).times(0));
        let options = ["--verbose", "--explain", "--timeout", "2", "-s", SCOPE];
        let run = Run::of(world.token_command(&options).env("AZURE_CLIENT_SECRET", secret)).failed(status);
        assert!(run.err.contains("[redacted]") && !run.err.contains("canary"), "{run:?}");
    }
}

#[test]
fn a_secret_that_the_server_quotes_is_not_shown() {
    quoting(SECRET, SECRET);
    quoting("canary of+the/client&secret=%", "canary of+the/client&secret=%");
}

#[test]
fn a_secret_that_the_server_quotes_as_it_was_sent_is_not_shown() {
    quoting("canary of+the/client&secret=%", "canary+of%2Bthe%2Fclient%26secret%3D%25");
}
