//! The naive program: a borrowed parse of the fields it needs, no lock, no checks, nothing unknown kept.

#![allow(clippy::unwrap_used, reason = "a bench stops at the first surprise")]

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub(crate) const CLIENT: &str = "11111111-2222-3333-4444-555555555555";

#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Document<'a> {
    #[serde(borrow)]
    access_token: HashMap<&'a str, Entry<'a>>,
    #[serde(borrow)]
    refresh_token: HashMap<&'a str, Entry<'a>>,
}

#[derive(Deserialize, Serialize, Default)]
struct Entry<'a> {
    #[serde(borrow)]
    credential_type: Cow<'a, str>,
    #[serde(borrow)]
    secret: Cow<'a, str>,
    #[serde(borrow, default)]
    home_account_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    environment: Cow<'a, str>,
    #[serde(borrow)]
    client_id: Cow<'a, str>,
    #[serde(borrow, default)]
    target: Cow<'a, str>,
    #[serde(borrow, default)]
    realm: Cow<'a, str>,
    #[serde(borrow, default)]
    token_type: Cow<'a, str>,
    #[serde(borrow, default)]
    cached_at: Cow<'a, str>,
    #[serde(borrow, default)]
    expires_on: Cow<'a, str>,
    #[serde(borrow, default)]
    extended_expires_on: Cow<'a, str>,
}

/// A token of the usual size: a signed JWT has 1 to 2 KiB.
pub(crate) fn token(i: usize) -> String {
    format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.{i:08}{}", "kZ3Jvd3RoLW9mLWEtdG9rZW4".repeat(36))
}

pub(crate) fn scope(i: usize) -> String {
    format!("https://resource-{i:05}.example.net/.default")
}

pub(crate) fn home(i: usize) -> String {
    format!("{i:08}-0000-0000-0000-000000000101.00000000-0000-0000-0000-0000000000a1")
}

/// `n` access tokens for one client: of the application for as many resources, or of as many users for one resource,
/// with a refresh token each. Got ten minutes before `now`.
pub(crate) fn document(n: usize, of_users: bool, now: i64) -> String {
    let environment = azlatch_core::authority::cloud::PUBLIC;
    let (cached_at, expires_on) = (now - 600, now + 3000);
    // In the order in which they happened to be asked for, not sorted.
    let order = move |i: usize| (i * 7_919) % n;
    let access = (0..n).map(order).map(|i| {
        let (owner, scope, secret) = (of_users.then(|| home(i)), scope(if of_users { 0 } else { i }), token(i));
        let key = format!(
            "{}-{environment}-accesstoken-{CLIENT}-t1-{scope}",
            owner.as_deref().unwrap_or_default()
        );
        let owner = owner.map_or_else(|| "null".to_owned(), |home| format!("\"{home}\""));
        format!(
            r#""{key}":{{"credential_type":"AccessToken","secret":"{secret}","home_account_id":{owner},"environment":"{environment}","client_id":"{CLIENT}","target":"{scope}","realm":"t1","token_type":"Bearer","cached_at":"{cached_at}","expires_on":"{expires_on}","extended_expires_on":"{expires_on}"}}"#
        )
    });
    let refresh = (0..if of_users { n } else { 0 }).map(order).map(|i| {
        let (home, secret) = (home(i), token(i));
        format!(
            r#""{home}-{environment}-refreshtoken-{CLIENT}--":{{"credential_type":"RefreshToken","secret":"{secret}","home_account_id":"{home}","environment":"{environment}","client_id":"{CLIENT}"}}"#
        )
    });
    let (access, refresh): (Vec<_>, Vec<_>) = (access.collect(), refresh.collect());
    format!(r#"{{"AccessToken":{{{}}},"RefreshToken":{{{}}}}}"#, access.join(","), refresh.join(","))
}

pub(crate) fn parse(text: &str) -> Document<'_> {
    serde_json::from_str(text).unwrap()
}

pub(crate) fn find<'d>(document: &'d Document<'_>, home: Option<&str>, scope: &str, now: i64) -> Option<&'d str> {
    let live = |e: &&Entry<'_>| e.expires_on.parse::<i64>().is_ok_and(|at| at > now);
    document
        .access_token
        .values()
        .filter(|e| {
            e.client_id == CLIENT
                && e.home_account_id.as_deref() == home
                && e.environment == azlatch_core::authority::cloud::PUBLIC
                && e.realm == "t1"
                && e.target.split(' ').any(|s| s == scope)
        })
        .find(live)
        .map(|e| &*e.secret)
}

pub(crate) fn find_refresh<'d>(document: &'d Document<'_>, home: &str) -> Option<&'d str> {
    let mut entries = document.refresh_token.values();
    entries.find(|e| e.client_id == CLIENT && e.home_account_id.as_deref() == Some(home)).map(|e| &*e.secret)
}

pub(crate) fn hit(path: &Path, home: Option<&str>, scope: &str, now: i64) -> Option<String> {
    let text = fs::read_to_string(path).unwrap();
    find(&parse(&text), home, scope, now).map(str::to_owned)
}

/// Reads, adds token `i`, and writes durably.
pub(crate) fn save(path: &Path, i: usize, now: i64) {
    let text = fs::read_to_string(path).unwrap();
    let mut document = parse(&text);
    let (key, secret, target) = (format!("-accesstoken-{CLIENT}-t1-{}", scope(i)), token(i), scope(i));
    let (cached_at, expires_on) = (now.to_string(), (now + 3599).to_string());
    let entry = Entry {
        credential_type: "AccessToken".into(),
        secret: secret.as_str().into(),
        environment: azlatch_core::authority::cloud::PUBLIC.into(),
        client_id: CLIENT.into(),
        target: target.as_str().into(),
        realm: "t1".into(),
        token_type: "Bearer".into(),
        cached_at: cached_at.into(),
        extended_expires_on: expires_on.clone().into(),
        expires_on: expires_on.into(),
        home_account_id: None,
    };
    document.access_token.insert(&key, entry);
    let bytes = serde_json::to_vec(&document).unwrap();
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary).unwrap();
    file.write_all(&bytes).unwrap();
    file.sync_all().unwrap();
    fs::rename(&temporary, path).unwrap();
    File::open(path.parent().unwrap()).unwrap().sync_all().unwrap();
}

#[derive(Deserialize)]
pub(crate) struct Granted<'a> {
    #[serde(borrow)]
    pub(crate) access_token: Cow<'a, str>,
    pub(crate) expires_in: i64,
}

pub(crate) fn granted(answer: &str) -> (String, i64) {
    let Granted { access_token, expires_in } = serde_json::from_str(answer).unwrap();
    (access_token.into_owned(), expires_in)
}

pub(crate) fn form(scope: &str) -> String {
    let scope = azlatch_core::wire::form::query_value(scope);
    format!("client_id={CLIENT}&grant_type=client_credentials&client_secret=s3cret&scope={scope}")
}
