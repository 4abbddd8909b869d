//! What must hold for any bytes: one function a target, run by the fuzzer and, over the corpora, by `cargo test`.

#![allow(dead_code, reason = "each target uses one of these")]

use azlatch_core::authority::{Authority, AuthorityHost, Tenant};
use azlatch_core::bearer::{Ask, Bearer, Conversation, Heard, Known};
use azlatch_core::cache::{Change, Delta, Document, Section};
use azlatch_core::credential::{
    Credential, DeviceCodeCredential, Interaction, InteractiveBrowserCredential, Surroundings, TokenRequest,
};
use azlatch_core::effect::{Effect, Listening, Redirect, Reply, Response};
use azlatch_core::grant::DeviceAuthorization;
use azlatch_core::secret::Secret;
use azlatch_core::token::Granted;
use azlatch_core::wire::{challenge, date};
use azlatch_core::{AuthenticationRecord, Error, Flow, Mono, Now, Step, Unix};

const NOW: Unix = Unix(1_800_000_000);

/// A token endpoint's answer: what is granted is a token that fits a header and a life within bounds; what is
/// refused is refused in words of our own.
pub(crate) fn token_response(bytes: &[u8]) {
    match Granted::parse(bytes, NOW) {
        Ok(granted) => {
            let token = granted.access_token.expose_secret();
            assert!(!token.is_empty() && token.len() <= 256 * 1024 && token.bytes().all(|b| b.is_ascii_graphic()));
            let life = granted.expires_on.since(NOW);
            assert!((0..=48 * 3600).contains(&life));
            assert!(granted.refresh_on.is_none_or(|at| at > NOW && at < granted.expires_on));
            assert!(granted.extended_expires_on >= granted.expires_on);
            // Kept raw: numbers that no float can hold are still JSON.
            assert!(serde_json::from_slice::<Box<serde_json::value::RawValue>>(bytes).is_ok(), "only JSON is granted");
        }
        Err(why) => assert!(!why.is_empty()),
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(date::retry_after(text, NOW).is_none_or(|span| span.as_secs() <= 3600));
    }
}

/// A stored document: what is read is rewritten without loss, and holds what was put.
pub(crate) fn document(bytes: &[u8]) {
    let Ok(document) = Document::parse(bytes) else { return };
    for section in Section::ALL {
        for (_, entity) in document.entities(section) {
            let _ = (entity.text("secret"), entity.time("expires_on"));
        }
    }
    let mut delta = Delta::default();
    delta.push(Change::Put { section: Section::AccessToken, key: "put".into(), json: r#"{"secret":"s"}"#.into() });
    let rewritten = document.apply(&delta);
    assert_eq!(rewritten.apply(&delta).bytes(), rewritten.bytes(), "the same change twice is one");
    let again = Document::parse(rewritten.bytes().expose_secret()).expect("what we write we read");
    assert!(again.entity(Section::AccessToken, "put").is_some());
    // The other parser has limits of its own (depth, numbers); where it reads both, they must agree.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let before = serde_json::from_slice::<serde_json::Value>(text);
    let after = serde_json::from_slice::<serde_json::Value>(rewritten.bytes().expose_secret());
    if let (Ok(serde_json::Value::Object(before)), Ok(after)) = (before, after) {
        for (name, member) in before {
            let ours = Section::ALL.iter().any(|section| section.name().eq_ignore_ascii_case(&name));
            if !ours {
                assert_eq!(after[&name], member, "foreign data survives");
            }
        }
    }
}

/// An authority host, a newline, a tenant: what is accepted cannot leave its place in a URL.
pub(crate) fn authority(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (host, tenant) = text.split_once('\n').unwrap_or((text, "common"));
    let (Ok(host), Ok(tenant)) = (AuthorityHost::new(host), Tenant::new(tenant)) else { return };
    let endpoint = Authority { host: host.clone(), tenant: tenant.clone() }.token_endpoint();
    let path = endpoint.strip_prefix(&host.origin()).expect("the host is whole");
    let path = path.strip_prefix('/').expect("a path");
    assert!(path.strip_prefix(tenant.as_str()).is_some_and(|rest| rest.starts_with("/oauth2/")) || tenant.is_adfs());
    assert!(endpoint.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'@' | b'\\' | b'?' | b'#' | b'%')));
    assert_eq!(AuthorityHost::new(&host.to_string()), Ok(host), "what is understood is understood again");
}

