//! How a history goes: people are signed in, callers call, things go wrong when the calendar says so, and then nothing
//! goes wrong any more and everybody must succeed.

use azlatch_core::cache::{Demand, Document};

use crate::call::Must;
use crate::flows::{Means, SignIn};
use crate::wants::{DOCUMENTS, Want, Who};
use crate::world::{Event, Trouble, World};

/// After faults stop, how long marks and Retry-After may still keep callers away, in milliseconds.
const GRACE: u64 = 500_000;

impl World {
    /// People are signed in, callers are about to call, and what will go wrong is in the calendar.
    pub(crate) fn settle_in(&mut self) {
        for (index, name) in DOCUMENTS.into_iter().enumerate() {
            let people: Vec<Want> = self.wants.iter().copied().filter(|w| usize::from(w.cae) == index).collect();
            let mut document = br#"{"Other":{"kept":true}}"#.to_vec();
            let signed_in = self.random.chance(800);
            for want in people.iter().filter(|want| want.person().is_some() && signed_in) {
                let (token, family) = self.authorities.sign_in(want);
                let with = SignIn::new(want, &token, family, self.true_time()).into_document(&document);
                document = with.as_ref().map(Document::bytes).map_or(document, |b| b.expose_secret().to_vec());
            }
            if signed_in {
                let inode = self.disk.create(name);
                self.disk.write(inode, &document);
                self.disk.sync(inode);
                self.disk.sync_names();
                self.offer_at(index, document);
            }
        }
        self.look_at_the_store();
        for process in 0..self.plan.processes {
            for caller in 0..self.plan.callers {
                let after = self.random.below(self.plan.gap);
                self.schedule(after, Event::Begin { process, caller });
            }
        }
        let plan = self.plan.clone();
        self.calendar(plan.crashes, |world| {
            let process = world.random.index(world.plan.processes);
            vec![(0, Event::Crash { process }), (1 + world.random.below(5_000), Event::Restart { process })]
        });
        self.calendar(plan.power_losses, |_| vec![(0, Event::PowerLoss)]);
        self.calendar(plan.stops, |world| {
            let process = world.random.index(world.plan.processes);
            let span = world.random.pick(&[300, 5_000, 20_000, 60_000]);
            vec![(0, Event::Stop { process, span })]
        });
        self.calendar(plan.jumps, |world| {
            let process = world.random.index(world.plan.processes);
            let by =
                world.random.pick(&[-31_536_000, -86_400, -3_600, -400, -30, 30, 400, 3_600, 86_400, 1_600_000_000]);
            vec![(0, Event::Jump { process, by })]
        });
        self.calendar(plan.troubles, |world| {
            let trouble = world.random.pick(&Trouble::ALL);
            let span = world.random.pick(&[50, 1_000, 10_000]);
            vec![(0, Event::Trouble { trouble, span })]
        });
        self.calendar(plan.sign_ins, |world| {
            let (want, process) = world.somebody();
            vec![(0, Event::SignIn { want, process })]
        });
        self.calendar(plan.clears, |world| {
            let (want, process) = world.somebody();
            vec![(0, Event::Clear { want, process })]
        });
        self.calendar(plan.meetings, |world| {
            let (want, (_, process)) = (world.newcomer(), world.somebody());
            let means = world.random.pick(&[Means::Browser, Means::Device, Means::Code]);
            vec![(0, Event::Meet { want, process, means, demand: Demand::Any })]
        });
        self.calendar(plan.sign_outs, |world| {
            let (want, (_, process)) = (world.account(), world.somebody());
            vec![(0, Event::SignOut { want, process })]
        });
        self.calendar(plan.revocations, |world| vec![(0, Event::Revoke { want: world.account() })]);
        self.calendar(plan.conditions, |world| vec![(0, Event::Condition { want: world.account() })]);
        self.schedule(plan.calm, Event::Calm);
    }

    fn somebody(&mut self) -> (Want, usize) {
        (self.wants[self.random.index(self.wants.len())], self.random.index(self.plan.processes))
    }

    /// Up to `most` times before the calm, at moments that chance picks.
    fn calendar(&mut self, most: u64, mut events: impl FnMut(&mut Self) -> Vec<(u64, Event)>) {
        for _ in 0..self.random.below(most + 1) {
            // Most of what can go wrong goes wrong while something is going on.
            let span = if self.random.chance(500) { self.plan.gap * 2 + 1_000 } else { self.plan.calm };
            let at = self.random.below(span.min(self.plan.calm));
            for (after, event) in events(self) {
                self.schedule(at + after, event);
            }
        }
    }

    /// Faults stop. People sign in again, and when old marks have run out, everybody gets every token.
    pub(crate) fn calm_down(&mut self) {
        self.say(|| "faults stop".into());
        self.calm = true;
        self.trouble = None;
        for process in 0..self.plan.processes {
            self.restart(process);
        }
        let mut people: Vec<Want> = Vec::new();
        for want in self.wants.clone() {
            let same = |other: &Want| {
                (other.cloud, other.client, other.who, other.cae) == (want.cloud, want.client, want.who, want.cae)
            };
            if matches!(want.who, Who::Person(_)) && !people.iter().any(same) {
                people.push(want);
            }
        }
        for (turn, want) in people.into_iter().enumerate() {
            let after = GRACE / 2 + turn as u64 * 20_000;
            let event = self.again(want);
            self.schedule(after, event);
        }
        self.schedule(GRACE, Event::Round(1));
        self.schedule(GRACE + 400_000, Event::Round(2));
    }

    /// The person of `want` signs in, with what the authority demands by now: by a grant of ours, or another program.
    fn again(&mut self, want: Want) -> Event {
        let Who::Person(person) = want.who else { return Event::SignIn { want, process: 0 } };
        if self.plan.meetings == 0 || self.random.chance(300) {
            return Event::SignIn { want, process: 0 };
        }
        let claims = self.authorities.claims_of(want.cloud, person);
        let demand = claims.map_or(Demand::Any, Demand::Claims);
        let means = self.random.pick(&[Means::Browser, Means::Device, Means::Code]);
        Event::Meet { want, process: 0, means, demand }
    }

    pub(crate) fn round(&mut self, round: u32) {
        let stays = self.plan.steady_clocks() && self.plan.expires_in > 600 && self.plan.refresh_in.is_none();
        let tries = if self.plan.steady_clocks() { 0 } else { 4 };
        let must = if round == 2 && stays { Must::Hit } else { Must::Succeed(tries) };
        // Without locks, two who renew at once spend one refresh token twice: they take turns.
        let turn = if self.plan.lockless { 20_000 } else { 0 };
        for process in 0..self.plan.processes {
            for (index, want) in self.wants.clone().into_iter().enumerate() {
                let after = turn * (process * self.plan.wants + index) as u64;
                self.schedule(after, Event::Demand { process, want, must });
            }
        }
    }
}
