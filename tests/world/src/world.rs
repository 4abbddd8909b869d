//! The event loop: what happens next, to whom, and when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use azlatch_core::cache::Demand;
use azlatch_core::effect::{Failure, LockKey, Response};
use azlatch_core::{AuthenticationRecord, Mono, Now, Unix};

use crate::authority::Authorities;
use crate::bug::DriverBug;
use crate::call::{Call, Must};
use crate::desk::Typed;
use crate::disk::{Disk, Inode};
use crate::flows::Means;
use crate::judge::History;
use crate::network::{News, Packet};
use crate::people::Listener;
use crate::plan::Plan;
use crate::random::Random;
use crate::tally::Tally;
use crate::trace::Trace;
use crate::wants::Want;

/// The wall clock of a world's beginning: 2027-01-15T08:00:00Z.
pub(crate) const NOON: i64 = 1_800_000_000;

/// What can happen.
#[derive(Debug)]
pub(crate) enum Event {
    /// A caller makes its next call.
    Begin {
        process: usize,
        caller: usize,
    },
    /// A driver makes its next step for a call.
    Work {
        call: usize,
        tick: u32,
    },
    /// A request reaches the authority.
    Arrive(Box<Packet>),
    /// The network is done with a call's request.
    Answer {
        call: usize,
        tick: u32,
        news: News,
        result: Box<Result<Response, Failure>>,
    },
    /// A caller goes away.
    Cancel {
        call: usize,
    },
    Crash {
        process: usize,
    },
    Restart {
        process: usize,
    },
    PowerLoss,
    Stop {
        process: usize,
        span: u64,
    },
    Jump {
        process: usize,
        by: i64,
    },
    Trouble {
        trouble: Trouble,
        span: u64,
    },
    SignIn {
        want: Want,
        process: usize,
    },
    Clear {
        want: Want,
        process: usize,
    },
    /// Somebody signs in by one of the core's grants.
    Meet {
        want: Want,
        process: usize,
        means: Means,
        demand: Demand,
    },
    /// Somebody signs out.
    SignOut {
        want: Want,
        process: usize,
    },
    /// The authority takes refresh tokens back, or wants claims.
    Revoke {
        want: Want,
    },
    Condition {
        want: Want,
    },
    /// A browser comes to a listener.
    Redirected {
        listener: usize,
        parameters: Vec<(String, String)>,
    },
    /// Somebody types a code.
    Typed {
        user_code: String,
        typed: Typed,
    },
    /// Faults stop.
    Calm,
    /// Everybody asks for everything.
    Round(u32),
    Demand {
        process: usize,
        want: Want,
        must: Must,
    },
}

/// What is wrong with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Locked,
    Denied,
    Busy,
    Hung,
    Io,
}

impl Trouble {
    pub(crate) const ALL: [Self; 5] = [Self::Locked, Self::Denied, Self::Busy, Self::Hung, Self::Io];
}

/// One simulated machine, its users and its authorities.
#[derive(Debug)]
pub struct World {
    pub(crate) plan: Plan,
    pub(crate) random: Random,
    pub(crate) now: u64,
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    pub(crate) wants: Vec<Want>,
    pub(crate) processes: Vec<Process>,
    pub(crate) calls: Vec<Call>,
    pub(crate) disk: Disk,
    pub(crate) waiting: BTreeMap<Inode, Vec<usize>>,
    pub(crate) guards: BTreeMap<u64, (usize, Inode, String)>,
    pub(crate) granted: u64,
    pub(crate) trouble: Option<(Trouble, u64)>,
    pub(crate) authorities: Authorities,
    pub(crate) histories: Vec<History>,
    pub(crate) listeners: Vec<Listener>,
    /// Until when the holders of a lock leave the authority alone.
    pub(crate) leave_alone: HashMap<LockKey, (u64, u64)>,
    pub(crate) rejected: Vec<String>,
    pub(crate) calm: bool,
    pub(crate) bug: Option<DriverBug>,
    pub(crate) trace: Trace,
    /// What came of it.
    pub tally: Tally,
}

/// Somebody who signed in, as the process knows it, and as it is.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) record: AuthenticationRecord,
    pub(crate) want: Want,
}

/// A process of the machine.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) alive: bool,
    /// Seconds by which its wall clock differs from true time.
    pub(crate) offset: i64,
    /// Milliseconds on its monotonic clock at the beginning.
    pub(crate) base: u64,
    pub(crate) stopped_until: u64,
    /// Milliseconds for which it was stopped in all.
    pub(crate) stopped: u64,
    /// Calls that each caller still makes.
    pub(crate) left: Vec<u32>,
    /// The token that each caller got last.
    pub(crate) last: Vec<Option<String>>,
    /// Who signed in here, by our own grants.
    pub(crate) sessions: Vec<Session>,
}

