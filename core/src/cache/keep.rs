//! Saving is merging: our changes are applied to what is stored *now*, and again whenever somebody was faster.
//!
//! ```text
//! Start ─► Saving ─► Setting aside (what was damaged, once) ─► Leaving (if queued) ─► Done
//!           ▲  │ Conflict
//!           │  ▼
//!          Queueing (once), or Resting (a few milliseconds) where nobody keeps a queue
//! ```
//!
//! Compare-and-swap alone starves somebody when many write at once. Whoever has lost queues behind a lock with the
//! others who did, and then competes only with newcomers; programs that know no queue are none the worse for it.
//!
//! A damaged document is set aside after it was replaced: if somebody was in the middle of writing it, the save
//! conflicts, and there was no damage.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::base::{Base, LIMIT};
use super::document::{Change, Delta, Document, Section};
use super::entity::Entity;
use super::insert::{Room, insert, stranger};
use super::key::{CacheKey, Query};
use super::lookup::HeldRefreshToken;
use super::sieve::Sieve;
use crate::authority::cloud;
use crate::effect::{Guard, Ids, Lock, Misuse, Partition, Reply, Save, Saved, StoreFault, Unlock, Version, Wait};
use crate::explain::Note;
use crate::flow::{Flow, Step};
use crate::secret::AccessToken;
use crate::time::{Mono, Now};
use crate::token::Granted;

/// Conflicts that are borne: under contention somebody else succeeded each time, so work goes on.
const TRIES: u32 = 100;

/// Time for all of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is to be changed, whatever the document has become by then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Amendment {
    /// What was granted, if anything.
    pub(super) gain: Option<Gain>,
    /// Refresh tokens that the authority called dead.
    pub(super) dead: Vec<HeldRefreshToken>,
    /// The access token that a resource rejected, wherever it is stored.
    pub(super) rejected: Option<AccessToken>,
    /// The client, which proved not to belong to the family whose refresh token it tried.
    pub(super) stranger: Option<Query>,
    /// The account that signs out.
    pub(super) departed: Option<Departed>,
}

/// An account that signs out, in every alias of its cloud.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Departed {
    pub(super) environment: String,
    pub(super) home: String,
}

/// What was granted, for whom, and the refresh token spent for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Gain {
    pub(super) query: Query,
    pub(super) granted: Granted,
    pub(super) used: Option<HeldRefreshToken>,
}

impl Amendment {
    fn delta(&self, base: &Base, document: &Document, room: Room) -> Delta {
        let mut delta = match &self.gain {
            // A document that was damaged says nothing about what was removed from it.
            #[cfg(canary)]
            Some(gain)
                if crate::canary::is(crate::canary::Bug::SignedOutComesBack) && self.is_orphaned(base, document) =>
            {
                insert(document, &gain.query, &gain.granted, None, room)
            }
            Some(gain) if base.is_suspect() => insert(document, &gain.query, &gain.granted, None, room),
            Some(gain) => insert(document, &gain.query, &gain.granted, gain.used.as_ref(), room),
            None => Delta::default(),
        };
        for dead in &self.dead {
            #[cfg(canary)]
            if crate::canary::is(crate::canary::Bug::DeadDroppedUnseen) {
                let stored = document.entity(Section::RefreshToken, &dead.key);
                if let Some(secret) = stored.and_then(|e| Some(crate::secret::Secret::from(e.text("secret")?.as_ref())))
                {
                    delta.push(Change::Drop {
                        section: Section::RefreshToken,
                        key: dead.key.clone(),
                        secret: Some(secret),
                    });
                }
            }
            drop_secret(document, Section::RefreshToken, dead.refresh_token.expose_secret(), &mut delta);
        }
        if let Some(change) =
            self.stranger.as_ref().filter(|_| !self.tells_a_family()).and_then(|query| stranger(document, query))
        {
            delta.push(change);
        }
        if let Some(departed) = &self.departed {
            departed.drop_all(document, &mut delta);
        }
        if let Some(rejected) = &self.rejected {
            drop_secret(document, Section::AccessToken, rejected.expose_secret(), &mut delta);
        }
        delta
    }

    /// Whether what was granted says to which family the client belongs.
    fn tells_a_family(&self) -> bool {
        self.gain.as_ref().is_some_and(|gain| gain.granted.family.is_some())
    }

    /// Whether the refresh token that was spent is gone: its account signed out meanwhile, and nothing of it comes back.
    fn is_orphaned(&self, base: &Base, document: &Document) -> bool {
        let used = self.gain.as_ref().and_then(|gain| gain.used.as_ref()).filter(|_| !base.is_suspect());
        used.is_some_and(|used| document.entity(Section::RefreshToken, &used.key).is_none())
    }
}

