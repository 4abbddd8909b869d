//! The other ways to sign in, and the ways in which it fails.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use azlatch::prelude::*;
use azlatch::{AuthorizationCodeCredential, DeviceAuthorization, ErrorKind, UsernamePasswordCredential};
use azlatch_async_std::{block_on, sleep};
use azlatch_emulator::User;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::place::{ADA, GRAPH, Place, TENANT, VAULT};

#[test]
fn a_device_code_is_shown_and_waited_for() {
    let place = Place::new();
    let shown = Arc::new(AtomicUsize::new(0));
    let show = {
        let shown = shown.clone();
        move |prompt: &azlatch::Prompt| {
            assert!(prompt.message.contains(&prompt.user_code), "{}", prompt.message);
            shown.fetch_add(1, SeqCst);
        }
    };
    let credential = place.device_credential().blocking_with(&place.adapters().prompt(show)).expect("bound");
    let token = credential.get_token(&[VAULT]).expect("a token");
    assert_eq!((place.owner(token.expose_secret()).as_str(), shown.load(SeqCst)), (ADA, 1));
    let counted = place.counted();
    assert_eq!((counted.devices, counted.device_polls), (1, 2), "one poll is answered `authorization_pending`");
    credential.get_token(&[GRAPH]).expect("silently");
    assert_eq!(shown.load(SeqCst), 1);
}

#[test]
fn a_sign_in_that_one_process_began_another_finishes() {
    let place = Place::new();
    place.emulator.with(|entra| entra.settings_mut().auto_approve = None);
    let (told, pending) = std::sync::mpsc::channel();
    let show = move |prompt: &azlatch::Prompt| {
        let _ = told.send((prompt.user_code.clone(), prompt.pending.clone()));
    };
    let begun = place.device_credential().async_std_with(&place.adapters().prompt(show)).expect("bound");
    let (code, pending) = block_on(async {
        // Then nobody waits for it any more; only what was shown is left.
        leave_when(begun.get_token(&[VAULT]), sleep(Duration::from_millis(400))).await;
        pending.recv().expect("a prompt")
    });
    place.emulator.with(|entra| entra.approve(&code, ADA)).expect("a code that is known");
    let pending = DeviceAuthorization::from_json(pending.expose_secret()).expect("our own");
    let resumed = DeviceCodeCredential::new().resume(pending).disable_instance_discovery();
    let resumed = resumed.blocking_with(&place.adapters().prompt(|_| {})).expect("bound");
    let token = resumed.get_token(&[VAULT]).expect("a token");
    assert_eq!(place.owner(token.expose_secret()), ADA);
    assert_eq!(place.counted().devices, 1);
}

#[test]
fn a_code_in_hand_is_redeemed_once_and_gone_on_from() {
    let place = Place::new();
    let verifier = "a-verifier-that-is-long-enough-to-be-one-0123456789";
    let code = place.code(&URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)));
    place.counted();
    let credential = |verifier: &str| {
        let credential = AuthorizationCodeCredential::new(TENANT, "app", code.as_str(), "https://app.example/back");
        let credential = credential.expect("a credential").client_secret("s3cret").code_verifier(verifier);
        let credential = credential.authority_host(&place.emulator.authority()).expect("a host");
        credential.disable_instance_discovery().blocking_with(&place.adapters_in(&[])).expect("bound")
    };
    let error = credential("another-verifier-that-is-long-enough-to-be-one-01234").get_token(&[VAULT]);
    assert!(error.is_err(), "the verifier is another");
    let code_spent_by_that = place.counted().grant("authorization_code");
    assert_eq!(code_spent_by_that, 1);
    let code = place.code(&URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)));
    let credential = AuthorizationCodeCredential::new(TENANT, "app", code, "https://app.example/back");
    let credential = credential.expect("a credential").client_secret("s3cret").code_verifier(verifier);
    let credential = credential.authority_host(&place.emulator.authority()).expect("a host");
    let credential = credential.disable_instance_discovery().blocking_with(&place.adapters_in(&[])).expect("bound");
    place.counted();
    for scope in [VAULT, GRAPH, VAULT] {
        let token = credential.get_token(&[scope]).expect("a token");
        assert_eq!(place.owner(token.expose_secret()), ADA);
    }
    let counted = place.counted();
    assert_eq!((counted.grant("authorization_code"), counted.grant("refresh_token")), (1, 1));
    place.emulator.with(|entra| entra.revoke(ADA));
    let error = credential.get_token(&["https://third.example/.default"]).expect_err("no second code");
    assert_eq!((error.kind(), place.counted().grant("authorization_code")), (ErrorKind::InteractionRequired, 0));
}

