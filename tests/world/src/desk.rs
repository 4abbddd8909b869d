//! The authority's desk, where people sign in: codes, device codes, conditions, revocation, and families of clients. It
//! stands in front of the emulator's model, which mints the tokens.

use azlatch_emulator::{Answer, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::authority::{Authorities, Judgement, Lineage, fields};
use crate::wants::{PEOPLE, SCOPES, Want, client_named, person_named};

/// Seconds for which a code is good.
const CODE_LIFE: i64 = 600;

/// Somebody's question to sign a person in.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the fields of the request it came with")]
pub(crate) struct Question {
    /// The call that asks; `None` for a stranger's.
    pub(crate) call: Option<usize>,
    pub(crate) cloud: usize,
    pub(crate) tenant: String,
    pub(crate) client: String,
    pub(crate) scope: String,
    pub(crate) claims: String,
    pub(crate) nonce: Option<String>,
    /// S256 of the verifier, where there is one.
    pub(crate) challenge: Option<String>,
    pub(crate) redirect_uri: String,
}

/// A code that was given out.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) question: Question,
    person: usize,
    until: i64,
    spent: bool,
}

/// What the person did where the device code is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    Agreed(usize),
    Declined,
}

/// A device code that was given out.
#[derive(Clone, Debug)]
pub(crate) struct DeviceCode {
    question: Question,
    user_code: String,
    until: i64,
    typed: Option<Typed>,
    spent: bool,
}

impl Authorities {
    /// The person agreed in a browser, or wherever else: the code that the application gets.
    pub(crate) fn give_code(&mut self, question: Question, person: usize, now: i64) -> String {
        let code = format!("canary-code-{}", self.codes.len());
        let until = now + CODE_LIFE;
        self.codes.insert(code.clone(), Code { question, person, until, spent: false });
        code
    }

    /// The call whose question `code` answers.
    pub(crate) fn asked_by(&self, code: &str) -> Option<usize> {
        self.codes.get(code).and_then(|code| code.question.call)
    }

    /// What somebody typed in.
    pub(crate) fn typed(&mut self, user_code: &str, typed: Typed) {
        for code in self.devices.values_mut().filter(|code| code.user_code == user_code) {
            code.typed.get_or_insert(typed);
        }
    }

    /// The authority takes back all refresh tokens of a person.
    pub(crate) fn revoke(&mut self, cloud: usize, person: usize) {
        for lineage in self.lineage.values_mut().filter(|l| l.cloud == cloud && l.person == PEOPLE[person]) {
            lineage.revoked = true;
        }
    }

    /// From now on the person must have signed in with claims that are new.
    pub(crate) fn demand_claims(&mut self, cloud: usize, person: usize) {
        *self.conditions.entry((cloud, person)).or_default() += 1;
    }

