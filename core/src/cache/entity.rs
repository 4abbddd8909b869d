//! One entity of the document: read by fields, never by key; every known scalar may be a string or a number.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::secret::Secret;
use crate::time::Unix;
use crate::wire::json::{Object, integer, quote, quoted_length};

/// A lenient view of one stored entity.
#[derive(Debug)]
pub struct Entity<'a>(Object<'a>);

impl<'a> Entity<'a> {
    /// Reads `raw`; `None` when it is no object (then it is kept, and skipped).
    #[must_use]
    pub fn parse(raw: &'a str) -> Option<Self> {
        Object::parse(raw).ok().map(Self)
    }

    /// A text field; absent, `null` and non-text are `None`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.0.text(name)
    }

    /// Whether field `name` is something else than text, `null` or absent: then it cannot be taken for absent.
    #[must_use]
    pub fn is_odd(&self, name: &str) -> bool {
        self.0.raw(name).is_some() && self.text(name).is_none()
    }

    /// Whether text field `name` is exactly `value`.
    #[must_use]
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.text(name).is_some_and(|text| text == value)
    }

    /// Whether field `name` has a value other than `null` and the empty string.
    #[must_use]
    pub fn says(&self, name: &str) -> bool {
        self.0.raw(name).is_some_and(|raw| raw != "\"\"")
    }

    /// A time field: seconds as text or number, with or without a fraction of zeros.
    #[must_use]
    pub fn time(&self, name: &str) -> Option<Unix> {
        time(self.0.raw(name)?)
    }

    /// The entity's JSON with the fields of `patch` in place of its own; everything else as it was.
    #[must_use]
    pub fn patched(&self, patch: &[(&str, Option<&str>)]) -> Secret {
        let kept = self.0.members().filter(|(name, _)| patch.iter().all(|(other, _)| other != name));
        written(&kept.collect::<Vec<_>>(), patch)
    }
}

/// The time that the JSON value `raw` means, as [`Entity::time`] reads it.
pub(super) fn time(raw: &str) -> Option<Unix> {
    let seconds = integer(raw)?;
    // Beyond the year 9999, or before 1970, it is no time that anyone meant.
    (0..=253_402_300_799).contains(&seconds).then_some(Unix(seconds))
}

/// An entity's JSON from its fields, in order; `None` writes `null`.
#[must_use]
pub(super) fn entity_json(known: &[(&str, Option<&str>)]) -> Secret {
    written(&[], known)
}

/// An object of raw members and of fields, in a buffer of just the right size: no copy of a secret stays behind.
fn written(kept: &[(&str, &str)], fields: &[(&str, Option<&str>)]) -> Secret {
    // A colon and a comma each; the last member's comma is room for one of the braces.
    let width = |name: &str, value: usize| quoted_length(name).saturating_add(value).saturating_add(2);
    let raw = kept.iter().map(|(name, raw)| width(name, raw.len()));
    let known = fields.iter().map(|(name, value)| width(name, value.map_or(4, quoted_length)));
    let size = raw.chain(known).fold(1, usize::saturating_add).max(2);
    let mut out = String::with_capacity(size);
    out.push('{');
    for (name, raw) in kept {
        field(&mut out, name);
        out.push_str(raw);
    }
    for (name, value) in fields {
        field(&mut out, name);
        match value {
            Some(text) => quote(&mut out, text),
            None => out.push_str("null"),
        }
    }
    out.push('}');
    out.into()
}

fn field(out: &mut String, name: &str) {
    if out.len() > 1 {
        out.push(',');
    }
    quote(out, name);
    out.push(':');
}
