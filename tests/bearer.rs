//! The pipeline layer, by the list of what it asks.

use azlatch_core::authority::AuthorityHost;
use azlatch_core::bearer::{Ask, Bearer, Conversation, Heard, Known, Lesson};
use azlatch_core::cache::Demand;
use azlatch_core::credential::{ClientSecretCredential, Credential, Surroundings, TokenRequest};
use azlatch_core::{Error, ErrorKind};

const URL: &str = "https://api.example/items?sig=canary-QUERY";
const VAULT: &str = "https://kv1.vault.azure.net/secrets/x";
/// `{"a":1}`
const CLAIMS: &str = r#"Bearer error="insufficient_claims", claims="eyJhIjoxfQ==""#;
const T1: &str = r#"Bearer authorization="https://login.microsoftonline.com/t1", resource="https://vault.azure.net""#;

fn request(request: &TokenRequest) -> String {
    let tenant = request.tenant_id.as_ref().map(|tenant| format!(" in {tenant}")).unwrap_or_default();
    let cae = if request.enable_cae { " cae" } else { "" };
    let demand = match &request.demand {
        Demand::Any => String::new(),
        Demand::Fresh => " fresh".to_owned(),
        Demand::Claims(claims) => format!(" claims {claims}"),
        Demand::Not(token) => format!(" not {}", token.expose_secret()),
    };
    format!("{}{tenant}{cae}{demand}", request.scopes)
}

fn line(ask: &Ask) -> String {
    match ask {
        Ask::GetToken(wanted) => format!("get {}", request(wanted)),
        Ask::Send { authorization, body } => {
            let header = authorization.as_ref().map_or("nothing", |header| header.expose_secret());
            format!("send {header}{}", if *body { "" } else { ", no body" })
        }
        Ask::Learn(Lesson::Refused { token, .. }) => format!("learn {} refused", token.expose_secret()),
        Ask::Learn(Lesson::Replaced(token)) => format!("learn {} replaced", token.expose_secret()),
        Ask::Learn(Lesson::Cae) => "learn cae".to_owned(),
        Ask::Learn(Lesson::Challenge(challenge)) => {
            let tenant = challenge.tenant().map(|tenant| format!(" in {tenant}")).unwrap_or_default();
            format!("learn {}{tenant}", challenge.scopes())
        }
        Ask::Learn(Lesson::Outdated(_)) => "learn challenge outdated".to_owned(),
        Ask::Finish => "finish".to_owned(),
    }
}

/// One conversation: what is asked, given these tokens and these responses, in order.
fn converse(bearer: &Bearer, url: &str, known: &mut Known, tokens: &[&str], said: &[(u16, &str)]) -> Vec<String> {
    let (mut tokens, mut said) = (tokens.iter(), said.iter());
    let mut lines = Vec::new();
    let refused = |error: Error| format!("{}: {}", error.kind().name(), error.message());
    let (mut talk, mut ask) = match Conversation::begin(bearer, url, known) {
        Ok(begun) => begun,
        Err(error) => return vec![refused(error)],
    };
    loop {
        lines.push(line(&ask));
        let heard = match ask {
            Ask::GetToken(_) => Heard::Token(Ok((*tokens.next().expect("a token more")).into())),
            Ask::Send { .. } => {
                let (status, challenge) = *said.next().expect("a response more");
                match talk.hear(Heard::Response { status, challenges: &[challenge] }) {
                    Ok(next) => ask = next,
                    Err(error) => {
                        lines.push(refused(error));
                        return lines;
                    }
                }
                continue;
            }
            Ask::Learn(lesson) => {
                known.learn(lesson);
                Heard::Learnt
            }
            Ask::Finish => {
                assert_eq!((tokens.next(), said.next()), (None, None), "all that was prepared is used");
                return lines;
            }
        };
        match talk.hear(heard) {
            Ok(next) => ask = next,
            Err(error) => {
                lines.push(refused(error));
                return lines;
            }
        }
    }
}

fn bearer() -> Bearer {
    Bearer::new(["s/.default"]).expect("scopes")
}

#[test]
fn an_answer_that_is_not_401_ends_it() {
    for status in [200, 302, 400, 403, 407, 500] {
        let asked = converse(&bearer().tenant_id("t1"), URL, &mut Known::new(), &["a"], &[(status, CLAIMS)]);
        assert_eq!(asked, ["get s/.default in t1", "send Bearer a", "finish"], "{status}");
    }
}

