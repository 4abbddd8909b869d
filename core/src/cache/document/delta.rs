//! Changes to a document, said in a way that outlasts whatever others write meanwhile.

use alloc::string::String;
use alloc::vec::Vec;

use super::Section;
use crate::cache::entity::Entity;
use crate::secret::Secret;

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
    /// Remove the entity under this key; where a secret is named, if its `secret` still is this one (compare and delete).
    Drop {
        /// Which section.
        section: Section,
        /// The stored key.
        key: String,
        /// What must still be stored there.
        secret: Option<Secret>,
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

    pub(super) fn puts(&self, wanted: Section) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |change| match change {
            Change::Put { section, key, json } if *section == wanted => Some((key.as_str(), json.expose_secret())),
            _ => None,
        })
    }
}

impl Change {
    const fn target(&self) -> (Section, &String) {
        match self {
            Self::Put { section, key, .. } | Self::Drop { section, key, .. } => (*section, key),
        }
    }
}

/// The changes of a [`Delta`], sorted by what they are about: many changes to many entities stay cheap.
pub(super) struct Index<'a>(Vec<&'a Change>);

impl<'a> Index<'a> {
    pub(super) fn new(delta: &'a Delta) -> Self {
        let mut changes: Vec<&Change> = delta.0.iter().collect();
        changes.sort_by(|a, b| a.target().cmp(&b.target()));
        Self(changes)
    }

    /// Whether what is stored under `stored_key`, namely `raw`, gives way.
    pub(super) fn replaces(&self, at: Section, stored_key: &str, raw: &str) -> bool {
        let about = |change: &Change| {
            let (section, key) = change.target();
            section.cmp(&at).then_with(|| key.as_str().cmp(stored_key))
        };
        let first = self.0.partition_point(|change| about(change).is_lt());
        self.0.iter().skip(first).take_while(|change| about(change).is_eq()).any(|change| match change {
            Change::Put { .. } => true,
            Change::Drop { secret: None, .. } => true,
            Change::Drop { secret: Some(secret), .. } => {
                Entity::parse(raw).and_then(|e| e.text("secret")).is_some_and(|s| s == secret.expose_secret())
            }
        })
    }
}