#[derive(Debug)]
struct Scheduled {
    at: u64,
    order: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// More events than any history needs.
const ENDLESS: u64 = 200_000;

impl World {
    /// The world that `seed` decides, its store driver with `bug` if one is planted.
    #[must_use]
    pub fn new(seed: u64, bug: Option<DriverBug>, traced: bool) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::new(&mut random);
        let first = Want::any(&mut random);
        let mut wants = vec![first];
        while wants.len() < plan.wants {
            let near = random.pick(&wants);
            wants.push(near.neighbour(&mut random));
        }
        let processes = (0..plan.processes).map(|_| Process {
            alive: true,
            offset: i64::try_from(random.below(2 * plan.skew + 1)).unwrap_or_default()
                - i64::try_from(plan.skew).unwrap_or_default(),
            base: random.below(1 << 40),
            stopped_until: 0,
            stopped: 0,
            left: vec![plan.calls; plan.callers],
            last: vec![None; plan.callers],
            sessions: Vec::new(),
        });
        let processes = processes.collect();
        let authorities = Authorities::new(&plan, seed);
        let mut world = Self {
            random,
            now: 0,
            queue: BinaryHeap::new(),
            scheduled: 0,
            wants,
            processes,
            calls: Vec::new(),
            disk: Disk::default(),
            waiting: BTreeMap::new(),
            guards: BTreeMap::new(),
            granted: 0,
            trouble: None,
            listeners: Vec::new(),
            authorities,
            histories: vec![History::default(), History::default()],
            leave_alone: HashMap::new(),
            rejected: Vec::new(),
            calm: false,
            bug,
            trace: Trace::new(traced),
            tally: Tally::default(),
            plan,
        };
        let plan = format!("{:?} wants {:?}", world.plan, world.wants);
        world.trace.say(0, || plan);
        world.settle_in();
        world
    }

    /// Runs to the end, or to the first invariant that is broken.
    #[must_use]
    pub fn run(mut self) -> Self {
        while let Some(Reverse(Scheduled { at, event, .. })) = self.queue.pop() {
            self.now = self.now.max(at);
            self.tally.events += 1;
            self.happen(event);
            self.look_at_the_store();
            self.trace.hold(self.tally.events < ENDLESS, || "the history does not end".into());
            if self.trace.broken().is_some() {
                return self;
            }
        }
        self.look_back();
        self
    }

    /// What happened; lines only if they were asked for.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    pub(crate) fn schedule(&mut self, after: u64, event: Event) {
        self.scheduled += 1;
        self.queue.push(Reverse(Scheduled { at: self.now.saturating_add(after), order: self.scheduled, event }));
    }

    /// The process that an event happens to, if it is one that a stopped process cannot take part in.
    fn concerns(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Begin { process, .. }
            | Event::SignIn { process, .. }
            | Event::Meet { process, .. }
            | Event::SignOut { process, .. }
            | Event::Clear { process, .. } => Some(*process),
            Event::Work { call, .. } | Event::Answer { call, .. } | Event::Cancel { call } => {
                Some(self.calls[*call].process)
            }
            _ => None,
        }
    }

    fn happen(&mut self, event: Event) {
        if let Some(process) = self.concerns(&event) {
            let stopped_until = self.processes[process].stopped_until;
            if stopped_until > self.now {
                return self.schedule(stopped_until - self.now, event);
            }
        }
        match event {
            Event::Begin { process, caller } => self.begin(process, caller),
            Event::Work { call, tick } if self.calls[call].tick == tick => self.work(call),
            Event::Work { .. } => {}
            Event::Arrive(packet) => self.arrive(*packet),
            Event::Answer { call, tick, news, result } if self.calls[call].tick == tick => {
                self.answered(call, news, *result);
            }
            Event::Answer { .. } => {}
            Event::Cancel { call } => self.cancel(call),
            Event::Round(round) => self.round(round),
            Event::Demand { process, want, must } => self.demand(process, want, must),
            Event::SignIn { want, process } => self.sign_in(want, process),
            Event::Clear { want, process } => self.clear(want, process),
            Event::Meet { want, process, means, demand } => self.meet(want, process, means, demand),
            Event::SignOut { want, process } => self.sign_out(want, process),
            Event::Redirected { listener, parameters } => self.redirected(listener, parameters),
            Event::Typed { user_code, typed } => {
                self.say(|| format!("somebody types {user_code}: {typed:?}"));
                self.authorities.typed(&user_code, typed);
            }
            Event::Calm => self.calm_down(),
            other if !self.calm => self.suffer(other),
            Event::Restart { process } => self.restart(process),
            _ => {}
        }
    }

    /// Both clocks of a process.
    pub(crate) fn clocks(&self, process: usize) -> Now {
        let process = &self.processes[process];
        Now { wall: Unix(self.true_time() + process.offset), mono: Mono(process.base + self.now) }
    }

    /// The authorities' clock.
    pub(crate) fn true_time(&self) -> i64 {
        NOON + i64::try_from(self.now / 1000).unwrap_or_default()
    }

    pub(crate) fn say(&mut self, line: impl FnOnce() -> String) {
        self.trace.say(self.now, line);
    }
}
