//! A file system with a page cache: what is seen, what would outlast a power cut, and locks that die with their holder.
//!
//! ```text
//!            seen by processes               after the power is back
//!   names    names                           names as of the last directory fsync, and any subset of later changes
//!   content  what was written                what was synced; without a sync nothing, a part, or holes of zeros
//!   locks    (inode, holder)                 none
//! ```

use std::collections::BTreeMap;

use azlatch_core::effect::Mark;

use crate::random::Random;

/// A file, by number, as the system knows it whatever it is called.
pub type Inode = usize;

#[derive(Clone, Debug, Default)]
struct File {
    seen: Vec<u8>,
    synced: Option<Vec<u8>>,
    mark: Option<Mark>,
    /// Who holds the lock of this file.
    holder: Option<usize>,
    writes: u64,
}

#[derive(Clone, Debug)]
enum Change {
    Link(String, Inode),
    Rename(String, String, Inode),
    Unlink(String),
}

/// One directory on one disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, Inode>,
    synced_names: BTreeMap<String, Inode>,
    pending: Vec<Change>,
}

impl Disk {
    /// The file that `name` names.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Inode> {
        self.names.get(name).copied()
    }

    /// Makes `name` a new empty file, replacing what it named.
    pub fn create(&mut self, name: &str) -> Inode {
        self.files.push(File::default());
        let inode = self.files.len() - 1;
        self.change(Change::Link(name.into(), inode));
        inode
    }

    /// The file that `name` names, made if need be.
    pub fn open(&mut self, name: &str) -> Inode {
        match self.find(name) {
            Some(inode) => inode,
            None => self.create(name),
        }
    }

    /// What the file holds now.
    #[must_use]
    pub fn read(&self, inode: Inode) -> &[u8] {
        &self.files[inode].seen
    }

    /// Appends to the file.
    pub fn write(&mut self, inode: Inode, bytes: &[u8]) {
        let file = &mut self.files[inode];
        file.seen.extend_from_slice(bytes);
        file.writes += 1;
    }

    /// Empties the file.
    pub fn truncate(&mut self, inode: Inode) {
        let file = &mut self.files[inode];
        file.seen.clear();
        file.writes += 1;
    }

    /// Makes the file's content outlast a power cut.
    pub fn sync(&mut self, inode: Inode) {
        let file = &mut self.files[inode];
        file.synced = Some(file.seen.clone());
    }

    /// `from` becomes `to`, at once and whole.
    pub fn rename(&mut self, from: &str, to: &str) {
        if let Some(inode) = self.find(from) {
            self.change(Change::Rename(from.into(), to.into(), inode));
        }
    }

    /// `name` names nothing any more.
    pub fn unlink(&mut self, name: &str) {
        if self.names.contains_key(name) {
            self.change(Change::Unlink(name.into()));
        }
    }

    /// Makes the names outlast a power cut.
    pub fn sync_names(&mut self) {
        self.synced_names.clone_from(&self.names);
        self.pending.clear();
    }

    /// The state of what `name` names, as a number that changes with it.
    #[must_use]
    pub fn stamp(&self, name: &str) -> Option<(Inode, u64)> {
        self.find(name).map(|inode| (inode, self.files[inode].writes))
    }

    /// Whether the names include one that ends like this.
    #[must_use]
    pub fn count(&self, ending: &str) -> usize {
        self.names.keys().filter(|name| name.ends_with(ending)).count()
    }

    /// Takes the file's lock for `holder` if it is free.
    pub fn lock(&mut self, inode: Inode, holder: usize) -> bool {
        let file = &mut self.files[inode];
        if file.holder.is_none() {
            file.holder = Some(holder);
        }
        file.holder == Some(holder)
    }

    /// Gives the file's lock back.
    pub fn unlock(&mut self, inode: Inode) {
        self.files[inode].holder = None;
    }

    /// Who holds the lock of the file that `name` names.
    #[must_use]
    pub fn holder(&self, name: &str) -> Option<usize> {
        self.files[self.find(name)?].holder
    }

    /// Frees every lock whose holder `is_gone`.
    pub fn free(&mut self, is_gone: impl Fn(usize) -> bool) -> Vec<Inode> {
        let held = self.files.iter_mut().enumerate().filter(|(_, file)| file.holder.is_some_and(&is_gone));
        held.map(|(inode, file)| {
            file.holder = None;
            inode
        })
        .collect()
    }

    /// How many locks `holder` holds.
    #[must_use]
    pub fn locks_of(&self, holder: usize) -> usize {
        self.files.iter().filter(|file| file.holder == Some(holder)).count()
    }

    /// The mark in a lock file.
    pub fn mark(&mut self, inode: Inode) -> &mut Option<Mark> {
        &mut self.files[inode].mark
    }

    /// The power fails and comes back.
    pub fn lose_power(&mut self, random: &mut Random) {
        let pending = std::mem::take(&mut self.pending);
        self.names.clone_from(&self.synced_names);
        for change in pending {
            if random.chance(500) {
                apply(&mut self.names, &change);
            }
        }
        self.synced_names.clone_from(&self.names);
        for file in &mut self.files {
            file.holder = None;
            if random.chance(500) {
                file.mark = None;
            }
            if file.synced.as_ref() != Some(&file.seen) {
                let whole = file.seen.len();
                file.seen = match random.below(4) {
                    0 => file.synced.clone().unwrap_or_default(),
                    1 => file.seen[..random.index(whole + 1)].to_vec(),
                    2 => vec![0; whole],
                    _ => file.seen.clone(),
                };
            }
            file.synced = Some(file.seen.clone());
            file.writes += 1;
        }
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.names, &change);
        self.pending.push(change);
    }
}

fn apply(names: &mut BTreeMap<String, Inode>, change: &Change) {
    match change {
        Change::Link(name, inode) => {
            names.insert(name.clone(), *inode);
        }
        Change::Rename(from, to, inode) => {
            if names.get(from) == Some(inode) {
                names.remove(from);
            }
            names.insert(to.clone(), *inode);
        }
        Change::Unlink(name) => {
            names.remove(name);
        }
    }
}
