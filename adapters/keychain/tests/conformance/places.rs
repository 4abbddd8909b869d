//! The real Secret Service: every vault's promises, and the exact place that azure-identity for Python looks in.

use std::time::{Duration, Instant};

use azlatch_keychain::{Keychain, Origin, SecretService, Vault as _};

use crate::session::in_a_session;
use crate::suite::{self, TERMS, partition, secret};

const OURS: [&str; 4] = ["xdg:schema", "msal.cache.nocae", "MsalClientID", "Microsoft.Developer.IdentityService"];
const DOCUMENT: &str = r#"{"AccessToken": {}}"#;

in_a_session! {
    fn the_secret_service_keeps_what_every_vault_promises(session) {
        let _daemon = session.daemon("test");
        suite::run(&Keychain::new());
        let left = session.search(&["MsalClientID", "Microsoft.Developer.IdentityService"]);
        assert_eq!(left, "", "nothing is left lying about");
    }

    fn what_we_write_is_what_libsecret_finds(session) {
        let _daemon = session.daemon("test");
        let vault = Keychain::new();
        for document in [DOCUMENT, "{}"] {
            vault.write(&partition("msal.cache.nocae"), &secret(document), TERMS).expect("written");
            assert_eq!(session.lookup(&OURS), document);
        }
        let found = session.search(&OURS);
        for line in ["label = MSALCache", "schema = msal.cache.nocae"] {
            assert!(found.contains(line), "{found}");
        }
        let attributes = found.lines().filter(|line| line.starts_with("attribute.")).collect::<Vec<_>>();
        assert_eq!(attributes, ["attribute.MsalClientID = Microsoft.Developer.IdentityService"], "these and no others");
        assert_eq!(found.matches("label = ").count(), 1, "{found}");
    }

    fn what_libsecret_writes_is_what_we_read(session) {
        let _daemon = session.daemon("test");
        session.store("MSALCache", &OURS, DOCUMENT);
        let (vault, name) = (Keychain::new(), partition("msal.cache.nocae"));
        assert_eq!(vault.read(&name, TERMS), Ok(Some(secret(DOCUMENT))));
        vault.write(&name, &secret("{}"), TERMS).expect("written");
        session.store("MSALCache", &OURS, DOCUMENT);
        assert_eq!(session.search(&OURS).matches("label = ").count(), 1, "each replaces the other's");
        assert_eq!(vault.remove(&name, TERMS), Ok(true));
        assert_eq!(session.lookup(&OURS), "");
    }

    fn caches_of_dotnet_and_node_are_read(session) {
        let _daemon = session.daemon("test");
        let vault = SecretService::new();
        assert_eq!(vault.read_foreign(TERMS), Ok(Vec::new()));
        let dotnet = [
            "xdg:schema", "msal.cache", "MsalClientID", "Microsoft.Developer.IdentityService",
            "Microsoft.Developer.IdentityService", "1.0.0.0",
        ];
        session.store("msal.cache.cae", &dotnet, "eyJBY2Nlc3NUb2tlbiI6IHt9fQ==");
        let node = [
            "xdg:schema", "org.freedesktop.Secret.Generic", "service", "Microsoft.Developer.IdentityService", "account",
            "MSALCache",
        ];
        session.store("Microsoft.Developer.IdentityService/MSALCache", &node, DOCUMENT);
        let found = vault.read_foreign(TERMS).expect("read");
        let origins: Vec<_> = found.iter().map(|one| (one.origin, one.label.as_str())).collect();
        let labels = ["msal.cache.cae", "Microsoft.Developer.IdentityService/MSALCache"];
        assert_eq!(origins, [(Origin::DotNet, labels[0]), (Origin::Node, labels[1])]);
        assert!(found.iter().all(|one| one.document == secret(DOCUMENT)));
        session.store("msal.cache.cae", &dotnet, "not Base64!");
        assert_eq!(vault.read_foreign(TERMS).map(|found| found.len()), Ok(1), "what cannot be decoded is left out");
    }

    fn how_long_it_takes(session) {
        let _daemon = session.daemon("test");
        let (vault, name, document) = (Keychain::new(), partition("msal.cache.nocae"), secret("x".repeat(30_000)));
        let timed = |call: &dyn Fn()| {
            let begun = Instant::now();
            call();
            begun.elapsed()
        };
        let absent = timed(&|| assert_eq!(vault.read(&name, TERMS), Ok(None)));
        let median = |call: &dyn Fn()| {
            let mut times: [Duration; 21] = std::array::from_fn(|_| timed(call));
            times.sort();
            times[10]
        };
        let write = median(&|| assert_eq!(vault.write(&name, &document, TERMS), Ok(())));
        let read = median(&|| assert!(vault.read(&name, TERMS).is_ok_and(|found| found.is_some())));
        println!("keychain: connect and find nothing {absent:?}; 30 kB: write {write:?}, read {read:?}");
    }
}
