//! K-03: locked is not absent.

use std::thread;
use std::time::{Duration, Instant};

use azlatch_core::effect::StoreFault;
use azlatch_keychain::{Keychain, SecretService, Terms, Vault as _};

use crate::session::in_a_session;
use crate::suite::{TERMS, partition, secret};

/// Everything says that it is locked, whether or not the secret is there.
fn all_is_locked(vault: &Keychain) {
    for name in ["there.nocae", "absent.nocae"].map(partition) {
        assert_eq!(vault.read(&name, TERMS), Err(StoreFault::Locked), "{name:?}");
        assert_eq!(vault.write(&name, &secret("other"), TERMS), Err(StoreFault::Locked), "{name:?}");
        assert_eq!(vault.remove(&name, TERMS), Err(StoreFault::Locked), "{name:?}");
    }
    assert_eq!(vault.probe(TERMS), Err(StoreFault::Locked));
}

in_a_session! {
    fn k_03_a_locked_secret_is_not_absent(session) {
        let (vault, name) = (Keychain::new(), partition("there.nocae"));
        {
            let _daemon = session.daemon("test");
            assert_eq!(vault.write(&name, &secret("kept"), TERMS), Ok(()));
            session.lock();
            let begun = Instant::now();
            all_is_locked(&vault);
            assert!(begun.elapsed() < Duration::from_secs(5), "nobody was asked, nothing was waited for");
        }
        let _daemon = session.daemon("test");
        assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("kept"))), "as it was");
    }

    fn k_03_a_keyring_opened_with_the_wrong_password_is_locked(session) {
        let (vault, name) = (Keychain::new(), partition("there.nocae"));
        {
            let _daemon = session.daemon("right");
            assert_eq!(vault.write(&name, &secret("kept"), TERMS), Ok(()));
        }
        {
            let _daemon = session.daemon("wrong");
            all_is_locked(&vault);
        }
        let _daemon = session.daemon("right");
        assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("kept"))), "as it was");
    }

    fn k_03_foreign_caches_are_locked_too(session) {
        let _daemon = session.daemon("test");
        session.store("cache", &["service", "Microsoft.Developer.IdentityService", "account", "MSALCache"], "{}");
        session.lock();
        assert_eq!(SecretService::new().read_foreign(TERMS), Err(StoreFault::Locked));
    }

    fn k_13_a_prompt_that_cannot_be_answered_is_a_refusal(session) {
        let _daemon = session.daemon("test");
        let (vault, name) = (Keychain::new(), partition("there.nocae"));
        assert_eq!(vault.write(&name, &secret("kept"), TERMS), Ok(()));
        session.lock();
        // Without a display there is nobody to ask, which the service takes for a dismissal.
        let asking = Terms::prompting(Duration::from_secs(20));
        let said = vault.read(&name, asking);
        assert!(matches!(said, Err(StoreFault::Denied(_))), "{said:?}");
        assert_eq!(vault.read(&name, TERMS), Err(StoreFault::Locked), "and it goes on working");
    }

    fn k_13_a_prompt_that_nobody_answers_ends_at_the_deadline(session) {
        let _daemon = session.daemon("test");
        let (vault, name) = (Keychain::new(), partition("there.nocae"));
        assert_eq!(vault.write(&name, &secret("kept"), TERMS), Ok(()));
        session.lock();
        let _dialog = session.silent_dialog();
        let asking = Terms::prompting(Duration::from_secs(1));
        let begun = Instant::now();
        assert_eq!(vault.read(&name, asking), Err(StoreFault::Busy));
        assert!((asking.timeout..asking.timeout * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        thread::sleep(Duration::from_secs(3));
        assert_eq!(vault.read(&name, TERMS), Err(StoreFault::Locked), "the next call need not wait for the dialog");
    }
}
