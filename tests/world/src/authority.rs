//! The authorities: one model of Entra a cloud, and a ledger of what each gave to whom.

use std::collections::HashMap;

use azlatch_emulator::{Answer, Entra, Fault, Request, Settings};
use serde_json::Value;

use crate::flows::CLIENT_SECRET;
use crate::plan::Plan;
use crate::wants::{HOSTS, Want};

/// What an access token was minted for.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields of the request it answered")]
pub struct Minted {
    pub cloud: usize,
    pub tenant: String,
    pub client: String,
    pub person: Option<String>,
    pub assertion: Option<String>,
    pub scope: String,
    pub claims: String,
    pub lifetime: i64,
}

impl Minted {
    /// Whether it is what `want` wants.
    #[must_use]
    pub fn is_for(&self, want: &Want) -> bool {
        self.cloud == want.cloud
            && self.tenant == want.tenant()
            && self.client == want.client()
            && self.person.as_deref() == want.person()
            && self.assertion.as_deref() == want.assertion()
            && self.scope == want.scope()
            && self.claims.contains("cp1") == want.cae
    }
}

/// A refresh token's place in its family.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// The token it was rotated from; `None` for one that came of a sign-in.
    pub parent: Option<String>,
    /// The cloud that issued it.
    pub cloud: usize,
    /// Whose it is.
    pub person: String,
    /// Which application's.
    pub client: String,
    /// The call that redeemed it first.
    pub spent_by: Option<usize>,
    /// The answer to that reached the call.
    pub delivered: bool,
    /// The network sent it twice.
    pub copied: bool,
    /// The authority has called it dead.
    pub dead: bool,
}

/// What one request came to.
#[derive(Debug)]
pub struct Judgement {
    /// The answer.
    pub answer: Answer,
    /// A spent refresh token was presented.
    pub reused: bool,
    /// The refresh token that it rotated to.
    pub rotated: Option<String>,
}

/// All authorities of the world.
#[derive(Debug)]
pub struct Authorities {
    clouds: Vec<Entra>,
    /// Every access token ever given.
    pub minted: HashMap<String, Minted>,
    /// Every refresh token ever given.
    pub lineage: HashMap<String, Lineage>,
}

impl Authorities {
    pub(crate) fn new(plan: &Plan, seed: u64) -> Self {
        let clouds = HOSTS.iter().enumerate().map(|(cloud, host)| {
            let settings = Settings {
                authority: format!("https://{host}"),
                expires_in: plan.expires_in,
                ext_expires_in: plan.expires_in,
                refresh_in: plan.refresh_in,
                rotate: plan.rotate,
                seed: seed.wrapping_mul(2).wrapping_add(cloud as u64),
                ..Settings::default()
            };
            Entra::new(settings)
        });
        Self { clouds: clouds.collect(), minted: HashMap::new(), lineage: HashMap::new() }
    }

    /// The person of `want` signs in.
    pub(crate) fn sign_in(&mut self, want: &Want) -> String {
        let person = want.person().unwrap_or_default();
        let token = self.clouds[want.cloud].grant_refresh_token(want.client(), Want::home_tenant(), person);
        let (person, client) = (person.to_owned(), want.client().to_owned());
        self.lineage.insert(token.clone(), Lineage { cloud: want.cloud, person, client, ..Lineage::default() });
        token
    }

    /// Answers `request` at cloud `cloud`, received at `now` from `call`.
    pub(crate) fn answer(&mut self, cloud: usize, now: i64, request: &Request, call: usize) -> Judgement {
        let entra = &mut self.clouds[cloud];
        let before = entra.counters().reused;
        let answer = entra.answer(now, request);
        let reused = entra.counters().reused > before;
        let fields = fields(&request.body);
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let spent = field("refresh_token");
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let mut rotated = None;
        if answer.status == 200
            && let Some(token) = json["access_token"].as_str()
        {
            let wanted = field("scope").unwrap_or_default().split(' ').find(|s| s.starts_with("https://"));
            let minted = Minted {
                cloud,
                tenant: request.path.split('/').nth(1).unwrap_or_default().to_owned(),
                client: field("client_id").unwrap_or_default().to_owned(),
                person: spent.and_then(|token| self.lineage.get(token)).map(|l| l.person.clone()),
                assertion: field("assertion").map(str::to_owned),
                scope: wanted.unwrap_or_default().to_owned(),
                claims: field("claims").unwrap_or_default().to_owned(),
                lifetime: entra.settings().expires_in,
            };
            self.minted.insert(token.to_owned(), minted);
            if let (Some(spent), Some(new)) = (spent, json["refresh_token"].as_str()) {
                rotated = Some(new.to_owned());
                if let Some(old) = self.lineage.get_mut(spent) {
                    old.spent_by.get_or_insert(call);
                    let parent = Some(spent.to_owned());
                    let new_one =
                        Lineage { parent, spent_by: None, delivered: false, copied: false, dead: false, ..old.clone() };
                    self.lineage.insert(new.to_owned(), new_one);
                }
            }
        } else if let Some(lineage) = spent.and_then(|token| self.lineage.get_mut(token)) {
            lineage.dead |= json["suberror"] == "bad_token";
        }
        Judgement { answer, reused, rotated }
    }

    /// An answer that comes from in front of the authority, which never saw the request.
    pub(crate) fn instead(&mut self, cloud: usize, now: i64, request: &Request, fault: Fault) -> Answer {
        self.clouds[cloud].script(fault);
        self.clouds[cloud].answer(now, request)
    }

    /// Whether refresh token `new` came of `old` by rotation.
    #[must_use]
    pub fn descends(&self, new: &str, old: &str) -> bool {
        let mut at = Some(new);
        while let Some(token) = at {
            if token == old {
                return true;
            }
            at = self.lineage.get(token).and_then(|lineage| lineage.parent.as_deref());
        }
        false
    }

    /// Whether `text` holds any secret of this world.
    #[must_use]
    pub fn leaks(&self, text: &str) -> bool {
        text.contains("canary") || text.contains(CLIENT_SECRET) || text.contains("eyJ") || {
            text.contains("1.") && self.lineage.keys().any(|token| text.contains(token.as_str()))
        }
    }
}

/// The pairs of a form body.
pub(crate) fn fields(body: &[u8]) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let mut out = Vec::new();
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'+' => out.push(b' '),
                b'%' => {
                    let pair = [bytes.next().unwrap_or_default(), bytes.next().unwrap_or_default()];
                    let hex = std::str::from_utf8(&pair).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                    out.extend(hex);
                }
                other => out.push(other),
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    };
    let text = String::from_utf8_lossy(body);
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (decode(n), decode(v))).collect()
}