#[test]
fn n_25_claims_are_answered_once() {
    let mut known = Known::new();
    let asked = converse(&bearer(), URL, &mut known, &["a", "b"], &[(401, CLAIMS), (200, "")]);
    let expected = [
        "get s/.default",
        "send Bearer a",
        "learn a refused",
        "learn cae",
        "get s/.default cae claims {\"a\":1}",
        "send Bearer b",
        "finish",
    ];
    assert_eq!(asked, expected);
    assert!(known.is_cae());
    // The client is on continuous access evaluation from now on; a second 401 is the application's.
    let asked = converse(&bearer(), URL, &mut known, &["b", "c"], &[(401, CLAIMS), (401, CLAIMS)]);
    let expected = [
        "get s/.default cae",
        "send Bearer b",
        "learn b refused",
        "get s/.default cae claims {\"a\":1}",
        "send Bearer c",
        "learn c refused",
        "finish",
    ];
    assert_eq!(asked, expected);
    // What was refused last is what is ruled out.
    let asked = converse(&bearer(), URL, &mut known, &["d"], &[(200, "")]);
    assert_eq!(asked, ["get s/.default cae not c", "learn c replaced", "send Bearer d", "finish"]);
}

#[test]
fn t_04_a_refused_token_is_not_asked_for_again() {
    let mut known = Known::new();
    let plain = converse(&bearer(), URL, &mut known, &["a"], &[(401, "")]);
    assert_eq!(plain, ["get s/.default", "send Bearer a", "learn a refused", "finish"]);
    // Another kind of token has nothing to do with it.
    let other = converse(&bearer().tenant_id("t2"), URL, &mut known, &["x"], &[(200, "")]);
    assert_eq!(other, ["get s/.default in t2", "send Bearer x", "finish"]);
    // A source that has no other is believed: the resource decides.
    let same = converse(&bearer(), URL, &mut known, &["a"], &[(200, "")]);
    assert_eq!(same, ["get s/.default not a", "send Bearer a", "finish"]);
    let renewed = converse(&bearer(), URL, &mut known, &["b"], &[(200, "")]);
    assert_eq!(renewed, ["get s/.default not a", "learn a replaced", "send Bearer b", "finish"]);
    assert_eq!(converse(&bearer(), URL, &mut known, &["b"], &[(200, "")])[0], "get s/.default");
    // A source that does not know of claims is not sent round again.
    let deaf = converse(&bearer().enable_cae(true), URL, &mut known, &["b", "b"], &[(401, CLAIMS)]);
    let expected =
        ["get s/.default cae", "send Bearer b", "learn b refused", "get s/.default cae claims {\"a\":1}", "finish"];
    assert_eq!(deaf, expected);
}

#[test]
fn n_25_what_is_no_claims_challenge() {
    let table = [
        "",
        "Bearer",
        "Bearer error=\"insufficient_claims\"",
        "Bearer error=\"invalid_token\", claims=\"eyJhIjoxfQ==\"",
        "Bearer error=\"insufficient_claims\", claims=\"?\"",
        "Bearer error=\"insufficient_claims\", claims=\"W10=\"",
        // {"access_token":1}: could not be merged with what every client sends.
        "Bearer error=\"insufficient_claims\", claims=\"eyJhY2Nlc3NfdG9rZW4iOjF9\"",
        "Bearer claims=\"eyJhIjoxfQ==\", Bearer error=\"insufficient_claims\"",
        "PoP error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==\"",
        T1,
    ];
    for challenge in table {
        let asked = converse(&bearer(), URL, &mut Known::new(), &["a"], &[(401, challenge)]);
        assert_eq!(asked, ["get s/.default", "send Bearer a", "learn a refused", "finish"], "{challenge}");
    }
}

