//! The authorities: one model of Entra a cloud, and a ledger of what each gave to whom.

use std::collections::HashMap;

use azlatch_emulator::{Answer, Entra, Fault, Request, Settings};
use serde_json::Value;

use crate::desk::{Code, DeviceCode};
use crate::flows::CLIENT_SECRET;
use crate::plan::Plan;
use crate::wants::{HOSTS, Want, person_named, tenant_named};

/// What an access token was minted for.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields of the request it answered")]
pub struct Minted {
    pub cloud: usize,
    pub tenant: usize,
    pub client: String,
    pub person: Option<String>,
    pub assertion: Option<String>,
    pub scope: String,
    pub claims: String,
    pub lifetime: i64,
    /// The sign-in it comes of.
    pub root: Option<u64>,
}

impl Minted {
    /// Whether it is what `want` wants.
    #[must_use]
    pub fn is_for(&self, want: &Want) -> bool {
        self.cloud == want.cloud
            && self.tenant == want.tenant
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
    /// The number of the sign-in that it comes of.
    pub root: u64,
    /// The call that signed in.
    pub call: Option<usize>,
    /// The cloud that issued it.
    pub cloud: usize,
    /// Whose it is.
    pub person: String,
    /// Which application's.
    pub client: String,
    /// It is good for the whole family of that application.
    pub family: bool,
    /// How new the claims are that the person signed in with.
    pub level: u64,
    /// The authority has taken it back.
    pub revoked: bool,
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
    /// The refresh token of somebody who signed in.
    pub granted: Option<String>,
}

impl Judgement {
    pub(crate) const fn of(answer: Answer) -> Self {
        Self { answer, reused: false, rotated: None, granted: None }
    }
}

/// All authorities of the world.
#[derive(Debug)]
pub struct Authorities {
    pub(crate) clouds: Vec<Entra>,
    pub(crate) codes: HashMap<String, Code>,
    pub(crate) devices: HashMap<String, DeviceCode>,
    /// Which claims, by number, a person must have signed in with.
    pub(crate) conditions: HashMap<(usize, usize), u64>,
    /// How many of the applications are one family.
    pub(crate) family: usize,
    /// Seconds between polls, and until a device code is over.
    pub(crate) interval: u64,
    pub(crate) device_life: i64,
    /// Sign-ins so far, by whatever means.
    pub(crate) roots: u64,
    pub(crate) admitted: u64,
    pub(crate) conditioned: u64,
    pub(crate) shared: u64,
    pub(crate) mismatched: u64,
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
        Self {
            clouds: clouds.collect(),
            codes: HashMap::new(),
            devices: HashMap::new(),
            conditions: HashMap::new(),
            family: plan.family,
            interval: 1 + seed % 5,
            device_life: if seed.is_multiple_of(3) { 12 } else { 900 },
            roots: 0,
            admitted: 0,
            conditioned: 0,
            shared: 0,
            mismatched: 0,
            minted: HashMap::new(),
            lineage: HashMap::new(),
        }
    }

    /// The person of `want` signs in, by a program that is none of ours, with all that is demanded.
    pub(crate) fn sign_in(&mut self, want: &Want) -> (String, bool) {
        let person = want.person().unwrap_or_default();
        let token = self.clouds[want.cloud].grant_refresh_token(want.client(), Want::home_tenant(), person);
        let number = person_named(person).and_then(|person| self.conditions.get(&(want.cloud, person)));
        let lineage = Lineage {
            root: self.roots,
            cloud: want.cloud,
            person: person.to_owned(),
            client: want.client().to_owned(),
            family: want.client < self.family,
            level: number.copied().unwrap_or_default(),
            ..Lineage::default()
        };
        self.roots += 1;
        let family = lineage.family;
        self.lineage.insert(token.clone(), lineage);
        (token, family)
    }

    /// Answers `request` at cloud `cloud`, received at `now` from `call`; `slow` is for polls that are too many.
    pub(crate) fn answer(&mut self, cloud: usize, now: i64, request: &Request, call: usize, slow: bool) -> Judgement {
        let fields = fields(&request.body);
        if let Some(judgement) = self.at_the_desk(cloud, now, request, &fields, call, slow) {
            return judgement;
        }
        let renamed = self.in_the_family(request, &fields);
        let entra = &mut self.clouds[cloud];
        let before = entra.counters().reused;
        let mut answer = entra.answer(now, renamed.as_ref().unwrap_or(request));
        let reused = entra.counters().reused > before;
        let spent = fields.iter().find(|(n, _)| n == "refresh_token").map(|(_, v)| v.as_str());
        let lineage = spent.and_then(|token| self.lineage.get(token)).cloned();
        let mut rotated = None;
        if answer.status == 200 {
            if lineage.as_ref().is_some_and(|l| l.family)
                && let Ok(mut json) = serde_json::from_slice::<Value>(&answer.body)
            {
                json["foci"] = "1".into();
                answer.body = json.to_string().into_bytes();
            }
            let json = self.enter(cloud, &request.path, &fields, &answer, lineage.as_ref());
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
            let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            lineage.dead |= json["suberror"] == "bad_token";
        }
        Judgement { reused, rotated, ..Judgement::of(answer) }
    }

    /// Remembers the access token that answers the `fields` sent to `path`, which came of the sign-in `lineage`.
    pub(crate) fn enter(
        &mut self,
        cloud: usize,
        path: &str,
        fields: &[(String, String)],
        answer: &Answer,
        lineage: Option<&Lineage>,
    ) -> Value {
        let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let Some(token) = json["access_token"].as_str() else { return json };
        let field = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let wanted = field("scope").unwrap_or_default().split(' ').find(|s| s.starts_with("https://"));
        let minted = Minted {
            cloud,
            tenant: tenant_named(path.split('/').nth(1).unwrap_or_default()),
            client: field("client_id").unwrap_or_default().to_owned(),
            person: lineage.map(|l| l.person.clone()),
            assertion: field("assertion").map(str::to_owned),
            scope: wanted.unwrap_or_default().to_owned(),
            claims: field("claims").unwrap_or_default().to_owned(),
            lifetime: self.clouds[cloud].settings().expires_in,
            root: lineage.map(|l| l.root),
        };
        self.minted.insert(token.to_owned(), minted);
        json
    }

    /// An answer that comes from in front of the authority, which never saw the request.
    pub(crate) fn instead(&mut self, cloud: usize, now: i64, request: &Request, fault: Fault) -> Answer {
        self.clouds[cloud].script(fault);
        let mut request = request.clone();
        // The model knows the token endpoint only.
        request.path = "/contoso.test/oauth2/v2.0/token".into();
        self.clouds[cloud].answer(now, &request)
    }

    /// The number of the sign-in that a token comes of.
    #[must_use]
    pub fn root_of(&self, secret: &str) -> Option<u64> {
        let refresh = self.lineage.get(secret).map(|lineage| lineage.root);
        refresh.or_else(|| self.minted.get(secret)?.root)
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