impl Departed {
    fn drop_all(&self, document: &Document, delta: &mut Delta) {
        let sieve = Sieve::default().word(&self.home);
        let is_theirs = |e: &Entity<'_>| {
            let here = e.text("environment").is_some_and(|e| cloud::same_environment(&self.environment, &e));
            here && e.is("home_account_id", &self.home)
        };
        for section in Section::ALL {
            #[cfg(canary)]
            if section == Section::Account && crate::canary::is(crate::canary::Bug::AccountLeftBehind) {
                continue;
            }
            for (key, _) in document.sifted(section, &sieve).filter(|(_, entity)| is_theirs(entity)) {
                delta.push(Change::Drop { section, key: key.to_string(), secret: None });
            }
        }
    }
}

/// Removes every entity of `section` that holds `secret`, under whatever key.
fn drop_secret(document: &Document, section: Section, secret: &str, delta: &mut Delta) {
    let sieve = Sieve::default().word(secret);
    for (key, _) in document.sifted(section, &sieve).filter(|(_, entity)| entity.is("secret", secret)) {
        delta.push(Change::Drop { section, key: key.to_string(), secret: Some(secret.into()) });
    }
}

/// How a save ended, unless the host erred.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub(super) struct Kept {
    /// The version that holds our changes; `None` when they were not stored.
    pub(super) version: Option<Version>,
    /// What is worth telling.
    pub(super) notes: Vec<Note>,
}

type Outcome = Result<Kept, Misuse>;

/// One amendment, brought to the store.
#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
pub(super) struct Keep {
    partition: Partition,
    base: Base,
    amendment: Amendment,
    jitter: u8,
    conflicts: u32,
    until: Option<Mono>,
    notes: Vec<Note>,
    /// The account signed out meanwhile.
    orphaned: bool,
    queued: bool,
    erred: bool,
    guard: Option<Guard>,
    ids: Ids,
    state: State,
}

#[derive(Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "__explore", derive(Clone))]
enum State {
    Start,
    SettingAside(Version),
    Queueing,
    Leaving(Box<Kept>),
    Saving,
    Resting { until: Mono },
    Over,
}

impl Keep {
    /// `jitter` is any number that differs between tokens.
    pub(super) const fn new(partition: Partition, base: Base, amendment: Amendment, jitter: u8, ids: Ids) -> Self {
        Self {
            partition,
            base,
            amendment,
            jitter,
            conflicts: 0,
            until: None,
            notes: Vec::new(),
            orphaned: false,
            queued: false,
            erred: false,
            guard: None,
            ids,
            state: State::Start,
        }
    }

    fn save(&mut self, now: Now) -> Step<Outcome> {
        let empty = Document::default();
        let document = self.base.document().unwrap_or(&empty);
        self.orphaned = self.amendment.is_orphaned(&self.base, document);
        let delta = |room| self.amendment.delta(&self.base, document, room);
        let ample = delta(Room::Ample);
        if ample.is_empty() {
            // What was to be removed is gone already, or what was granted has no place any more.
            return self.end(self.base.version(), None);
        }
        let mut bytes = document.apply(&ample).into_bytes();
        if bytes.expose_secret().len() > LIMIT {
            bytes = document.apply(&delta(Room::Scarce)).into_bytes();
        }
        if bytes.expose_secret().len() > LIMIT {
            // What nobody would read again is not written.
            return self.failed("the cache has reached its largest size; clear it");
        }
        let until = *self.until.get_or_insert_with(|| now.mono.plus(PATIENCE));
        let timeout = now.mono.until(until).min(Duration::from_secs(3));
        self.state = State::Saving;
        Step::Need(self.ids.ask(Save {
            partition: self.partition.clone(),
            bytes,
            expect: self.base.version(),
            timeout,
        }))
    }

    fn stored(&mut self, version: Version) -> Step<Outcome> {
        let Base::Damaged(bytes, _) = &self.base else { return self.end(Some(version), None) };
        let ask = Save {
            partition: self.partition.aside(),
            bytes: bytes.clone(),
            expect: None,
            timeout: Duration::from_secs(3),
        };
        self.state = State::SettingAside(version);
        Step::Need(self.ids.ask(ask))
    }

