//! JSON objects of raw members: duplicates refused, nothing quoted in errors, everything unknown kept to the byte.
//!
//! Members stay raw text until somebody asks for one, so a document of ten thousand tokens costs one pass, and
//! what nobody understands is written back exactly as it came. Errors carry a position only: the parser's own texts
//! quote values, and values are secrets here.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The text is not one JSON object with unique names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NotAnObject {
    /// Line of the first offence, from 1; 0 when unknown.
    pub line: usize,
    /// Column of the first offence, from 1; 0 when unknown.
    pub column: usize,
}

/// One JSON object: names and raw values in the order written.
#[derive(Debug)]
pub struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Parses `text` as exactly one object.
    ///
    /// # Errors
    ///
    /// [`NotAnObject`] for anything else, duplicate names and trailing text included.
    pub fn parse(text: &'a str) -> Result<Self, NotAnObject> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let place = |e: serde_json::Error| NotAnObject { line: e.line(), column: e.column() };
        let object = Self::deserialize(&mut reader).map_err(place)?;
        reader.end().map_err(place)?;
        Ok(object)
    }

    /// The raw value of `name`, `null` counting as absent.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.get()).filter(|raw| *raw != "null")
    }

    /// Whether `name` is there, be it `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// The text of member `name`, when it is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        text(self.raw(name)?)
    }

    /// The whole number in member `name`: an integer, an integral float, or a string of either.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        integer(self.raw(name)?)
    }

    /// Names and raw values, in the order written.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.get()))
    }
}

/// The string that `raw` is, unescaped; `None` for other values and for lone surrogates.
#[must_use]
pub fn text(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
}

/// The whole number that `raw` is: an integer, an integral float, or a string of either; `None` for all else.
///
/// Services answer `3600`, `"3600"` and `3600.0` alike; a fraction, `true`, `""` or a word is not a number of seconds.
#[must_use]
pub fn integer(raw: &str) -> Option<i64> {
    let quoted = text(raw);
    let digits = quoted.as_deref().unwrap_or(raw).trim();
    let whole = match digits.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => return None,
        None => digits,
    };
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // A number too large for i64 is still a number: it saturates, and limits are applied where it is used.
    Some(whole.parse().unwrap_or(if whole.starts_with('-') { i64::MIN } else { i64::MAX }))
}

/// The items of the JSON array that `raw` is, raw; `None` when it is none.
#[must_use]
pub fn items(raw: &str) -> Option<Vec<&str>> {
    serde_json::from_str::<Vec<&RawValue>>(raw).ok().map(|items| items.into_iter().map(RawValue::get).collect())
}

/// Appends `text` to `out` as a JSON string.
pub fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    // What is escaped is ASCII, so the text can be cut in front of it.
    while let Some((plain, tail)) = rest.split_at_checked(plain_length(rest)) {
        out.push_str(plain);
        let mut tail = tail.chars();
        match tail.next() {
            None => break,
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some(c) => {
                use fmt::Write as _;
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
        }
        rest = tail.as_str();
    }
    out.push('"');
}

/// How many bytes [`quote`] appends for `text`.
#[must_use]
pub fn quoted_length(text: &str) -> usize {
    if plain_length(text) == text.len() {
        return text.len().saturating_add(2);
    }
    let width = |b: u8| match b {
        b'"' | b'\\' | b'\n' => 2,
        b if is_escaped(b) => 6,
        _ => 1,
    };
    text.bytes().map(width).fold(2, usize::saturating_add)
}

/// Without branches, so that many bytes are looked at together.
const fn is_escaped(b: u8) -> bool {
    (b < 0x20) | (b == b'"') | (b == b'\\') | (b == 0x7f)
}

/// The length of the beginning of `text` that needs no escapes.
fn plain_length(text: &str) -> usize {
    // Tokens are long and plain: many bytes are looked at together.
    let (chunks, _) = text.as_bytes().as_chunks::<32>();
    let is_plain = |chunk: &&[u8; 32]| !chunk.iter().fold(false, |found, b| found | is_escaped(*b));
    let plain = chunks.iter().take_while(is_plain).count().saturating_mul(32);
    let more = text.bytes().skip(plain).take_while(|b| !is_escaped(*b)).count();
    plain.saturating_add(more)
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with unique names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                if are_unique(members.iter().map(|(name, _): &(Cow<'_, str>, _)| name.as_ref())) {
                    Ok(members)
                } else {
                    Err(serde::de::Error::custom("duplicate name"))
                }
            }
        }

        deserializer.deserialize_map(Members).map(Self)
    }
}

/// Whether no name is given twice, without comparing each with each when there are many.
pub(crate) fn are_unique<'a>(names: impl Iterator<Item = &'a str> + Clone) -> bool {
    // Few, as in any entity: nothing is quicker, since most differ in length.
    if names.clone().nth(FEW).is_none() {
        let mut rest = names;
        while let Some(name) = rest.next() {
            if rest.clone().any(|other| other == name) {
                return false;
            }
        }
        return true;
    }
    // Many that were written in order.
    if names.clone().is_sorted_by(|a, b| a < b) {
        return true;
    }
    // Digests sort much faster than texts that begin alike. Texts that were made to share one are only sorted after all.
    let mut marked: Vec<(u64, &str)> = names.map(|name| (digest(name), name)).collect();
    marked.sort_unstable();
    marked.windows(2).all(|pair| !matches!(pair, [a, b] if a == b))
}

const FEW: usize = 24;

/// A number that differs between most texts.
fn digest(text: &str) -> u64 {
    let mix = |seen: u64, word: u64| (seen.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let seen = words.iter().fold(0, |seen, word| mix(seen, u64::from_le_bytes(*word)));
    rest.iter().fold(seen, |seen, byte| mix(seen, u64::from(*byte)))
}

/// A member name, borrowed where it has no escapes (`Cow` alone would always copy).
pub(crate) struct Name<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.into())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}
