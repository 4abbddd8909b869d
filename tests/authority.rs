//! Who is asked: hosts and tenants that are what they say, and the rules of who may be asked.

use azlatch_core::authority::cloud::{canonical, same_environment};
use azlatch_core::authority::{Authority, AuthorityHost, Tenant, TenantRules};

#[test]
fn i_07_hosts_that_are_what_they_say() {
    let table = [
        ("login.microsoftonline.com", "login.microsoftonline.com"),
        ("https://login.microsoftonline.com", "login.microsoftonline.com"),
        ("https://login.microsoftonline.com/", "login.microsoftonline.com"),
        ("  https://login.microsoftonline.com// ", "login.microsoftonline.com"),
        ("HTTPS://Login.MicrosoftOnline.COM", "login.microsoftonline.com"),
        ("https://login.microsoftonline.com:443", "login.microsoftonline.com"),
        ("https://localhost:8443", "localhost:8443"),
        ("127.0.0.1:8443", "127.0.0.1:8443"),
        ("https://[::1]:8443", "[::1]:8443"),
        ("login.chinacloudapi.cn", "login.chinacloudapi.cn"),
        ("contoso.b2clogin.com", "contoso.b2clogin.com"),
    ];
    for (typed, understood) in table {
        assert_eq!(AuthorityHost::new(typed).expect(typed).to_string(), understood);
    }
}

#[test]
fn i_07_hosts_that_are_not() {
    let refused = [
        "",
        " ",
        "/",
        "https://",
        "https:///",
        "http://login.microsoftonline.com",
        "ftp://login.microsoftonline.com",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://login.microsoftonline.com@evil.com",
        "https://user@login.microsoftonline.com",
        "https://user:pw@login.microsoftonline.com",
        "https://login.microsoftonline.com\\@evil.com",
        "https://evil.com\\login.microsoftonline.com",
        "https://login.microsoftonline.com%2eevil.com",
        "https://login.microsoftonline.com%00.evil.com",
        "https://login.microsoftonline.com/tenant",
        "https://login.microsoftonline.com/../evil",
        "https://login.microsoftonline.com?x",
        "https://login.microsoftonline.com#f",
        "https://login.microsoftonline.com;x",
        "https://login.microsoftonline.com.",
        "https://login.microsoftonline.com..",
        "https://.login.microsoftonline.com",
        "https://login..microsoftonline.com",
        "https://login.microsoftonline.com:",
        "https://login.microsoftonline.com:0x1bb",
        "https://login.microsoftonline.com:99999",
        "https://login.microsoftonline.com:-1",
        "https://login.microsoftonline.com:443:443",
        "https://log\tin.microsoftonline.com",
        "https://log\nin.microsoftonline.com",
        "https://login microsoftonline.com",
        "https://login.microsoftonline.com\r\nHost: evil",
        "https://lοgin.microsoftonline.com",
        "https://login。microsoftonline.com",
        "https://xn--lgin-0ra.microsoftonline.com",
        "https://login.microsoftonline.com\u{200b}",
        "https://ｌogin.microsoftonline.com",
        "https://2130706433",
        "https://0x7f.1",
        "https://0177.0.0.1",
        "https://127.1",
        "https://1.2.3",
        "https://256.256.256.256",
        "https://[::ffff:127.0.0.1]",
        "https://[::1",
        "https://::1",
        "https://[::1%25eth0]",
        "https://[0:0:0:0:0:0:0:1]",
        "https://login_microsoftonline.com",
        "https://login.microsoftonline.com&x=1",
        "https://*.microsoftonline.com",
        "https://login.microsoftonline.com,evil.com",
        "https://https://login.microsoftonline.com",
        "//login.microsoftonline.com\\",
        "https:login.microsoftonline.com",
        "https:\\\\login.microsoftonline.com",
        "$(id).microsoftonline.com",
        "`id`",
    ];
    println!("{} hosts refused", refused.len());
    for typed in refused {
        assert!(AuthorityHost::new(typed).is_err(), "{typed:?}");
    }
    let long = format!("https://{}.com", "a".repeat(300));
    assert!(AuthorityHost::new(&long).is_err());
    // What is refused is shown, but cannot drive a terminal.
    let error = AuthorityHost::new("https://\u{1b}[2J").expect_err("refused").to_string();
    assert!(!error.contains('\u{1b}') && error.contains("\\u{1b}"));
}

