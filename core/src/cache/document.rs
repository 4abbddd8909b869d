//! The stored document: the unified JSON of the MSAL libraries, read leniently and rewritten losslessly.
//!
//! Five sections of entities under opaque keys, and whatever else other programs put beside them. The text is kept
//! as it came; entities are ranges of it. A change names what it puts and drops, and the new text is the old one
//! with just that changed: everything unknown survives to the byte.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::secret::Secret;
use crate::wire::json::{Object, quote};

use super::entity::Entity;

/// The sections of the document, spelled as in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// Access tokens.
    AccessToken,
    /// Refresh tokens.
    RefreshToken,
    /// Id tokens.
    IdToken,
    /// Accounts.
    Account,
    /// Applications, and the families they belong to.
    AppMetadata,
}

impl Section {
    /// All of them, in the order they are written.
    pub const ALL: [Self; 5] = [Self::AccessToken, Self::RefreshToken, Self::IdToken, Self::Account, Self::AppMetadata];

    /// The member's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessToken => "AccessToken",
            Self::RefreshToken => "RefreshToken",
            Self::IdToken => "IdToken",
            Self::Account => "Account",
            Self::AppMetadata => "AppMetadata",
        }
    }

    fn named(name: &str) -> Option<Self> {
        // .NET matches the names without regard to case, so a file may come either way.
        Self::ALL.into_iter().find(|section| section.name().eq_ignore_ascii_case(name))
    }
}

/// The bytes are no document of this kind; they can only be kept aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Damage;

/// A parsed document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Document {
    text: Secret,
    members: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Member {
    name: Box<str>,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Content {
    Entities(Section, Vec<Stored>),
    Foreign(Range<usize>),
}

/// An entity as it is stored: its key and its place in the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stored {
    key: Box<str>,
    place: Range<usize>,
}

impl Default for Document {
    /// The empty document.
    fn default() -> Self {
        Self { text: Secret::from("{}"), members: Vec::new() }
    }
}

impl Document {
    /// Reads `bytes`.
    ///
    /// Absent and `null` sections are empty; a broken entity is kept and skipped; a byte order mark is tolerated.
    ///
    /// # Errors
    ///
    /// [`Damage`] when the whole cannot be kept: not UTF-8, not one object, names given twice, a section that is no
    /// object.
    pub fn parse(bytes: &[u8]) -> Result<Self, Damage> {
        let text = core::str::from_utf8(bytes).map_err(|_| Damage)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let object = Object::parse(text).map_err(|_| Damage)?;
        let mut members: Vec<Member> = Vec::new();
        for (name, raw) in object.members() {
            let content = match Section::named(name) {
                Some(section) if raw != "null" => {
                    let twice = |m: &Member| matches!(&m.content, Content::Entities(s, _) if *s == section);
                    if members.iter().any(twice) {
                        return Err(Damage);
                    }
                    let entities = Object::parse(raw).map_err(|_| Damage)?;
                    let stored =
                        entities.members().map(|(key, raw)| Stored { key: key.into(), place: place(text, raw) });
                    Content::Entities(section, stored.collect())
                }
                Some(section) => Content::Entities(section, Vec::new()),
                None => Content::Foreign(place(text, raw)),
            };
            members.push(Member { name: name.into(), content });
        }
        Ok(Self { text: text.into(), members })
    }

    /// Whether it has no member at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The document's bytes.
    #[must_use]
    pub fn bytes(&self) -> Secret<[u8]> {
        self.text.clone().into()
    }

    /// The entities of `section` with their stored keys; what cannot be read as an entity is skipped.
    pub fn entities(&self, section: Section) -> impl Iterator<Item = (&str, Entity<'_>)> {
        self.raw(section).filter_map(|(key, raw)| Some((key, Entity::parse(raw)?)))
    }

