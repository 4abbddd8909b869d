//! Users: passwords, realms, tenants, families of clients.

use super::*;
use crate::User;
use crate::model::mint::tenant_identifier;

const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

fn staffed() -> Entra {
    let users = vec![
        User::new("ada@contoso.test").password("secret").guest_of("fabrikam.test"),
        User::new("bob@contoso.test").password("secret").needs(r#"{"id_token":{}}"#),
        User::new("eve@fabrikam.test").federated(),
    ];
    Entra::new(Settings { users, ..Settings::default() })
}

fn password(entra: &mut Entra, tenant: &str, name: &str, password: &str) -> Answer {
    let fields = [
        ("grant_type", "password"),
        ("client_id", CLIENT),
        ("client_info", "1"),
        ("scope", "User.Read openid offline_access"),
        ("username", name),
        ("password", password),
    ];
    entra.answer(NOW, &Request::form(&format!("/{tenant}/oauth2/v2.0/token"), &fields))
}

#[test]
fn a_password_is_right_or_refused() {
    let mut staffed = staffed();
    for (tenant, name, secret, code) in [
        ("contoso.test", "ada@contoso.test", "secret", 0),
        ("fabrikam.test", "ADA@contoso.test", "secret", 0),
        ("organizations", "ada@contoso.test", "secret", 0),
        ("adatum.test", "ada@contoso.test", "secret", 50020),
        ("contoso.test", "ada@contoso.test", "Secret", 50126),
        ("contoso.test", "eve@fabrikam.test", "secret", 50020),
        ("fabrikam.test", "eve@fabrikam.test", "secret", 50126),
        ("contoso.test", "mallory@contoso.test", "secret", 50034),
        ("contoso.test", "bob@contoso.test", "secret", 50076),
        ("contoso.test", "bob@contoso.test", "wrong", 50126),
        ("common", "ada@contoso.test", "secret", 9_001_023),
        ("consumers", "ada@contoso.test", "secret", 9_001_023),
        ("contoso.test", "ada@contoso.test", "", 900_144),
        ("contoso.test", "", "secret", 900_144),
    ] {
        let answer = password(&mut staffed, tenant, name, secret);
        assert_eq!(verdict(&answer).2, code, "{tenant} {name} {secret}");
    }
    let body = json(&password(&mut staffed, "contoso.test", "bob@contoso.test", "secret"));
    assert_eq!((&body["suberror"], &body["claims"]), (&"basic_action".into(), &r#"{"id_token":{}}"#.into()));
    assert_eq!(staffed.counters().signed_in, 3);

    // Without users, anybody with an address.
    for (name, secret, code) in [("a@b.test", "x", 0), ("a@b.test", "wrong", 50126), ("ab", "x", 50034)] {
        let answer = password(&mut entra(), "contoso.test", name, secret);
        assert_eq!(verdict(&answer).2, code, "{name}");
    }
}

#[test]
fn a_guest_is_at_home_elsewhere() {
    let mut entra = staffed();
    let claims = |body: &Value| (id_claims(body), decoded(text(body, "client_info")));
    let (at_home, home) = claims(&json(&password(&mut entra, "contoso.test", "ada@contoso.test", "secret")));
    let body = json(&password(&mut entra, "fabrikam.test", "ada@contoso.test", "secret"));
    let (as_guest, info) = claims(&body);
    assert_eq!(info, home);
    assert_eq!(info["utid"], tenant_identifier("contoso.test"));
    assert_eq!(as_guest["tid"], tenant_identifier("fabrikam.test"));
    assert_eq!(as_guest["iss"], format!("https://localhost/{}/v2.0", text(&as_guest, "tid")));
    assert_eq!(at_home["oid"], home["uid"]);
    assert_ne!(as_guest["oid"], home["uid"]);

    // The refresh token is good for the tenants of the user and for no other.
    let mut token = text(&body, "refresh_token").to_owned();
    for (tenant, code) in [("contoso.test", 0), ("adatum.test", 50020), ("fabrikam.test", 0), ("common", 0)] {
        let path = format!("/{tenant}/oauth2/v2.0/token");
        let answer = entra.answer(NOW, &Request { path, ..refresh(&token) });
        assert_eq!(verdict(&answer).2, code, "{tenant}");
        if let Some(next) = json(&answer)["refresh_token"].as_str() {
            next.clone_into(&mut token);
        }
    }
}

#[test]
fn an_unregistered_user_is_at_home_in_the_domain_of_the_name() {
    for (tenant, signed_in_to) in [("organizations", "contoso.test"), ("fabrikam.test", "fabrikam.test")] {
        let body = json(&password(&mut entra(), tenant, "ada@contoso.test", "x"));
        assert_eq!(decoded(text(&body, "client_info"))["utid"], tenant_identifier("contoso.test"));
        assert_eq!(id_claims(&body)["tid"], tenant_identifier(signed_in_to));
    }
}

#[test]
fn clients_of_the_family_share_their_refresh_tokens() {
    let mut entra = entra();
    entra.settings_mut().family_clients.push("sister".to_owned());
    let first = entra.grant_refresh_token(AZURE_CLI, "contoso.test", "ada@contoso.test");
    let mut redeem = |token: &str, client: &str| {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", client)];
        json(&ask(&mut entra, NOW, &fields))
    };
    let body = redeem(&first, "SISTER");
    assert_eq!(body["foci"], "1");
    let second = text(&body, "refresh_token");
    assert_eq!(redeem(second, CLIENT)["suberror"], "client_mismatch");
    assert_eq!(redeem(second, AZURE_CLI)["foci"], "1");
    // One outside of it shares nothing with anybody.
    let own = entra.grant_refresh_token(CLIENT, "contoso.test", "ada@contoso.test");
    let fields = [("grant_type", "refresh_token"), ("refresh_token", own.as_str()), ("client_id", AZURE_CLI)];
    assert_eq!(json(&ask(&mut entra, NOW, &fields))["suberror"], "client_mismatch");
    assert_eq!(json(&entra.answer(NOW, &refresh(&own))).get("foci"), None);
}

#[test]
fn realms_are_told() {
    let mut entra = staffed();
    let mut realm = |name: &str| {
        let target = format!("/common/userrealm/{name}?api-version=1.0");
        json(&entra.answer(NOW, &Request::new("GET", &target)))
    };
    let managed = realm("ada%40contoso.test");
    assert_eq!((&managed["account_type"], &managed["domain_name"]), (&"Managed".into(), &"contoso.test".into()));
    let federated = realm("eve@fabrikam.test");
    assert_eq!(
        (&federated["account_type"], &federated["federation_protocol"]),
        (&"Federated".into(), &"WSTrust".into())
    );
    assert_eq!(federated["cloud_audience_urn"], "urn:federation:MicrosoftOnline");
    assert!(text(&federated, "federation_metadata_url").starts_with("https://localhost/"));
    assert_eq!(realm("mallory@contoso.test")["account_type"], "Unknown");
    let bare = Request::new("GET", "/common/userrealm/ada@contoso.test");
    assert_eq!(verdict(&entra.answer(NOW, &bare)).2, 900_144);
    let anybody = Request::new("GET", "/common/userrealm/a+b@c.test?api-version=1.0");
    assert_eq!(json(&self::entra().answer(NOW, &anybody))["account_type"], "Managed");
    assert_eq!(entra.counters().discovery, 4);
}
