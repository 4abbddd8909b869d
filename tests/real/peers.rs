//! The peers of user sign-in do what the tests of sign-in rely on, without a line of azlatch's between them.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use url::form_urlencoded;

use crate::provider::{Browser, CLIENT, Provider, SCOPES, visit};

/// The example of RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn peers() -> Option<(Provider, Browser)> {
    Some((Provider::start()?, Browser::find()?))
}

/// What a sign-in asks for.
fn scope() -> String {
    format!("openid profile offline_access {}", SCOPES.join(" "))
}

/// The redirect: receives one request that says something, in its query or its body, and answers it.
///
/// Browsers connect ahead and say nothing: those connections are held, and passed over.
fn receive(listener: TcpListener) -> JoinHandle<(String, HashMap<String, String>)> {
    thread::spawn(move || {
        let mut idle = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().expect("a connection");
            let Some((head, body)) = request(&mut stream) else {
                idle.push(stream);
                continue;
            };
            let answer = "<title>Signed in</title>You may close this window.";
            let length = answer.len();
            let head_of = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close";
            write!(stream, "{head_of}\r\ncontent-length: {length}\r\n\r\n{answer}").expect("an answer");
            let line = head.lines().next().unwrap_or_default();
            let mut words = line.split(' ');
            let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let query = target.split_once('?').map_or("", |(_, query)| query);
            let form = form_urlencoded::parse(if method == "POST" { &body } else { query.as_bytes() });
            return (method.to_owned(), form.into_owned().collect());
        }
    })
}

/// One request, head and body; `None` when nothing comes.
fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a time");
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let field = |line: &str| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
            let length: usize = head.lines().find_map(field).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some((head, bytes[end + 4..].to_vec()));
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// What a browser brought to the redirect.
struct Brought {
    method: String,
    form: HashMap<String, String>,
    redirect: String,
}

/// Signs `who` in as a native client does (RFC 8252): `ways` are further parameters of the request.
fn sign_in(provider: &Provider, browser: Browser, who: &str, host: &str, ways: &[(&str, &str)]) -> Brought {
    let listener = TcpListener::bind((host, 0)).expect("a port");
    let name = if host == "::1" { "[::1]" } else { "localhost" };
    let redirect = format!("http://{name}:{}", listener.local_addr().expect("an address").port());
    let received = receive(listener);
    let scope = scope();
    let mut query = vec![("client_id", CLIENT), ("response_type", "code"), ("redirect_uri", &redirect)];
    query.extend([("scope", &*scope), ("state", "a state"), ("code_challenge", CHALLENGE)]);
    query.push(("code_challenge_method", "S256"));
    query.extend(ways);
    let landing = visit(browser.to(&provider.url("authorize", &query)).env("WHO", who));
    assert!(landing.url.starts_with(&redirect), "{landing:?}");
    assert_eq!((&*landing.title, &*landing.text), ("Signed in", "You may close this window."));
    assert_eq!(landing.error, None);
    let (method, form) = received.join().expect("a request");
    Brought { method, form, redirect }
}

/// The token request's answer, which must be one with tokens.
#[track_caller]
fn tokens(provider: &Provider, form: &[(&str, &str)]) -> Value {
    let form = [form, &[("client_id", CLIENT), ("client_info", "1")]].concat();
    let (status, answer) = provider.post("token", &form);
    assert_eq!(status, 200, "{answer}");
    answer
}

fn redeem(provider: &Provider, brought: &Brought) -> Value {
    let form = [("grant_type", "authorization_code"), ("code", &*brought.form["code"])];
    tokens(provider, &[&form[..], &[("redirect_uri", &brought.redirect), ("code_verifier", VERIFIER)]].concat())
}

/// The JSON inside base64url text.
fn decoded(text: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
}

/// The claims of an answer's id token, and whose account `client_info` says it is.
fn person(provider: &Provider, answer: &Value, who: &str) {
    let id_token = answer["id_token"].as_str().expect("an id token");
    let claims = decoded(id_token.split('.').nth(1).expect("claims"));
    let oid = format!("oid-{who}");
    let expected = [("sub", who), ("oid", &oid), ("tid", provider.tenant()), ("name", who), ("aud", CLIENT)]
        .map(|(n, v)| (n, Some(v)));
    assert_eq!(expected.map(|(name, _)| (name, claims[name].as_str())), expected);
    assert_eq!(claims["preferred_username"], format!("{who}@vault.example"));
    let home = decoded(answer["client_info"].as_str().expect("client_info"));
    assert_eq!((home["uid"].as_str(), home["utid"].as_str()), (Some(&*oid), Some(provider.tenant())));
}

