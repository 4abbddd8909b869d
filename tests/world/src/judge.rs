//! The judge of what is stored: after every event the document must be one that somebody meant to write, and differ
//! from the one before only in ways that somebody had a reason for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use azlatch_core::effect::{Partition, Version};
use serde_json::Value;

use crate::authority::Authorities;
use crate::call::What;
use crate::disk::Inode;
use crate::driver::version;
use crate::wants::{DOCUMENTS, HOSTS, Want, person_at, person_named};
use crate::world::World;

/// A document as the judge reads it, with a parser of its own.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// `None` when nothing is stored.
    version: Option<Version>,
    entries: BTreeMap<(String, String), Entry>,
    foreign: Option<String>,
    /// Applications that are known to belong to no family: cloud and client id.
    outsiders: Vec<(Option<usize>, String)>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    secret: String,
    cached_at: i64,
    expires_on: i64,
    refresh_on: Option<i64>,
    realm: String,
    /// Of whom, in which cloud.
    person: Option<usize>,
    cloud: Option<usize>,
}

impl Content {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let Value::Object(sections) = serde_json::from_slice(bytes).ok()? else { return None };
        let mut content = Self { version: Some(version(bytes)), ..Self::default() };
        for (section, entities) in &sections {
            if section == "Other" {
                content.foreign = Some(entities.to_string());
                continue;
            }
            for (key, entity) in entities.as_object()? {
                let text = |name: &str| entity[name].as_str().unwrap_or_default();
                let time = |name: &str| text(name).parse().ok();
                let entry = Entry {
                    secret: text("secret").to_owned(),
                    cached_at: time("cached_at").unwrap_or_default(),
                    expires_on: time("expires_on").unwrap_or_default(),
                    refresh_on: time("refresh_on"),
                    realm: text("realm").to_owned(),
                    person: person_at(text("home_account_id")),
                    cloud: HOSTS.iter().position(|host| *host == text("environment")),
                };
                if section == "AppMetadata" && text("family_id").is_empty() {
                    content.outsiders.push((entry.cloud, text("client_id").to_owned()));
                }
                content.entries.insert((section.clone(), key.clone()), entry);
            }
        }
        Some(content)
    }

    /// The tokens that are stored for `want`.
    fn tokens<'a>(&'a self, want: &'a Want, authorities: &'a Authorities) -> impl Iterator<Item = &'a Entry> {
        let access = self.entries.iter().filter(|((section, _), _)| section == "AccessToken").map(|(_, entry)| entry);
        access.filter(move |entry| {
            want.is_realm(&entry.realm)
                && authorities.minted.get(&entry.secret).is_some_and(|minted| minted.is_for(want))
        })
    }

    /// A token for `want` that nothing speaks against at `wall`.
    pub(crate) fn good(&self, want: &Want, authorities: &Authorities, wall: i64) -> Option<String> {
        let good = |entry: &&Entry| {
            let window = 300.min((entry.expires_on - entry.cached_at).max(0) / 2);
            let due = entry.refresh_on.is_some_and(|at| wall >= at);
            entry.expires_on - wall > window && !due && entry.cached_at - wall <= 300
        };
        self.tokens(want, authorities).find(good).map(|entry| entry.secret.clone())
    }

    /// Whether there is a token for `want` that still lives at `wall`.
    pub(crate) fn has_living(&self, want: &Want, authorities: &Authorities, wall: i64) -> bool {
        self.tokens(want, authorities).any(|entry| entry.expires_on > wall)
    }

    /// Whether it says that the application of `want` belongs to no family.
    pub(crate) fn knows_outsider(&self, want: &Want) -> bool {
        self.outsiders.iter().any(|(cloud, client)| *cloud == Some(want.cloud) && client == want.client())
    }

    /// The sign-ins that what is stored of a person comes of.
    fn roots<'a>(
        &'a self,
        cloud: usize,
        person: usize,
        authorities: &'a Authorities,
    ) -> impl Iterator<Item = u64> + 'a {
        let theirs = self.entries.values().filter(move |e| e.cloud == Some(cloud) && e.person == Some(person));
        theirs.filter_map(|entry| authorities.root_of(&entry.secret))
    }

    /// Whether anything is stored of a person.
    fn has(&self, cloud: usize, person: usize) -> bool {
        self.entries.values().any(|e| e.cloud == Some(cloud) && e.person == Some(person))
    }

    /// Whether `secret` is stored in any section.
    pub(crate) fn holds(&self, secret: &str) -> bool {
        self.entries.values().any(|entry| entry.secret == secret)
    }
}

