//! The judge of what calls ask for and how they end.

use azlatch_core::cache::{Acquired, Demand};
use azlatch_core::effect::{Effect, Http, LockKey};
use azlatch_core::{Error, ErrorKind, Note, Source};

use crate::authority::fields;
use crate::call::{Job, Must, Standing};
use crate::flows::{Ended, Means};
use crate::network::{Fate, Packet};
use crate::process::is_trouble;
use crate::wants::{Who, home_account_id, tenant_id};
use crate::world::{Event, World};

/// Milliseconds that a call may take beyond its timeout, for storing what it got.
const STORING: u64 = 30_000;

impl World {
    /// May this call ask this now?
    pub(crate) fn judge_effect(&mut self, id: usize, effect: &Effect) {
        self.say(|| format!("call {id}: {}", describe(effect)));
        let call = &mut self.calls[id];
        // Whoever signed in although the caller has gone is stored, and for that the store is read.
        let arriving = call.facts.granted.is_some() && matches!(effect, Effect::Load(_));
        let busy = !arriving
            && matches!(
                effect,
                Effect::Http(_)
                    | Effect::Load(_)
                    | Effect::Random(_)
                    | Effect::Listen(_)
                    | Effect::Browse(_)
                    | Effect::Receive(_)
                    | Effect::Prompt(_)
            );
        let (cancelled, unreadable) = (call.cancelled, call.facts.unreadable);
        self.trace.hold(!(cancelled && busy), || format!("call {id}: more than clean-up after it was cancelled"));
        match effect {
            Effect::Save(_) => {
                self.trace.hold(!unreadable, || format!("call {id}: a write after a read that failed"));
            }
            Effect::Lock(ask) if call.facts.standing == Standing::NotAsked => {
                call.facts.standing = Standing::Without;
                call.facts.lock_key = Some(ask.op.key);
            }
            Effect::Unlock(ask) => {
                let leaks = ask.op.mark.as_ref().is_some_and(|mark| self.authorities.leaks(&mark.what));
                self.trace.hold(!leaks, || format!("call {id}: a secret in a mark"));
                let held = call.facts.guards.contains(&ask.op.guard.0);
                self.trace.hold(held, || format!("call {id}: a lock was given back that is not held"));
            }
            Effect::Http(ask) => self.judge_request(id, &ask.op),
            _ => {}
        }
    }

    /// A lock was granted.
    pub(crate) fn judge_grant(&mut self, id: usize, key: LockKey, guard: u64) {
        let (want, process) = (self.calls[id].want, self.calls[id].process);
        let wall = self.clocks(process).wall.0;
        let good = self.stored(usize::from(want.cae)).good(&want, &self.authorities, wall);
        let facts = &mut self.calls[id].facts;
        facts.guards.push(guard);
        if facts.standing == Standing::Without && facts.lock_key == Some(key) {
            facts.standing = Standing::Held(self.now);
            facts.good_at_lock = good;
        }
    }