#[test]
fn resource_challenges_are_learnt_and_forgotten() {
    let bearer = Bearer::from_challenges();
    let mut known = Known::new();
    let first = converse(&bearer, VAULT, &mut known, &["a", "b"], &[(401, T1), (401, CLAIMS), (200, "")]);
    let expected = [
        "send nothing, no body",
        "learn https://vault.azure.net/.default in t1",
        "get https://vault.azure.net/.default in t1 cae",
        "send Bearer a",
        "learn a refused",
        "get https://vault.azure.net/.default in t1 cae claims {\"a\":1}",
        "send Bearer b",
        "finish",
    ];
    assert_eq!(first, expected);
    // Known by host, whatever its letters and usual port; another host is asked anew.
    let second = converse(&bearer, "https://KV1.vault.azure.net:443/", &mut known, &["c"], &[(401, T1)]);
    let expected = [
        "get https://vault.azure.net/.default in t1 cae not a",
        "learn a replaced",
        "send Bearer c",
        "learn c refused",
        "learn challenge outdated",
        "finish",
    ];
    assert_eq!(second, expected);
    // The vault has moved; the token that was refused is still ruled out for its own tenant.
    let moved = T1.replace("t1", "t2");
    let third = converse(&bearer, VAULT, &mut known.clone(), &["d"], &[(401, &moved), (200, "")]);
    assert_eq!(third[2], "get https://vault.azure.net/.default in t2 cae");
    let third = converse(&bearer, VAULT, &mut known, &["d"], &[(401, T1), (200, "")]);
    assert_eq!(third[2], "get https://vault.azure.net/.default in t1 cae not c");
    // A second refusal is final; with claims it says nothing against the challenge, without it does.
    for (challenge, last) in [(CLAIMS, "learn f refused"), ("", "learn challenge outdated")] {
        let mut known = Known::new();
        let said = [(401, T1), (401, CLAIMS), (401, challenge)];
        let asked = converse(&bearer, VAULT, &mut known, &["e", "f"], &said);
        assert_eq!(asked[asked.len() - 2..], [last, "finish"]);
    }
    // Anonymous access, and a 401 that says nothing.
    for said in [(200, T1), (401, ""), (401, CLAIMS), (401, "Bearer resource=\"https://vault.azure.net\"")] {
        let asked = converse(&bearer, "https://kv2.vault.azure.net/", &mut known, &[], &[said]);
        assert_eq!(asked, ["send nothing, no body", "finish"], "{said:?}");
    }
}

#[test]
fn only_the_challenge_that_failed_is_forgotten() {
    let bearer = Bearer::from_challenges();
    let learn = |url: &str, challenge: &str, known: &mut Known| {
        converse(&bearer, url, known, &["a"], &[(401, challenge), (200, "")]);
    };
    let mut known = Known::new();
    learn("https://kv2.vault.azure.net/", T1, &mut known);
    learn(VAULT, T1, &mut known);
    let (mut talk, _) = Conversation::begin(&bearer, VAULT, &known).expect("begun");
    talk.hear(Heard::Token(Ok("a".into()))).expect("sent");
    talk.hear(Heard::Response { status: 401, challenges: &[] }).expect("refused");
    let Ok(Ask::Learn(outdated)) = talk.hear(Heard::Learnt) else { panic!("the challenge is outdated") };
    assert!(matches!(outdated, Lesson::Outdated(_)), "{outdated:?}");
    let first = |url: &str, known: &Known| line(&Conversation::begin(&bearer, url, known).expect("begun").1);
    // Another request has learnt better meanwhile.
    let mut better = Known::new();
    learn(VAULT, &T1.replace("t1", "t2"), &mut better);
    better.learn(outdated.clone());
    assert_eq!(first(VAULT, &better), "get https://vault.azure.net/.default in t2 cae");
    known.learn(outdated);
    assert_eq!(first(VAULT, &known), "send nothing, no body");
    assert_eq!(first("https://kv2.vault.azure.net/", &known), "get https://vault.azure.net/.default in t1 cae");
}

