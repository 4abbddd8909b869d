//! Cases that hold for every vault.

use std::thread;
use std::time::Duration;

use azlatch_core::effect::{Partition, StoreFault};
use azlatch_core::secret::Secret;
use azlatch_keychain::{LIMIT, Terms, Vault};

/// Long enough for megabytes in an unoptimized build on a busy machine.
pub(crate) const TERMS: Terms = Terms::silent(Duration::from_secs(30));

pub(crate) fn partition(name: &str) -> Partition {
    Partition::new(name).expect("a partition")
}

pub(crate) fn secret(bytes: impl AsRef<[u8]>) -> Secret<[u8]> {
    bytes.as_ref().into()
}

/// Bytes that no encoding survives by luck.
fn noise(length: usize) -> Secret<[u8]> {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    Secret::from((0..length).map(next).collect::<Vec<u8>>())
}

/// Runs every case; each has names of its own.
pub(crate) fn run(vault: &impl Vault) {
    contents(vault);
    absence(vault);
    names(vault);
    limits(vault);
    callers(vault);
}

fn contents(vault: &impl Vault) {
    let rows: [(&str, Secret<[u8]>); 9] = [
        ("text", secret(r#"{"AccessToken": {}}"#)),
        ("empty", secret("")),
        ("k_07_nul", secret("a\0b\0")),
        ("only_nul", secret("\0")),
        ("bytes", secret((0..=255).collect::<Vec<u8>>())),
        ("not_utf_8", secret([0xff, 0xfe, 0xc0, 0x80])),
        ("k_07_beyond_8192", noise(8193)),
        ("1_mib", noise(1 << 20)),
        ("4_mib", noise(4 << 20)),
    ];
    let name = partition("contents.nocae");
    for (row, content) in rows {
        assert_eq!(vault.write(&name, &content, TERMS), Ok(()), "{row}");
        assert!(vault.read(&name, TERMS) == Ok(Some(content)), "{row}");
    }
    assert_eq!(vault.remove(&name, TERMS), Ok(true));
}

fn absence(vault: &impl Vault) {
    let name = partition("absence.cae");
    assert_eq!(vault.read(&name, TERMS), Ok(None), "never written");
    assert_eq!(vault.remove(&name, TERMS), Ok(false), "never written");
    assert_eq!(vault.write(&name, &secret("x"), TERMS), Ok(()));
    assert_eq!(vault.remove(&name, TERMS), Ok(true));
    assert_eq!(vault.remove(&name, TERMS), Ok(false), "removed twice");
    assert_eq!(vault.read(&name, TERMS), Ok(None), "removed");
    assert_eq!(vault.write(&name, &secret("y"), TERMS), Ok(()), "written again");
    assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("y"))));
    assert_eq!(vault.remove(&name, TERMS), Ok(true));
    assert_eq!(vault.probe(TERMS), Ok(()));
}

fn names(vault: &impl Vault) {
    let all =
        ["msal.cache.nocae", "msal.cache.cae", "msal.cache", "my-app.nocae", "my-app.cae", "my-app.nocae.damaged"];
    for name in all {
        assert_eq!(vault.write(&partition(name), &secret(name), TERMS), Ok(()), "{name}");
    }
    for name in all {
        assert_eq!(vault.clone().read(&partition(name), TERMS), Ok(Some(secret(name))), "{name}");
    }
    for (gone, name) in all.iter().enumerate() {
        assert_eq!(vault.remove(&partition(name), TERMS), Ok(true), "{name}");
        let left = all.iter().filter(|name| vault.read(&partition(name), TERMS) != Ok(None)).count();
        assert_eq!(left, all.len() - gone - 1, "{name} takes no other with it");
    }
}

fn limits(vault: &impl Vault) {
    let name = partition("limits.nocae");
    assert_eq!(vault.write(&name, &secret("small"), TERMS), Ok(()));
    let large = Secret::from(vec![7_u8; LIMIT + 1]);
    assert_eq!(vault.write(&name, &large, TERMS), Err(StoreFault::TooLarge { limit: LIMIT }), "K-06");
    assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("small"))), "K-06: nothing was sent, and all still works");
    assert_eq!(vault.remove(&name, TERMS), Ok(true));
    assert_eq!(vault.read(&name, Terms::silent(Duration::ZERO)), Err(StoreFault::Busy), "no time, no answer");
    assert_eq!(vault.read(&name, TERMS), Ok(None), "nor does it hold off the next");
}

fn callers(vault: &impl Vault) {
    thread::scope(|scope| {
        for caller in 0..8 {
            scope.spawn(move || {
                let name = partition(&format!("caller-{caller}.nocae"));
                for turn in 0..4 {
                    let content = secret(format!("{caller} {turn}"));
                    assert_eq!(vault.write(&name, &content, TERMS), Ok(()), "K-12");
                    assert_eq!(vault.read(&name, TERMS), Ok(Some(content)), "K-12");
                }
                assert_eq!(vault.remove(&name, TERMS), Ok(true), "K-12");
            });
        }
    });
    let name = partition("shared.nocae");
    let contents = ["one", "other"].map(|word| secret(word.repeat(10_000)));
    thread::scope(|scope| {
        for content in &contents {
            let name = &name;
            scope.spawn(move || (0..4).for_each(|_| assert_eq!(vault.write(name, content, TERMS), Ok(()))));
        }
    });
    let left = vault.read(&name, TERMS).expect("readable").expect("there");
    assert!(contents.contains(&left), "one or the other, whole");
    assert_eq!(vault.remove(&name, TERMS), Ok(true));
}
