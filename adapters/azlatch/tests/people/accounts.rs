//! Who is signed in, and who leaves.

use std::thread;
use std::time::Duration;

use azlatch::prelude::*;
use azlatch::{ErrorKind, Interaction, Protection};
use azlatch_async_std::block_on;
use azlatch_emulator::{Fault, Target};

use crate::place::{ADA, BOB, GRAPH, Place, VAULT};

#[test]
fn accounts_are_listed_and_removed_one_by_one() {
    let place = Place::new();
    let credential = place.browser_credential().cache_persistence_options(place.on_disk());
    let credential = credential.blocking_with(&place.adapters()).expect("bound");
    assert_eq!(credential.protection(), Protection::Plaintext);
    assert!(credential.accounts().expect("none").is_empty());
    let ada = credential.authenticate(&[VAULT]).expect("ada");
    place.approve(BOB);
    let again = TokenRequest::new([VAULT]).expect("a request").interaction(Interaction::Required).enable_cae(true);
    let bob = credential.authenticate_with(&again).expect("bob");
    let names = |found: &[azlatch::Account]| found.iter().map(|a| a.record.username.clone()).collect::<Vec<_>>();
    let accounts = credential.accounts().expect("two");
    assert_eq!(names(&accounts), [ADA, BOB]);
    assert!(accounts.iter().all(|account| account.can_renew), "{accounts:?}");
    credential.remove_account(&ada).expect("removed");
    assert_eq!(names(&credential.accounts().expect("one")), [BOB]);
    assert!(!place.stored().contains(&ada.home_account_id));
    assert_eq!(credential.authentication_record(), Some(bob));
    credential.sign_out().expect("signed out");
    assert!(credential.accounts().expect("none").is_empty());
    assert_eq!(credential.authentication_record(), None);
}

#[test]
fn i_05_who_signed_out_gets_nothing_from_anywhere() {
    let place = Place::new();
    for persistent in [false, true] {
        let credential = place.browser_credential().disable_automatic_authentication();
        let credential = if persistent { credential.cache_persistence_options(place.on_disk()) } else { credential };
        let credential = credential.async_std_with(&place.adapters()).expect("bound");
        block_on(async {
            credential.authenticate(&[VAULT]).await.expect("a record");
            credential.get_token(&[GRAPH]).await.expect("silently");
            assert_eq!(credential.accounts().await.expect("one").len(), 1, "persistent: {persistent}");
            credential.sign_out().await.expect("signed out");
            for scope in [VAULT, GRAPH] {
                let error = credential.get_token(&[scope]).await.expect_err("nobody is signed in");
                assert_eq!(error.kind(), ErrorKind::InteractionRequired);
            }
            assert!(credential.accounts().await.expect("none").is_empty());
        });
    }
}

#[test]
fn c_12_a_renewal_that_is_under_way_does_not_bring_back_who_signed_out() {
    let place = Place::new();
    let credential = place.browser_credential().cache_persistence_options(place.on_disk());
    let credential = credential.blocking_with(&place.adapters()).expect("bound");
    let record = credential.authenticate(&[VAULT]).expect("a record");
    place.emulator.with(|entra| entra.script(Fault::slow(Duration::from_millis(800)).on(Target::Token)));
    thread::scope(|scope| {
        let renewing = scope.spawn(|| credential.get_token(&[GRAPH]));
        thread::sleep(Duration::from_millis(300));
        credential.sign_out().expect("signed out");
        // Whoever asked before is served; nothing of it is kept.
        renewing.join().expect("no panic").expect("a token");
    });
    assert!(!place.stored().contains(&record.home_account_id), "{}", place.stored());
    let never = TokenRequest::new([GRAPH]).expect("a request").interaction(Interaction::Never);
    assert_eq!(credential.answer(&never).expect_err("signed out").kind(), ErrorKind::InteractionRequired);
}
