//! Every answer that a truthful world may give, and what attackers send.

use azlatch_core::Unix;
use azlatch_core::effect::{
    BrowseFault, Effect, FailureKind, Found, Guard, Http, ListenFault, Listening, Load, Loaded, Lock, Locked, Mark,
    RandomFault, ReceiveFault, Redirect, Reply, Saved, Sent, Skipped, StoreFault, Version,
};
use azlatch_core::secret::Secret;

use super::Walk;
use crate::samples::{NOON, document, failure, found, id_token, json, with_header};

pub(super) fn mentions(body: Option<&Secret<[u8]>>, word: &str) -> bool {
    body.is_some_and(|body| String::from_utf8_lossy(body.expose_secret()).contains(word))
}

pub(super) const DAMAGED: Version = Version(4);

/// The states that a partition may be found in.
fn stored() -> Vec<(&'static str, Found)> {
    vec![
        ("expired", found(&document("expired", -10, "rt-old"), 1)),
        ("good", found(&document("good", 3000, "rt-old"), 2)),
        ("due", found(&document("due", 200, "rt-old"), 3)),
        ("damaged", found("{\"AccessToken\":{\"a", 4)),
        ("moved", found(&document("expired", -10, "rt-sibling"), 5)),
    ]
}

/// Every answer that a truthful world may give.
pub(super) fn answers(effect: &Effect, walk: &Walk) -> Vec<(&'static str, Reply)> {
    match effect.clone() {
        Effect::Http(ask) if ask.op.url.contains("/discovery/instance") => {
            discovery().into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Http(ask) if ask.op.url.ends_with("/devicecode") => {
            device().into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Http(ask) if ask.op.url.contains("/userrealm/") => {
            realm().into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Http(ask) if mentions(ask.op.body.as_ref(), "code=") || mentions(ask.op.body.as_ref(), "password=") => {
            sign_in(&ask.op).into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Http(ask) => token().into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect(),
        Effect::Load(ask) => {
            loads(&ask.op).into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Save(ask) => {
            saves(walk).into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Lock(ask) => {
            locks(&ask.op, walk).into_iter().map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Unlock(ask) => vec![("unlocked", ask.answer(()))],
        Effect::Wait(ask) => {
            let early = (walk.early_wakes < 1).then(|| ("early", ask.clone().answer(())));
            early.into_iter().chain([("woke", ask.answer(()))]).collect()
        }
        Effect::Random(ask) => {
            let bytes: Vec<u8> = (0..ask.op.len).map(|i| u8::try_from(i).unwrap_or_default()).collect();
            vec![("drawn", ask.clone().answer(Ok(bytes.into()))), ("no entropy", ask.answer(Err(RandomFault)))]
        }
        Effect::Listen(ask) => vec![
            ("listening", ask.clone().answer(Ok(Listening { listener: LISTENER, port: 8400 }))),
            ("taken", ask.clone().answer(Err(ListenFault::Taken))),
            ("no sockets", ask.answer(Err(ListenFault::Io("no sockets".into())))),
        ],
        Effect::Browse(ask) => vec![
            ("opened", ask.clone().answer(Ok(()))),
            ("no browser", ask.answer(Err(BrowseFault::NoBrowser("none".into())))),
        ],
        Effect::Receive(ask) => {
            let redirects = redirects().into_iter().map(|(label, redirect)| (label, Ok(Some(redirect))));
            let faults = [("closed", Err(ReceiveFault::Closed)), ("broken", Err(ReceiveFault::Io("broken".into())))];
            // The first moment is short; after the second the time is up.
            let nothing = (walk.moments() < 2).then_some(("nothing", Ok(None)));
            let all = redirects.chain(faults).chain(nothing);
            all.map(|(label, answer)| (label, ask.clone().answer(answer))).collect()
        }
        Effect::Close(ask) => vec![("farewell", ask.answer(()))],
        Effect::Prompt(ask) => vec![("shown", ask.clone().answer(Ok(()))), ("skipped", ask.answer(Err(Skipped)))],
        _ => Vec::new(),
    }
}

type HttpAnswer = <Http as azlatch_core::effect::Operation>::Answer;

fn token() -> Vec<(&'static str, HttpAnswer)> {
    let granted = r#"{"token_type":"Bearer","access_token":"new","expires_in":3599}"#;
    let rotated = r#"{"token_type":"Bearer","access_token":"new","expires_in":3599,"refresh_token":"rt-new","client_info":"eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ","id_token":"e30.e30.x"}"#;
    vec![
        ("granted", Ok(json(200, granted))),
        ("rotated", Ok(json(200, rotated))),
        ("over at birth", Ok(json(200, r#"{"access_token":"new","expires_in":0}"#))),
        ("captive portal", Ok(json(200, "<html>"))),
        ("bad_token", Ok(json(400, r#"{"error":"invalid_grant","suberror":"bad_token"}"#))),
        ("invalid_grant", Ok(json(400, r#"{"error":"invalid_grant"}"#))),
        ("invalid_client", Ok(json(401, r#"{"error":"invalid_client"}"#))),
        ("429", Ok(with_header(429, "retry-after", "7"))),
        ("503", Ok(json(503, ""))),
        ("redirect", Ok(with_header(302, "location", "http://elsewhere.test/"))),
        ("never sent", Err(failure(Sent::No, FailureKind::Connect))),
        ("lost", Err(failure(Sent::Maybe, FailureKind::Broken))),
        ("untrusted", Err(failure(Sent::No, FailureKind::Tls))),
    ]
}

fn discovery() -> Vec<(&'static str, HttpAnswer)> {
    vec![
        (
            "vouched",
            Ok(json(
                200,
                r#"{"tenant_discovery_endpoint":"https://login.test/t1/v2.0/.well-known/openid-configuration"}"#,
            )),
        ),
        ("unknown", Ok(json(400, r#"{"error":"invalid_instance"}"#))),
        ("no idea", Ok(json(200, "{}"))),
        ("unreachable", Err(failure(Sent::No, FailureKind::Name))),
    ]
}

fn loads(op: &Load) -> Vec<(&'static str, Result<Loaded, StoreFault>)> {
    let unless = |found: &Found| Some(found.version) != op.unless;
    let mut all: Vec<(&'static str, Result<Loaded, StoreFault>)> =
        stored().into_iter().filter(|(_, f)| unless(f)).map(|(label, f)| (label, Ok(Loaded::Found(f)))).collect();
    all.push(("absent", Ok(Loaded::Absent)));
    all.push(("locked", Err(StoreFault::Locked)));
    if op.unless.is_some() {
        all.push(("unchanged", Ok(Loaded::Unchanged)));
    }
    all
}

fn saves(walk: &Walk) -> Vec<(&'static str, Result<Saved, StoreFault>)> {
    let mut all = vec![("stored", Ok(Saved::Stored(Version(9)))), ("full", Err(StoreFault::Io("no space".into())))];
    // Conflicts go on as long as others write; four are as good as a hundred.
    if walk.conflicts < 4 {
        all.push(("store busy", Err(StoreFault::Busy)));
        all.push(("gone", Ok(Saved::Conflict(None))));
        all.push(("sibling", Ok(Saved::Conflict(Some(found(&document("good", 3000, "rt-sibling"), 6))))));
    }
    all
}

/// The name of the lock that is taken when `held` are.
pub(super) fn guard(held: usize) -> u64 {
    7 + u64::try_from(held).unwrap_or_default()
}

fn locks(op: &Lock, walk: &Walk) -> Vec<(&'static str, Result<Option<Locked>, StoreFault>)> {
    let held = |mark| Ok(Some(Locked { guard: Guard(guard(walk.held.len())), mark, waited: !op.patience.is_zero() }));
    let mark =
        |until| Some(Mark { at: Unix(NOON), until: Unix(NOON + until), holder: 1, what: "network it is down".into() });
    let mut all = vec![("free", held(None)), ("busy", Ok(None)), ("no locks here", Err(StoreFault::Unsupported))];
    if walk.conflicts > 0 {
        // The queue of writers, where marks mean nothing.
        return all;
    }
    all.push(("cooling", held(mark(600))));
    if !op.patience.is_zero() {
        all.push(("same flight", held(mark(0))));
    }
    all
}

/// The listener that is open.
pub(super) const LISTENER: u64 = 3;

/// The 43 characters of the `nth` value that a sign-in draws: state, nonce, verifier.
pub(super) fn drawn(nth: u8) -> String {
    let bytes: Vec<u8> = (nth * 32..nth * 32 + 32).collect();
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)
}

/// What a browser may bring: the true answer, a no, and what attackers send.
fn redirects() -> Vec<(&'static str, Redirect)> {
    let state = drawn(0);
    let of = |pairs: &[(&str, &str)]| Redirect {
        parameters: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
    };
    let stolen = ("code", "canary-stolen");
    vec![
        ("true answer", of(&[("code", "canary-code"), ("state", &state)])),
        ("declined by the person", of(&[("error", "access_denied"), ("state", &state)])),
        ("no state", of(&[stolen])),
        ("another state", of(&[stolen, ("state", &drawn(1))])),
        ("two states", of(&[stolen, ("state", &state), ("state", "x")])),
        ("two codes", of(&[stolen, stolen, ("state", &state)])),
        ("another issuer", of(&[stolen, ("state", &state), ("iss", "https://login.evil.test/t1/v2.0")])),
        ("another tenant", of(&[stolen, ("state", &state), ("iss", "https://login.microsoftonline.com/t2/v2.0")])),
        ("no code", of(&[("state", &state)])),
        ("nothing in it", of(&[])),
    ]
}

/// What the token endpoint says to a sign-in.
fn sign_in(op: &Http) -> Vec<(&'static str, HttpAnswer)> {
    let grant = |token: &str, refresh: &str, claims: &str| {
        let refresh = if refresh.is_empty() { String::new() } else { format!(r#","refresh_token":"{refresh}""#) };
        Ok(json(
            200,
            &format!(
                r#"{{"access_token":"{token}","expires_in":3599{refresh},"client_info":"eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ","id_token":"{}"}}"#,
                id_token(claims)
            ),
        ))
    };
    let nonce = drawn(1);
    let ours = format!(r#"{{"aud":"app","sub":"s","tid":"t1","nonce":"{nonce}"}}"#);
    let mut all = vec![
        ("signed in", grant("new", "rt-new", &ours)),
        ("signed in for an hour", grant("new", "", &ours)),
        ("another application", grant("stolen", "rt-stolen", &ours.replace("app", "other"))),
        ("nobody", Ok(json(200, r#"{"access_token":"stolen","refresh_token":"rt-stolen","expires_in":60}"#))),
        ("captive portal", Ok(json(200, "<html>"))),
        ("invalid_grant", Ok(json(400, r#"{"error":"invalid_grant"}"#))),
        ("503", Ok(json(503, ""))),
        ("lost", Err(failure(Sent::Maybe, FailureKind::Broken))),
        ("untrusted", Err(failure(Sent::No, FailureKind::Tls))),
    ];
    // Only of the clouds that are compiled in it is known who signs for them.
    if op.url.contains("microsoftonline.com/") {
        let elsewhere = ours.replace("\"sub\"", "\"iss\":\"https://login.evil.test/\",\"sub\"");
        all.push(("another cloud", grant("stolen", "rt-stolen", &elsewhere)));
    }
    if mentions(op.body.as_ref(), "localhost") {
        all.push(("another nonce", grant("stolen", "rt-stolen", &ours.replace(&nonce, &drawn(0)))));
        all.push(("no nonce", grant("stolen", "rt-stolen", r#"{"aud":"app","sub":"s","tid":"t1"}"#)));
    }
    if mentions(op.body.as_ref(), "device_code=") {
        all.push(("pending", Ok(json(400, r#"{"error":"authorization_pending"}"#))));
        all.push(("slow down", Ok(json(400, r#"{"error":"slow_down"}"#))));
        all.push(("declined by the person", Ok(json(400, r#"{"error":"authorization_declined"}"#))));
        all.push(("429", Ok(with_header(429, "retry-after", "7"))));
    }
    all
}

/// What the device authorization endpoint says.
fn device() -> Vec<(&'static str, HttpAnswer)> {
    let codes = |uri: &str, interval: &str| {
        let codes = format!(r#""device_code":"canary-device","user_code":"ABCD","verification_uri":"{uri}""#);
        Ok(json(200, &format!(r#"{{{codes},"expires_in":12{interval}}}"#)))
    };
    vec![
        ("codes", codes("https://login.test/device", "")),
        ("codes to be polled slowly", codes("https://login.test/device", r#","interval":100000"#)),
        ("an address that is no https", codes("http://login.test/device", "")),
        ("captive portal", Ok(json(200, "<html>"))),
        ("refused", Ok(json(400, r#"{"error":"unauthorized_client"}"#))),
        ("503", Ok(json(503, ""))),
        ("lost", Err(failure(Sent::Maybe, FailureKind::Broken))),
    ]
}

fn realm() -> Vec<(&'static str, HttpAnswer)> {
    vec![
        ("managed", Ok(json(200, r#"{"account_type":"Managed"}"#))),
        ("federated", Ok(json(200, r#"{"account_type":"Federated"}"#))),
        ("no idea", Ok(json(404, ""))),
        ("unreachable", Err(failure(Sent::No, FailureKind::Name))),
    ]
}