#[test]
fn i_09_tenants_bend_no_url() {
    for good in [
        "contoso.onmicrosoft.com",
        "00000000-0000-0000-0000-0000000000a1",
        "organizations",
        "common",
        "adfs",
        "a",
        "a.b-c",
    ] {
        let authority = Authority { host: AuthorityHost::default(), tenant: Tenant::new(good).expect(good) };
        let endpoint = authority.token_endpoint();
        assert!(endpoint.starts_with(&format!("https://login.microsoftonline.com/{good}/oauth2/")), "{endpoint}");
    }
    let long = "a".repeat(10_000);
    for bad in [
        "",
        ".",
        "..",
        "...",
        "a/b",
        "a%2fb",
        "//evil.com",
        "?x",
        "#f",
        "a b",
        "a\tb",
        "é",
        "a\u{0}",
        "a;b",
        "a\\b",
        &long,
    ] {
        assert!(Tenant::new(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn tenant_rules_as_a_table() {
    // configured, allowed, single tenant, requested → asked (None: refused)
    type Row<'a> = (&'a str, &'a [&'a str], bool, Option<&'a str>, Option<&'a str>);
    let table: [Row<'_>; 14] = [
        ("home", &[], false, None, Some("home")),
        ("home", &[], false, Some("home"), Some("home")),
        ("home", &[], false, Some("HOME"), Some("home")),
        ("home", &[], false, Some("other"), None),
        ("home", &["other"], false, Some("other"), Some("other")),
        ("home", &["OTHER"], false, Some("other"), Some("other")),
        ("home", &["third"], false, Some("other"), None),
        ("home", &["*"], false, Some("other"), Some("other")),
        ("home", &["*"], true, Some("other"), Some("home")),
        ("adfs", &[], false, Some("other"), Some("adfs")),
        ("organizations", &[], false, Some("other"), Some("other")),
        ("organizations", &["third"], false, Some("other"), None),
        ("common", &[], false, Some("other"), None),
        ("home", &["*"], false, Some("../evil"), None),
    ];
    for (configured, allowed, single_tenant, requested, expected) in table {
        let rules = TenantRules {
            configured: Tenant::new(configured).expect("a tenant"),
            additionally_allowed: allowed.iter().map(ToString::to_string).collect(),
            single_tenant,
        };
        let asked = rules.resolve(requested).ok();
        assert_eq!(
            asked.as_ref().map(Tenant::as_str),
            expected,
            "{configured} {allowed:?} {single_tenant} {requested:?}"
        );
    }
}

#[test]
fn i_08_only_compiled_in_aliases_are_one_environment() {
    assert!(same_environment("login.microsoftonline.com", "LOGIN.WINDOWS.NET"));
    assert!(same_environment("login.chinacloudapi.cn", "login.partner.microsoftonline.cn"));
    assert!(same_environment("localhost", "localhost"));
    assert!(!same_environment("login.microsoftonline.com", "login.microsoftonline.us"));
    assert!(!same_environment("login.microsoftonline.com", "login.microsoftonline.com.evil.com"));
    assert!(!same_environment("localhost", "127.0.0.1"));
    assert_eq!(canonical("sts.windows.net"), "login.microsoftonline.com");
    assert_eq!(canonical("localhost"), "localhost");
}

#[test]
fn hosts_that_the_public_cloud_must_vouch_for() {
    let table = [
        ("login.microsoftonline.com", false),
        ("login.windows.net", false),
        ("login.microsoftonline.us", false),
        ("contoso.b2clogin.com", false),
        ("contoso.ciamlogin.com", false),
        ("contoso.b2clogin.com:8443", true),
        ("b2clogin.com", true),
        ("contoso.b2clogin.com.evil.com", true),
        ("evilb2clogin.com", true),
        ("login.microsoftonline.com:8443", true),
        ("login.contoso.example", true),
        ("localhost:8443", true),
    ];
    for (host, expected) in table {
        assert_eq!(AuthorityHost::new(host).expect(host).needs_vouching(), expected, "{host}");
    }
}

#[test]
fn the_caching_table_lists_what_may_persist() {
    use azlatch_core::credential::caching::{Caching, TABLE, of};
    use azlatch_core::credential::{ClientSecretCredential, Credential};
    assert_eq!(of(ClientSecretCredential::NAME), Some(Caching::Persistent));
    let count = |caching| TABLE.iter().filter(|(_, c)| *c == caching).count();
    let counts = [Caching::Persistent, Caching::Memory, Caching::Member, Caching::None].map(count);
    assert_eq!(counts, [7, 3, 1, 3], "fourteen credentials, as Azure Identity keeps them");
    assert_eq!(of("NoCredential"), None);
}