#[test]
fn what_is_read_from_a_resource_challenge() {
    let table = [
        ("authorization=\"https://login.windows.net/t1\", resource=\"https://vault.azure.net\"", "D in t1"),
        (
            "authorization_uri=\"https://login.windows.net/t1/oauth2/authorize\", resource=\"https://vault.azure.net/\"",
            "D in t1",
        ),
        ("authorization_uri=https://LOGIN.windows.net:443/t1 resource_id=https://vault.azure.net", "D in t1"),
        ("authorization=\"https://login.windows.net/t1?x=/y#z\", resource=\"https://vault.azure.net\"", "D in t1"),
        ("authorization=\"https://login.windows.net/adfs\", resource=\"https://vault.azure.net\"", "D"),
        ("authorization=\"https://login.windows.net/t1/adfs/\", resource=\"https://vault.azure.net\"", "D"),
        ("authorization=\"https://login.windows.net/common/oauth2\", resource=\"https://vault.azure.net\"", "D"),
        ("authorization=\"https://login.windows.net\", resource=\"https://vault.azure.net\"", "D"),
        (
            "authorization=\"https://login.windows.net/t1\", scope=\"https://vault.azure.net/read https://kv1.vault.azure.net/x\"",
            "https://kv1.vault.azure.net/x https://vault.azure.net/read in t1",
        ),
        // The scope is what the token is for, whatever the resource is called.
        (
            "authorization=\"https://login.windows.net/t1\", scope=\"https://vault.azure.net/.default\", resource=\"https://evil.example\"",
            "D in t1",
        ),
        ("authorization=\"http://login.windows.net/t1\", resource=\"https://vault.azure.net\"", ""),
        ("authorization=\"https://u@login.windows.net/t1\", resource=\"https://vault.azure.net\"", ""),
        ("authorization=\"https://login.windows.net/t%31\", resource=\"https://vault.azure.net\"", ""),
        ("authorization=\"https://login.windows.net/..\", resource=\"https://vault.azure.net\"", ""),
        ("authorization=\"login.windows.net/t1\", resource=\"https://vault.azure.net\"", ""),
        ("authorization=\"https://login.windows.net/t1\", scope=\"\"", ""),
        ("authorization=\"https://login.windows.net/t1\"", ""),
    ];
    for (params, expected) in table {
        let said = [(401, &*format!("Bearer {params}")), (200, "")];
        let (tokens, said): (&[_], _) = if expected.is_empty() { (&[], &said[..1]) } else { (&["a"], &said[..]) };
        let asked = converse(&Bearer::from_challenges(), VAULT, &mut Known::new(), tokens, said);
        let wanted = expected.replacen('D', "https://vault.azure.net/.default", 1);
        let learnt = asked.get(1).and_then(|line| line.strip_prefix("learn ")).unwrap_or_default();
        assert_eq!(learnt, wanted, "{params}");
    }
    // The application's own tenant counts before the challenge's.
    let asked =
        converse(&Bearer::from_challenges().tenant_id("t9"), VAULT, &mut Known::new(), &["a"], &[(401, T1), (200, "")]);
    assert_eq!(asked[2], "get https://vault.azure.net/.default in t9 cae");
}

#[test]
fn i_04_only_known_authorities_are_named() {
    let challenge = T1.replace("login.microsoftonline.com", "sts.local:8443");
    let asked = converse(&Bearer::from_challenges(), VAULT, &mut Known::new(), &[], &[(401, &challenge)]);
    assert_eq!(asked[1], "configuration: kv1.vault.azure.net names an authority that is not known: sts.local:8443");
    let own = Bearer::from_challenges().authority_host(AuthorityHost::new("sts.local:8443").expect("a host"));
    assert_eq!(converse(&own, VAULT, &mut Known::new(), &["a"], &[(401, &challenge), (200, "")]).len(), 5);
}

#[test]
fn i_04_a_tenant_that_is_not_allowed_is_refused_before_any_request() {
    let (mut talk, _) = Conversation::begin(&Bearer::from_challenges(), VAULT, &Known::new()).expect("begun");
    let learn = talk.hear(Heard::Response { status: 401, challenges: &[T1] }).expect("a lesson");
    assert!(matches!(learn, Ask::Learn(Lesson::Challenge(_))), "{learn:?}");
    let Ok(Ask::GetToken(wanted)) = talk.hear(Heard::Learnt) else { panic!("a token is wanted") };
    let credential = || ClientSecretCredential::new("t2", "app", "secret").expect("a credential");
    let here = Surroundings::default();
    let error = credential().query(&wanted, &here).expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::Configuration);
    for allowed in ["t1", "*"] {
        let query = credential().additionally_allowed_tenants([allowed]).query(&wanted, &here).expect("allowed");
        assert_eq!(query.authority.tenant.as_str(), "t1");
    }
    // The credential's error is the conversation's.
    assert_eq!(talk.hear(Heard::Token(Err(error.clone()))), Err(error));
}

