//! K-11: other programs' items beside ours.

use std::thread;
use std::time::Duration;

use azlatch_keychain::{Keychain, Vault as _};

use crate::session::{Session, in_a_session};
use crate::suite::{TERMS, partition, secret};

const SERVICE: &str = "Microsoft.Developer.IdentityService";
const NAME: &str = "msal.cache.nocae";

/// An item that has our attributes and one more.
const WIDER: [&str; 6] = ["xdg:schema", NAME, "MsalClientID", SERVICE, "owner", "somebody else"];

/// Items that have not both of our attributes.
fn others() -> [(&'static str, Vec<&'static str>); 3] {
    [
        ("same label", vec!["xdg:schema", "other", "MsalClientID", SERVICE]),
        ("same name", vec!["xdg:schema", NAME]),
        ("same client", vec!["MsalClientID", SERVICE, "name", NAME]),
    ]
}

fn untouched(session: &Session) {
    assert_eq!(session.lookup(&WIDER), "wider");
    for (secret, attributes) in others() {
        assert!(session.search(&attributes).contains(&format!("secret = {secret}\n")), "{secret}");
    }
}

in_a_session! {
    fn k_11_other_programs_items_are_never_read_changed_or_removed(session) {
        let _daemon = session.daemon("test");
        for (secret, attributes) in others() {
            session.store("MSALCache", &attributes, secret);
        }
        // Last: storing with fewer attributes would replace it.
        session.store("MSALCache", &WIDER, "wider");
        let (vault, name) = (Keychain::new(), partition(NAME));
        assert_eq!(vault.read(&name, TERMS), Ok(None), "none is ours");
        assert_eq!(vault.remove(&name, TERMS), Ok(false));
        for content in ["first", "second"] {
            assert_eq!(vault.write(&name, &secret(content), TERMS), Ok(()));
            assert_eq!(vault.read(&name, TERMS), Ok(Some(secret(content))));
            untouched(session);
        }
        assert_eq!(vault.remove(&name, TERMS), Ok(true));
        untouched(session);
    }

    fn k_11_of_several_items_one_is_read_and_written_and_all_are_removed(session) {
        let _daemon = session.daemon("test");
        let ours = ["xdg:schema", NAME, "MsalClientID", SERVICE];
        // An item is made beside ours by giving it one more attribute; set to ours, it is a second one.
        session.store("MSALCache", &ours, "older");
        // The service counts in seconds.
        thread::sleep(Duration::from_millis(1100));
        session.store("MSALCache", &[&ours, &["copy", "2"][..]].concat(), "newer");
        let twin = |name: &str| session.search(&["xdg:schema", NAME]).matches(name).count();
        let paths = session.send("Service.SearchItems", &["dict:string:string:copy,2"]);
        let path = paths.split('"').nth(1).expect("a path");
        session.set_attributes(path, &ours);
        assert_eq!(twin("label = "), 2);
        let (vault, name) = (Keychain::new(), partition(NAME));
        assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("newer"))));
        assert_eq!(vault.write(&name, &secret("ours"), TERMS), Ok(()));
        assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("ours"))));
        assert_eq!((twin("label = "), twin("secret = ours"), twin("secret = older")), (2, 1, 1));
        assert_eq!(vault.remove(&name, TERMS), Ok(true));
        assert_eq!(vault.read(&name, TERMS), Ok(None));
        assert_eq!(twin("label = "), 0);
    }
}
