//! Other languages' records and accounts: read, written as they write them, and gone on from silently.

use std::fs;

use azlatch_core::AuthenticationRecord;
use azlatch_core::Unix;
use azlatch_core::authority::{Authority, AuthorityHost};
use azlatch_core::cache::{Document, Query, Room, Section, Subject, access_token, accounts, insert, refresh_tokens};
use azlatch_core::credential::{Credential, InteractiveBrowserCredential, Surroundings, TokenRequest};
use azlatch_core::token::Granted;
use azlatch_tests::root;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::{CLIENT, T1, USER1, cache, query};

fn text(name: &str) -> String {
    fs::read_to_string(root().join("tests/fixtures/records").join(name)).expect("a file")
}

fn listed(name: &str, host: &str) -> Vec<(String, String, String, bool)> {
    let host = AuthorityHost::new(host).expect("a host");
    let all = accounts(&cache(name), &host, CLIENT);
    let tail = |text: &str| text.chars().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect::<String>();
    all.iter()
        .map(|account| {
            let record = &account.record;
            let (home, tenant) = (tail(&record.home_account_id), tail(record.tenant_id.as_str()));
            (record.username.clone(), home, tenant, account.can_renew)
        })
        .collect()
}

#[test]
fn every_languages_record_is_read() {
    let mut read = 0;
    for name in ["python.json", "js.json"] {
        let records: Value = serde_json::from_str(&text(name)).expect("JSON");
        for (case, record) in records.as_object().expect("an object") {
            let ours = AuthenticationRecord::from_json(&record.to_string()).expect(case);
            // Six members, and the same six written back.
            let again: Value = serde_json::from_str(&ours.to_json()).expect("JSON");
            assert_eq!(&again, record, "{name} {case}");
            read += 1;
        }
    }
    assert_eq!(read, 9);
    let python = text("python_raw.json");
    let ours = AuthenticationRecord::from_json(&python).expect("a record");
    assert_eq!(ours.to_json(), python, "to the byte");
    let js = AuthenticationRecord::from_json(&text("js_raw.json")).expect("a record");
    assert_eq!(js.authority.to_string(), "login.windows.net");
    // .NET and Java leave the version out, .NET in an order of its own; Go writes an address.
    let dotnet = format!(
        r#"{{"username":"user1@tenant-one.example","authority":"login.microsoftonline.com","homeAccountId":"{USER1}","tenantId":"{T1}","clientId":"{CLIENT}"}}"#
    );
    let go = format!(
        r#"{{"authority":"https://login.microsoftonline.com","clientId":"{CLIENT}","homeAccountId":"{USER1}","tenantId":"{T1}","username":"user1@tenant-one.example","version":"1.0"}}"#
    );
    for other in [dotnet, go.clone(), go.replace(".com\"", ".com/\""), format!("\u{feff}{go}\n")] {
        assert_eq!(AuthenticationRecord::from_json(&other).expect(&other), ours, "{other}");
    }
    for bad in [
        "",
        "a",
        "[]",
        "{}",
        &python.replace("1.0", "2.0"),
        &python.replace("homeAccountId", "home"),
        &python.replace("\"1.0\"", "1.0"),
    ] {
        assert!(AuthenticationRecord::from_json(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_accounts_of_every_languages_cache_are_listed() {
    let user1 = |tenant: &str| vec![("user1@tenant-one.example".to_owned(), "0a1".to_owned(), tenant.to_owned(), true)];
    for name in [
        "azure-identity-python/msal.cache.nocae",
        "msal-python/01_one_user_device_code.json",
        "msal-python/02_auth_code.json",
        "msal-python/06b_after_rotation.json",
        "msal-node/01_one_user_device_code.json",
        "msal-node/02_multi_tenant_cloud_refresh_on.json",
        "msal-node/x_python_01_one_user_device_code_after_msal_node.json",
        "msal-dotnet/01_one_user_device_code.json",
        "msal-dotnet/02_multi_tenant_cloud_refresh_on.json",
        "msal-dotnet/x_py_01_one_user_device_code_org_after_msal_dotnet.json",
        "variants/golden_user.json",
    ] {
        // Whatever alias is asked for, in their form or another's; guests and doubles are one account, at home.
        for host in ["login.microsoftonline.com", "login.windows.net"] {
            assert_eq!(listed(name, host), user1("0a1"), "{name}");
        }
        assert_eq!(listed(name, "login.partner.microsoftonline.cn"), [], "{name}");
    }
    let all = "msal-python/03_multi_account_tenant_cloud.json";
    let person = |name: &str, home: &str| (name.to_owned(), home.to_owned(), home.to_owned(), true);
    assert_eq!(
        listed(all, "login.microsoftonline.com"),
        [person("user1@tenant-one.example", "0a1"), person("User2@Tenant-Two.Example", "0a2")]
    );
    assert_eq!(listed(all, "login.microsoftonline.us"), [person("gov@tenant-three.example", "0a3")]);
    assert_eq!(listed(all, "login.partner.microsoftonline.cn"), [person("cn@tenant-four.example", "0a4")]);
    assert_eq!(listed("msal-python/07a_adfs.json", "fs.adfs.example").len(), 1);
    assert_eq!(listed("msal-python/07b_ciam.json", "contoso.ciamlogin.com").len(), 1);
    assert_eq!(listed("msal-python/07c_b2c.json", "contoso.b2clogin.com").len(), 1);
    for nobody in ["msal-python/05a_app_tokens.json", "msal-node/04a_app_tokens.json", "variants/golden_app_both.json"]
    {
        assert_eq!(listed(nobody, "login.microsoftonline.com"), [], "{nobody}");
    }
    // An application of its own may not use another's refresh token.
    let host = AuthorityHost::default();
    let stranger = accounts(&cache("msal-python/01_one_user_device_code.json"), &host, "another");
    assert!(stranger.len() == 1 && !stranger[0].can_renew);
    let mut family = accounts(&cache("msal-python/04a_foci_first_client.json"), &host, "another");
    assert!(
        family.pop().is_some_and(|account| account.can_renew),
        "but one of which nothing is known may try the family"
    );
}

#[test]
fn what_python_signed_in_is_the_record_that_python_wrote() {
    let document = cache("azure-identity-python/msal.cache.nocae");
    let all = accounts(&document, &AuthorityHost::default(), CLIENT);
    assert_eq!(all[0].record.to_json(), text("python_raw.json"));
}

/// The record finds the access token, without a request, in the cache of every language, whatever tenant it signed in to.
#[test]
fn a_record_goes_on_silently_in_every_languages_cache() {
    let python = AuthenticationRecord::from_json(&text("python_raw.json")).expect("a record");
    let js = AuthenticationRecord::from_json(&text("js_raw.json")).expect("a record");
    let request = TokenRequest::new(["https://graph.example/User.Read"]).expect("a request");
    for record in [python, js] {
        for (name, now) in [
            ("azure-identity-python/msal.cache.nocae", 1_800_000_100),
            ("msal-python/01_one_user_device_code.json", 1_800_000_100),
            ("msal-python/02_auth_code.json", 1_800_000_100),
            ("msal-node/01_one_user_device_code.json", 1_800_000_100),
            ("msal-node/03_auth_code.json", 1_800_000_100),
            ("msal-dotnet/01_one_user_device_code.json", 1_795_458_200),
        ] {
            let credential = InteractiveBrowserCredential::new().authentication_record(record.clone());
            let query = credential.query(&request, &Surroundings::default()).expect("a query");
            assert!(access_token(&cache(name), &query, Unix(now)).is_some(), "{name}");
            assert_eq!(refresh_tokens(&cache(name), &query).len(), 1, "{name}");
            // The tenant that was named wins over the record's: a guest there has no token yet, but can get one.
            let elsewhere = credential.tenant_id("another.example").expect("a tenant");
            let query = elsewhere.query(&request, &Surroundings::default()).expect("a query");
            assert!(access_token(&cache(name), &query, Unix(now)).is_none(), "{name}");
            assert_eq!(refresh_tokens(&cache(name), &query).len(), 1, "{name}");
        }
    }
}

/// Node keeps what it knows of an account's tenants in the very entity that we write: a sign-in adds to it.
#[test]
fn a_sign_in_takes_nothing_of_what_node_knows_of_an_account() {
    let node = cache("msal-node/03_auth_code.json");
    let host = node.entities(Section::Account).find_map(|(_, e)| e.text("environment")).expect("a host").into_owned();
    let asked = query(Subject::Account(USER1.into()), "s/.default");
    let host = AuthorityHost::new(&host).expect("a host");
    let asked = Query { authority: Authority { host, ..asked.authority.clone() }, ..asked };
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"tid":"{T1}","preferred_username":"new@name.example"}}"#));
    let answer = format!(r#"{{"access_token":"a","expires_in":60,"id_token":"e30.{claims}.x"}}"#);
    let granted = Granted::parse(answer.as_bytes(), Unix(1_800_000_000)).expect("a grant");
    let delta = insert(&node, &asked, &granted, None, Room::Ample);
    let accounts = |document: Document| {
        let text = String::from_utf8(document.into_bytes().expose_secret().to_vec()).expect("text");
        serde_json::from_str::<Value>(&text).expect("JSON")["Account"].as_object().expect("accounts").clone()
    };
    let (before, after) = (accounts(cache("msal-node/03_auth_code.json")), accounts(node.apply(&delta)));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "no second account");
    let (before, after) = (before.values().next().expect("one"), after.values().next().expect("one"));
    assert!(before["tenantProfiles"].is_array());
    assert_eq!(after["tenantProfiles"], before["tenantProfiles"]);
    assert_eq!(after["username"], "new@name.example");
}
