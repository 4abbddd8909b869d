//! The vaults of macOS and Windows over stand-ins for their systems' calls, with these systems' limits and errors.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use azlatch_core::effect::StoreFault;
use azlatch_keychain::{GenericPasswords, Passwords, ProtectedFiles, Protection, SERVICE, Terms, Vault as _};

use crate::suite::{self, TERMS, partition, secret};

type Changed = fn(&[u8]) -> Vec<u8>;
/// By service and account.
type Kept = HashMap<(String, String), Vec<u8>>;

/// Generic passwords in memory: what they become when stored, and a status that is said instead of everything.
#[derive(Clone, Debug)]
struct Memory {
    kept: Arc<Mutex<Kept>>,
    changed: Changed,
    status: Option<i32>,
}

impl Memory {
    fn new(changed: Changed, status: Option<i32>) -> Self {
        Self { kept: Arc::default(), changed, status }
    }

    fn answer(&self, prompt: bool) -> Result<(), i32> {
        match self.status {
            // A person is there, and unlocks it.
            Some(-25308) if prompt => Ok(()),
            Some(status) => Err(status),
            None => Ok(()),
        }
    }
}

impl Passwords for Memory {
    fn get(&self, service: &str, account: &str, prompt: bool) -> Result<Vec<u8>, i32> {
        self.answer(prompt)?;
        self.kept.lock().unwrap().get(&(service.into(), account.into())).cloned().ok_or(-25300)
    }

    fn set(&self, service: &str, account: &str, password: &[u8], prompt: bool) -> Result<(), i32> {
        self.answer(prompt)?;
        self.kept.lock().unwrap().insert((service.into(), account.into()), (self.changed)(password));
        Ok(())
    }

    fn delete(&self, service: &str, account: &str, prompt: bool) -> Result<(), i32> {
        self.answer(prompt)?;
        self.kept.lock().unwrap().remove(&(service.into(), account.into())).map(drop).ok_or(-25300)
    }
}

#[test]
fn generic_passwords_keep_what_every_vault_promises() {
    suite::run(&GenericPasswords::new(Memory::new(<[u8]>::to_vec, None)));
}

#[test]
fn generic_passwords_are_where_python_looks() {
    let memory = Memory::new(<[u8]>::to_vec, None);
    let vault = GenericPasswords::new(memory.clone());
    for name in ["msal.cache.nocae", "msal.cache.cae"] {
        vault.write(&partition(name), &secret(name), TERMS).expect("written");
    }
    let kept = memory.kept.lock().unwrap();
    for (account, content) in [("MSALCache", "msal.cache.nocae"), ("msal.cache.cae", "msal.cache.cae")] {
        assert_eq!(kept.get(&(SERVICE.to_owned(), account.to_owned())), Some(&content.into()));
    }
}

#[test]
fn k_03_k_13_statuses_of_the_keychain() {
    type Check = fn(&StoreFault) -> bool;
    let rows: [(i32, Check); 6] = [
        (-25308, |fault| *fault == StoreFault::Locked),
        (-25293, |fault| matches!(fault, StoreFault::Denied(_))),
        (-128, |fault| matches!(fault, StoreFault::Denied(_))),
        (-34018, |fault| matches!(fault, StoreFault::Denied(_))),
        (-25307, |fault| matches!(fault, StoreFault::Unavailable(_))),
        (-50, |fault| matches!(fault, StoreFault::Io(_))),
    ];
    let name = partition("msal.cache.nocae");
    for (status, check) in rows {
        let vault = GenericPasswords::new(Memory::new(<[u8]>::to_vec, Some(status)));
        assert!(vault.read(&name, TERMS).is_err_and(|fault| check(&fault)), "{status}");
        assert!(vault.write(&name, &secret("x"), TERMS).is_err_and(|fault| check(&fault)), "{status}");
        assert!(vault.remove(&name, TERMS).is_err_and(|fault| check(&fault)), "{status}");
        assert!(vault.probe(TERMS).is_err_and(|fault| check(&fault)), "{status}");
    }
    let asking = Terms::prompting(Duration::from_secs(30));
    let vault = GenericPasswords::new(Memory::new(<[u8]>::to_vec, Some(-25308)));
    assert_eq!(vault.read(&name, asking), Ok(None), "a person was asked");
}