    /// The claims that are demanded of a person.
    pub(crate) fn claims_of(&self, cloud: usize, person: usize) -> Option<String> {
        let number = *self.conditions.get(&(cloud, person))?;
        Some(format!(r#"{{"access_token":{{"nbf":{{"essential":true,"value":"n9999{number}"}}}}}}"#))
    }

    /// The answer to what the model of the emulator knows nothing of; `None` for what it does.
    pub(crate) fn at_the_desk(
        &mut self,
        cloud: usize,
        now: i64,
        request: &Request,
        sent: &[(String, String)],
        call: usize,
        slow: bool,
    ) -> Option<Judgement> {
        let field = |name: &str| sent.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
        let tenant = request.path.split('/').nth(1).unwrap_or_default();
        if request.path.ends_with("/devicecode") {
            let question = Question {
                call: Some(call),
                cloud,
                tenant: tenant.to_owned(),
                client: field("client_id").to_owned(),
                scope: field("scope").to_owned(),
                claims: field("claims").to_owned(),
                ..Question::default()
            };
            return Some(self.give_device_code(question, now));
        }
        match field("grant_type") {
            "authorization_code" => Some(self.redeem(now, request, call, &field)),
            grant if grant.ends_with(":device_code") => Some(self.poll(now, request, call, slow)),
            "refresh_token" => self.object(cloud, field("refresh_token")),
            _ => None,
        }
    }

    fn give_device_code(&mut self, question: Question, now: i64) -> Judgement {
        let number = self.devices.len();
        let (device_code, user_code) = (format!("canary-device-{number}"), format!("TYPE{number}"));
        let life = self.device_life;
        let body = json!({
            "device_code": device_code, "user_code": user_code, "verification_uri": "https://type.test/device",
            "expires_in": life, "interval": self.interval, "message": format!("Type {user_code}."),
        });
        let code = DeviceCode { question, user_code, until: now + life, typed: None, spent: false };
        self.devices.insert(device_code, code);
        Judgement::of(Answer { body: body.to_string().into_bytes(), ..blank(200) })
    }

    fn poll(&mut self, now: i64, request: &Request, call: usize, slow: bool) -> Judgement {
        let sent = fields(&request.body);
        let code = sent.iter().find(|(name, _)| name == "device_code").map_or("", |(_, code)| code.as_str());
        let Some(device) = self.devices.get_mut(code) else { return refuse("invalid_grant", None, None) };
        if now > device.until {
            return refuse("expired_token", None, None);
        }
        if slow {
            return refuse("slow_down", None, None);
        }
        match device.typed {
            None => refuse("authorization_pending", None, None),
            Some(Typed::Declined) => refuse("authorization_declined", None, None),
            Some(Typed::Agreed(_)) if device.spent => refuse("invalid_grant", None, None),
            Some(Typed::Agreed(person)) => {
                device.spent = true;
                // Whoever redeems it is who signs in, whoever asked.
                let question = Question { call: Some(call), ..device.question.clone() };
                self.admit(now, request, &question, person)
            }
        }
    }

    fn redeem<'a>(&mut self, now: i64, request: &Request, call: usize, field: &impl Fn(&str) -> &'a str) -> Judgement {
        let Some(known) = self.codes.get_mut(field("code")) else { return refuse("invalid_grant", None, None) };
        let verifier = challenge_of(field("code_verifier"));
        let question = &known.question;
        let proven = question.challenge.as_ref().is_none_or(|challenge| *challenge == verifier);
        let same = question.client == field("client_id") && question.redirect_uri == field("redirect_uri");
        if known.spent || now > known.until || !proven || !same {
            return refuse("invalid_grant", None, None);
        }
        known.spent = true;
        let (question, person) = (Question { call: Some(call), ..known.question.clone() }, known.person);
        self.admit(now, request, &question, person)
    }

    /// A person is signed in: the tokens, and who it is.
    fn admit(&mut self, now: i64, request: &Request, question: &Question, person: usize) -> Judgement {
        let Question { cloud, client, .. } = question;
        let family = client_named(client).is_some_and(|client| client < self.family);
        let level = self.level(*cloud, person, &question.claims);
        let entra = &mut self.clouds[*cloud];
        let root = entra.grant_refresh_token(client, Want::home_tenant(), PEOPLE[person]);
        let scope = question.scope.split(' ').find(|scope| SCOPES.contains(scope)).unwrap_or_default();
        let form = fields(&request.body);
        // What an application that brings a code asked for with it, it says again.
        let claims = form.iter().find(|(name, _)| name == "claims").map_or("", |(_, claims)| claims.as_str());
        let sent = [
            ("grant_type", "refresh_token"),
            ("client_id", client.as_str()),
            ("refresh_token", root.as_str()),
            ("scope", scope),
            ("claims", claims),
        ];
        let mut inner = Request::form(&format!("/{}/oauth2/v2.0/token", question.tenant), &sent);
        inner.headers.extend(request.headers.iter().filter(|(name, _)| name != "content-type").cloned());
        let mut answer = entra.answer(now, &inner);
        let mut json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let token = json["refresh_token"].as_str().unwrap_or(&root).to_owned();
        json["refresh_token"] = json!(token);
        if family {
            json["foci"] = json!("1");
        }
        if let (Some(nonce), Some(id_token)) = (&question.nonce, json["id_token"].as_str()) {
            json["id_token"] = json!(with_nonce(id_token, nonce));
        }
        answer.body = json.to_string().into_bytes();
        let lineage = Lineage {
            root: self.roots,
            cloud: *cloud,
            person: PEOPLE[person].to_owned(),
            client: client.clone(),
            family,
            level,
            call: question.call,
            ..Lineage::default()
        };
        self.roots += 1;
        self.enter(*cloud, &inner.path, &fields(&inner.body), &answer, Some(&lineage));
        self.lineage.insert(token.clone(), lineage);
        self.admitted += 1;
        Judgement { granted: Some(token), ..Judgement::of(answer) }
    }

    /// How new the claims are that a person signed in with.
    pub(crate) fn level(&self, cloud: usize, person: usize, claims: &str) -> u64 {
        let number = self.conditions.get(&(cloud, person)).copied().unwrap_or_default();
        if claims.contains(&format!("n9999{number}")) { number } else { 0 }
    }

    /// What speaks against a refresh token that the model would take.
    fn object(&mut self, cloud: usize, token: &str) -> Option<Judgement> {
        let lineage = self.lineage.get_mut(token)?;
        if lineage.revoked {
            lineage.dead = true;
            return Some(refuse("invalid_grant", Some("bad_token"), None));
        }
        let person = person_named(&lineage.person)?;
        let (level, needed) = (lineage.level, self.conditions.get(&(cloud, person)).copied().unwrap_or_default());
        if level >= needed {
            return None;
        }
        self.conditioned += 1;
        let word = if needed % 2 == 0 { "interaction_required" } else { "invalid_grant" };
        Some(refuse(word, Some("basic_action"), self.claims_of(cloud, person)))
    }

    /// `request` as the model takes it: a member of the family redeems in the name of the one that signed in.
    pub(crate) fn in_the_family(&mut self, request: &Request, sent: &[(String, String)]) -> Option<Request> {
        let field = |name: &str| sent.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let client = field("client_id")?;
        let owner = self.lineage.get(field("refresh_token")?).filter(|l| l.family && l.client != client)?;
        if client_named(client).is_none_or(|client| client >= self.family) {
            self.mismatched += 1;
            return None;
        }
        self.shared += 1;
        let owner = owner.client.clone();
        let name = |(n, v): &(String, String)| if n == "client_id" { owner.clone() } else { v.clone() };
        let values: Vec<String> = sent.iter().map(name).collect();
        let renamed: Vec<(&str, &str)> = sent.iter().zip(&values).map(|((n, _), v)| (n.as_str(), v.as_str())).collect();
        let mut inner = Request::form(&request.path, &renamed);
        inner.headers.clone_from(&request.headers);
        Some(inner)
    }
}

const fn blank(status: u16) -> Answer {
    Answer { status, headers: Vec::new(), body: Vec::new(), conduct: azlatch_emulator::Conduct::Prompt }
}

fn refuse(error: &str, suberror: Option<&str>, claims: Option<String>) -> Judgement {
    let mut json = json!({ "error": error, "error_description": "AADSTS1: no.", "error_codes": [1] });
    if let Some(suberror) = suberror {
        json["suberror"] = json!(suberror);
    }
    if let Some(claims) = claims {
        json["claims"] = json!(claims);
    }
    Judgement::of(Answer { body: json.to_string().into_bytes(), ..blank(400) })
}

/// S256 (RFC 7636 §4.2).
pub(crate) fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn with_nonce(id_token: &str, nonce: &str) -> String {
    let mut parts = id_token.split('.');
    let (header, payload) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let bytes = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let mut claims: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    claims["nonce"] = json!(nonce);
    format!("{header}.{}.", URL_SAFE_NO_PAD.encode(claims.to_string()))
}