    /// The entities of `section` whose raw text mentions `word`: a cheap sieve before parsing.
    pub fn entities_mentioning<'a>(
        &'a self,
        section: Section,
        word: &'a str,
    ) -> impl Iterator<Item = (&'a str, Entity<'a>)> {
        self.raw(section)
            .filter(move |(_, raw)| raw.contains(word))
            .filter_map(|(key, raw)| Some((key, Entity::parse(raw)?)))
    }

    /// The entity stored under exactly `key`.
    #[must_use]
    pub fn entity(&self, section: Section, key: &str) -> Option<Entity<'_>> {
        self.raw(section).find(|(k, _)| *k == key).and_then(|(_, raw)| Entity::parse(raw))
    }

    fn raw(&self, section: Section) -> impl Iterator<Item = (&str, &str)> {
        self.members
            .iter()
            .filter_map(move |m| match &m.content {
                Content::Entities(s, stored) if *s == section => Some(stored),
                _ => None,
            })
            .flatten()
            .filter_map(|stored| Some((&*stored.key, self.text.expose_secret().get(stored.place.clone())?)))
    }

    /// The document with `delta` applied. Applying the same delta again changes nothing more.
    #[must_use]
    pub fn apply(&self, delta: &Delta) -> Self {
        let text = self.text.expose_secret();
        let mut out = Writer::new(text.len().saturating_add(delta.size()));
        let mut written = Vec::new();
        for member in &self.members {
            match &member.content {
                Content::Foreign(place) => {
                    let place = out.member(&member.name, text.get(place.clone()).unwrap_or("null"));
                    written.push(Member { name: member.name.clone(), content: Content::Foreign(place) });
                }
                Content::Entities(section, stored) => {
                    let kept = stored
                        .iter()
                        .filter_map(|s| Some((&*s.key, text.get(s.place.clone())?)))
                        .filter(|(key, raw)| !delta.replaces(*section, key, raw));
                    let stored = out.section(&member.name, kept.chain(delta.puts(*section)));
                    written.push(Member { name: member.name.clone(), content: Content::Entities(*section, stored) });
                }
            }
        }
        let has = |section, written: &[Member]| {
            written.iter().any(|m| matches!(&m.content, Content::Entities(s, _) if *s == section))
        };
        for section in Section::ALL {
            if !has(section, &written) && delta.puts(section).next().is_some() {
                let stored = out.section(section.name(), delta.puts(section));
                written.push(Member { name: section.name().into(), content: Content::Entities(section, stored) });
            }
        }
        Self { text: out.finish().into(), members: written }
    }
}

/// Where `part` lies in `whole`, of which it is a slice.
fn place(whole: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
    start..start.saturating_add(part.len())
}

/// What one program wants changed, said in a way that can be applied to whatever is stored by then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Delta(Vec<Change>);

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Store this entity under this key, in place of what is there.
    Put {
        /// Which section.
        section: Section,
        /// The stored key.
        key: String,
        /// The entity's JSON.
        json: Secret,
    },
    /// Remove the entity under this key, if its `secret` still is this one (compare and delete).
    Drop {
        /// Which section.
        section: Section,
        /// The stored key.
        key: String,
        /// What must still be stored there.
        secret: Secret,
    },
}

impl Delta {
    /// Adds a change; what is put under the same key replaces an earlier put.
    pub fn push(&mut self, change: Change) {
        if let Change::Put { section, key, .. } = &change {
            let (at, name) = (*section, key.clone());
            self.0.retain(|c| !matches!(c, Change::Put { section, key, .. } if *section == at && *key == name));
        }
        self.0.push(change);
    }

    /// Whether nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn puts(&self, wanted: Section) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |change| match change {
            Change::Put { section, key, json } if *section == wanted => Some((key.as_str(), json.expose_secret())),
            _ => None,
        })
    }

    fn replaces(&self, at: Section, stored_key: &str, raw: &str) -> bool {
        self.0.iter().any(|change| match change {
            Change::Put { section, key, .. } => *section == at && key == stored_key,
            Change::Drop { section, key, secret } => {
                let stored = || Entity::parse(raw)?.text("secret").map(|s| s == secret.expose_secret());
                *section == at && key == stored_key && stored().unwrap_or(false)
            }
        })
    }

    fn size(&self) -> usize {
        let width = |change: &Change| match change {
            // Quotes, colon, comma, the section's name, and room for escapes in the key.
            Change::Put { key, json, .. } => {
                key.len().saturating_mul(2).saturating_add(json.expose_secret().len()).saturating_add(64)
            }
            Change::Drop { .. } => 0,
        };
        self.0.iter().map(width).fold(64, usize::saturating_add)
    }
}

/// Writes a document into a buffer that is large enough from the start, and remembers where things went.
struct Writer(String);

impl Writer {
    fn new(room: usize) -> Self {
        let mut out = String::with_capacity(room);
        out.push('{');
        Self(out)
    }

    fn name(&mut self, name: &str) {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        quote(&mut self.0, name);
        self.0.push(':');
    }

    fn member(&mut self, name: &str, raw: &str) -> Range<usize> {
        self.name(name);
        let start = self.0.len();
        self.0.push_str(raw);
        start..self.0.len()
    }

    fn section<'a>(&mut self, name: &str, entities: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Stored> {
        self.name(name);
        self.0.push('{');
        let stored = entities.map(|(key, raw)| Stored { key: key.into(), place: self.member(key, raw) }).collect();
        self.0.push('}');
        stored
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
