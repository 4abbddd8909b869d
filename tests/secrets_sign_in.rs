//! M-01 for sign-ins: password, code, verifier, state, nonce, device code, and what a sign-in is resumed from.

use azlatch_core::cache::{Acquire, Demand};
use azlatch_core::credential::{
    AuthorizationCodeCredential, DeviceCodeCredential, InteractiveBrowserCredential, UsernamePasswordCredential,
};
use azlatch_core::effect::{Effect, Listening, Loaded, Redirect, Reply, Saved, Version};
use azlatch_core::grant::{Browser, ClientAuth, CodeInHand, Device, DeviceAuthorization, Grant, Person, UserPassword};
use azlatch_core::{Flow, Mono, Now, Step, Unix};
use azlatch_tests::samples::{NOON, id_token, json, newcomer, policy};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt::Debug;

use crate::{ACCESS, CLIENT_SECRET, CODE, DEVICE_CODE, NEW_REFRESH, NONCE, PASSWORD, STATE, Shown, VERIFIER};

fn encoded(raw: &str) -> String {
    URL_SAFE_NO_PAD.encode(raw)
}

/// How the world misbehaves.
#[derive(Clone, Copy, Debug)]
enum World {
    Granting,
    /// Every answer quotes what it was sent, and is a no.
    Refusing(u16),
    /// The browser brings a no that quotes everything.
    Declining,
    /// A yes that cannot be read.
    Garbage,
}

fn converse<G: Grant + Debug>(shown: &mut Shown, grant: G, world: World)
where
    Acquire<G>: Debug,
{
    shown.debug(&grant);
    let mut flow = Acquire::new(newcomer(), grant, policy(), Demand::Any);
    let (mut reply, mut elapsed): (Option<Reply>, u64) = (None, 0);
    loop {
        shown.debug(&flow);
        shown.debug(&reply);
        let seconds = i64::try_from(elapsed / 1000).expect("short");
        let step = flow.step(Now { wall: Unix(NOON + seconds), mono: Mono(elapsed) }, reply.take());
        shown.debug(&step);
        match step {
            Step::Done(Ok(acquired)) => {
                acquired.explain.lines().for_each(|line| shown.text(&line));
                shown.text(&acquired.record.expect("a record").to_json());
                return;
            }
            Step::Done(Err(error)) => return shown.error(&error),
            Step::Need(effect) => reply = Some(perform(shown, effect, world, &mut elapsed)),
        }
    }
}

fn perform(shown: &mut Shown, effect: Effect, world: World, elapsed: &mut u64) -> Reply {
    match effect {
        Effect::Random(ask) => {
            let drawn: Vec<u8> = [STATE, NONCE, VERIFIER].concat().bytes().cycle().take(ask.op.len).collect();
            // The id of a request is drawn too, and shown: it is no secret.
            ask.clone().answer(Ok(if ask.op.len < 96 { vec![7; ask.op.len] } else { drawn }.into()))
        }
        Effect::Listen(ask) => ask.answer(Ok(Listening { listener: 1, port: 8400 })),
        Effect::Browse(ask) => {
            // The address is the browser's; state and nonce stand in it, and nothing else that is secret.
            for secret in [PASSWORD, CODE, VERIFIER, CLIENT_SECRET] {
                assert!(!ask.op.url.contains(secret) && !ask.op.url.contains(&encoded(secret)));
            }
            ask.answer(Ok(()))
        }
        Effect::Receive(ask) => {
            let state = ("state", encoded(STATE));
            let pairs = match world {
                World::Declining => {
                    let quoting = format!("{} {CODE}", encoded(STATE));
                    vec![("error", quoting.clone()), ("error_description", quoting), ("code", CODE.into()), state]
                }
                _ => vec![("code", CODE.to_owned()), state],
            };
            let parameters = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            ask.answer(Ok(Some(Redirect { parameters })))
        }
        Effect::Close(ask) => {
            shown.text(&format!("{:?}", ask.op.farewell));
            ask.answer(())
        }
        Effect::Prompt(ask) => {
            let op = &ask.op;
            shown.text(&format!("{} {} {}", op.user_code, op.verification_uri, op.message));
            let pending = DeviceAuthorization::from_json(op.pending.expose_secret()).expect("can be resumed");
            shown.debug(&pending);
            shown.debug(&DeviceCodeCredential::new().resume(pending));
            ask.answer(Ok(()))
        }
        Effect::Http(ask) => {
            shown.text(&ask.op.url);
            let sent = ask.op.body.as_ref().map(|body| String::from_utf8_lossy(body.expose_secret()).into_owned());
            let (status, answer) = answer(&ask.op.url, &sent.unwrap_or_default(), world);
            ask.answer(Ok(json(status, &answer)))
        }
        Effect::Load(ask) => ask.answer(Ok(Loaded::Absent)),
        Effect::Save(ask) => ask.answer(Ok(Saved::Stored(Version(1)))),
        Effect::Wait(ask) => {
            *elapsed += u64::try_from(ask.op.span.as_millis()).expect("short");
            ask.answer(())
        }
        other => other.decline(),
    }
}

