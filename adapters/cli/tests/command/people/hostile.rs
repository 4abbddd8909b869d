//! Records and sign-ins under way that are none: said clearly, kept as they are, and followed nowhere.

use azlatch_emulator::User;

use super::{ADA, VAULT};
use crate::world::{Run, World};

/// A record with one member replaced; `null` leaves it out.
fn record(member: &str, value: &str) -> Vec<u8> {
    let members = [
        ("authority", "\"localhost\""),
        ("clientId", "\"app\""),
        ("homeAccountId", "\"uid.utid\""),
        ("tenantId", "\"contoso.example\""),
        ("username", "\"ada@contoso.example\""),
        ("version", "\"1.0\""),
    ];
    let members = members.map(|(name, usual)| (name, if name == member { value } else { usual }));
    let written =
        members.iter().filter(|(_, value)| *value != "null").map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", written.collect::<Vec<_>>().join(",")).into_bytes()
}

#[test]
fn records() {
    let world = World::of_people();
    let broken: [(&str, Vec<u8>); 14] = [
        ("empty", Vec::new()),
        ("no JSON", b"no JSON".into()),
        ("a list", b"[]".into()),
        ("deep", [vec![b'['; 50_000], vec![b']'; 50_000]].concat()),
        ("long", record("username", &format!("\"{}\"", "x".repeat(2_000_000)))),
        ("no text", b"{\"username\": \"\xff\"}".into()),
        ("of a later version", record("version", "\"2.0\"")),
        ("of a strange version", record("version", "\"\\u001b[31m\"")),
        ("of nobody", record("homeAccountId", "null")),
        ("with a number", record("tenantId", "7")),
        ("of a path", record("tenantId", "\"../../up\"")),
        ("of a query", record("authority", "\"evil.example/?x=\"")),
        ("of a password", record("authority", "\"user:pass@evil.example\"")),
        ("of http", record("authority", "\"http://evil.example\"")),
    ];
    for (name, content) in broken {
        let path = world.file("ada.json", &content);
        let run = world.silent(VAULT).failed(2);
        assert!(run.err.contains("record") && run.err.is_ascii() && !run.err.contains('\u{1b}'), "{name}: {run:?}");
        assert!(run.err.len() < 1000, "{name}: {run:?}");
        assert_eq!(std::fs::read(path).unwrap(), content, "{name}");
    }
    assert!(!world.path(".IdentityService").exists());
    // Well-formed, but nobody knows the account.
    for (name, content) in [
        ("plain", record("", "")),
        ("with control characters", record("username", "\"ada\\u001b[2J\\u202e\"")),
        ("of another cloud", record("authority", "\"https://login.microsoftonline.us/\"")),
    ] {
        world.file("ada.json", content);
        let run = world.silent(VAULT).refused(4, &["azlatch login"]);
        assert!(!run.err.contains(['\u{1b}', '\u{202e}']), "{name}: {run:?}");
    }
    std::fs::remove_file(world.path("ada.json")).unwrap();
    world.silent(VAULT).refused(4, &["there is no record of a sign-in at ada.json", "azlatch login"]);
    std::fs::create_dir(world.path("ada.json")).unwrap();
    world.silent(VAULT).refused(2, &["the record ada.json"]);
    assert_eq!(world.counted().requests, 0);
}

/// A name is what somebody could choose for themselves.
#[test]
fn names() {
    let world = World::of_people();
    let user = User::new(ADA).display_name("Ada\u{1b}[2J\u{202e}\n");
    world.emulator.with(|entra| entra.settings_mut().users = vec![user]);
    world.login(&[]);
    let listed = Run::of(&mut world.person("accounts", &[])).ok().out;
    assert!(listed.contains(r"Ada\u{1b}[2J\u{202e}") && listed.lines().count() == 1, "{listed:?}");
    assert!(!listed.contains(['\u{1b}', '\u{202e}']), "{listed:?}");
}

#[test]
fn sign_ins_under_way() {
    let world = World::of_people();
    let whole = |member: &str, value: &str| {
        let members = [
            ("authority", "https://localhost:1"),
            ("tenant", "contoso.example"),
            ("client_id", "app"),
            ("scope", VAULT),
            ("device_code", "secret"),
            ("user_code", "CODE"),
            ("verification_uri", "https://localhost:1/devicelogin"),
            ("message", "open and enter CODE"),
            ("interval", "1"),
            ("expires_on", "4000000000"),
        ];
        let members = members.map(|(name, usual)| (name, if name == member { value } else { usual }));
        serde_json::to_vec(&members.into_iter().collect::<std::collections::BTreeMap<_, _>>()).unwrap()
    };
    let broken: [(&str, Vec<u8>); 10] = [
        ("empty", Vec::new()),
        ("of another authority", whole("", "")),
        ("no JSON", b"{".into()),
        ("a record", record("", "")),
        ("no text", b"\xff".into()),
        ("long", vec![b' '; 2_000_000]),
        ("a code with escapes", whole("user_code", "\u{1b}[2J")),
        ("a page of http", whole("verification_uri", "http://evil.example/")),
        ("of a path", whole("tenant", "../up")),
        ("of no host", whole("authority", "http://evil.example/")),
    ];
    for (name, content) in broken {
        let path = world.file("pending", &content);
        let run = Run::of(&mut world.person("login", &["--device-code", "--pending", "pending", "-s", VAULT]));
        let run = run.failed(2);
        assert!(run.err.contains("sign-in") && !run.err.contains('\u{1b}'), "{name}: {run:?}");
        assert_eq!(std::fs::read(path).unwrap(), content, "{name}");
    }
    assert_eq!(world.counted().requests, 0);
    assert!(!world.path(".IdentityService").exists());
}
