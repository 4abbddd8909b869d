//! K-01, K-02, K-10, K-12: a service that is missing, hangs or dies, and callers of every sort.

use std::env;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use azlatch_core::effect::StoreFault;
use azlatch_keychain::{Keychain, Terms, Vault as _};

use crate::session::in_a_session;
use crate::suite::{TERMS, partition, secret};

const ROLE: &str = "AZLATCH_KEYCHAIN_ROLE";
const SHORT: Terms = Terms::silent(Duration::from_millis(500));

fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    (call(), begun.elapsed())
}

fn is_unavailable() {
    let (vault, name) = (Keychain::new(), partition("any.nocae"));
    let calls: [&dyn Fn() -> Result<(), StoreFault>; 3] =
        [&|| vault.read(&name, TERMS).map(drop), &|| vault.write(&name, &secret("x"), TERMS), &|| vault.probe(TERMS)];
    for call in calls {
        let (said, took) = timed(call);
        assert!(matches!(said, Err(StoreFault::Unavailable(_))), "{said:?}");
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

/// What the tests below have other processes do.
#[test]
#[ignore = "a part of other tests"]
fn role() {
    match env::var(ROLE).as_deref() {
        Ok("unavailable") => is_unavailable(),
        Ok("leave") => {
            let asked =
                thread::spawn(|| Keychain::new().read(&partition("any.nocae"), Terms::silent(Duration::from_secs(60))));
            thread::sleep(Duration::from_millis(200));
            assert!(!asked.is_finished(), "it hangs");
        }
        _ => {}
    }
}

in_a_session! {
    fn k_01_a_bus_without_a_service(_session) {
        is_unavailable();
    }

    fn k_01_no_bus(session) {
        for address in [None, Some("unix:path=/nonexistent/bus"), Some("nonsense"), Some("")] {
            let mut command = session.again("faults::role");
            command.env(ROLE, "unavailable").env_remove("DBUS_SESSION_BUS_ADDRESS");
            if let Some(address) = address {
                command.env("DBUS_SESSION_BUS_ADDRESS", address);
            }
            let output = command.output().expect("it runs");
            assert!(output.status.success(), "{address:?}: {}", String::from_utf8_lossy(&output.stdout));
        }
    }

    fn k_02_a_service_that_hangs_costs_one_deadline(session) {
        let daemon = session.daemon("test");
        let (vault, name) = (Keychain::new(), partition("any.nocae"));
        assert_eq!(vault.write(&name, &secret("kept"), TERMS), Ok(()));
        daemon.stop();
        let (said, took) = timed(|| vault.read(&name, SHORT));
        assert_eq!(said, Err(StoreFault::Busy));
        assert!(took < SHORT.timeout * 2, "{took:?}");
        println!("keychain: a deadline of {:?} kept in {took:?}", SHORT.timeout);
        let (_, took) = timed(|| (0..1000).for_each(|_| assert_eq!(vault.read(&name, SHORT), Err(StoreFault::Busy))));
        assert!(took < SHORT.timeout, "a thousand calls for less than one deadline: {took:?}");
        println!("keychain: a call that is held off {:?}", took / 1000);
        thread::sleep(Duration::from_secs(3));
        let (said, took) = timed(|| vault.read(&name, SHORT));
        assert_eq!(said, Err(StoreFault::Busy));
        assert!(took >= SHORT.timeout, "one tries again: {took:?}");
        daemon.go_on();
        thread::sleep(Duration::from_secs(3));
        assert_eq!(vault.read(&name, SHORT), Ok(Some(secret("kept"))), "it answers again");
    }

    fn k_02_a_service_that_hangs_delays_no_exit(session) {
        let daemon = session.daemon("test");
        daemon.stop();
        let (output, took) = timed(|| session.again("faults::role").env(ROLE, "leave").output().expect("it runs"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(took < Duration::from_secs(2), "{took:?}");
    }

    fn k_13_a_write_that_comes_late_does_not_undo_a_later_one(session) {
        let daemon = session.daemon("test");
        let (vault, name) = (Keychain::new(), partition("any.nocae"));
        assert_eq!(vault.write(&name, &secret("first"), TERMS), Ok(()));
        daemon.stop();
        assert_eq!(vault.write(&name, &secret("late"), SHORT), Err(StoreFault::Busy));
        daemon.go_on();
        thread::sleep(Duration::from_secs(3));
        assert_eq!(vault.write(&name, &secret("last"), TERMS), Ok(()));
        thread::sleep(Duration::from_millis(200));
        assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("last"))));
    }

    fn k_10_a_service_that_was_killed_and_started_again(session) {
        let (vault, name) = (Keychain::new(), partition("any.nocae"));
        {
            let _daemon = session.daemon("test");
            assert_eq!(vault.write(&name, &secret("kept"), TERMS), Ok(()));
        }
        let said = vault.read(&name, TERMS);
        assert!(matches!(said, Err(StoreFault::Unavailable(_))), "{said:?}");
        {
            let _daemon = session.daemon("test");
            assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("kept"))));
        }
        let _daemon = session.daemon("test");
        assert_eq!(vault.write(&name, &secret("new"), TERMS), Ok(()), "without a failure between");
        assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("new"))));
    }

    fn k_10_a_service_that_is_killed_during_a_write_has_the_old_secret_or_the_new(session) {
        let (vault, name) = (Keychain::new(), partition("any.nocae"));
        let contents = ["old", "new"].map(|word| secret(word.repeat(500_000)));
        for pause in [0, 5, 20, 80] {
            let daemon = session.daemon("test");
            assert_eq!(vault.write(&name, &contents[0], TERMS), Ok(()), "{pause} ms");
            thread::scope(|scope| {
                scope.spawn(|| vault.write(&name, &contents[1], TERMS));
                thread::sleep(Duration::from_millis(pause));
                drop(daemon);
            });
            let _daemon = session.daemon("test");
            let left = vault.read(&name, TERMS).expect("readable").expect("there");
            assert!(contents.contains(&left), "{pause} ms");
        }
    }

    fn k_12_called_on_the_threads_of_async_runtimes(session) {
        let _daemon = session.daemon("test");
        let call = || {
            let (vault, name) = (Keychain::new(), partition("any.nocae"));
            vault.write(&name, &secret("nested"), TERMS)?;
            vault.read(&name, TERMS)
        };
        let nested = Ok(Some(secret("nested")));
        assert_eq!(async_std::task::block_on(async { call() }), nested);
        assert_eq!(async_std::task::block_on(async_std::task::spawn(async move { call() })), nested);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        assert_eq!(runtime.block_on(async { call() }), nested);
        assert_eq!(runtime.block_on(runtime.spawn(async move { call() })).expect("no panic"), nested);
    }

    fn k_12_a_child_after_a_fork(session) {
        let _daemon = session.daemon("test");
        let (vault, name) = (Keychain::new(), partition("any.nocae"));
        // The child's verdict, as its exit code.
        let in_a_child = |passes: &dyn Fn() -> bool| match fork::fork().expect("a fork") {
            fork::Fork::Child => process::exit(if passes() { 7 } else { 8 }),
            fork::Fork::Parent(child) => fork::WEXITSTATUS(fork::waitpid(child).expect("it ends")),
        };
        let writes = || vault.write(&name, &secret("from the child"), TERMS) == Ok(());
        assert_eq!(in_a_child(&writes), 7, "the first to use it");
        assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("from the child"))));
        let told = || {
            let (said, took) = timed(|| vault.read(&name, TERMS));
            matches!(said, Err(StoreFault::Io(_))) && took < TERMS.timeout / 10
        };
        assert_eq!(in_a_child(&told), 7, "it cannot, and says so");
        assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("from the child"))), "the parent can still");
    }
}
