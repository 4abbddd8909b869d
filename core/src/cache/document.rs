//! The stored document: the unified JSON of the MSAL libraries, read leniently and rewritten losslessly.
//!
//! Five sections of entities under opaque keys, and whatever else other programs put beside them. The text is kept
//! as it came; names and entities are ranges of it, found in one pass. A change names what it puts and drops, and the
//! new text is the old one with just that changed: everything unknown survives to the byte.

mod delta;
mod parse;
mod write;

pub use delta::{Change, Delta};

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use crate::secret::Secret;

use super::entity::Entity;
use super::sieve::Sieve;

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
    name: Name,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Content {
    Entities(Section, Vec<Stored>),
    Foreign(Range<usize>),
}

/// An entity as it is stored: its key, and its place in the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stored {
    key: Name,
    place: Range<usize>,
}

/// A member's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    /// As it stands in the text, between the quotes.
    Plain(Range<usize>),
    /// What the escapes in the text mean.
    Spelled(Box<str>),
}

impl Name {
    fn of<'a>(&'a self, text: &'a str) -> &'a str {
        match self {
            Self::Plain(place) => text.get(place.clone()).unwrap_or_default(),
            Self::Spelled(name) => name,
        }
    }
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
        Ok(Self { members: parse::members(text)?, text: text.into() })
    }

    /// [`parse`](Self::parse), taking the bytes over: no second copy of the secrets.
    ///
    /// # Errors
    ///
    /// The bytes, when they are damaged.
    pub(super) fn take(bytes: Secret<[u8]>) -> Result<Self, Secret<[u8]>> {
        let text: Secret = bytes.try_into()?;
        if text.expose_secret().starts_with('\u{feff}') {
            return Self::parse(text.expose_secret().as_bytes()).map_err(|Damage| text.into());
        }
        match parse::members(text.expose_secret()) {
            Ok(members) => Ok(Self { text, members }),
            Err(Damage) => Err(text.into()),
        }
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

    /// The document's bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Secret<[u8]> {
        self.text.into()
    }

    /// The entities of `section` with their stored keys; what cannot be read as an entity is skipped.
    pub fn entities(&self, section: Section) -> impl Iterator<Item = (&str, Entity<'_>)> {
        self.raw(section).filter_map(|(key, raw)| Some((key, Entity::parse(raw)?)))
    }

    /// The entities of `section` that `sieve` lets through, which is much cheaper than reading them all.
    pub(super) fn sifted<'a>(
        &'a self,
        section: Section,
        sieve: &'a Sieve<'_>,
    ) -> impl Iterator<Item = (&'a str, Entity<'a>)> {
        self.raw(section).filter(|(_, raw)| sieve.passes(raw)).filter_map(|(key, raw)| Some((key, Entity::parse(raw)?)))
    }

    /// The entity stored under exactly `key`.
    #[must_use]
    pub fn entity(&self, section: Section, key: &str) -> Option<Entity<'_>> {
        self.raw(section).find(|(k, _)| *k == key).and_then(|(_, raw)| Entity::parse(raw))
    }

    /// The keys of `section`, and the text of what is stored under them.
    pub(super) fn raw(&self, section: Section) -> impl Iterator<Item = (&str, &str)> {
        let text = self.text.expose_secret();
        self.members
            .iter()
            .filter_map(move |m| match &m.content {
                Content::Entities(s, stored) if *s == section => Some(stored),
                _ => None,
            })
            .flatten()
            .filter_map(move |stored| Some((stored.key.of(text), text.get(stored.place.clone())?)))
    }
}