#[test]
fn a_code_is_redeemed_and_refresh_tokens_rotate() {
    let Some((provider, browser)) = peers() else { return };
    let brought = sign_in(&provider, browser, "ada", "127.0.0.1", &[("prompt", "select_account")]);
    assert_eq!(brought.method, "GET");
    // RFC 9207.
    assert_eq!(brought.form["iss"], format!("{}/{}/v2.0", provider.authority(), provider.tenant()));
    assert_eq!(brought.form["state"], "a state");
    let first = redeem(&provider, &brought);
    person(&provider, &first, "ada");

    let refresh = |from: &Value, scope: &str| {
        let secret = from["refresh_token"].as_str().expect("a refresh token").to_owned();
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", &secret), ("scope", scope), ("client_id", CLIENT)];
        provider.post("token", &form)
    };
    let (status, second) = refresh(&first, &format!("openid offline_access {}", SCOPES[1]));
    assert_eq!(status, 200, "{second}");
    assert!(second["scope"].as_str().expect("a scope").contains(SCOPES[1]), "{second}");
    assert_ne!(first["refresh_token"], second["refresh_token"], "no rotation");
    assert_eq!(second.get("client_info"), None, "it was not asked for");
    // A second use of the first takes its successor with it, as RFC 9700 section 4.14.2 advises.
    for spent in [&first, &second] {
        let (status, refused) = refresh(spent, SCOPES[0]);
        assert_eq!((status, &refused["error"]), (400, &Value::from("invalid_grant")), "{refused}");
    }

    let hits = provider.hits();
    assert_eq!((hits["authorize"], hits["token"], hits.get("devicecode")), (1, 4, None), "{hits:?}");
    assert!(provider.hits().is_empty(), "counts begin anew");
}

#[test]
fn every_redirect_is_reached() {
    let Some((provider, browser)) = peers() else { return };
    let mut rows = vec![("127.0.0.1", "form_post", "POST")];
    match TcpListener::bind(("::1", 0)) {
        Ok(_) => rows.push(("::1", "query", "GET")),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "SKIPPED: no redirect to [::1]: {error}");
        }
    }
    for (host, mode, method) in rows {
        let brought = sign_in(&provider, browser, "bob", host, &[("response_mode", mode)]);
        assert_eq!(brought.method, method, "{mode} to {host}");
        person(&provider, &redeem(&provider, &brought), "bob");
    }
    let none = sign_in(&provider, browser, "bob", "127.0.0.1", &[("prompt", "none")]);
    assert_eq!(none.form["error"], "login_required", "a browser that remembers nobody");
}

#[test]
fn a_device_is_signed_in() {
    let Some((provider, browser)) = peers() else { return };
    let (status, device) = provider.post("devicecode", &[("client_id", CLIENT), ("scope", &scope())]);
    assert_eq!((status, device["interval"].as_u64()), (200, Some(1)), "{device}");
    let said = |name: &str| device[name].as_str().unwrap_or_else(|| panic!("no {name}: {device}"));
    assert!(said("message").contains(said("user_code")));
    let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    let form = [grant, ("device_code", said("device_code")), ("client_id", CLIENT), ("client_info", "1")];
    let (status, pending) = provider.post("token", &form);
    assert_eq!((status, &pending["error"]), (400, &Value::from("authorization_pending")), "{pending}");

    let mut page = browser.to(said("verification_uri"));
    let landing = visit(page.env("WHO", "eve").env("CODE", said("user_code")));
    assert!(landing.title.contains("Success"), "{landing:?}");
    let (status, answer) = provider.post("token", &form);
    assert_eq!(status, 200, "{answer}");
    person(&provider, &answer, "eve");
    let hits = provider.hits();
    assert_eq!((hits.get("authorize"), hits["token"], hits["devicecode"]), (None, 2, 1), "{hits:?}");
}

/// `BROWSER` has a command to which a URL is appended, and its log has what came of it.
#[test]
fn a_browser_is_a_command_and_keeps_a_log() {
    let Some(browser) = Browser::find() else { return };
    let log = tempfile::NamedTempFile::new().expect("a file");
    let command = browser.command();
    let (program, script) = command.split_once(' ').expect("two words");
    for url in ["https://vault.example/", "http://192.0.2.1/"] {
        let mut run = std::process::Command::new(program);
        let output = run.arg(script).arg(url).env("BROWSE_LOG", log.path()).output().expect("a browser");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let landings = crate::provider::landings(&std::fs::read_to_string(log.path()).expect("a log"));
    let errors: Vec<_> = landings.iter().map(|landing| landing.error.as_deref().unwrap_or_default()).collect();
    assert_eq!(errors.len(), 2);
    // Names and addresses alike: pages lead to this machine or nowhere.
    assert!(errors.iter().all(|error| error.contains("ERR_NAME_NOT_RESOLVED")), "{errors:?}");
}