#[test]
fn i_04_tokens_stay_with_the_hosts_they_are_for() {
    // request, resource, whether the token is sent
    let table = [
        ("https://kv1.vault.azure.net/", "https://vault.azure.net", true),
        ("https://a.b.vault.azure.net:8443/", "https://VAULT.azure.net", true),
        ("https://vault.azure.net/", "https://vault.azure.net", true),
        ("https://localhost:8443/", "https://localhost", true),
        ("https://127.0.0.1/", "https://127.0.0.1", true),
        ("https://[::1]/", "https://[::1]", true),
        ("https://evil.example/", "https://vault.azure.net", false),
        ("https://evilvault.azure.net/", "https://vault.azure.net", false),
        ("https://vault.azure.net.evil.example/", "https://vault.azure.net", false),
        ("https://azure.net/", "https://vault.azure.net", false),
        ("https://kv1.vault.azure.net/", "https://net", false),
        ("https://kv1.vault.azure.net/", "http://vault.azure.net", false),
        ("https://kv1.vault.azure.net/", "vault.azure.net", false),
        ("https://kv1.vault.azure.net/", "api://vault.azure.net", false),
        ("https://kv1.vault.azure.net/", "https://", false),
        ("https://kv1.vault.azure.net/", "https://.vault.azure.net", false),
        ("https://kv1.vault.azure.net/", "https://vault.azure.net.", false),
        ("https://kv1.vault.azure.net./", "https://vault.azure.net", false),
        ("https://kv1.vault.azure.net./", "https://vault.azure.net.", false),
        ("https://kv1..vault.azure.net/", "https://vault.azure.net", false),
        ("https://.vault.azure.net/", "https://vault.azure.net", false),
        ("https://evil.example/", "https://vault.azure.net@evil.example", false),
        ("https://evil.example/", "https://evil.example:443@vault.azure.net", false),
        ("https://evil.example/", "https://evil.example?.vault.azure.net", false),
        ("https://evil.example/", "https://evil.example#.vault.azure.net", false),
        ("https://10.0.0.1/", "https://0.0.1", false),
        ("https://1.127.0.0.1.example/", "https://127.0.0.1", false),
        ("https://127.0.0.1/", "https://0x7f.1", false),
    ];
    for (url, resource, sent) in table {
        let challenge = format!("Bearer authorization=\"https://login.windows.net/t1\", resource=\"{resource}\"");
        let said = [(401, challenge.as_str()), (200, "")];
        let (tokens, heard): (&[_], _) = if sent { (&["a"], &said[..]) } else { (&[], &said[..1]) };
        let asked = converse(&Bearer::from_challenges(), url, &mut Known::new(), tokens, heard);
        assert_eq!(asked.contains(&"send Bearer a".to_owned()), sent, "{url} {resource}: {asked:?}");
        if !sent {
            assert!(asked[1].contains("asks for a token that is for another host"), "{url} {resource}: {asked:?}");
            let trusting = Bearer::from_challenges().verify_challenge_resource(false);
            let asked = converse(&trusting, url, &mut Known::new(), &["a"], &said);
            assert!(asked.contains(&"send Bearer a".to_owned()), "{url} {resource}: {asked:?}");
        }
    }
    // What a trusting client learnt does not bind another.
    let mut known = Known::new();
    let said = [(401, T1), (200, "")];
    let trusting = Bearer::from_challenges().verify_challenge_resource(false);
    converse(&trusting, "https://evil.example/", &mut known, &["a"], &said);
    let error = Conversation::begin(&Bearer::from_challenges(), "https://evil.example/", &known).expect_err("refused");
    assert!(error.to_string().contains("check the request's address"), "{error}");
}

