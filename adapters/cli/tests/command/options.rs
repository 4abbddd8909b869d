//! Options and their twins in the environment; where a secret may come from, and where not.

use azlatch_emulator::{Client, Settings};

use crate::world::{CLIENT, Run, SCOPE, SECRET, TENANT, World};

const OTHER: &str = "22222222-2222-2222-2222-222222222222";

/// Each option wins over its variable, and the variable does alone.
#[test]
fn twins() {
    let world = World::new();
    let authority = world.emulator.authority();
    let cases = [
        ("AZURE_TENANT_ID", "--tenant-id", TENANT, "fabrikam.example"),
        ("AZURE_CLIENT_ID", "--client-id", CLIENT, OTHER),
        ("AZURE_AUTHORITY_HOST", "--authority-host", &authority, "https://localhost:1"),
    ];
    let seen = || {
        let last = world.last();
        (last.path.split('/').nth(1).unwrap().to_owned(), last.field("client_id").unwrap().to_owned())
    };
    for (variable, option, right, wrong) in cases {
        Run::of(world.token_command(&["-s", SCOPE]).env(variable, right)).ok();
        assert_eq!(seen(), (TENANT.into(), CLIENT.into()), "{variable}");
        Run::of(world.token_command(&["-s", SCOPE, option, right]).env(variable, wrong)).ok();
        assert_eq!(seen(), (TENANT.into(), CLIENT.into()), "{option} over {variable}");
        Run::of(world.token_command(&["-s", SCOPE, option, right]).env_remove(variable)).ok();
        assert_eq!(seen(), (TENANT.into(), CLIENT.into()), "{option} alone");
    }
    Run::of(world.token_command(&["-s", SCOPE]).env("AZURE_TENANT_ID", "fabrikam.example")).ok();
    assert_eq!(seen().0, "fabrikam.example");
    Run::of(world.token_command(&["-s", SCOPE]).env("AZURE_CLIENT_ID", OTHER)).ok();
    assert_eq!(seen().1, OTHER);
}

#[test]
fn whom_to_trust() {
    let world = World::new();
    let mut command = world.azlatch(["token", "--no-instance-discovery", "-s", SCOPE]);
    command.env("AZLATCH_CA_FILE", "ca.pem");
    Run::of(&mut command).ok();
    let empty = world.file("empty.pem", "");
    Run::of(command.args(["--ca-file", &empty])).failed(2);
}

#[test]
fn an_authority_host_may_be_written_as_people_do() {
    let world = World::new();
    let host = format!("localhost:{}", world.emulator.port());
    for host in [host.clone(), format!("https://{host}/"), format!("HTTPS://{}", host.to_uppercase())] {
        world.token(&["--authority-host", &host]).ok();
    }
}

#[test]
fn where_the_secret_comes_from() {
    let client = Client { client_id: CLIENT.into(), secret: Some("exactly this".into()) };
    let world = World::with(Settings { clients: vec![client], ..Settings::default() });
    for (name, content) in [("bare", "exactly this"), ("line", "exactly this\n"), ("crlf", "exactly this\r\n")] {
        let path = world.file(name, content);
        // The file wins over the variable, which is wrong here.
        world.token(&["--client-secret-file", &path]).ok();
        let mut piped = world.token_command(&["--client-secret-file", "-", "-s", SCOPE]);
        Run::fed(&mut piped, content.as_bytes()).ok();
    }
    Run::of(world.token_command(&["-s", SCOPE]).env("AZURE_CLIENT_SECRET", "exactly this")).ok();
    world.token(&[]).failed(3);

    let padded = world.file("padded", " exactly this\n");
    world.token(&["--client-secret-file", &padded]).failed(3);
    let mut empty = world.token_command(&["--client-secret-file", "-", "-s", SCOPE]);
    assert!(Run::of(&mut empty).failed(2).err.contains("secret is empty"));
}

/// The help of every command, by its words.
fn helps(world: &World) -> Vec<(Vec<String>, String)> {
    let mut helps = Vec::new();
    let mut waiting = vec![Vec::new()];
    while let Some(words) = waiting.pop() {
        let help = Run::of(world.azlatch(&words).arg("--help")).ok().out;
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        for line in commands.filter(|line| !line.starts_with("   ")) {
            let name = line.split_whitespace().next().unwrap().to_owned();
            waiting.push([words.clone(), vec![name]].concat());
        }
        helps.push((words, help));
    }
    helps
}

/// Arguments can be read by everybody on the machine, so a secret is never one.
#[test]
fn no_option_takes_a_secret() {
    let world = World::new();
    let helps = helps(&world);
    let known: Vec<_> = helps.iter().map(|(words, _)| words.join(" ")).collect();
    let commands =
        ["", "try", "token", "login", "logout", "accounts", "emulator", "cache show", "cache clear", "version"];
    for command in commands {
        assert!(known.iter().any(|words| words == command), "`{command}` is not among {known:?}");
    }
    for (words, help) in &helps {
        let options = help.split_whitespace().filter(|word| word.starts_with("--"));
        for option in options.map(|word| word.trim_end_matches([',', '.', ']'])) {
            let secrets = ["secret", "password", "assertion", "refresh-token", "authorization-code", "verifier"];
            let of_a_secret = secrets.iter().any(|s| option.contains(s));
            assert!(!of_a_secret || option.ends_with("-file"), "{words:?} has {option}");
        }
        for value in [TENANT, CLIENT, SECRET, &world.emulator.authority()] {
            assert!(!help.contains(value), "{words:?} shows what the environment holds: {value}");
        }
    }
    for option in ["--client-secret", "--client-secret=canary", "--secret", "--password"] {
        let run = world.token(&[option, "canary"]).failed(2);
        assert!(!run.err.contains("canary"), "{run:?}");
    }
}

#[test]
fn the_defaults_can_be_named() {
    let world = World::new();
    world.token(&["--credential", "client-secret", "--no-prompt", "--output", "token", "--timeout", "30"]).ok();
}
