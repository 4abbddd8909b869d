//! One sign-in for every resource, every thread and every later run.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use azlatch::prelude::*;
use azlatch::{ErrorKind, Interaction, Source};
use azlatch_async_std::{block_on, spawn};

use crate::place::{ADA, BOB, GRAPH, Place, TENANT, VAULT};

#[test]
fn one_sign_in_is_enough_for_every_resource() {
    let place = Place::new();
    let credential = place.browser_credential().blocking_with(&place.adapters()).expect("bound");
    let first = credential.get_token(&[VAULT]).expect("a token");
    assert_eq!(place.owner(first.expose_secret()), ADA);
    let counted = place.counted();
    assert_eq!((counted.authorize, counted.grant("authorization_code"), counted.requests), (1, 1, 2));
    assert_eq!(credential.get_token(&[VAULT]).expect("the same"), first);
    assert_eq!(place.counted().requests, 0);
    credential.get_token(&[GRAPH]).expect("another");
    let counted = place.counted();
    assert_eq!((counted.grant("refresh_token"), counted.requests), (1, 1));
    let record = credential.authentication_record().expect("somebody");
    assert_eq!(
        (record.username.as_str(), record.client_id.as_str()),
        (ADA, azlatch_core::credential::DEVELOPER_CLIENT_ID)
    );
}

#[test]
fn a_crowd_with_different_wishes_sees_one_browser() {
    let place = Place::new();
    let credential = place.browser_credential().blocking_with(&place.adapters()).expect("bound");
    let (start, scopes) = (Barrier::new(8), (0..8).map(|i| format!("https://{i}.example/.default")));
    thread::scope(|scope| {
        for wanted in scopes {
            let (start, credential) = (&start, credential.clone());
            scope.spawn(move || {
                start.wait();
                credential.get_token(&[wanted]).expect("a token");
            });
        }
    });
    let counted = place.counted();
    assert_eq!((counted.authorize, counted.grant("authorization_code")), (1, 1));
    assert_eq!((counted.grant("refresh_token"), counted.reused), (7, 0));
}

#[test]
fn tasks_see_one_browser_too() {
    let place = Place::new();
    let credential = place.browser_credential().async_std_with(&place.adapters()).expect("bound");
    block_on(async {
        let tasks: Vec<_> = (0..8)
            .map(|i| {
                let credential = credential.clone();
                spawn(async move { credential.get_token(&[format!("https://{i}.example/.default")]).await })
            })
            .collect();
        for task in tasks {
            task.await.expect("a token");
        }
    });
    let counted = place.counted();
    assert_eq!((counted.authorize, counted.grant("refresh_token"), counted.reused), (1, 7, 0));
}

#[test]
fn a_later_run_goes_on_from_the_record_until_it_is_revoked() {
    let place = Place::new();
    let credential = place.browser_credential().cache_persistence_options(place.on_disk());
    place.tokens_live(3);
    let record = credential.blocking_with(&place.adapters()).expect("bound").authenticate(&[VAULT]).expect("a record");
    place.counted();
    let later = || {
        let read = AuthenticationRecord::from_json(&record.to_json()).expect("our own record");
        let credential = InteractiveBrowserCredential::new().authentication_record(read);
        let credential = credential.disable_instance_discovery().disable_automatic_authentication();
        credential.cache_persistence_options(place.on_disk()).blocking_with(&place.adapters_in(&[])).expect("bound")
    };
    let request = TokenRequest::new([VAULT]).expect("a request");
    let silent = later().answer(&request).expect("silently");
    assert_eq!((silent.explain.source, place.counted().requests), (Source::Store, 0));
    thread::sleep(Duration::from_millis(3100));
    let renewed = later().answer(&request).expect("silently");
    let counted = place.counted();
    assert_eq!((renewed.explain.source, counted.grant("refresh_token"), counted.requests), (Source::Network, 1, 1));
    thread::sleep(Duration::from_millis(3100));
    place.emulator.with(|entra| entra.revoke(ADA));
    let error = later().answer(&request).expect_err("revoked");
    assert_eq!((error.kind(), place.counted().requests), (ErrorKind::InteractionRequired, 1));
    assert!(place.stored().contains("\"RefreshToken\":{}"), "a refresh token that is dead was kept");
}

#[test]
fn nobody_is_asked_who_may_not_be() {
    let place = Place::new();
    let silent = place.browser_credential().disable_automatic_authentication();
    let silent = silent.blocking_with(&place.adapters()).expect("bound");
    let automatic = place.browser_credential().blocking_with(&place.adapters()).expect("bound");
    let never = TokenRequest::new([VAULT]).expect("a request").interaction(Interaction::Never);
    for error in [silent.get_token(&[VAULT]).expect_err("disabled"), automatic.answer(&never).expect_err("never")] {
        assert_eq!(error.kind(), ErrorKind::InteractionRequired, "{error:?}");
    }
    assert_eq!(place.counted().requests, 0);
    assert_eq!(silent.authenticate(&[VAULT]).expect("asked for").username, ADA);
    silent.get_token(&[GRAPH]).expect("silently from then on");
}