#[test]
fn nothing_is_asked_for_a_url_that_is_not_safe() {
    let plain =
        ["http://api.example/", "HTTP://api.example", "http://localhost/", "http://127.0.0.1:1/", "http://[::1]/"];
    let odd = [
        "",
        "api.example",
        "//api.example/",
        "https:/api.example",
        "ftp://api.example/",
        "https://",
        "https:///",
        "https://u@api.example/",
        "https://u:canary-QUERY@api.example/",
        "https://api.example\\@evil.example/",
        "https://api.example%2eevil.example/",
        "https://api example/",
        " https://api.example/",
        "https://api.example:/",
        "https://api.example:99999/",
        "https://api.exa\u{200b}mple/",
        "https://127.1/",
        "https://[::1",
    ];
    for url in plain.iter().chain(&odd) {
        for bearer in [bearer(), Bearer::from_challenges()] {
            let error = Conversation::begin(&bearer, url, &Known::new()).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
            assert!(error.advice().is_some() && !format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }
    let emulator = bearer().allow_insecure_loopback(true);
    for url in plain.iter().chain(&odd) {
        let loopback = ["://localhost", "://127.", "://[::1]/"].iter().any(|host| url.contains(host));
        let allowed = url.starts_with("http://") && loopback;
        assert_eq!(Conversation::begin(&emulator, url, &Known::new()).is_ok(), allowed, "{url}");
    }
    assert!(Conversation::begin(&emulator, "http://localhost.evil.example/", &Known::new()).is_err());
}

#[test]
fn a_token_that_could_end_the_header_is_not_sent() {
    for token in ["", "a b", "a\r\nHost: evil", "é", "a\u{0}"] {
        let asked = converse(&bearer(), URL, &mut Known::new(), &[token], &[]);
        assert_eq!(asked.len(), 2);
        assert!(asked[1].starts_with("authentication_failed: "), "{asked:?}");
    }
}

#[test]
fn an_answer_to_another_ask_is_misuse() {
    let begin = || Conversation::begin(&bearer(), URL, &Known::new()).expect("begun").0;
    let response = || Heard::Response { status: 200, challenges: &[] };
    for heard in [response(), Heard::Learnt] {
        assert_eq!(begin().hear(heard).map_err(|error| error.kind()), Err(ErrorKind::Misuse));
    }
    let mut talk = begin();
    assert!(matches!(talk.hear(Heard::Token(Ok("a".into()))), Ok(Ask::Send { .. })));
    assert_eq!(talk.hear(response()), Ok(Ask::Finish));
    for heard in [response(), Heard::Learnt, Heard::Token(Ok("a".into()))] {
        assert_eq!(talk.hear(heard).map_err(|error| error.kind()), Err(ErrorKind::Misuse), "the end is the end");
    }
}

#[test]
fn what_a_client_knows_is_bounded() {
    let mut known = Known::new();
    for n in 0..300 {
        let url = format!("https://kv{n}.vault.azure.net/");
        converse(&Bearer::from_challenges(), &url, &mut known, &["a"], &[(401, T1), (200, "")]);
        let scoped = Bearer::new([format!("s{n}")]).expect("scopes");
        converse(&scoped, URL, &mut known, &["r"], &[(401, "")]);
    }
    let challenged = |n: u32| {
        let url = format!("https://kv{n}.vault.azure.net/");
        matches!(Conversation::begin(&Bearer::from_challenges(), &url, &known), Ok((_, Ask::GetToken(_))))
    };
    assert_eq!((0..300).filter(|n| challenged(*n)).count(), 256);
    let refused = |n: u32| {
        let scoped = Bearer::new([format!("s{n}")]).expect("scopes");
        let (_, ask) = Conversation::begin(&scoped, URL, &known).expect("begun");
        line(&ask).ends_with(" not r")
    };
    assert_eq!((0..300).filter(|n| refused(*n)).count(), 16);
}

#[test]
fn m_01_the_layer_shows_no_secret() {
    let mut shown = String::new();
    let mut known = Known::new();
    for answers in [[CLAIMS, CLAIMS], [CLAIMS, ""], ["", ""]] {
        let (mut talk, mut ask) = Conversation::begin(&bearer(), URL, &known).expect("begun");
        let mut tokens = ["canary-FIRST", "canary-SECOND"].into_iter();
        let mut answers = answers.into_iter();
        while ask != Ask::Finish {
            shown.push_str(&format!("{ask:?} {ask:#?} {talk:?} {known:?}"));
            let field = answers.as_slice().first().copied().unwrap_or_default();
            let challenges = [field];
            let heard = match ask {
                Ask::GetToken(_) => Heard::Token(Ok(tokens.next().expect("a token").into())),
                Ask::Send { .. } => {
                    answers.next();
                    Heard::Response { status: 401, challenges: &challenges }
                }
                Ask::Learn(lesson) => {
                    known.learn(lesson);
                    Heard::Learnt
                }
                Ask::Finish => break,
            };
            shown.push_str(&format!("{heard:?}"));
            ask = talk.hear(heard).expect("an ask");
        }
        shown.push_str(&format!("{talk:?} {known:?}"));
    }
    let (mut talk, _) = Conversation::begin(&bearer(), URL, &known).expect("begun");
    let error = talk.hear(Heard::Token(Ok("canary bad".into()))).expect_err("refused");
    shown.push_str(&format!("{error} {error:?}"));
    assert!(shown.contains("Refused") && shown.len() > 1000);
    assert!(!shown.contains("canary"), "{shown}");
}
