//! Accounts: records that round trip, refresh tokens that stay where they were issued, sign-outs that leave nothing.

use std::collections::BTreeMap;

use azlatch_core::authority::AuthorityHost;
use azlatch_core::authority::cloud::same_environment;
use azlatch_core::cache::{Discard, Document, accounts};
use azlatch_core::credential::{Credential, InteractiveBrowserCredential, Surroundings, TokenRequest};
use azlatch_core::credential::{DeviceCodeCredential, TokenCachePersistenceOptions};
use azlatch_core::effect::{Effect, Loaded, Partition, Saved, Version};
use azlatch_core::grant::DeviceAuthorization;
use azlatch_core::{AuthenticationRecord, run};
use azlatch_tests::samples::{World, at, found, json as answer};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

fn host() -> impl Strategy<Value = &'static str> {
    select(vec![
        "login.microsoftonline.com",
        "login.windows.net",
        "Login.Windows.Net",
        "login.microsoftonline.us",
        "login.microsoftonline.com.evil.test",
        "evil.test",
        "evil.test:8443",
        "a.b2clogin.com",
    ])
}

fn home() -> impl Strategy<Value = &'static str> {
    select(vec!["u.t1", "U.t1", "u.t2", "u.t11", "v.t1", "s", "u.t1-x"])
}

fn client() -> impl Strategy<Value = &'static str> {
    select(vec!["app", "APP", "other", "app2"])
}

/// An entity of anybody's, with what other libraries put beside it.
fn entity() -> impl Strategy<Value = Value> {
    let more = prop::collection::btree_map(
        "[a-z]{1,3}",
        prop_oneof![any::<i64>().prop_map(Value::from), "\\PC{0,6}".prop_map(Value::from)],
        0..3,
    );
    let family = prop::option::of(select(vec!["1", "2"]));
    (host(), home(), client(), select(vec!["t1", "t2", "organizations"]), family, more, 0..1000_u32).prop_map(
        |(host, home, client, realm, family, more, age)| {
            let environment = AuthorityHost::new(host).expect("a host").environment().to_owned();
            let mut entity = json!({
                "home_account_id": home, "environment": environment, "client_id": client, "realm": realm,
                "username": home, "last_modification_time": age.to_string(),
            });
            let members = entity.as_object_mut().expect("an object");
            members.extend(more);
            members.extend(family.map(|family| ("family_id".to_owned(), family.into())));
            entity
        },
    )
}

/// A document of entities under keys of every style; refresh tokens are named by their place.
fn document() -> impl Strategy<Value = Value> {
    let key = prop_oneof![Just(String::new()), "[a-z.-]{0,8}"];
    let section = || prop::collection::vec((key.clone(), entity()), 0..6);
    (section(), section(), section(), section(), section()).prop_map(|(access, refresh, ids, people, apps)| {
        let of = |name: &str, entities: Vec<(String, Value)>| {
            let keyed = entities.into_iter().enumerate().map(|(i, (key, mut entity))| {
                entity["secret"] = format!("{name}-{i}").into();
                let home = entity["home_account_id"].as_str().unwrap_or_default().to_owned();
                // Some keys name the account, others say nothing.
                (if key.len() % 2 == 0 { format!("{home}-{key}-{i}") } else { format!("{key}{i}") }, entity)
            });
            (name.to_owned(), Value::Object(keyed.collect::<Map<_, _>>()))
        };
        let mut apps = of("AppMetadata", apps);
        for entity in apps.1.as_object_mut().expect("a section").values_mut() {
            entity.as_object_mut().expect("an entity").remove("home_account_id");
        }
        let sections =
            [of("AccessToken", access), of("RefreshToken", refresh), of("IdToken", ids), of("Account", people), apps];
        let mut all: Map<String, Value> = sections.into_iter().collect();
        all.insert("Foreign".into(), json!({ "u.t1": [1.50, "x"] }));
        Value::Object(all)
    })
}

fn record() -> impl Strategy<Value = (String, AuthenticationRecord)> {
    (host(), client(), home(), select(vec!["t1", "t2", "organizations"]), any::<bool>(), "\\PC{0,12}").prop_map(
        |(host, client, home, tenant, address, username)| {
            let authority = if address { format!("https://{host}/") } else { host.to_owned() };
            let text = json!({ "authority": authority, "clientId": client, "homeAccountId": home, "tenantId": tenant, "username": username });
            let record = AuthenticationRecord::from_json(&text.to_string()).expect("a record");
            (text.to_string(), record)
        },
    )
}

