//! Processes and their callers: calls begin, are answered, are cancelled; processes die, stop, and come back.

use azlatch_core::cache::Demand;
use azlatch_core::effect::Reply;
use azlatch_core::{Note, Step};

use crate::call::{Call, Facts, Job, Must, Standing};
use crate::flows::{Clear, Ended, Running, SignIn};
use crate::wants::Want;
use crate::world::{Event, World};

impl World {
    pub(crate) fn begin(&mut self, process: usize, caller: usize) {
        let left = self.processes[process].left[caller];
        if !self.processes[process].alive || left == 0 || self.calm {
            return;
        }
        self.processes[process].left[caller] = left - 1;
        let want = self.wants[self.random.index(self.wants.len())];
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
        let id = self.call(process, Some(caller), want, demand, Must::Nothing, None);
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
        self.calls[id].running = None;
        self.calls[id].tick += 1;
        self.judge_end(id, &ended);
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
            Event::Jump { process, by } => self.processes[process].offset += by,
            Event::Trouble { trouble, span } => self.trouble = Some((trouble, self.now + span)),
            _ => {}
        }
    }

    /// Everything of the process goes, its locks with it.
    fn crash(&mut self, process: usize) {
        self.tally.crashes += 1;
        let it = &mut self.processes[process];
        it.alive = false;
        it.stopped_until = 0;
        for call in self.calls.iter_mut().filter(|call| call.process == process && call.running.is_some()) {
            call.running = None;
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
        let token = self.authorities.sign_in(&want);
        let program = Running::SignIn(SignIn::new(&want, &token, self.true_time()));
        let must = if self.calm { Must::Succeed(0) } else { Must::Nothing };
        self.call(process, None, want, Demand::Any, must, Some(program));
    }

    pub(crate) fn clear(&mut self, want: Want, process: usize) {
        if self.processes[process].alive && !self.calm {
            let program = Running::Clear(Clear::new(want.partition()));
            self.call(process, None, want, Demand::Any, Must::Nothing, Some(program));
        }
    }
}

/// Whether a note tells of trouble with the store.
pub(crate) fn is_trouble(note: &Note) -> bool {
    matches!(note, Note::SaveFailed(_) | Note::LoadFailed(_) | Note::LockFailed(_) | Note::NoStore)
}