#[test]
fn passwords_are_for_users_whom_the_authority_itself_checks() {
    let place = Place::new();
    let users = vec![
        User::new(ADA).password("pa55word").tenant(TENANT),
        User::new("fred@fabrikam.example").tenant("fabrikam.example").federated(),
    ];
    place.emulator.with(|entra| entra.settings_mut().users = users);
    let get = |name: &str, password: &str| {
        let credential = UsernamePasswordCredential::new("app", name, password).expect("a credential");
        let credential = credential.authority_host(&place.emulator.authority()).expect("a host");
        let credential = credential.disable_instance_discovery().blocking_with(&place.adapters_in(&[]));
        let credential = credential.expect("bound");
        credential.get_token(&[VAULT]).and_then(|_| credential.get_token(&[GRAPH]))
    };
    let token = get(ADA, "pa55word").expect("a token");
    assert_eq!(place.owner(token.expose_secret()), ADA);
    let counted = place.counted();
    assert_eq!((counted.grant("password"), counted.grant("refresh_token"), counted.discovery), (1, 1, 1));
    for (name, password, polite) in [(ADA, "wrong", "password"), ("fred@fabrikam.example", "any", "federated")] {
        let error = get(name, password).expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed, "{error:?}");
        assert!(error.to_string().contains(polite), "{error}");
    }
    assert_eq!(place.counted().grant("password"), 1, "a federated user's password is not sent");
}

#[test]
fn where_there_is_no_browser_the_error_names_the_device_code() {
    let place = Place::new();
    let credential = place.browser_credential().blocking_with(&place.adapters_in(&[])).expect("bound");
    let error = credential.get_token(&[VAULT]).expect_err("no browser");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("device code"), "{error}");
}

#[test]
fn a_03_the_port_is_closed_soon_after_the_last_caller_has_gone() {
    let place = Place::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    // A browser that opens, and in which nobody does anything.
    let credential =
        place.browser_credential().redirect_uri(&format!("http://localhost:{free}/back")).expect("an address");
    let credential = credential.async_std_with(&place.adapters_in(&[("BROWSER", "/bin/true")])).expect("bound");
    let open = || TcpStream::connect(("127.0.0.1", free)).is_ok();
    let within = |limit: Duration, wanted: bool| {
        let began = Instant::now();
        while open() != wanted && began.elapsed() < limit {
            thread::sleep(Duration::from_millis(20));
        }
        open() == wanted
    };
    let gone = Arc::new(AtomicBool::new(false));
    let waiting = {
        let (credential, gone) = (credential.clone(), gone.clone());
        thread::spawn(move || {
            block_on(async {
                let asking = credential.get_token(&[VAULT]);
                let leaving = async {
                    while !gone.load(SeqCst) {
                        sleep(Duration::from_millis(10)).await;
                    }
                };
                leave_when(asking, leaving).await;
            });
        })
    };
    assert!(within(Duration::from_secs(5), true), "the listener is open");
    gone.store(true, SeqCst);
    waiting.join().expect("no panic");
    assert!(within(Duration::from_secs(2), false), "the listener is closed");
}

/// Drops both when the second is done.
async fn leave_when<A: Future, B: Future>(first: A, second: B) {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    std::future::poll_fn(|context| {
        let _ = first.as_mut().poll(context).is_ready();
        second.as_mut().poll(context)
    })
    .await;
}
