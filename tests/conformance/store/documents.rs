//! Documents: conditional reads, compare-and-swap, compare-and-delete.

use std::time::Duration;

use azlatch_core::effect::{
    Browse, Call, Close, Effect, Env, Exec, Farewell, FileRules, Http, Ids, Listen, Load, Loaded, Prompt, Random,
    ReadFile, Receive, Removed, Save, Saved, Sign, StoreFault, Version, Wait,
};
use azlatch_core::{Host as _, Mono, ScopeSet, Unix};

use super::{Driver, PATIENT, partition};

pub(super) fn nothing_stored_is_absent<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    for unless in [None, Some(Version(0)), Some(Version(1))] {
        assert_eq!(store.load_unless(unless), Ok(Loaded::Absent));
    }
    assert_eq!(store.remove(Version(1)), Ok(Removed::Gone));
}

pub(super) fn what_was_saved_is_found_by_every_handle<D: Driver>() {
    let driver = D::default();
    let version = driver.handle().stored(b"one", None);
    for mut handle in [driver.handle(), driver.handle()] {
        let found = handle.found();
        assert_eq!((found.bytes.expose_secret(), found.version), (&b"one"[..], version));
    }
}

pub(super) fn a_conditional_load_is_unchanged_after_ones_own_save<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    let first = store.stored(b"one", None);
    assert_eq!(store.load_unless(Some(first)), Ok(Loaded::Unchanged));
    let second = store.stored(b"two", Some(first));
    assert_eq!(store.load_unless(Some(second)), Ok(Loaded::Unchanged));
    assert!(matches!(store.load_unless(Some(first)), Ok(Loaded::Found(found)) if found.version == second));
}

pub(super) fn a_conditional_load_finds_a_siblings_save<D: Driver>() {
    let driver = D::default();
    let (mut store, mut sibling) = (driver.handle(), driver.handle());
    let ours = store.stored(b"one", None);
    assert_eq!(store.load_unless(Some(ours)), Ok(Loaded::Unchanged));
    // Of the same length and at once: neither size nor time tells them apart.
    let theirs = sibling.stored(b"two", Some(ours));
    match store.load_unless(Some(ours)) {
        Ok(Loaded::Found(found)) => {
            assert_eq!((found.bytes.expose_secret(), found.version), (&b"two"[..], theirs))
        }
        other => panic!("{other:?}"),
    }
}

pub(super) fn equal_versions_mean_equal_bytes<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    let mut seen: Vec<(Version, &[u8])> = Vec::new();
    for bytes in [&b"one"[..], b"two", b"one", b"", b"two", b"one "] {
        let version = store.stored(bytes, seen.last().map(|(version, _)| *version));
        assert!(seen.iter().all(|(v, b)| *v != version || *b == bytes));
        seen.push((version, bytes));
    }
}

pub(super) fn a_save_over_another_version_brings_the_current_entry<D: Driver>() {
    let driver = D::default();
    let (mut store, mut sibling) = (driver.handle(), driver.handle());
    let first = store.stored(b"one", None);
    let second = sibling.stored(b"two", Some(first));
    match store.save(b"three", Some(first)) {
        Ok(Saved::Conflict(Some(current))) => {
            assert_eq!((current.bytes.expose_secret(), current.version), (&b"two"[..], second))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.found().version, second, "a conflict stores nothing");
    store.stored(b"three", Some(second));
    assert_eq!(sibling.found().bytes.expose_secret(), b"three");
}

pub(super) fn a_save_that_expects_nothing_finds_something<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    let version = store.stored(b"one", None);
    match store.save(b"two", None) {
        Ok(Saved::Conflict(Some(current))) => assert_eq!(current.version, version),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.found().bytes.expose_secret(), b"one");
}

pub(super) fn a_save_that_expects_something_finds_nothing<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    assert_eq!(store.save(b"one", Some(Version(1))), Ok(Saved::Conflict(None)));
    assert_eq!(store.load(), Ok(Loaded::Absent));
    let version = store.stored(b"one", None);
    assert_eq!(store.remove(version), Ok(Removed::Gone));
    assert_eq!(store.save(b"two", Some(version)), Ok(Saved::Conflict(None)), "what is gone is not resurrected");
}

pub(super) fn a_removed_partition_is_absent<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    let version = store.stored(b"one", None);
    assert_eq!(store.remove(version), Ok(Removed::Gone));
    assert_eq!(store.remove(version), Ok(Removed::Gone), "by us or before us");
    assert_eq!(store.load_unless(Some(version)), Ok(Loaded::Absent));
    store.stored(b"two", None);
    assert_eq!(driver.handle().found().bytes.expose_secret(), b"two");
}