/// `WWW-Authenticate` fields, one a line, said to every request: what is read is bounded and means one thing, and no
/// server gets more than three requests, or a token that is not its own.
pub(crate) fn challenge(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let fields: Vec<&str> = text.lines().collect();
    let found = challenge::parse(fields.iter().copied());
    assert!(found.len() <= 32);
    for challenge in &found {
        let mut names: Vec<_> = challenge.params().map(|(name, _)| name).collect();
        names.sort_unstable();
        assert!(names.len() <= 32 && names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(!challenge.scheme().is_empty() && challenge.scheme().bytes().all(|b| b.is_ascii_graphic()));
        if let Some(claims) = challenge.claims() {
            assert!(serde_json::from_str::<Box<serde_json::value::RawValue>>(&claims).is_ok());
        }
    }
    let fixed = Bearer::new(["fixed"]).expect("a scope");
    for bearer in [Bearer::from_challenges(), fixed] {
        let mut known = Known::new();
        for _ in 0..2 {
            refused_always(&bearer, &mut known, &fields);
        }
    }
}

fn refused_always(bearer: &Bearer, known: &mut Known, fields: &[&str]) {
    let begun = Conversation::begin(bearer, "https://kv.vault.azure.net/", known);
    let (mut talk, mut ask) = begun.expect("what was learnt can be followed");
    let (mut tokens, mut requests) = (0, 0);
    loop {
        let heard = match ask {
            Ask::GetToken(request) => {
                for scope in request.scopes.iter().filter(|scope| *scope != "fixed") {
                    let rest = scope.get(8..).unwrap_or_default().to_ascii_lowercase();
                    let host = rest.split(['/', ':']).next().unwrap_or_default();
                    assert!(["kv.vault.azure.net", "vault.azure.net", "azure.net"].contains(&host), "{scope}");
                }
                tokens += 1;
                Heard::Token(Ok(format!("t{tokens}").into()))
            }
            Ask::Send { authorization, body } => {
                assert_eq!(authorization.is_some(), body, "a body goes with a token");
                requests += 1;
                Heard::Response { status: 401, challenges: fields }
            }
            Ask::Learn(lesson) => {
                known.learn(lesson);
                Heard::Learnt
            }
            Ask::Finish => break,
        };
        match talk.hear(heard) {
            Ok(next) => ask = next,
            Err(_) => break,
        }
    }
    assert!(tokens <= 3 && requests <= 3);
}

/// What a browser brings back, as `name=value&name=value` with `STATE` for the true state: no code is redeemed unless
/// the one state is ours, the issuer (if named) is the one that was asked, and no error is told.
pub(crate) fn redirect(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let credential = InteractiveBrowserCredential::new().tenant_id("t1").expect("a tenant");
    let (mut ours, mut open, mut redeemed) = (String::new(), 0, false);
    let mut parameters = Vec::new();
    let outcome = sign_in(&credential, |effect| match effect {
        Effect::Listen(ask) => {
            ask.op.state.expose_secret().clone_into(&mut ours);
            open += 1;
            Ok(ask.answer(Ok(Listening { listener: 1, port: 8400 })))
        }
        Effect::Browse(ask) => Ok(ask.answer(Ok(()))),
        Effect::Receive(ask) => {
            let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            parameters = pairs.map(|(name, value)| (name.to_owned(), value.replace("STATE", &ours))).collect();
            let secret = |(name, value): &(String, String)| (name.clone(), Secret::from(value.as_str()));
            Ok(ask.answer(Ok(Some(Redirect { parameters: parameters.iter().map(secret).collect() }))))
        }
        Effect::Close(ask) => {
            open -= 1;
            Ok(ask.answer(()))
        }
        Effect::Http(ask) => {
            assert_eq!(ask.op.url, "https://login.microsoftonline.com/t1/oauth2/v2.0/token");
            redeemed = true;
            Err(Effect::Http(ask))
        }
        other => Err(other),
    });
    assert_eq!(open, 0, "the listener is closed");
    let shown = format!("{outcome:?}");
    assert!(!shown.contains(&ours) && !shown.chars().any(char::is_control), "{shown}");
    let values = |name: &str| -> Vec<&str> {
        parameters.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    };
    if redeemed {
        assert_eq!(values("state"), [ours.as_str()]);
        assert!(matches!(values("code").as_slice(), [code] if code.bytes().all(|b| b.is_ascii_graphic())));
        assert!(matches!(values("error").as_slice(), [] | [""]));
        let hosts = ["login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"];
        let issuers = hosts.map(|host| format!("https://{host}/t1/v2.0"));
        let asked = |issuer: &&str| issuer.is_empty() || issuers.iter().any(|one| one == issuer);
        assert!(values("iss").len() <= 1 && values("iss").iter().all(asked));
    }
}

/// A record, a sign-in to be resumed, or the answer of the device authorization endpoint: what is read is read again the
/// same, and what is shown is safe to show.
pub(crate) fn record(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(record) = AuthenticationRecord::from_json(text) {
            let again = AuthenticationRecord::from_json(&record.to_json());
            assert_eq!(again.expect("what is written is read"), record);
            assert!(record.home_account_id.bytes().all(|b| b.is_ascii_graphic()));
            assert!(!record.username.chars().any(char::is_control));
        }
        if let Ok(pending) = DeviceAuthorization::from_json(text) {
            let again = DeviceAuthorization::from_json(pending.to_json().expose_secret());
            assert_eq!(again.expect("what is written is read"), pending);
        }
    }
    let outcome = sign_in(&DeviceCodeCredential::new(), |effect| match effect {
        Effect::Http(ask) if ask.op.url.ends_with("/devicecode") => {
            Ok(ask.answer(Ok(Response::new(200, Vec::new(), bytes))))
        }
        Effect::Prompt(ask) => {
            let op = &ask.op;
            assert!(op.verification_uri.starts_with("https://"));
            assert!(op.verification_uri_complete.as_ref().is_none_or(|uri| uri.starts_with("https://")));
            assert!(op.message.contains(&op.user_code) && op.message.len() <= 4096);
            assert!(
                [&op.message, &op.user_code, &op.verification_uri].iter().all(|t| !t.chars().any(char::is_control))
            );
            let life = op.expires_on.since(NOW);
            assert!((1..=24 * 3600).contains(&life));
            let resumed = DeviceAuthorization::from_json(op.pending.expose_secret()).expect("can be resumed");
            assert_eq!(resumed.expires_on(), op.expires_on);
            assert_eq!(resumed.to_json(), op.pending, "all of it");
            Err(Effect::Prompt(ask))
        }
        other => Err(other),
    });
    assert!(outcome.is_some(), "nobody sees the code, so it ends");
}

/// Somebody signs in, in a world that draws the same bytes always and declines what `perform` does.
fn sign_in<C: Credential>(credential: &C, mut perform: impl FnMut(Effect) -> Result<Reply, Effect>) -> Option<Error> {
    let request = TokenRequest::new(["s"]).expect("a scope").interaction(Interaction::Required);
    let mut flow = credential.acquire(&request, &Surroundings::default(), None).expect("a description");
    let (mut reply, now) = (None, Now { wall: NOW, mono: Mono(0) });
    for _ in 0..100 {
        match flow.step(now, reply.take()) {
            Step::Done(outcome) => return outcome.err(),
            Step::Need(Effect::Random(ask)) => {
                let drawn: Vec<u8> = (0..=u8::MAX).take(ask.op.len).collect();
                reply = Some(ask.answer(Ok(drawn.into())));
            }
            Step::Need(effect) => reply = Some(perform(effect).unwrap_or_else(Effect::decline)),
        }
    }
    panic!("no end in sight");
}