/// Bytes that are nearly one of our texts: cut, with bytes changed.
fn near(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (
        text,
        prop::collection::vec((any::<prop::sample::Index>(), any::<char>()), 0..3),
        any::<prop::sample::Index>(),
        any::<bool>(),
    )
        .prop_map(|(text, changes, end, cut)| {
            let mut chars: Vec<char> = text.chars().collect();
            for (at, c) in changes {
                let at = at.index(chars.len().max(1));
                if let Some(place) = chars.get_mut(at) {
                    *place = c;
                }
            }
            let end = if cut { end.index(chars.len().max(1)) } else { chars.len() };
            chars.into_iter().take(end).collect()
        })
}

fn pending(uri: &str, message: &str, interval: u32, expires_on: i64) -> String {
    json!({
        "authority": "login.microsoftonline.com", "tenant": "t1", "client_id": "app", "scope": "r/.default", "device_code": "dc",
        "user_code": "ABCD", "verification_uri": format!("https://{uri}"), "message": message, "interval": interval,
        "expires_on": expires_on,
    })
    .to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_record_round_trips((text, record) in record(), near in near(record().prop_map(|(text, _)| text)), any in "\\PC{0,80}") {
        prop_assert_eq!(&AuthenticationRecord::from_json(&record.to_json()).expect("what is written is read"), &record);
        let (before, after): (Value, Value) = (serde_json::from_str(&text).expect("JSON"), serde_json::from_str(&record.to_json()).expect("JSON"));
        for name in ["clientId", "homeAccountId", "tenantId"] {
            prop_assert_eq!(&before[name], &after[name]);
        }
        for text in [near, any] {
            if let Ok(record) = AuthenticationRecord::from_json(&text) {
                prop_assert_eq!(AuthenticationRecord::from_json(&record.to_json()).expect("read again"), record);
            }
        }
    }

    #[test]
    fn a_device_authorization_round_trips(
        uri in ("[!-~]{1,20}", 1..100_usize).prop_map(|(text, times)| text.repeat(times)),
        message in ("\\PC{1,20}", 1..200_usize).prop_map(|(text, times)| text.repeat(times)),
        interval in 1..u32::MAX,
        expires_on in any::<i64>(),
        near in near(Just(pending("x.test", "m", 5, 7))),
    ) {
        let good = pending(&uri, &message, interval, expires_on);
        for (must, text) in [(!uri.starts_with('/'), &good), (false, &near)] {
            match DeviceAuthorization::from_json(text) {
                Ok(read) => {
                    let written = read.to_json();
                    prop_assert_eq!(DeviceAuthorization::from_json(written.expose_secret()).expect("read again"), read);
                }
                Err(_) => prop_assert!(!must, "{}", text),
            }
        }
    }

    #[test]
    fn a_hostile_device_answer_never_panics(near in near(Just(r#"{"device_code":"canary-dc","user_code":"ABCD","verification_uri":"https://x.test","interval":5,"expires_in":9,"message":"ABCD"}"#.to_owned())), any in "\\PC{0,60}") {
        for body in [near, any] {
            let credential = DeviceCodeCredential::new();
            let request = TokenRequest::new(["s"]).expect("a request").interaction(azlatch_core::credential::Interaction::Required);
            let mut flow = credential.acquire(&request, &Surroundings::default(), None).expect("a flow");
            let mut world = World(|effect| match effect {
                Effect::Http(ask) if ask.op.url.ends_with("/devicecode") => Ok(ask.answer(Ok(answer(200, &body)))),
                Effect::Prompt(ask) => {
                    let op = &ask.op;
                    assert!(op.verification_uri.starts_with("https://") && op.message.contains(&op.user_code));
                    assert!(DeviceAuthorization::from_json(op.pending.expose_secret()).is_ok());
                    assert!(!op.message.chars().any(char::is_control) && op.user_code.bytes().all(|b| b.is_ascii_graphic()));
                    Err(Effect::Prompt(ask))
                }
                other => Err(other),
            });
            run(&mut flow, || at(0), &mut world).expect_err("nobody sees it");
        }
    }

    /// Whatever document and record say: to the environment it is stored under, for its account, by its client or family.
    #[test]
    fn i_08_refresh_tokens_never_leave_their_environment(
        document in document(),
        (_, record) in record(),
        named in prop::option::of(host()),
        requested in prop::option::of(select(vec!["t2", "evil"])),
        refusal in select(vec!["invalid_grant", "client_mismatch", "bad_token"]),
    ) {
        let mut credential = InteractiveBrowserCredential::new()
            .authentication_record(record.clone())
            .cache_persistence_options(TokenCachePersistenceOptions::default())
            .additionally_allowed_tenants(["*"]);
        if let Some(named) = named {
            credential = credential.authority_host(named).expect("a host");
        }
        let mut request = TokenRequest::new(["r/.default"]).expect("a request");
        if let Some(tenant) = requested {
            request = request.tenant_id(tenant);
        }
        let Ok(mut flow) = credential.acquire(&request, &Surroundings::default(), None) else { return Ok(()) };
        let mut sent = Vec::new();
        let text = document.to_string();
        let mut world = World(|effect| Ok(match effect {
            Effect::Load(ask) => ask.answer(Ok(Loaded::Found(found(&text, 1)))),
            Effect::Save(ask) => ask.answer(Ok(Saved::Stored(Version(2)))),
            Effect::Http(ask) => {
                let body = ask.op.body.as_ref().map(|body| String::from_utf8_lossy(body.expose_secret()).into_owned());
                let token = body.as_deref().and_then(|body| body.split("refresh_token=").nth(1));
                let token = token.map(|rest| rest.split('&').next().unwrap_or_default().to_owned());
                let vouched = r#"{"tenant_discovery_endpoint":"https://evil.test/x"}"#;
                let refused = format!(r#"{{"error":"invalid_grant","suberror":"{refusal}"}}"#);
                let said = if token.is_some() { answer(400, &refused) } else { answer(200, vouched) };
                sent.extend(token.map(|token| (ask.op.url.clone(), token)));
                ask.answer(Ok(said))
            }
            other => other.decline(),
        }));
        run(&mut flow, || at(0), &mut world).expect_err("nobody grants anything");
        for (url, token) in sent {
            let host = url.strip_prefix("https://").and_then(|rest| rest.split(['/', ':']).next()).expect("a host");
            let section = document["RefreshToken"].as_object().expect("a section");
            let stored = section.values().find(|entity| entity["secret"] == token.as_str()).expect("a stored one");
            let environment = stored["environment"].as_str().expect("text");
            prop_assert!(same_environment(environment, host), "{} to {}", environment, url);
            prop_assert_eq!(&stored["home_account_id"], &json!(record.home_account_id));
            prop_assert!(stored["client_id"] == record.client_id.as_str() || stored["family_id"].is_string());
        }
    }

    #[test]
    fn i_05_after_a_sign_out_nothing_of_the_account_is_left(document in document(), host in host(), home in home()) {
        let host = AuthorityHost::new(host).expect("a host");
        let text = document.to_string();
        let mut saved = None;
        let mut world = World(|effect| Ok(match effect {
            Effect::Load(ask) => ask.answer(Ok(Loaded::Found(found(&text, 1)))),
            Effect::Save(ask) => {
                saved = Some(ask.op.bytes.expose_secret().to_vec());
                ask.answer(Ok(Saved::Stored(Version(2))))
            }
            other => other.decline(),
        }));
        let place = Partition::new("p").expect("a name");
        run(&mut Discard::account(place, &host, home), || at(0), &mut world).expect("gone");
        let left: Value = saved.map_or_else(|| document.clone(), |bytes| serde_json::from_slice(&bytes).expect("JSON"));
        let theirs = |entity: &Value| {
            let environment = entity["environment"].as_str().expect("text");
            entity["home_account_id"] == home && same_environment(host.environment(), environment)
        };
        // A model of the sign-out, in another parser's words.
        let mut expected = document.clone();
        for (_, section) in expected.as_object_mut().expect("an object").iter_mut().filter(|(name, _)| *name != "Foreign") {
            section.as_object_mut().expect("a section").retain(|_, entity| !theirs(entity));
        }
        prop_assert_eq!(&left, &expected);
        let left = Document::parse(left.to_string().as_bytes()).expect("a document");
        let listed = accounts(&left, &host, "app");
        prop_assert!(listed.iter().all(|account| account.record.home_account_id != home));
        // What is listed can be written down and read again, each account once.
        let mut ids = BTreeMap::new();
        for account in listed {
            prop_assert_eq!(&AuthenticationRecord::from_json(&account.record.to_json()).expect("read"), &account.record);
            prop_assert!(ids.insert(account.record.home_account_id.clone(), ()).is_none());
        }
    }
}
