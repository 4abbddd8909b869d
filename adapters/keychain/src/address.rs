//! Which secret of a store is a partition's: one function for each kind of store, none of which mixes two partitions up.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use azlatch_core::effect::{Partition, StoreFault};

/// Whose the secrets are: the attribute `MsalClientID` on Linux, the service on macOS.
pub const SERVICE: &str = "Microsoft.Developer.IdentityService";

/// The default cache for tokens that are not continuously evaluated.
const DEFAULT: &str = "msal.cache.nocae";

/// What the Keychain calls that cache; on Linux every item's label.
pub(crate) const LABEL: &str = "MSALCache";

/// A named secret's place in one kind of store, beside [`SERVICE`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// The attribute `xdg:schema` of the Secret Service's item: the partition's name.
    #[must_use]
    pub fn item(name: &Partition) -> Self {
        Self(name.name().to_owned())
    }

    /// The account of the generic password: `MSALCache` for `msal.cache.nocae`, else the partition's name.
    ///
    /// # Errors
    ///
    /// `Denied` for a partition called `MSALCache`: that is another's place.
    pub fn account(name: &Partition) -> Result<Self, StoreFault> {
        match name.name() {
            DEFAULT => Ok(Self(LABEL.to_owned())),
            LABEL => Err(StoreFault::Denied(format!("`{LABEL}` is the place of `{DEFAULT}`"))),
            name => Ok(Self(name.to_owned())),
        }
    }

    /// The name of the protected file: the partition's. Windows does not tell `a` from `A`, here as anywhere.
    ///
    /// # Errors
    ///
    /// `Denied` where Windows would take the name for a device or for another file's, or it is one of ours for
    /// writing and locking.
    pub fn file(name: &Partition) -> Result<Self, StoreFault> {
        let lower = name.name().to_ascii_lowercase();
        let stem = lower.split('.').next().unwrap_or_default();
        let is_port =
            |kind| stem.strip_prefix(kind).is_some_and(|n: &str| n.len() == 1 && n.as_bytes()[0].is_ascii_digit());
        let is_device = matches!(stem, "con" | "prn" | "aux" | "nul") || is_port("com") || is_port("lpt");
        let is_ours = lower.contains(".azlatch-") || lower.ends_with(".lockfile");
        if is_device || is_ours || lower.ends_with('.') {
            return Err(StoreFault::Denied(format!("`{}` cannot be a file's name", name.name())));
        }
        Ok(Self(name.name().to_owned()))
    }

    /// The text that tells this secret from the others.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A partition that nobody else uses, for trying a store out.
pub(crate) fn unused() -> Partition {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let name = format!("azlatch.probe.{}.{count}.{now}", process::id());
    Partition::new(&name).unwrap_or_else(|| unreachable!("letters, digits and dots"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    type Kind = fn(&Partition) -> Result<Address, StoreFault>;

    fn partition(name: &str) -> Partition {
        Partition::new(name).expect("a partition")
    }

    #[test]
    fn the_places_that_python_uses() {
        let rows = [
            ("msal.cache.nocae", "MSALCache"),
            ("msal.cache.cae", "msal.cache.cae"),
            ("msal.cache", "msal.cache"),
            ("my-app.nocae", "my-app.nocae"),
            ("My_App.cae", "My_App.cae"),
        ];
        for (name, account) in rows {
            assert_eq!(Address::item(&partition(name)).as_str(), name);
            assert_eq!(Address::account(&partition(name)).map(|a| a.0), Ok(account.to_owned()));
            assert_eq!(Address::file(&partition(name)).map(|a| a.0), Ok(name.to_owned()));
        }
    }

    #[test]
    fn no_two_partitions_share_a_place() {
        let stems =
            ["msal.cache", "MSALCache", "msalcache", "a", "a.nocae", "nocae", "cae", "NUL", "com1", "con.x", "x."];
        let ends = ["", ".nocae", ".cae", ".nocae.damaged", ".lockfile", ".azlatch-tmp", "."];
        let names: Vec<_> = stems
            .iter()
            .flat_map(|stem| ends.iter().filter_map(move |end| Partition::new(&format!("{stem}{end}"))))
            .collect();
        let kinds: [Kind; 3] = [|name| Ok(Address::item(name)), Address::account, Address::file];
        for kind in kinds {
            let mut seen = HashMap::new();
            for name in &names {
                let Ok(place) = kind(name) else { continue };
                let before = seen.insert(place, name.clone()).filter(|before| before != name);
                assert_eq!(before, None, "{name:?}");
            }
        }
    }

    #[test]
    fn names_that_a_store_would_take_for_something_else() {
        for name in ["NUL", "con.cae", "Com7.nocae", "lpt0", "x.", "x.nocae.azlatch-tmp", "x.nocae.lockfile"] {
            assert!(matches!(Address::file(&partition(name)), Err(StoreFault::Denied(_))), "{name}");
        }
        for name in ["console", "com10.cae", "nulls.nocae", "x.nocae.damaged"] {
            assert!(Address::file(&partition(name)).is_ok(), "{name}");
        }
        assert!(matches!(Address::account(&partition("MSALCache")), Err(StoreFault::Denied(_))));
    }
}