    fn judge_request(&mut self, id: usize, http: &Http) {
        self.calls[id].facts.requests += 1;
        let call = &self.calls[id];
        let (want, facts) = (call.want, &call.facts);
        let now = self.clocks(call.process);
        let body = http.body.as_ref().map(|body| fields(body.expose_secret())).unwrap_or_default();
        let spends = body.iter().find(|(name, _)| name == "refresh_token").map(|(_, value)| value.as_str());
        let mut wrong: Vec<&str> = Vec::new();
        let mut require = |holds: bool, what: &'static str| {
            if !holds {
                wrong.push(what);
            }
        };
        let newcomer = call.newcomer.is_some();
        let base = format!("https://{}/{}/oauth2/v2.0/", want.host(), want.tenant());
        let place = http.url.strip_prefix(&base);
        let device = call.newcomer == Some(Means::Device) && place == Some("devicecode");
        require(device || place == Some("token"), "a request to another authority or tenant");
        require(!self.authorities.leaks(&http.url), "a secret in a URL");
        require(now.mono.0 >= facts.not_before, "a request before Retry-After had passed");
        if let Some(token) = spends {
            let lineage = self.authorities.lineage.get(token);
            let outsider = facts.read.as_ref().is_some_and(|read| read.knows_outsider(&want));
            let ours = lineage.is_some_and(|l| {
                let client = l.client == want.client() || l.family;
                l.cloud == want.cloud && client && Some(l.person.as_str()) == want.person()
            });
            let foreign = lineage.is_some_and(|l| l.client != want.client());
            require(
                !(foreign && outsider),
                "a family's refresh token was tried again by one that is known not to be in it",
            );
            require(!newcomer, "a refresh token was spent to sign in");
            require(ours, "a refresh token was sent that is another's");
            let lost = facts.lost.iter().any(|lost| lost == token);
            require(!lost, "a single-use request was repeated though it may have been acted upon");
        }
        let sent = |name: &str| body.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        if sent("device_code").is_some() {
            require(now.mono.0 >= facts.poll_after, "a poll before its time");
            let late = facts.code_ends.is_some_and(|ends| now.mono.0 > ends);
            require(!(late && facts.late_polls > 0 && self.plan.steady_clocks()), "a poll after the code was over");
        } else if let Some(code) = sent("code") {
            let theirs = call.brought.as_ref().is_some_and(|(brought, _)| brought == code);
            require(
                theirs || self.authorities.asked_by(code) == Some(id),
                "a code was sent that answers no question of ours",
            );
            require(!facts.lost.iter().any(|lost| lost == code), "a code was sent again that may be spent");
        }
        require(!newcomer || facts.guards.is_empty(), "others wait behind somebody who signs in");
        require(newcomer || facts.standing != Standing::NotAsked, "a request before the lock was asked for");
        let any = call.demand == Demand::Any && !newcomer;
        if let Standing::Held(since) = facts.standing {
            let together = self.calls.iter().enumerate().any(|(other, c)| {
                other != id
                    && c.running.is_some()
                    && c.facts.lock_key == facts.lock_key
                    && matches!(c.facts.standing, Standing::Held(_))
                    && matches!(c.job, Job::Http(_))
            });
            require(!together, "two holders of one lock ask at the same time");
            let good = self.stored(usize::from(want.cae)).good(&want, &self.authorities, now.wall.0);
            let missed = good.is_some() && good == facts.good_at_lock && !facts.unreadable;
            require(!(any && missed), "a request though somebody had stored a good token before the lock was granted");
            let alone = facts.lock_key.and_then(|key| self.leave_alone.get(&key));
            let too_soon = alone.is_some_and(|(until, set)| since >= *set && self.now < *until);
            require(!too_soon, "a request while the authority is to be left alone");
        }
        let at_hand = facts.read.as_ref().and_then(|read| read.good(&want, &self.authorities, facts.latest_wall));
        let needless = any && self.plan.steady_clocks() && at_hand.is_some();
        require(!needless, "a request though a good token was at hand");
        let late = sent("device_code").is_some() && facts.code_ends.is_some_and(|ends| now.mono.0 > ends);
        self.trace.hold(wrong.is_empty(), || format!("call {id}: {}", wrong.join("; ")));
        self.calls[id].facts.late_polls += u32::from(late);
    }

    /// A spent refresh token was presented: only what the network, a crash or the store did may be the reason.
    pub(crate) fn judge_reuse(&mut self, packet: &Packet) {
        let presenter = packet.call;
        let lineage = packet.spends.as_ref().and_then(|token| self.authorities.lineage.get(token));
        let Some((lineage, spender)) = lineage.and_then(|l| Some((l, l.spent_by?))) else { return };
        let (p, s) = (&self.calls[presenter], &self.calls[spender]);
        let excused = if spender == presenter {
            lineage.copied || packet.fate == Fate::Copy
        } else {
            let late = p.tick != packet.tick || p.crashed;
            let alone = p.facts.standing == Standing::Without || s.facts.standing == Standing::Without;
            !lineage.delivered || s.crashed || s.facts.trouble || late || alone
        };
        let same = p.facts.lock_key == s.facts.lock_key;
        self.trace.hold(excused, || {
            let how = if same { "behind the same lock" } else { "behind another lock" };
            format!("call {presenter}: a refresh token was redeemed that call {spender} had spent {how}, and nothing had gone wrong")
        });
    }

    /// May the call end like this?
    pub(crate) fn judge_end(&mut self, id: usize, ended: &Ended) {
        let call = &self.calls[id];
        let held = call.facts.guards.len() + self.disk.locks_of(id);
        let elapsed = self.now - call.facts.began;
        let stopped = self.processes[call.process].stopped - call.facts.stopped;
        let allowed = call.timeout * 1000 + STORING + stopped;
        let must = call.must;
        self.trace.hold(held == 0, || format!("call {id}: over, but it still holds a lock"));
        self.trace.hold(!self.listening(id), || format!("call {id}: over, and its listener is still open"));
        self.trace.hold(elapsed <= allowed, || format!("call {id}: took {elapsed} ms of {allowed}"));
        match ended {
            Ended::Program(done) => {
                self.say(|| format!("call {id}: program done {done}"));
                self.trace
                    .hold(*done || must == Must::Nothing, || format!("call {id}: faults are over, yet it failed"));
            }
            Ended::Token(result) => {
                let asked = call.facts.requests;
                let success = result.is_ok() && (must != Must::Hit || asked == 0);
                let again = match must {
                    Must::Succeed(tries) if tries > 0 && result.as_ref().as_ref().is_err_and(Error::is_retryable) => {
                        let (process, want) = (call.process, call.want);
                        self.schedule(200_000, Event::Demand { process, want, must: Must::Succeed(tries - 1) });
                        true
                    }
                    _ => false,
                };
                match &**result {
                    Ok(acquired) => self.judge_token(id, acquired),
                    Err(error) => self.judge_error(id, error),
                }
                self.tally.recovered += u64::from(success && must != Must::Nothing);
                self.trace.hold(success || again || must == Must::Nothing, || {
                    format!(
                        "call {id}: faults are over, yet it asked {asked} times: {:?}",
                        result.as_ref().as_ref().err()
                    )
                });
                self.judge_rotation(id);
                self.judge_arrival(id);
                self.note_failure(id, result);
            }
        }
    }

    fn judge_token(&mut self, id: usize, acquired: &Acquired) {
        let told = format!("{acquired:?}");
        let source = acquired.explain.source;
        let notes = &acquired.explain.notes;
        self.trace.say(self.now, || format!("call {id}: a token from {source:?}, {notes:?}"));
        self.calls[id].facts.trouble |= notes.iter().any(is_trouble);
        let call = &self.calls[id];
        let (facts, token) = (&call.facts, acquired.token.expose_secret());
        let life = acquired.token.life;
        let minted = self.authorities.minted.get(token);
        let claims_met = match &call.demand {
            Demand::Claims(claims) => {
                let number = claims.split('"').find(|word| word.starts_with('n') && word != &"nbf").unwrap_or("?");
                minted.is_some_and(|minted| minted.claims.contains(&format!("\"{number}\"")))
            }
            _ => true,
        };
        let refused = matches!(&call.demand, Demand::Not(rejected) if rejected.expose_secret() == token);
        let stale = call.demand == Demand::Fresh && !facts.trouble && facts.stored_at_start.holds(token);
        let from_store = source == Source::Store;
        let expired = from_store && life.expires_on.0 <= facts.lowest_wall;
        let untried = from_store && call.demand == Demand::Any && facts.standing == Standing::NotAsked;
        let from_the_future = untried && life.cached_at.0 - facts.latest_wall > 300;
        let unstored = call.must != Must::Nothing && acquired.version.is_none();
        let long = minted.is_some_and(|minted| life.lifetime() > minted.lifetime);
        for (holds, what) in [
            (minted.is_some_and(|minted| minted.is_for(&call.want)), "a token that is not the one that was asked for"),
            (claims_met, "a token without the claims"),
            (!refused, "the token that was rejected"),
            (!stale, "a token that was there before"),
            (!expired, "a token that has expired"),
            (!from_the_future, "a token from the future, without trying to renew it"),
            (!unstored, "faults are over, yet a token was not stored"),
            (self.introduces(id, acquired), "the record is not of the one who signed in"),
            (!long, "a token with a longer life than it was given"),
            (!self.authorities.leaks(&told), "a secret in the account of it"),
        ] {
            self.trace.hold(holds, || format!("call {id}: {what}"));
        }
    }

    /// Whether the record is of whoever signed in, if anybody did.
    fn introduces(&self, id: usize, acquired: &Acquired) -> bool {
        let call = &self.calls[id];
        let (Some(record), true, Who::Person(person)) = (&acquired.record, call.newcomer.is_some(), call.want.who)
        else {
            return acquired.record.is_none() && call.newcomer.is_none();
        };
        record.home_account_id == home_account_id(person)
            && Some(record.username.as_str()) == call.want.person()
            && record.client_id == call.want.client()
            && record.tenant_id.as_str() == tenant_id(call.want.tenant)
            && record.authority.environment() == call.want.host()
    }

    /// Whoever signed in is in the store, though the caller has gone, unless the store would not have it.
    fn judge_arrival(&mut self, id: usize) {
        let call = &self.calls[id];
        let Some(token) = &call.facts.granted else { return };
        let stored = call.facts.trouble || self.was_stored(usize::from(call.want.cae), token);
        self.trace.hold(stored, || format!("call {id}: somebody signed in, and it was not stored"));
    }

    fn judge_error(&mut self, id: usize, error: &Error) {
        let told = format!("{error} {error:?}");
        self.trace.say(self.now, || format!("call {id}: {error:?}"));
        let call = &self.calls[id];
        let facts = &call.facts;
        let read = facts.read.as_ref();
        let living = read.is_some_and(|read| read.has_living(&call.want, &self.authorities, facts.latest_wall));
        for (holds, what) in [
            (error.kind() != ErrorKind::Misuse, "a truthful world is told that it erred"),
            (error.kind() != ErrorKind::Cancelled || call.cancelled, "cancelled by nobody"),
            (error.kind() != ErrorKind::Storage || facts.trouble, "a fault of the store that had none"),
            (
                call.cancelled || call.newcomer.is_some() || call.demand != Demand::Any || !living,
                "an error though a living token was at hand",
            ),
            (!self.authorities.leaks(&told), "a secret in an error"),
        ] {
            self.trace.hold(holds, || format!("call {id}: {what}"));
        }
    }

    /// A rotated refresh token is in the store, unless the store would not have it.
    fn judge_rotation(&mut self, id: usize) {
        let call = &self.calls[id];
        let Some((old, _)) = &call.facts.rotated else { return };
        let forgotten = !call.facts.trouble && self.stored(usize::from(call.want.cae)).holds(old);
        self.trace.hold(!forgotten, || format!("call {id}: over, and a rotated refresh token was not saved"));
    }

    /// Remembers for how long those who take the lock next leave the authority alone.
    fn note_failure(&mut self, id: usize, result: &Result<Acquired, Error>) {
        let facts = &self.calls[id].facts;
        let passing = match result {
            Ok(acquired) => {
                acquired.explain.notes.iter().any(|n| matches!(n, Note::RefreshFailed(e) if e.is_retryable()))
            }
            Err(error) => error.is_retryable(),
        };
        if let (true, true, Standing::Held(_), Some(key), Some((at, span))) =
            (passing, self.plan.steady_clocks(), facts.standing, facts.lock_key, facts.failure)
        {
            self.leave_alone.insert(key, (at + span, self.now));
        }
    }

    /// The end of the history: nobody is still waiting.
    pub(crate) fn look_back(&mut self) {
        let (shared, mismatched) = (self.authorities.shared, self.authorities.mismatched);
        (self.tally.shared, self.tally.mismatched) = (shared, mismatched);
        self.tally.refused_claims = self.authorities.conditioned;
        let waiting = self.calls.iter().position(|call| call.running.is_some());
        self.trace.hold(waiting.is_none(), || format!("call {} never ended", waiting.unwrap_or_default()));
    }
}

/// A question in a few words without secrets.
fn describe(effect: &Effect) -> String {
    match effect {
        Effect::Http(ask) => format!("Http {:?} within {:?}", ask.op.url, ask.op.timeout),
        Effect::Lock(ask) => format!("Lock {} within {:?}", ask.op.key, ask.op.patience),
        Effect::Unlock(ask) => format!("Unlock {:?} {:?}", ask.op.guard, ask.op.mark),
        Effect::Wait(ask) => format!("Wait {:?}", ask.op.span),
        Effect::Save(ask) => format!("Save {:?} expecting {:?}", ask.op.partition, ask.op.expect),
        other => other.name().into(),
    }
}