pub(super) fn a_removal_of_another_version_brings_the_current_entry<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    let first = store.stored(b"one", None);
    let second = store.stored(b"two", Some(first));
    match store.remove(first) {
        Ok(Removed::Conflict(current)) => {
            assert_eq!((current.bytes.expose_secret(), current.version), (&b"two"[..], second))
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.found().version, second);
}

pub(super) fn bytes_come_back_as_they_went<D: Driver>() {
    let every_byte: Vec<u8> = (0..=255).collect();
    let large: Vec<u8> = (0..1024 * 1024_u32).map(|n| u8::try_from(n % 251).unwrap_or_default()).collect();
    for bytes in [&b""[..], b"\0", b"a\0b\r\n", b"\xef\xbb\xbf{}", b"\xff\xfe", &every_byte, &large] {
        let driver = D::default();
        let version = driver.handle().stored(bytes, None);
        let found = driver.handle().found();
        assert_eq!((found.bytes.expose_secret() == bytes, found.version), (true, version), "{} bytes", bytes.len());
    }
}

pub(super) fn a_document_beyond_the_limit_is_refused<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    store.stored(b"twelve bytes", None);
    let mut load = |limit| store.ask(Load { partition: partition("p.nocae"), unless: None, limit, timeout: PATIENT });
    assert!(matches!(load(12), Ok(Loaded::Found(_))));
    for limit in [11, 1, 0] {
        assert_eq!(load(limit), Err(StoreFault::TooLarge { limit }));
    }
}

pub(super) fn partitions_are_independent<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    let names = ["p.nocae", "p.cae", "p.nocae.damaged", "p", "p-", "p_", "p.nocae2"];
    for name in names {
        let ask = Save { partition: partition(name), bytes: name.as_bytes().into(), expect: None, timeout: PATIENT };
        assert!(matches!(store.ask(ask), Ok(Saved::Stored(_))), "{name}");
    }
    let version = store.found().version;
    assert_eq!(store.remove(version), Ok(Removed::Gone));
    for name in names {
        let load = Load { partition: partition(name), unless: None, limit: 100, timeout: PATIENT };
        match store.ask(load) {
            Ok(Loaded::Absent) => assert_eq!(name, "p.nocae"),
            Ok(Loaded::Found(found)) => assert_eq!(found.bytes.expose_secret(), name.as_bytes()),
            other => panic!("{name}: {other:?}"),
        }
    }
}

pub(super) fn foreign_effects_are_handed_back<D: Driver>() {
    let mut store = D::default().handle();
    for effect in foreign_effects() {
        let name = effect.name();
        match store.0.perform(effect) {
            Err(effect) => assert_eq!(effect.name(), name),
            Ok(reply) => panic!("{name} was answered: {reply:?}"),
        }
    }
}

fn foreign_effects() -> Vec<Effect> {
    let mut ids = Ids::root();
    let (url, timeout) = (|| "https://login.test".to_string(), Duration::ZERO);
    vec![
        ids.ask(Http::get(url(), 1, timeout)),
        ids.ask(Wait { until: Mono(0), span: timeout }),
        ids.ask(Listen { port: 0, path: "/".into(), state: "s".into(), timeout }),
        ids.ask(Browse { url: url(), timeout }),
        ids.ask(Receive { listener: 1, span: timeout }),
        ids.ask(Close { listener: 1, farewell: Farewell::SignedIn }),
        ids.ask(Prompt {
            user_code: "A".into(),
            verification_uri: url(),
            verification_uri_complete: None,
            message: "B".into(),
            expires_on: Unix(0),
            pending: "{}".into(),
        }),
        ids.ask(Random { len: 1 }),
        ids.ask(Sign { key: "k".into(), algorithm: "PS256", message: [1].as_slice().into() }),
        ids.ask(Exec { program: "p".into(), args: vec![], env: vec![], limit: 1, timeout }),
        ids.ask(ReadFile { path: "/p".into(), limit: 1, rules: FileRules::Regular }),
        ids.ask(Env { names: vec!["N"] }),
        ids.ask(Call {
            what: "w".into(),
            scopes: ScopeSet::parse("s"),
            tenant: None,
            claims: None,
            cae: false,
            timeout: Duration::from_secs(1),
        }),
    ]
}

pub(super) fn endless_timeouts_are_borne<D: Driver>() {
    let driver = D::default();
    let mut store = driver.handle();
    assert!(matches!(store.save_by(b"one", None, Duration::MAX), Ok(Saved::Stored(_))));
    let locked = store.held(1, Duration::MAX);
    store.unlock(locked.guard, None);
}
