//! `WWW-Authenticate`, as tables: what services send, what only looks like a challenge, what is too much.

use azlatch_core::wire::challenge::{Challenge, claims, parse};
use azlatch_tests::root;
use serde_json::Value;

/// Challenges as one line: `bearer(a=1; b=2) negotiate[abc=]`.
fn text(fields: &[&str]) -> String {
    let shown = |challenge: &Challenge| {
        let params: Vec<_> = challenge.params().map(|(name, value)| format!("{name}={value}")).collect();
        match challenge.token68() {
            Some(token) => format!("{}[{token}]", challenge.scheme()),
            None => format!("{}({})", challenge.scheme(), params.join("; ")),
        }
    };
    parse(fields.iter().copied()).iter().map(shown).collect::<Vec<_>>().join(" ")
}

#[test]
fn challenges_as_services_write_them() {
    let table: [(&[&str], &str); 29] = [
        (&["Bearer"], "bearer()"),
        (&[""], ""),
        (&[], ""),
        (&["Basic realm=\"x\""], "basic(realm=x)"),
        (&["bEaReR ERROR=\"A\""], "bearer(error=A)"),
        (&["Bearer a=\"1\", b=\"2\""], "bearer(a=1; b=2)"),
        (&["Bearer a=1,b=2"], "bearer(a=1; b=2)"),
        (&["Bearer a = \"1\" ,\t b\t=2"], "bearer(a=1; b=2)"),
        (&["  , ,Bearer a=1,, b=2, "], "bearer(a=1; b=2)"),
        // Azure Storage.
        (
            &["Bearer authorization_uri=https://h/t resource_id=https://s"],
            "bearer(authorization_uri=https://h/t; resource_id=https://s)",
        ),
        // Azure Arc.
        (&["Basic realm=/var/opt/tokens/x.key"], "basic(realm=/var/opt/tokens/x.key)"),
        (&["PoP nonce=\"n\", Bearer a=1"], "pop(nonce=n) bearer(a=1)"),
        (&["Negotiate, Basic realm=\"x\""], "negotiate() basic(realm=x)"),
        (&["Negotiate YII=, Bearer a=1"], "negotiate[YII=] bearer(a=1)"),
        (&["Negotiate a+b/c~d.e_f-g=="], "negotiate[a+b/c~d.e_f-g==]"),
        (&["Bearer a=1", "Basic realm=x"], "bearer(a=1) basic(realm=x)"),
        (&["Bearer claims=eyJ9==, a=1"], "bearer(claims=eyJ9==; a=1)"),
        (&[r#"Bearer a="x\"y\\z, Basic b=1""#], r#"bearer(a=x"y\z, Basic b=1)"#),
        (&["Bearer a=\"\""], "bearer(a=)"),
        (&["Bearer a=\"é ü\t\""], "bearer(a=é ü\t)"),
        // What is whole counts, what is not does not.
        (&["Basic realm=x, Bearer a=\"1"], "basic(realm=x)"),
        (&["Basic realm=x, Bearer a=\"1\\"], "basic(realm=x)"),
        (&["Bearer a=1, a=2", "Basic realm=x"], "basic(realm=x)"),
        (&["Bearer a=1, A=2"], ""),
        (&["Bearer a=\"1\"b=2"], ""),
        (&["Bearer a=\"x\u{0}y\""], ""),
        (&["Bearer a=1 Basic realm=x"], ""),
        (&["a=1"], ""),
        (&["=", "\u{7f}", "é", "Bearer é=1", "Bearer (a=1)"], ""),
    ];
    for (fields, expected) in table {
        assert_eq!(text(fields), expected, "{fields:?}");
    }
}

#[test]
fn too_much_is_not_read() {
    let many = vec!["Bearer a=1"; 1000];
    assert_eq!(parse(many).len(), 32);
    assert_eq!(parse(["Bearer a=1, ".repeat(1000).as_str()]).len(), 32);
    let wide: Vec<_> = (0..33).map(|n| format!("a{n}=1")).collect();
    assert_eq!(parse([format!("Bearer {}", wide.join(",")).as_str()]).len(), 0);
    let long = format!("Bearer a=\"{}\"", "x".repeat(64 * 1024));
    assert_eq!(parse(["Basic realm=x", &long, "Bearer a=1"]).len(), 1);
    assert_eq!(parse([long.repeat(100).as_str()]).len(), 0);
}

#[test]
fn n_25_claims_in_every_encoding() {
    let whole = Some(r#"{"a":"?>~"}"#.to_owned());
    let table = [
        ("eyJhIjoiPz5-In0", whole.clone()),
        ("eyJhIjoiPz5-In0=", whole.clone()),
        ("eyJhIjoiPz5+In0=", whole.clone()),
        ("eyJhIjoiPz5+In0", whole),
        ("", None),
        ("!", None),
        ("e30", Some("{}".to_owned())),
        ("W10", None),
        ("bnVsbA==", None),
        ("/////w==", None),
        // A member named twice; cut short; something behind it.
        ("eyJhIjoxLCJhIjoyfQ", None),
        ("eyJhIjox", None),
        ("e319", None),
        ("e30 ", None),
    ];
    for (encoded, expected) in table {
        assert_eq!(claims(encoded), expected, "{encoded}");
    }
    let large = "A".repeat(17 * 1024);
    assert_eq!(claims(&large), None);
}

/// What azure-core for Python does with the same fields, and the two where we differ on purpose.
#[test]
fn n_25_vectors_of_azure_core() {
    let path = root().join("tests/fixtures/pipeline/www_authenticate_vectors.json");
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(path).expect("vectors")).expect("JSON");
    let mut unlike = Vec::new();
    for vector in &vectors {
        let field = vector["header"].as_str().expect("a header");
        let found = parse([field]);
        let bearer: Vec<_> = found.iter().filter(|challenge| challenge.is_bearer()).collect();
        let ours = bearer.iter().find_map(|challenge| challenge.claims());
        if ours.as_deref() != vector["python_policy_retries_with_claims"].as_str() {
            unlike.push(field.split("eyJ").next().unwrap_or_default());
            continue;
        }
        for name in ["error", "claims", "authorization_uri", "authorization", "resource"] {
            let ours = bearer.iter().find_map(|challenge| challenge.param(name));
            assert_eq!(ours, vector[name].as_str(), "{name} of {field}");
        }
    }
    // Unquoted values are read here, with the comma not a part of them; and two challenges are two challenges.
    assert_eq!(unlike, ["Bearer error=insufficient_claims, claims=", "Bearer claims=\""]);
    assert_eq!(vectors.len(), 12);
}