#[test]
fn k_07_stores_that_keep_something_else_are_found_out() {
    let rows: [(&str, Changed); 4] = [
        ("the Credential Manager's 2,560 bytes", |bytes| bytes[..bytes.len().min(2560)].to_vec()),
        ("text in UTF-16", |bytes| String::from_utf8_lossy(bytes).encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("text that ends at NUL", |bytes| bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()),
        ("nothing", |_| Vec::new()),
    ];
    for (row, changed) in rows {
        let vault = GenericPasswords::new(Memory::new(changed, None));
        let content = secret("a\0b".repeat(1000));
        let said = vault.write(&partition("msal.cache.cae"), &content, TERMS);
        assert!(matches!(said, Err(StoreFault::Io(_))), "{row}: {said:?}");
    }
}

/// In place of DPAPI: knows what it made, and refuses the rest with error 13 (`ERROR_INVALID_DATA`).
#[derive(Clone, Copy, Debug)]
struct Mask(u8);

impl Protection for Mask {
    fn protect(&self, secret: &[u8]) -> io::Result<Vec<u8>> {
        Ok([b"mask".as_slice(), &[self.0]].concat().into_iter().chain(secret.iter().map(|byte| byte ^ 0xa5)).collect())
    }

    fn unprotect(&self, protected: &[u8]) -> io::Result<Vec<u8>> {
        let ours = protected.strip_prefix(b"mask").and_then(|rest| rest.strip_prefix(&[self.0]));
        ours.map(|rest| rest.iter().map(|byte| byte ^ 0xa5).collect()).ok_or_else(|| io::Error::from_raw_os_error(13))
    }
}

#[test]
fn protected_files_keep_what_every_vault_promises() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let directory = scratch.path().join(".IdentityService");
    suite::run(&ProtectedFiles::new(Some(directory.clone()), Mask(1)));
    assert_eq!(fs::read_dir(directory).expect("there").count(), 0, "nothing is left lying about");
}

/// The real thing, in a directory of the test's own.
#[cfg(windows)]
#[test]
fn s_32_files_under_dpapi_keep_what_every_vault_promises() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let vault = ProtectedFiles::new(Some(scratch.path().into()), azlatch_keychain::Dpapi);
    suite::run(&vault);
    fs::write(scratch.path().join("plain"), r#"{"AccessToken": {}}"#).expect("written");
    let said = vault.read(&partition("plain"), TERMS);
    assert!(matches!(&said, Err(StoreFault::Io(said)) if said.contains("13")), "{said:?}");
}

#[test]
fn protected_files_are_where_python_looks() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let vault = ProtectedFiles::new(Some(scratch.path().into()), Mask(1));
    let (name, path) = (partition("msal.cache.nocae"), scratch.path().join("msal.cache.nocae"));
    vault.write(&name, &secret("ours"), TERMS).expect("written");
    assert_eq!(fs::read(&path).expect("a file"), Mask(1).protect(b"ours").expect("protected"));
    fs::write(&path, Mask(1).protect(b"theirs").expect("protected")).expect("written");
    assert_eq!(vault.read(&name, TERMS), Ok(Some(secret("theirs"))));
    fs::write(&path, "").expect("written");
    assert_eq!(vault.read(&name, TERMS), Ok(None), "an empty file is no cache");
}

#[test]
fn s_32_what_dpapi_did_not_make_for_this_user_is_an_error_and_stays() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let name = partition("msal.cache.nocae");
    let theirs = ProtectedFiles::new(Some(scratch.path().into()), Mask(2));
    theirs.write(&name, &secret("theirs"), TERMS).expect("written");
    let ours = ProtectedFiles::new(Some(scratch.path().into()), Mask(1));
    assert!(ours.read(&name, TERMS).is_err(), "error 13 is not absence");
    assert_eq!(theirs.read(&name, TERMS), Ok(Some(secret("theirs"))));
    fs::write(scratch.path().join("plain"), r#"{"AccessToken": {}}"#).expect("written");
    assert!(ours.read(&partition("plain"), TERMS).is_err(), "plain text is not taken for a secret");
}

#[test]
fn k_01_files_that_have_nowhere_to_be() {
    let nowhere = ProtectedFiles::new(None, Mask(1));
    assert!(matches!(nowhere.probe(TERMS), Err(StoreFault::Unavailable(_))));
    let vault = ProtectedFiles::new(Some("scratch".into()), Mask(1));
    assert!(matches!(vault.read(&partition("NUL.cae"), TERMS), Err(StoreFault::Denied(_))), "a device");
}

#[test]
fn s_23_a_file_that_is_too_large_is_refused() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let file = fs::File::create(scratch.path().join("huge")).expect("a file");
    file.set_len(1 << 40).expect("sparse");
    let begun = Instant::now();
    let said = ProtectedFiles::new(Some(scratch.path().into()), Mask(1)).read(&partition("huge"), TERMS);
    assert!(matches!(said, Err(StoreFault::TooLarge { .. })), "{said:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}
