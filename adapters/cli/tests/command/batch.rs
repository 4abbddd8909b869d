//! `token --batch`: a line in, a line out, whatever the line was.

use azlatch_emulator::{Fault, Target};
use serde_json::{Value, json};

use crate::world::{Run, SCOPE, World, request};

#[test]
fn equal_requests_share_one_token_and_are_answered_at_once() {
    let world = World::new();
    let mut batch = world.batch(&[]);
    let (first, second) = (batch.ask(request(SCOPE)), batch.ask(request(SCOPE)));
    assert_eq!(first["access_token"], second["access_token"]);
    assert_eq!((&first["source"], &second["source"]), (&json!("network"), &json!("memory")));
    assert_eq!(world.asked(), 1);
    assert_eq!(batch.end().ok().out, "");
}

#[test]
fn results_have_the_members_of_json_output() {
    let world = World::new();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let plain = names(&world.batch(&[]).ask(request(SCOPE)));
    assert_eq!(plain, names(&world.token(&["-o", "json"]).ok().json()));
    let explained = names(&world.batch(&["--explain"]).ask(request(SCOPE)));
    assert_eq!(explained, names(&world.token(&["-o", "json", "--explain"]).ok().json()));
    assert_ne!(plain, explained);
}

#[test]
fn a_bad_line_gets_an_error_and_the_batch_goes_on() {
    let world = World::new();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let long = format!("{{\"scopes\": [\"{}\"]}}", "x".repeat(100 * 1024));
    let longer = "x".repeat(1024 * 1024);
    let cases: &[(&[u8], &str)] = &[
        (b"hello", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"\"scopes\"", "not a JSON object"),
        (b"{} {}", "not a JSON object"),
        (b"{\"scopes\": [\"a\"", "not a JSON object"),
        (deep.as_bytes(), "not a JSON object"),
        (b"{\"scopes\": [\"\xff\"]}", "not UTF-8"),
        (long.as_bytes(), "longer than 64 KiB"),
        (longer.as_bytes(), "longer than 64 KiB"),
        (br#"{"scope": "a"}"#, "unknown member `scope`"),
        (br#"{"scopes": ["a"], "\u001b[31m": 1}"#, r"unknown member `\u{1b}[31m`"),
        (b"{}", "`scopes` must be"),
        (br#"{"scopes": "a"}"#, "`scopes` must be"),
        (br#"{"scopes": [1]}"#, "`scopes` must be"),
        (br#"{"scopes": []}"#, "no scope"),
        (br#"{"scopes": [""]}"#, "scope"),
        (br#"{"scopes": ["a b"]}"#, "scope"),
        (br#"{"scopes": ["a"], "op": "forget"}"#, "`op`"),
        (br#"{"scopes": ["a"], "op": 1}"#, "`op` must be a string"),
        (br#"{"scopes": ["a"], "tenant_id": 1}"#, "`tenant_id` must be a string"),
        (br#"{"scopes": ["a"], "tenant_id": "../up"}"#, "tenant"),
        (br#"{"scopes": ["a"], "tenant_id": "fabrikam.example"}"#, "may not ask for tokens of tenant"),
        (br#"{"scopes": ["a"], "enable_cae": "yes"}"#, "`enable_cae` must be true or false"),
        (br#"{"scopes": ["a"], "claims": {}}"#, "`claims` must be a string"),
        (br#"{"scopes": ["a"], "claims": "not JSON"}"#, "claims"),
    ];
    let mut batch = world.batch(&[]);
    for (line, says) in cases {
        let shown = String::from_utf8_lossy(&line[..line.len().min(60)]);
        let answer = batch.ask(line);
        let error = &answer["error"];
        assert_eq!(error["kind"], "configuration", "{shown}: {answer}");
        assert_eq!(error["retryable"], false, "{shown}: {answer}");
        assert!(error["message"].as_str().unwrap().contains(says), "{shown} should say `{says}`: {answer}");
        assert!(error["advice"].is_string(), "{shown}: {answer}");
    }
    assert_eq!(world.asked(), 0);
    assert_eq!(batch.ask(request(SCOPE))["source"], "network");
    assert_eq!(batch.end().ok().out, "", "more than one answer a line");
}

#[test]
fn kinds_of_errors() {
    let world = World::new();
    let cases = [
        (Fault::status(503), json!({"kind": "network", "retryable": true})),
        (Fault::status(429).retry_after("120"), json!({"kind": "network", "retryable": true, "retry_after": 120})),
        (Fault::html(), json!({"kind": "network"})),
        (Fault::reset(), json!({"kind": "network", "retryable": true})),
    ];
    let mut batch = world.batch(&["--timeout", "2"]);
    for (at, (fault, expected)) in cases.into_iter().enumerate() {
        world.emulator.with(|entra| entra.reset());
        world.fault(fault.on(Target::Token).times(0));
        let answer = batch.ask(request(&format!("https://kind{at}.example/.default")));
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&answer["error"][name], value, "{at}: {answer}");
        }
    }
    world.emulator.with(|entra| entra.reset());

    let error = batch.ask(request("https://vault.example/no.default.scope"))["error"].take();
    assert_eq!(error["kind"], "authentication_failed");
    assert_eq!(error["error"], "invalid_scope");
    assert_eq!(error["error_codes"], json!([1_002_012]));
    assert!(error["correlation_id"].is_string(), "{error}");
    assert_eq!(error["retryable"], false);
    batch.end().ok();
}

#[test]
fn members_reach_the_authority() {
    let world = World::new();
    let mut batch = world.batch(&["--additionally-allowed-tenant", "*"]);
    let claims = || world.last().field("claims").map(|claims| serde_json::from_str::<Value>(claims).expect("JSON"));
    let cp1 = json!({"values": ["cp1"]});

    let ask = json!({"op": "token", "scopes": [SCOPE], "tenant_id": null, "claims": null, "enable_cae": null});
    assert_eq!(batch.ask(ask.to_string())["tenant"], crate::world::TENANT);
    assert_eq!(claims(), None);
    let ask = json!({"scopes": [SCOPE], "tenant_id": "fabrikam.example"});
    assert_eq!(batch.ask(ask.to_string())["tenant"], "fabrikam.example");
    assert_eq!(world.last().path, "/fabrikam.example/oauth2/v2.0/token");
    batch.ask(json!({"scopes": [SCOPE], "enable_cae": true}).to_string());
    assert_eq!(claims(), Some(json!({"access_token": {"xms_cc": cp1}})));
    batch.ask(json!({"scopes": [SCOPE], "claims": r#"{"access_token":{"acrs":null}}"#}).to_string());
    assert_eq!(claims(), Some(json!({"access_token": {"acrs": null}})));
    batch.end().ok();

    let mut batch = world.batch(&["--enable-cae"]);
    batch.ask(request(SCOPE));
    assert_eq!(claims(), Some(json!({"access_token": {"xms_cc": cp1}})), "the option is the default");
    batch.ask(json!({"scopes": [SCOPE], "enable_cae": false}).to_string());
    assert_eq!(claims(), None, "the member wins over the option");
}

/// Blank lines, lines of Windows, and a last line without an end.
#[test]
fn lines_as_people_write_them() {
    let world = World::new();
    let input = format!("\n  \n\t\r\n{0}\r\n\n{0}", request(SCOPE));
    let run = Run::fed(world.token_command(&["--batch"]).stdin(std::process::Stdio::null()), input.as_bytes()).ok();
    assert_eq!(run.out.lines().count(), 2);
    assert!(run.out.lines().all(|line| line.contains("access_token")), "{run:?}");
    assert_eq!(Run::of(&mut world.token_command(&["--batch"])).ok().out, "", "no line, no answer");
}

/// A batch that was never able to work fails like any command, and says so on stderr.
#[test]
fn what_is_wrong_from_the_start_is_an_exit_status() {
    let world = World::new();
    Run::of(world.token_command(&["--batch"]).env_remove("AZURE_TENANT_ID")).failed(2);
    Run::of(&mut world.token_command(&["--batch", "--persist"])).failed(7);
}
