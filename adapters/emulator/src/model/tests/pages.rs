//! The pages of a sign-in, as a browser goes through them.

use super::*;
use crate::User;

fn staffed() -> Entra {
    let users = vec![
        User::new("ada@contoso.test").password("secret").display_name("Ada <Lovelace>"),
        User::new("bob@fabrikam.test"),
    ];
    Entra::new(Settings { users, ..Settings::default() })
}

fn open(entra: &mut Entra, changes: &[(&str, &str)]) -> Answer {
    entra.answer(NOW, &authorize(changes))
}

#[test]
fn an_account_is_chosen_and_proven() {
    let mut entra = staffed();
    let page = open(&mut entra, &[]);
    let html = page.text().into_owned();
    assert!(html.contains("name=\"account\" value=\"ada@contoso.test\"><b>Ada &lt;Lovelace&gt;</b>"), "{html}");
    assert!(html.contains("name=\"username\"") && !html.contains("name=\"password\""));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline'; form-action *"), "{policy}");

    let page = submit(&mut entra, &page, &[("account", "ada@contoso.test")]);
    assert!(page.text().contains("name=\"password\""));
    let fields = [("username", "ada@contoso.test"), ("password", "wrong"), ("action", "next")];
    let page = submit(&mut entra, &page, &fields);
    assert!(page.text().contains("AADSTS50126"), "{}", page.text());
    let page = submit(&mut entra, &page, &[("action", "back")]);
    assert!(page.text().contains("name=\"account\""));
    // Both at once, as a script may do.
    let fields = [("username", "ada@contoso.test"), ("password", "secret"), ("action", "next")];
    let back = carried(&submit(&mut entra, &page, &fields));
    assert_eq!(back["state"], "a state");
    assert!(back["code"].is_string());

    // One without a password is in at once, and the page is good for nothing more.
    let page = open(&mut entra, &[]);
    let bob = [("account", "bob@fabrikam.test")];
    assert!(carried(&submit(&mut entra, &page, &bob))["code"].is_string());
    assert_eq!(submit(&mut entra, &page, &bob).status, 400);
    assert_eq!(entra.counters().signed_in, 2);
    assert_eq!(entra.counters().pages, 6);
}

#[test]
fn a_stranger_and_one_from_elsewhere_are_told() {
    let mut entra = staffed();
    let page = open(&mut entra, &[]);
    let page = submit(&mut entra, &page, &[("username", "<eve>@contoso.test"), ("action", "next")]);
    assert!(page.text().contains("AADSTS50034: The user account &lt;eve&gt;@contoso.test"), "{}", page.text());
    let at_contoso = Request { path: AUTHORIZE.replace("organizations", "contoso.test"), ..authorize(&[]) };
    let page = entra.answer(NOW, &at_contoso);
    let page = submit(&mut entra, &page, &[("account", "bob@fabrikam.test")]);
    assert!(page.text().contains("AADSTS50020"));
    let page = submit(&mut entra, &page, &[("action", "next")]);
    assert!(page.text().contains("name=\"username\""));
}

#[test]
fn hints_shorten_the_way() {
    let mut entra = staffed();
    let shows = |page: &Answer, text: &str| page.text().contains(text);
    let hint = ("login_hint", "ada@contoso.test");
    let page = open(&mut entra, &[hint]);
    assert!(shows(&page, "name=\"password\"") && shows(&page, "ada@contoso.test"));
    assert!(carried(&submit(&mut entra, &page, &[("password", "secret")]))["code"].is_string());
    let page = open(&mut entra, &[hint, ("prompt", "select_account")]);
    assert!(shows(&page, "name=\"account\"") && shows(&page, "value=\"ada@contoso.test\"></label>"));
    let page = open(&mut entra, &[("domain_hint", "fabrikam.test")]);
    assert!(shows(&page, "bob@fabrikam.test") && !shows(&page, "ada@contoso.test"));
    let page = open(&mut entra, &[("prompt", "create"), ("login_hint", "\"><i>")]);
    assert!(shows(&page, "<h1>Create account</h1>") && shows(&page, "&quot;&gt;&lt;i&gt;"));
}

#[test]
fn consent_is_asked_for_when_it_is_wanted() {
    let mut entra = entra();
    let fields = [("username", "ada@contoso.test"), ("password", "x")];
    for (setting, prompt) in [(false, "consent"), (true, "login")] {
        entra.settings_mut().consent = setting;
        let page = open(&mut entra, &[("prompt", prompt)]);
        let page = submit(&mut entra, &page, &fields);
        assert!(page.text().contains("<li><code>User.Read</code></li>"), "{}", page.text());
        // Nothing but an answer to the question leads on.
        let page = submit(&mut entra, &page, &fields);
        assert!(carried(&submit(&mut entra, &page, &[("action", "accept")]))["code"].is_string());
    }
}

#[test]
fn cancelling_is_possible_at_every_step() {
    let mut entra = entra();
    entra.settings_mut().consent = true;
    let account = open(&mut entra, &[]);
    let password = open(&mut entra, &[("login_hint", "ada@contoso.test")]);
    let page = open(&mut entra, &[("login_hint", "ada@contoso.test")]);
    let consent = submit(&mut entra, &page, &[("password", "x")]);
    for page in [account, password, consent] {
        let back = carried(&submit(&mut entra, &page, &[("action", "cancel")]));
        assert_eq!((&back["error"], &back["error_subcode"]), (&"access_denied".into(), &"cancel".into()));
        assert_eq!((&back["state"], back.get("code")), (&"a state".into(), None));
    }
    assert_eq!(entra.counters().signed_in, 0);
}

#[test]
fn a_sign_in_does_not_last_for_ever() {
    let mut entra = entra();
    let page = open(&mut entra, &[]);
    let id = page.text().split("name=\"ctx\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    for (now, id) in [(NOW + 3_600, id.as_str()), (NOW, "made up"), (NOW, "")] {
        let request = Request::form("/contoso.test/login", &[("ctx", id), ("action", "next")]);
        let answer = entra.answer(now, &request);
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("AADSTS165000"));
    }
}