/// What one document has been.
#[derive(Debug)]
pub(crate) struct History {
    /// Everything that anybody meant to store.
    offered: HashMap<Version, Rc<Content>>,
    /// What was there, oldest first.
    past: Vec<Rc<Content>>,
    /// What was acknowledged: nothing before it may come back.
    floor: usize,
    stamp: Option<(Inode, u64)>,
    removing: bool,
    /// Who signed out: nothing may come of sign-ins that were over by then.
    departed: BTreeMap<(usize, usize), BTreeSet<u64>>,
}

impl Default for History {
    fn default() -> Self {
        let nothing = Rc::new(Content::default());
        Self {
            offered: HashMap::new(),
            past: vec![nothing],
            floor: 0,
            stamp: None,
            removing: false,
            departed: BTreeMap::new(),
        }
    }
}

fn index(partition: &Partition) -> usize {
    usize::from(partition.name() == DOCUMENTS[1])
}

impl World {
    /// What is stored in a document now.
    pub(crate) fn stored(&self, document: usize) -> Rc<Content> {
        self.histories[document].past.last().cloned().unwrap_or_default()
    }

    /// Somebody is about to store `bytes`.
    pub(crate) fn offer(&mut self, partition: &Partition, bytes: Vec<u8>) {
        if DOCUMENTS.contains(&partition.name()) {
            self.offer_at(index(partition), bytes);
        }
    }

    pub(crate) fn offer_at(&mut self, document: usize, bytes: Vec<u8>) {
        match Content::parse(&bytes) {
            Some(content) => {
                self.histories[document].offered.insert(version(&bytes), Rc::new(content));
            }
            None => self.trace.hold(false, || "a save of something that is no document".into()),
        }
    }

    /// After every event: has a document changed, and may it have?
    pub(crate) fn look_at_the_store(&mut self) {
        for (document, name) in DOCUMENTS.into_iter().enumerate() {
            let stamp = self.disk.stamp(name);
            if stamp == self.histories[document].stamp {
                continue;
            }
            self.histories[document].stamp = stamp;
            let bytes = stamp.map(|(inode, _)| self.disk.read(inode).to_vec());
            let after = match self.known(document, bytes.as_deref()) {
                Some(content) => content,
                None => return self.trace.hold(false, || "the stored document is none that was ever meant".into()),
            };
            let before = self.stored(document);
            if before.version != after.version {
                self.judge_change(document, &before, &after);
                self.histories[document].past.push(after);
            }
        }
    }

    fn known(&self, document: usize, bytes: Option<&[u8]>) -> Option<Rc<Content>> {
        match bytes {
            None => Some(Rc::default()),
            Some(bytes) => self.histories[document].offered.get(&version(bytes)).cloned(),
        }
    }