#[test]
fn demanded_claims_are_carried_to_the_sign_in_and_are_enough() {
    let place = Place::new();
    let credential = place.browser_credential().blocking_with(&place.adapters()).expect("bound");
    credential.get_token(&[VAULT]).expect("a token");
    let claims = r#"{"access_token":{"acrs":{"essential":true,"value":"c1"}}}"#;
    place.emulator.with(|entra| entra.demand_claims(ADA, claims));
    place.counted();
    credential.get_token(&[GRAPH]).expect("after another sign-in");
    let counted = place.counted();
    assert_eq!((counted.grant("refresh_token"), counted.authorize, counted.grant("authorization_code")), (1, 1, 1));
    credential.get_token(&["https://third.example/.default"]).expect("silently");
    assert_eq!(place.counted().authorize, 0);
}

#[test]
fn who_signs_in_next_is_who_gets_tokens_from_then_on() {
    let place = Place::new();
    let credential = place.browser_credential().blocking_with(&place.adapters()).expect("bound");
    let scoped = credential.for_scopes([VAULT]).expect("scopes");
    let owner = |token: std::sync::Arc<azlatch::Token>| place.owner(token.expose_secret());
    for _ in 0..2 {
        assert_eq!(owner(credential.get_token(&[VAULT]).expect("a token")), ADA);
        assert_eq!(owner(scoped.token().expect("a token")), ADA);
    }
    place.approve(BOB);
    let again = TokenRequest::new([GRAPH]).expect("a request").interaction(Interaction::Required);
    assert_eq!(owner(credential.answer(&again).expect("a sign-in").token), BOB);
    for _ in 0..2 {
        assert_eq!(owner(credential.get_token(&[VAULT]).expect("a token")), BOB);
        assert_eq!(owner(scoped.token().expect("a token")), BOB);
    }
}

#[test]
fn a_sign_in_to_another_tenant_changes_nothing_about_ones_own() {
    let place = Place::new();
    let home = "46602135-84e3-4036-9595-8e808445a4ba";
    for own in [None, Some(TENANT), Some(home)] {
        let credential =
            InteractiveBrowserCredential::new().authority_host(&place.emulator.authority()).expect("a host");
        let credential = credential.disable_instance_discovery().additionally_allowed_tenants(["*"]);
        let credential = match own {
            Some(tenant) => credential.tenant_id(tenant).expect("a tenant"),
            None => credential,
        };
        let credential = credential.blocking_with(&place.adapters()).expect("bound");
        let tenant = |token: &str| {
            let issued = place.emulator.with(|entra| entra.issued(token).expect("a token of ours").tenant.clone());
            if issued == TENANT { home.to_owned() } else { issued }
        };
        let abroad = "11111111-2222-3333-4444-555555555555";
        let request = TokenRequest::new([VAULT]).expect("a request");
        let answer = credential.answer(&request.clone().tenant_id(abroad)).expect("a guest");
        assert_eq!(tenant(answer.token.expose_secret()), abroad);
        for scope in [VAULT, GRAPH] {
            let token = credential.get_token(&[scope]).expect("at home");
            assert_eq!(tenant(token.expose_secret()), home, "own: {own:?}");
        }
        let answer = credential.answer(&request.tenant_id(abroad)).expect("a guest again");
        assert_eq!(tenant(answer.token.expose_secret()), abroad);
    }
}

#[test]
fn a_program_goes_on_as_whom_it_began_as() {
    let place = Place::new();
    let credential = place.browser_credential().blocking_with(&place.adapters_of_a_wilful_person()).expect("bound");
    credential.get_token(&[VAULT]).expect("ada's");
    place.emulator.with(|entra| entra.revoke(ADA));
    place.approve(BOB);
    let error = credential.get_token(&[GRAPH]).expect_err("bob signed in");
    assert_eq!(error.kind(), ErrorKind::AuthenticationFailed, "{error:?}");
    assert_eq!(credential.authentication_record().expect("still").username, ADA);
    assert_eq!(credential.authenticate(&[GRAPH]).expect("asked for").username, BOB);
}

#[test]
fn what_was_wrong_with_anothers_request_is_not_ones_own_trouble() {
    let place = Place::new();
    let credential = place.browser_credential().blocking_with(&place.adapters()).expect("bound");
    let start = Barrier::new(2);
    thread::scope(|scope| {
        let (start, credential) = (&start, &credential);
        let wrong = scope.spawn(move || {
            let request = TokenRequest::new([VAULT]).expect("a request").claims("no JSON at all");
            start.wait();
            credential.answer(&request)
        });
        start.wait();
        thread::sleep(Duration::from_millis(5));
        credential.get_token(&[VAULT]).expect("a good request");
        assert!(wrong.join().expect("no panic").is_err());
    });
}
