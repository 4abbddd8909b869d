//! Refresh tokens: families, rotation, and what happens when a spent one comes back.
//!
//! ```text
//!   found ──▶ live ──redeem──▶ spent ──redeem again──▶ refused, family revoked
//!                     │
//!                     └──▶ the next live one of the same family
//! ```
//!
//! A refresh token that is presented twice is either a client that lost an answer or a thief; the server cannot tell
//! and ends the family (RFC 9700 §4.14.2). A token belongs to the client it was given to, or, if that is one of the
//! clients that the settings call a family, to all of those.

use std::collections::HashMap;

use super::mint::fingerprint;
use super::person::Person;
use super::refusal::Refusal;
use super::settings::Settings;

/// All families and their tokens.
#[derive(Clone, Default)]
pub(crate) struct Families {
    families: Vec<Family>,
    tokens: HashMap<[u8; 32], Record>,
}

/// What all refresh tokens that follow from one login share.
#[derive(Clone)]
pub(crate) struct Family {
    pub(crate) client_id: String,
    pub(crate) person: Person,
    /// Whether its answers tell who the user is without being asked.
    pub(crate) tells_all: bool,
    revoked: bool,
}

#[derive(Clone, Copy)]
struct Record {
    family: usize,
    /// When it was first redeemed under rotation.
    spent_at: Option<i64>,
}

/// What a token that may be redeemed stands for.
pub(crate) struct Examined {
    pub(crate) index: usize,
    pub(crate) family: Family,
}

/// Why a token was not redeemed.
pub(crate) enum Denied {
    /// Never given out, or given to another client, or its family has been revoked.
    Unfit(Refusal),
    /// Spent already.
    Reused(Refusal),
}

impl Families {
    /// Begins a family with its first token.
    pub(crate) fn found(&mut self, token: &str, client_id: &str, person: &Person, tells_all: bool) {
        let (client_id, person) = (client_id.to_owned(), person.clone());
        self.families.push(Family { client_id, person, tells_all, revoked: false });
        self.add(token, self.families.len() - 1);
    }

    /// Adds a live token to a family.
    pub(crate) fn add(&mut self, token: &str, family: usize) {
        let record = Record { family, spent_at: None };
        self.tokens.insert(fingerprint(token), record);
    }

    /// Revokes the families of a user, and tells how many.
    pub(crate) fn revoke(&mut self, user: &str) -> usize {
        let mut revoked = 0;
        for family in &mut self.families {
            if !family.revoked && family.person.name.eq_ignore_ascii_case(user) {
                family.revoked = true;
                revoked += 1;
            }
        }
        revoked
    }

    /// Notes that a token has been redeemed, the first time at `now`.
    pub(crate) fn spend(&mut self, token: &str, now: i64) {
        if let Some(record) = self.tokens.get_mut(&fingerprint(token)) {
            record.spent_at.get_or_insert(now);
        }
    }

    /// Whether a client may redeem a token. One that comes back spent ends its family, if the settings say so.
    pub(crate) fn examine(
        &mut self,
        token: &str,
        client_id: &str,
        now: i64,
        settings: &Settings,
    ) -> Result<Examined, Denied> {
        let bad = |text| Refusal::invalid_grant(70000, "bad_token", text);
        let invalid = "Provided grant is invalid or malformed.";
        let record = self.tokens.get(&fingerprint(token));
        let Some(record) = record else {
            return Err(Denied::Unfit(bad(invalid)));
        };
        let Some(family) = self.families.get_mut(record.family) else {
            return Err(Denied::Unfit(bad(invalid)));
        };
        let shared = settings.is_family(&family.client_id) && settings.is_family(client_id);
        if !shared && !family.client_id.eq_ignore_ascii_case(client_id) {
            let text = "The provided grant was issued to another client.";
            let refusal = Refusal::invalid_grant(70000, "client_mismatch", text);
            return Err(Denied::Unfit(refusal));
        }
        if let Some(spent_at) = record.spent_at {
            let tolerated = now.saturating_sub(spent_at) < settings.reuse_grace;
            if settings.reuse_detection && !tolerated {
                family.revoked = true;
                let text = "Provided grant is invalid or malformed: the refresh token has been redeemed before.";
                return Err(Denied::Reused(bad(text)));
            }
        }
        if family.revoked {
            let text = "The provided grant has expired due to it being revoked, a fresh auth token is needed.";
            let refusal = Refusal::invalid_grant(50173, "bad_token", text);
            return Err(Denied::Unfit(refusal));
        }
        Ok(Examined { index: record.family, family: family.clone() })
    }
}