    /// Nothing is lost: what was there is still there, or was replaced by its successor, or went for a reason.
    fn judge_change(&mut self, document: usize, before: &Content, after: &Content) {
        if after.version.is_none() {
            let meant = std::mem::take(&mut self.histories[document].removing);
            return self.trace.hold(meant, || "a document vanished".into());
        }
        let walls = (0..self.plan.processes).map(|process| self.clocks(process).wall.0);
        // Whoever was granted something before its clock was set back sweeps by the time of that.
        let running = self.calls.iter().filter(|call| call.running.is_some()).map(|call| call.facts.latest_wall);
        let latest = walls.chain(running).max().unwrap_or_default();
        self.judge_return(document, before, after);
        let leaves = |old: &Entry| {
            let account = old.cloud.zip(old.person);
            account.is_some() && self.calls.iter().any(|call| call.leaving() == account)
        };
        let mut lost = None;
        for (place, old) in &before.entries {
            let fine = match (place.0.as_str(), after.entries.get(place)) {
                (_, Some(new)) if new.secret == old.secret => true,
                (_, None) if leaves(old) => true,
                ("AccessToken", Some(_)) => true,
                ("AccessToken", None) => old.expires_on + 86_400 < latest + 60 || self.rejected.contains(&old.secret),
                ("RefreshToken", Some(new)) => {
                    let root = self.authorities.lineage.get(&new.secret).is_some_and(|l| l.parent.is_none());
                    let fresh = root && !self.histories[document].past.iter().any(|past| past.holds(&new.secret));
                    fresh || self.authorities.descends(&new.secret, &old.secret)
                }
                ("RefreshToken", None) => self.authorities.lineage.get(&old.secret).is_some_and(|l| l.dead),
                (_, Some(_)) => true,
                (_, None) => false,
            };
            if !fine {
                lost = Some(format!(
                    "{} {}",
                    place.0,
                    if after.entries.contains_key(place) { "regressed" } else { "was lost" }
                ));
            }
        }
        self.trace.hold(lost.is_none(), || format!("an entry of {}", lost.unwrap_or_default()));
        let kept = before.version.is_none() || before.foreign == after.foreign;
        self.trace.hold(kept, || "what another program stored was lost".into());
    }

    /// Nothing of an account that signed out comes back, but by a sign-in that was not over by then. What a renewal
    /// that was on its way brings after such a sign-in cannot be told from that of a sibling: its access token may be
    /// stored beside the new ones, its refresh token never.
    fn judge_return(&mut self, document: usize, before: &Content, after: &Content) {
        for ((cloud, person), roots) in &self.histories[document].departed {
            let theirs = |e: &Entry| e.cloud == Some(*cloud) && e.person == Some(*person);
            let again = before.roots(*cloud, *person, &self.authorities).any(|root| !roots.contains(&root));
            let back = after.entries.iter().any(|((section, _), entry)| {
                let old = self.authorities.root_of(&entry.secret).is_some_and(|root| roots.contains(&root));
                theirs(entry) && old && !(section == "AccessToken" && again) && !before.holds(&entry.secret)
            });
            self.trace.hold(!back, || "what had signed out came back".into());
            let tokens = after.roots(*cloud, *person, &self.authorities).next().is_some();
            let alone = after.has(*cloud, *person) && !before.has(*cloud, *person) && !tokens;
            self.trace.hold(!alone, || "an account without tokens came back that had signed out".into());
        }
    }

    /// A sign-out ended well: what is stored is of sign-ins that were not over when it began, if anything.
    pub(crate) fn judge_departure(&mut self, id: usize, cloud: usize, person: usize) {
        self.look_at_the_store();
        let began = self.calls[id].facts.began;
        let document = usize::from(self.calls[id].want.cae);
        let theirs = self.authorities.lineage.values().filter(|l| {
            let over = l.call.is_none_or(|call| self.calls[call].facts.ended.is_some_and(|at| at < began));
            l.cloud == cloud && person_named(&l.person) == Some(person) && over
        });
        let roots: BTreeSet<u64> = theirs.map(|lineage| lineage.root).collect();
        let content = self.stored(document);
        let still = content.roots(cloud, person, &self.authorities).any(|root| roots.contains(&root));
        self.trace.hold(!still, || format!("call {id}: signed out, and something is still there"));
        let empty = !content.has(cloud, person) || content.roots(cloud, person, &self.authorities).next().is_some();
        self.trace.hold(empty, || format!("call {id}: signed out, and the account is still there"));
        self.histories[document].departed.entry((cloud, person)).or_default().extend(roots);
    }

    /// Whether `secret` ever was in a document.
    pub(crate) fn was_stored(&self, document: usize, secret: &str) -> bool {
        self.histories[document].past.iter().rev().any(|content| content.holds(secret))
    }

