//! One entity of the document: read by fields, never by key; every known scalar may be a string or a number.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::secret::Secret;
use crate::time::Unix;
use crate::wire::json::{Object, integer, quote};

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
        let room = self.0.members().map(|(name, raw)| name.len().saturating_add(raw.len()).saturating_add(8));
        let room = room.chain(
            patch
                .iter()
                .map(|(n, v)| n.len().saturating_add(v.map_or(0, str::len).saturating_mul(2)).saturating_add(8)),
        );
        let mut out = String::with_capacity(room.fold(2, usize::saturating_add));
        out.push('{');
        for (name, raw) in self.0.members().filter(|(name, _)| patch.iter().all(|(other, _)| other != name)) {
            field(&mut out, name);
            out.push_str(raw);
        }
        fields(&mut out, patch);
        out.push('}');
        out.into()
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
    let room =
        known.iter().map(|(n, v)| n.len().saturating_add(v.map_or(4, str::len).saturating_mul(2)).saturating_add(8));
    let mut out = String::with_capacity(room.fold(2, usize::saturating_add));
    out.push('{');
    fields(&mut out, known);
    out.push('}');
    out.into()
}

fn fields(out: &mut String, fields: &[(&str, Option<&str>)]) {
    for (name, value) in fields {
        field(out, name);
        match value {
            Some(text) => quote(out, text),
            None => out.push_str("null"),
        }
    }
}

fn field(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    quote(out, name);
    out.push(':');
}