fn answer(url: &str, sent: &str, world: World) -> (u16, String) {
    if url.contains("/userrealm/") {
        return (200, r#"{"account_type":"Managed"}"#.into());
    }
    if url.ends_with("/devicecode") {
        let message = format!("Type ABCD, or {DEVICE_CODE}");
        return (
            200,
            format!(
                r#"{{"device_code":"{DEVICE_CODE}","user_code":"ABCD","verification_uri":"https://x.test","message":"{message}"}}"#
            ),
        );
    }
    // It can quote what it was sent, as it came and decoded.
    let decoded: Vec<_> = url::form_urlencoded::parse(sent.as_bytes()).map(|(_, value)| value.into_owned()).collect();
    let quoted = serde_json::to_string(&format!("AADSTS1: {sent} {}. Trace ID: x", decoded.join(" "))).expect("JSON");
    let claims = format!(r#"{{"aud":"app","sub":"s","tid":"t1","nonce":"{}"}}"#, encoded(NONCE));
    match world {
        World::Granting | World::Declining => {
            let id_token = id_token(&claims);
            let granted =
                format!(r#""access_token":"{ACCESS}","refresh_token":"{NEW_REFRESH}","id_token":"{id_token}""#);
            (200, format!(r#"{{{granted},"expires_in":60,"echo":{quoted}}}"#))
        }
        World::Refusing(status) => {
            let all = ["error", "suberror", "correlation_id", "trace_id"].map(|name| format!(r#""{name}":{quoted}"#));
            (status, format!(r#"{{{},"error_description":{quoted}}}"#, all.join(",")))
        }
        World::Garbage => (200, format!(r#"{{"access_token":["{ACCESS}"],"x":{quoted}"#)),
    }
}

#[test]
fn m_01_no_secret_of_a_sign_in_is_ever_shown() {
    let mut shown = Shown::default();
    let worlds = [
        World::Granting,
        World::Refusing(400),
        World::Refusing(401),
        World::Refusing(503),
        World::Declining,
        World::Garbage,
    ];
    for world in worlds {
        let secret = || ClientAuth::Secret(CLIENT_SECRET.into());
        let code = || CodeInHand::new(CODE.into(), "https://app.test".into(), Some(VERIFIER.into()), secret());
        converse(&mut shown, Browser::default(), world);
        converse(&mut shown, Device::default(), world);
        converse(&mut shown, code(), world);
        converse(&mut shown, Person::SignIn(code()), world);
        converse(&mut shown, UserPassword::new("ada".into(), PASSWORD.into(), secret()), world);
    }
    let code = AuthorizationCodeCredential::new("t1", "app", CODE, "https://app.test").expect("a credential");
    shown.debug(&code.client_secret(CLIENT_SECRET).code_verifier(VERIFIER));
    shown.debug(&UsernamePasswordCredential::new("app", "ada", PASSWORD).expect("a credential"));
    shown.debug(&InteractiveBrowserCredential::new());
    let broken = format!(r#"{{"device_code":"{DEVICE_CODE}","authority":"{DEVICE_CODE}"}}"#);
    shown.error(&DeviceAuthorization::from_json(&broken).expect_err("refused"));
    println!("{} values shown", shown.count());
    shown.check();
}
