//! Seed → knobs. Each seed switches on a subset of the faults and picks the sizes, so that faults meet in all
//! combinations and none always drowns the others (swarm testing).

use crate::random::Random;

/// How likely each fault is, per thousand, and how large the world is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each knob is one fault of the table in the crate's documentation")]
pub struct Plan {
    pub processes: usize,
    pub callers: usize,
    pub calls: u32,
    pub wants: usize,
    /// Longest pause between two calls of one caller, in milliseconds.
    pub gap: u64,
    /// Longest time of one step of the store driver, in milliseconds.
    pub disk: u64,
    /// When faults stop, in milliseconds.
    pub calm: u64,
    pub expires_in: i64,
    pub refresh_in: Option<i64>,
    pub rotate: bool,
    pub timeout: u64,
    pub tries: u8,
    /// A host that keeps no locks: compare-and-swap alone protects the document.
    pub lockless: bool,
    pub demands: u64,
    pub cancel: u64,
    pub refused: u64,
    pub lost_request: u64,
    pub lost_answer: u64,
    pub duplicate: u64,
    pub slow: u64,
    pub throttle: u64,
    pub gateway: u64,
    pub garbage: u64,
    /// Of one step of a write: no space, an I/O error.
    pub disk_fault: u64,
    /// Of one operation of the store: any of its faults.
    pub flaky: u64,
    /// How often each happens in a history.
    pub troubles: u64,
    pub crashes: u64,
    pub power_losses: u64,
    pub stops: u64,
    pub jumps: u64,
    pub sign_ins: u64,
    pub clears: u64,
    /// People sign in by one of the core's grants.
    pub meetings: u64,
    pub sign_outs: u64,
    /// The authority takes back the refresh tokens of a person.
    pub revocations: u64,
    /// The authority begins to demand claims that only a sign-in brings.
    pub conditions: u64,
    /// Of one sign-in: the person does something else than to finish it.
    pub moody: u64,
    /// Of one sign-in in a browser: the answer to another question arrives, too.
    pub strangers: u64,
    /// Of one such answer: the driver lets it through.
    pub careless: u64,
    /// Of one poll: the authority wants fewer.
    pub slow_downs: u64,
    /// Of one code in hand: it is brought twice.
    pub twice: u64,
    /// Of one call that hears that a person must act: somebody does.
    pub reacts: u64,
    /// Of one call: it is for whoever signed in last, as the record of that says.
    pub recorded: u64,
    /// How many of the applications are one family.
    pub family: usize,
    /// How long somebody may take to sign in, in seconds.
    pub patience: u64,
    /// Largest difference between the wall clocks of two processes, in seconds.
    pub skew: u64,
}

impl Plan {
    /// The plan of `seed`.
    #[must_use]
    pub fn new(random: &mut Random) -> Self {
        let gap = random.pick(&[50, 50, 2_000, 20_000, 1_500_000]);
        let calls = random.pick(&[1, 2, 3, 5]);
        // Now and then a world without faults: what it asks of the code is the least forgiving.
        let wild = if random.chance(900) { 350 } else { 0 };
        let mut knob = |amount: u64| if random.chance(wild) { amount } else { 0 };
        let mut plan = Self {
            cancel: knob(400),
            refused: knob(150),
            lost_request: knob(120),
            lost_answer: knob(120),
            duplicate: knob(100),
            slow: knob(100),
            throttle: knob(300),
            gateway: knob(100),
            garbage: knob(60),
            disk_fault: knob(30),
            flaky: knob(60),
            troubles: knob(4),
            crashes: knob(3),
            power_losses: knob(2),
            stops: knob(3),
            jumps: knob(3),
            sign_ins: knob(3),
            clears: knob(1),
            meetings: knob(8),
            sign_outs: knob(3),
            revocations: knob(2),
            conditions: knob(2),
            moody: knob(600),
            strangers: knob(400),
            careless: knob(500),
            slow_downs: knob(300),
            twice: knob(400),
            reacts: knob(600),
            recorded: knob(500),
            family: usize::from(knob(1) == 1),
            patience: 60,
            skew: knob(4_000),
            lockless: knob(1) == 1 && random.chance(300),
            demands: random.pick(&[0, 0, 300]),
            processes: 1 + random.index(4),
            callers: 1 + random.index(3),
            calls,
            wants: 1 + random.index(4),
            gap,
            disk: random.pick(&[0, 1, 3, 30]),
            calm: u64::from(calls) * gap + 30_000,
            expires_in: random.pick(&[3599, 3599, 3599, 600, 60, 86_400]),
            refresh_in: random.pick(&[None, None, Some(300), Some(20)]),
            rotate: random.chance(850),
            timeout: random.pick(&[30, 30, 10]),
            tries: random.pick(&[1, 2, 3]),
        };
        if plan.meetings > 0 && random.chance(500) {
            // What people do besides, and what is done to them, is rare enough to be helped.
            (plan.moody, plan.reacts, plan.recorded) = (600, 600, 500);
        }
        plan.family *= 1 + random.index(2);
        plan.patience = random.pick(&[15, 60, 150]);
        if plan.expires_in <= 300 {
            plan.refresh_in = None;
        }
        plan
    }

    /// Whether wall clocks can be trusted to agree.
    #[must_use]
    pub const fn steady_clocks(&self) -> bool {
        self.skew == 0 && self.jumps == 0
    }
}
