//! Reading a document in one pass: two levels of names, the rest stays raw text.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Content, Damage, Member, Name, Section, Stored};
use crate::wire::json;

/// The members of the document that `text` is.
pub(super) fn members(text: &str) -> Result<Vec<Member>, Damage> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = Whole(text).deserialize(&mut reader).map_err(|_| Damage)?;
    reader.end().map_err(|_| Damage)?;
    Ok(members)
}

/// Where `part` lies in `whole`, of which it is a slice.
fn place(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

fn name(whole: &str, name: Cow<'_, str>) -> Name {
    match name {
        Cow::Borrowed(name) => Name::Plain(place(whole, name)),
        Cow::Owned(name) => Name::Spelled(name.into()),
    }
}

/// The document; holds its text, to tell where things are in it.
#[derive(Clone, Copy)]
struct Whole<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Vec<Member>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Vec<Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<Member> = Vec::new();
        while let Some(json::Name(found)) = map.next_key()? {
            let content = match Section::named(&found) {
                None => Content::Foreign(place(self.0, map.next_value::<&RawValue>()?.get())),
                Some(section) => {
                    let entities = map.next_value_seed(Entities(self.0))?;
                    let twice = |m: &Member| matches!(&m.content, Content::Entities(s, _) if *s == section);
                    if members.iter().any(twice) {
                        return Err(A::Error::custom("a section given twice"));
                    }
                    Content::Entities(section, entities)
                }
            };
            members.push(Member { name: name(self.0, found), content });
        }
        if json::are_unique(members.iter().map(|m| m.name.of(self.0))) {
            Ok(members)
        } else {
            Err(A::Error::custom("a name given twice"))
        }
    }
}

/// A section of the document, or `null`.
#[derive(Clone, Copy)]
struct Entities<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Entities<'_> {
    type Value = Vec<Stored>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Entities<'_> {
    type Value = Vec<Stored>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut stored = Vec::new();
        while let Some(json::Name(key)) = map.next_key()? {
            let raw: &RawValue = map.next_value()?;
            stored.push(Stored { key: name(self.0, key), place: place(self.0, raw.get()) });
        }
        if json::are_unique(stored.iter().map(|s| s.key.of(self.0))) {
            Ok(stored)
        } else {
            Err(A::Error::custom("a key given twice"))
        }
    }
}