    /// Somebody was faster: from now on with the others who lost, one by one.
    fn conflict(&mut self, now: Now) -> Step<Outcome> {
        self.conflicts = self.conflicts.saturating_add(1);
        if self.conflicts >= TRIES || self.until.is_some_and(|until| now.mono >= until) {
            let why = format!("other programs were writing, {} times in a row", self.conflicts);
            return self.end(None, Some(Note::SaveFailed(why)));
        }
        if !mem::replace(&mut self.queued, true) {
            let patience = now.mono.until(self.until.unwrap_or(now.mono));
            self.state = State::Queueing;
            return Step::Need(self.ids.ask(Lock { key: CacheKey::turn(&self.partition), patience }));
        }
        // The conflict just brought what is stored now; after a rest it is old again, and only good for the next one.
        if self.guard.is_some() || self.conflicts.is_multiple_of(2) {
            return self.save(now);
        }
        let millis = (1_u64 << self.conflicts.min(6)).saturating_add(u64::from(self.jitter) % 16);
        self.rest(now, now.mono.plus(Duration::from_millis(millis)))
    }

    fn rest(&mut self, now: Now, until: Mono) -> Step<Outcome> {
        self.state = State::Resting { until };
        Step::Need(self.ids.ask(Wait { until, span: now.mono.until(until) }))
    }

    fn end(&mut self, version: Option<Version>, note: Option<Note>) -> Step<Outcome> {
        self.notes.extend(note);
        self.notes.extend(self.orphaned.then_some(Note::SignedOut));
        let kept = Kept { version, notes: mem::take(&mut self.notes) };
        match self.guard.take() {
            Some(guard) => {
                self.state = State::Leaving(Box::new(kept));
                Step::Need(self.ids.ask(Unlock { guard, mark: None }))
            }
            None => {
                self.state = State::Over;
                Step::Done(Ok(kept))
            }
        }
    }

    /// The host erred: the place in the queue is given up all the same.
    fn misuse(&mut self) -> Step<Outcome> {
        self.erred = true;
        match self.guard.take() {
            Some(guard) => {
                self.state = State::Leaving(Box::new(Kept { version: None, notes: Vec::new() }));
                Step::Need(self.ids.ask(Unlock { guard, mark: None }))
            }
            None => Step::Done(Err(Misuse)),
        }
    }

    fn failed(&mut self, why: &str) -> Step<Outcome> {
        self.end(None, Some(Note::SaveFailed(why.to_string())))
    }
}

impl Flow for Keep {
    type Output = Outcome;

    fn step(&mut self, now: Now, reply: Option<Reply>) -> Step<Outcome> {
        match (mem::replace(&mut self.state, State::Over), reply) {
            (State::Start, None) => self.save(now),
            (State::Saving, Some(reply)) => match self.ids.take::<Save>(reply) {
                Ok(Some(Ok(Saved::Stored(version)))) => self.stored(version),
                Ok(Some(Ok(Saved::Conflict(found)))) => {
                    #[cfg(canary)]
                    if crate::canary::is(crate::canary::Bug::ConflictOverwritten) {
                        self.base.overwrite(found);
                        return self.conflict(now);
                    }
                    self.base = Base::from(found);
                    self.conflict(now)
                }
                // Once a crowd may be the reason, and the queue the cure. Twice, somebody sits on it.
                Ok(Some(Err(StoreFault::Busy))) if !self.queued => self.conflict(now),
                Ok(Some(Err(fault))) => self.failed(&fault.to_string()),
                Ok(None) => self.failed("nothing here can store it"),
                Err(_) => self.misuse(),
            },
            (State::SettingAside(version), Some(reply)) => match self.ids.take::<Save>(reply) {
                Err(_) => self.misuse(),
                Ok(answer) => {
                    let kept_aside = matches!(answer, Some(Ok(Saved::Stored(_))));
                    self.end(Some(version), Some(Note::Damaged { kept_aside }))
                }
            },
            // Busy, declined or failing: then without a turn.
            (State::Queueing, Some(reply)) => match self.ids.take::<Lock>(reply) {
                Err(_) => self.misuse(),
                Ok(answer) => {
                    self.guard = answer.and_then(Result::ok).flatten().map(|locked| locked.guard);
                    self.save(now)
                }
            },
            (State::Leaving(kept), Some(reply)) => match self.ids.take::<Unlock>(reply) {
                Err(_) => Step::Done(Err(Misuse)),
                Ok(_) if self.erred => Step::Done(Err(Misuse)),
                Ok(_) => Step::Done(Ok(*kept)),
            },
            (State::Resting { until }, Some(reply)) => match self.ids.take::<Wait>(reply) {
                Ok(Some(())) if now.mono < until => self.rest(now, until),
                // A world that cannot wait is asked again at once; the number of tries is bounded.
                Ok(_) => self.save(now),
                Err(_) => self.misuse(),
            },
            _ => self.misuse(),
        }
    }

    /// Saving is clean-up: what was granted reaches the store although the caller has gone.
    fn cancel(&mut self) {}
}
