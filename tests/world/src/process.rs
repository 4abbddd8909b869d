//! Processes and their callers: calls begin, are answered, are cancelled; processes die, stop, and come back.

use azlatch_core::authority::AuthorityHost;
use azlatch_core::cache::{Demand, Discard, Query};
use azlatch_core::effect::Reply;
use azlatch_core::{Note, Step};

use crate::bug::DriverBug;
use crate::call::{Call, Facts, Job, Must, Standing};
use crate::flows::Means;
use crate::flows::{Clear, Ended, Running, SignIn};
use crate::wants::{Spelling, Want, Who, home_account_id};
use crate::world::{Event, Session, World};

impl World {
    pub(crate) fn begin(&mut self, process: usize, caller: usize) {
        let left = self.processes[process].left[caller];
        if !self.processes[process].alive || left == 0 || self.calm {
            return;
        }
        self.processes[process].left[caller] = left - 1;
        let mut want = self.wants[self.random.index(self.wants.len())];
        let mut record = None;
        let sessions = &self.processes[process].sessions;
        if !sessions.is_empty() && self.random.chance(self.plan.recorded) {
            let session = &sessions[self.random.index(sessions.len())];
            want = Want { scope: want.scope, ..session.want };
            record = Some(session.record.clone());
            self.tally.recorded += 1;
        }
        let last = self.processes[process].last[caller].clone();
        let demand = match self.random.below(3) {
            _ if !self.random.chance(self.plan.demands) => Demand::Any,
            0 => Demand::Fresh,
            1 => Demand::Claims(format!(r#"{{"access_token":{{"nbf":{{"value":"n{}"}}}}}}"#, self.calls.len())),
            _ => match last {
                Some(token) if self.authorities.minted.get(&token).is_some_and(|minted| minted.is_for(&want)) => {
                    self.rejected.push(token.clone());
                    Demand::Not(token.as_str().into())
                }
                _ => Demand::Any,
            },
        };
        let program = record.map(|record| {
            let query = Query { scopes: want.query().scopes, ..Query::of_account(&record, want.cae) };
            Running::acquire_for(&want, query, demand.clone(), self.plan.timeout, self.plan.tries)
        });
        let id = self.call(process, Some(caller), want, demand, Must::Nothing, program);
        if self.random.chance(self.plan.cancel) {
            let after = self.random.below(self.random_span());
            self.schedule(after, Event::Cancel { call: id });
        }
    }

    fn random_span(&self) -> u64 {
        if self.plan.slow > 0 { 10_000 } else { 400 }
    }

    /// A call that must succeed.
    pub(crate) fn demand(&mut self, process: usize, want: Want, must: Must) {
        let wall = self.clocks(process).wall.0;
        let due = self.stored(usize::from(want.cae)).good(&want, &self.authorities, wall + 60).is_none();
        // What has come due meanwhile is rightly renewed.
        let must = if must == Must::Hit && due { Must::Succeed(0) } else { must };
        self.call(process, None, want, Demand::Any, must, None);
    }

    /// A call begins: of the core's flow for `want`, or of `program`.
    fn call(
        &mut self,
        process: usize,
        caller: Option<usize>,
        want: Want,
        demand: Demand,
        must: Must,
        program: Option<Running>,
    ) -> usize {
        let id = self.calls.len();
        let now = self.clocks(process);
        let running =
            program.unwrap_or_else(|| Running::acquire(&want, demand.clone(), self.plan.timeout, self.plan.tries));
        self.say(|| format!("call {id}: process {process}, {want:?}, {demand:?}, must {must:?}"));
        let facts = Facts {
            began: self.now,
            stopped: self.processes[process].stopped,
            steps: 0,
            latest_wall: now.wall.0,
            lowest_wall: now.wall.0,
            read: None,
            unreadable: false,
            trouble: false,
            standing: Standing::NotAsked,
            lock_key: None,
            good_at_lock: None,
            stored_at_start: self.stored(usize::from(want.cae)),
            guards: Vec::new(),
            not_before: 0,
            failure: None,
            ended: None,
            granted: None,
            poll_after: 0,
            interval: 5_000,
            code_ends: None,
            late_polls: 0,
            lost: Vec::new(),
            rotated: None,
            requests: 0,
        };
        self.calls.push(Call {
            process,
            caller,
            want,
            demand,
            running: Some(running),
            job: Job::Idle,
            tick: 0,
            crashed: false,
            cancelled: false,
            newcomer: None,
            brought: None,
            timeout: self.plan.timeout,
            must,
            facts,
        });
        self.tally.calls += 1;
        self.schedule(0, Event::Work { call: id, tick: 0 });
        id
    }

    pub(crate) fn reply(&mut self, id: usize, reply: Reply) {
        self.advance(id, Some(reply));
    }

    /// The call's flow makes a step.
    pub(crate) fn advance(&mut self, id: usize, reply: Option<Reply>) {
        let now = self.clocks(self.calls[id].process);
        let call = &mut self.calls[id];
        let facts = &mut call.facts;
        facts.steps += 1;
        facts.latest_wall = facts.latest_wall.max(now.wall.0);
        facts.lowest_wall = facts.lowest_wall.min(now.wall.0);
        let Some(running) = &mut call.running else { return };
        match running.step(now, reply) {
            Step::Need(effect) => self.ask(id, effect),
            Step::Done(ended) => self.over(id, ended),
        }
    }

    fn over(&mut self, id: usize, ended: Ended) {
        let leaving = self.calls[id].leaving();
        self.calls[id].running = None;
        self.calls[id].facts.ended = Some(self.now);
        self.calls[id].tick += 1;
        self.judge_end(id, &ended);
        if let (Some((cloud, person)), Ended::Program(true)) = (leaving, &ended) {
            self.judge_departure(id, cloud, person);
            self.tally.signed_out += 1;
            let sessions = &mut self.processes[self.calls[id].process].sessions;
            sessions.retain(|session| (session.want.cloud, session.want.who) != (cloud, Who::Person(person)));
        }
        self.keep(id, &ended);
        let Call { process, caller, .. } = self.calls[id];
        let token = match &ended {
            Ended::Token(result) => match &**result {
                Ok(acquired) => {
                    self.tally.tokens += 1;
                    self.tally.hits += u64::from(self.calls[id].facts.requests == 0);
                    Some(acquired.token.expose_secret().to_owned())
                }
                Err(_) => {
                    self.tally.errors += 1;
                    None
                }
            },
            Ended::Program(_) => None,
        };
        if let Some(caller) = caller {
            if token.is_some() {
                self.processes[process].last[caller] = token;
            }
            let after = self.random.below(self.plan.gap);
            self.schedule(after, Event::Begin { process, caller });
        }
    }

    pub(crate) fn cancel(&mut self, id: usize) {
        if let Some(running) = self.calls[id].running.as_mut() {
            running.cancel();
            self.calls[id].cancelled = true;
            self.tally.cancelled += 1;
            self.say(|| format!("call {id}: cancelled"));
        }
    }

    /// A fault that is in the calendar.
    pub(crate) fn suffer(&mut self, event: Event) {
        self.say(|| format!("{event:?}"));
        match event {
            Event::Crash { process } => self.crash(process),
            Event::Restart { process } => self.restart(process),
            Event::PowerLoss => {
                for process in 0..self.plan.processes {
                    self.crash(process);
                    let after = 1_000 + self.random.below(2_000);
                    self.schedule(after, Event::Restart { process });
                }
                let mut random = self.random.clone();
                self.disk.lose_power(&mut random);
                self.tally.power_cuts += 1;
                self.random = random;
                self.leave_alone.clear();
                self.judge_power();
            }
            Event::Stop { process, span } => {
                let process = &mut self.processes[process];
                if process.alive && process.stopped_until <= self.now {
                    process.stopped_until = self.now + span;
                    process.stopped += span;
                }
            }
            Event::Revoke { want } => {
                if let Who::Person(person) = want.who {
                    self.authorities.revoke(want.cloud, person);
                    self.tally.revoked += 1;
                }
            }
            Event::Condition { want } => {
                if let Who::Person(person) = want.who {
                    self.authorities.demand_claims(want.cloud, person);
                    self.tally.conditioned += 1;
                }
            }
            Event::Jump { process, by } => self.processes[process].offset += by,
            Event::Trouble { trouble, span } => self.trouble = Some((trouble, self.now + span)),
            _ => {}
        }
    }

    /// Everything of the process goes, its locks with it.
    fn crash(&mut self, process: usize) {
        self.tally.crashes += 1;
        let forgets = self.random.chance(500);
        let it = &mut self.processes[process];
        it.alive = false;
        if forgets {
            it.sessions.clear();
        }
        it.stopped_until = 0;
        for call in self.calls.iter_mut().filter(|call| call.process == process && call.running.is_some()) {
            call.running = None;
            call.facts.ended = Some(self.now);
            call.crashed = true;
            call.tick += 1;
            call.job = Job::Idle;
        }
        let calls = &self.calls;
        self.guards.retain(|_, (call, _, _)| !calls[*call].crashed);
        for inode in self.disk.free(|holder| calls[holder].crashed) {
            self.wake(inode);
        }
    }

    pub(crate) fn restart(&mut self, process: usize) {
        if std::mem::replace(&mut self.processes[process].alive, true) {
            return;
        }
        for caller in 0..self.plan.callers {
            let after = self.random.below(self.plan.gap);
            self.schedule(after, Event::Begin { process, caller });
        }
    }

    pub(crate) fn sign_in(&mut self, want: Want, process: usize) {
        let busy = self.calls.iter().any(|call| matches!(call.running, Some(Running::SignIn(_))));
        if want.person().is_none() || busy || !self.processes[process].alive {
            return;
        }
        let (token, family) = self.authorities.sign_in(&want);
        let program = Running::SignIn(SignIn::new(&want, &token, family, self.true_time()));
        let id = self.call(process, None, want, Demand::Any, self.must_meet(), Some(program));
        if let Some(lineage) = self.authorities.lineage.get_mut(&token) {
            lineage.call = Some(id);
        }
    }

    pub(crate) fn clear(&mut self, want: Want, process: usize) {
        if self.processes[process].alive && !self.calm {
            let program = Running::Clear(Clear::new(want.partition()));
            self.call(process, None, want, Demand::Any, Must::Nothing, Some(program));
        }
    }

    /// Somebody signs in by one of the core's grants.
    pub(crate) fn meet(&mut self, want: Want, process: usize, means: Means, demand: Demand) {
        if !self.processes[process].alive {
            return;
        }
        let (id, timeout, tries) = (self.calls.len(), self.plan.patience, self.plan.tries);
        let claims = match &demand {
            Demand::Claims(claims) => claims.clone(),
            _ => String::new(),
        };
        let brought = (means == Means::Code).then(|| self.code_in_hand(id, &want, &claims));
        self.begin_meeting(want, process, means, brought.clone(), demand.clone(), timeout, tries);
        if brought.is_some() && !self.calm && self.random.chance(self.plan.twice) {
            self.begin_meeting(want, process, means, brought, demand, timeout, tries);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "what a sign-in is made of")]
    fn begin_meeting(
        &mut self,
        want: Want,
        process: usize,
        means: Means,
        brought: Option<(String, Option<String>)>,
        demand: Demand,
        timeout: u64,
        tries: u8,
    ) {
        let program = Running::meet(&want, means, brought.clone(), demand.clone(), timeout, tries);
        let id = self.call(process, None, want, demand, self.must_meet(), Some(program));
        let call = &mut self.calls[id];
        (call.newcomer, call.brought, call.timeout) = (Some(means), brought, timeout);
        self.tally.met += 1;
        match means {
            Means::Browser => self.tally.browser += 1,
            Means::Device => self.tally.device += 1,
            Means::Code => self.tally.in_hand += 1,
        }
        if !self.calm && self.random.chance(self.plan.cancel) {
            let after = self.random.pick(&[400, 10_000, 30_000]);
            let after = self.random.below(after);
            self.schedule(after, Event::Cancel { call: id });
        }
    }

    /// An account signs out, in both documents.
    pub(crate) fn sign_out(&mut self, want: Want, process: usize) {
        let Who::Person(person) = want.who else { return };
        let Ok(host) = AuthorityHost::new(want.host()) else { return };
        if !self.processes[process].alive || self.calm {
            return;
        }
        for cae in [false, true] {
            let want = Want { cae, ..want };
            let program = Running::SignOut(Discard::account(want.partition(), &host, home_account_id(person)));
            self.call(process, None, want, Demand::Any, Must::Nothing, Some(program));
        }
    }

    /// What the process keeps in mind of a call that is over, and what people do about it.
    fn keep(&mut self, id: usize, ended: &Ended) {
        let Ended::Token(result) = ended else { return };
        let (process, want) = (self.calls[id].process, self.calls[id].want);
        match &**result {
            Ok(acquired) => {
                self.tally.orphaned += u64::from(acquired.explain.notes.contains(&Note::SignedOut));
                let Some(record) = &acquired.record else { return };
                self.tally.arrived += 1;
                self.tally.guests += u64::from(want.tenant != 0);
                let mut record = record.clone();
                if self.bug == Some(DriverBug::AppliesAnothersRecord) {
                    let all = self.processes.iter().flat_map(|process| &process.sessions);
                    let mut others = all.filter(|session| session.want.cloud == want.cloud);
                    if let Some(other) = others.find(|other| other.record.home_account_id != record.home_account_id) {
                        record.home_account_id.clone_from(&other.record.home_account_id);
                    }
                }
                let want = Want { spelling: Spelling::Id, ..want };
                let sessions = &mut self.processes[process].sessions;
                sessions.retain(|s| (s.want.cloud, s.want.client) != (want.cloud, want.client));
                sessions.push(Session { record, want });
            }
            Err(error) if error.needs_interaction() && want.person().is_some() => {
                let call = &self.calls[id];
                if call.newcomer.is_some() || self.calm || !self.random.chance(self.plan.reacts) {
                    return;
                }
                let demand = error.claims().map_or(Demand::Any, |claims| Demand::Claims(claims.into()));
                let spelling = if want.tenant == 0 { Spelling::Name } else { want.spelling };
                let means = self.random.pick(&[Means::Browser, Means::Device, Means::Code]);
                self.schedule(1, Event::Meet { want: Want { spelling, ..want }, process, means, demand });
            }
            Err(_) => self.tally.code_refused += u64::from(self.calls[id].newcomer == Some(Means::Code)),
        }
    }
}

/// Whether a note tells of trouble with the store.
pub(crate) fn is_trouble(note: &Note) -> bool {
    matches!(note, Note::SaveFailed(_) | Note::LoadFailed(_) | Note::LockFailed(_) | Note::NoStore)
}