    /// The power is back: an old document or the new one, never older than what was acknowledged, never a mix.
    pub(crate) fn judge_power(&mut self) {
        for (document, name) in DOCUMENTS.into_iter().enumerate() {
            let stamp = self.disk.stamp(name);
            let bytes = stamp.map(|(inode, _)| self.disk.read(inode).to_vec());
            let known = self.known(document, bytes.as_deref());
            let history = &mut self.histories[document];
            history.stamp = stamp;
            history.removing = false;
            let found = known.clone().unwrap_or_default();
            // Whoever found nothing to remove made no promise for what was not durable yet.
            for ((cloud, person), roots) in &mut history.departed {
                for root in found.roots(*cloud, *person, &self.authorities) {
                    roots.remove(&root);
                }
            }
            let version = known.as_ref().and_then(|content| content.version);
            let place = history.past.iter().rposition(|past| past.version == version).filter(|_| known.is_some());
            match place.filter(|place| *place >= history.floor) {
                Some(place) => {
                    history.past.truncate(place + 1);
                    history.floor = place;
                }
                None => {
                    let torn = known.is_none();
                    return self.trace.hold(false, || {
                        let what = if torn { "a mix" } else { "older than what was acknowledged" };
                        format!("after a power cut the document is {what}")
                    });
                }
            }
        }
    }

    /// A save was acknowledged: from now on it outlasts everything.
    pub(crate) fn judge_stored(&mut self, id: usize, partition: &Partition, bytes: &[u8]) {
        if !DOCUMENTS.contains(&partition.name()) {
            return;
        }
        self.look_at_the_store();
        let history = &mut self.histories[index(partition)];
        let stored = Some(version(bytes));
        match history.past.iter().rposition(|past| past.version == stored) {
            Some(place) => history.floor = history.floor.max(place),
            None => self.trace.hold(false, || format!("call {id}: a save was acknowledged that never was")),
        }
    }

    /// A removal was acknowledged.
    pub(crate) fn judge_removed(&mut self, partition: &Partition) {
        self.look_at_the_store();
        let history = &mut self.histories[index(partition)];
        if history.past.last().is_some_and(|last| last.version.is_none()) {
            history.floor = history.past.len() - 1;
        }
    }

    /// A document is about to be removed.
    pub(crate) fn judge_removal(&mut self, name: &str, what: &What) {
        let document = usize::from(name == DOCUMENTS[1]);
        let now = self.stored(document).version;
        let seen = matches!(what, What::Remove(ask) if Some(ask.op.expect) == now);
        self.histories[document].removing = true;
        self.trace.hold(seen, || "a document was removed that the remover had not seen".into());
    }

    /// No lock, no write.
    pub(crate) fn judge_write(&mut self, id: usize, lock_name: &str) {
        let holds = self.disk.holder(lock_name) == Some(id);
        self.trace.hold(holds, || format!("call {id}: a write without the lock"));
    }

    /// A call has read a document.
    pub(crate) fn judge_read(&mut self, id: usize, partition: &Partition, bytes: Option<&[u8]>) {
        let known = self.known(index(partition), bytes);
        self.trace.hold(known.is_some(), || format!("call {id}: a reader saw a document that nobody meant"));
        let wall = self.clocks(self.calls[id].process).wall.0;
        let facts = &mut self.calls[id].facts;
        facts.read = known;
        facts.unreadable = false;
        facts.lowest_wall = wall;
    }

    /// A call's save met another's; it was told what is stored.
    pub(crate) fn judge_conflict(&mut self, id: usize, partition: &Partition, bytes: Option<&[u8]>) {
        let known = DOCUMENTS.contains(&partition.name()).then(|| self.known(index(partition), bytes));
        let fine = known.is_none_or(|known| known.is_some());
        self.trace.hold(fine, || format!("call {id}: a writer saw a document that nobody meant"));
        self.calls[id].facts.unreadable = false;
    }
}
