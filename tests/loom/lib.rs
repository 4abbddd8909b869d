//! The flight of `azlatch`, with a model checker's threads and locks in place of the system's.
//!
//! The source is the very file that the library is built of; what it shares state by is replaced.
#![cfg(test)]

mod sync;

#[path = "../../adapters/azlatch/src/flight.rs"]
mod flight;

use std::time::Duration;

use azlatch_core::effect::Reply;
use azlatch_core::shield::Shield;
use azlatch_core::{Flow, Now, Step};
use flight::{Flight, Phase, Pilot, Ride};
use loom::future::block_on;
use loom::thread;
use sync::Arc;

const PATIENT: Duration = Duration::from_secs(1);

/// A flow that tells whether it was cancelled.
struct Told(bool);

impl Flow for Told {
    type Output = bool;

    fn step(&mut self, _: Now, _: Option<Reply>) -> Step<bool> {
        Step::Done(self.0)
    }

    fn cancel(&mut self) {
        self.0 = true;
    }
}

/// Every order with up to three preemptions: deeper ones find no bug that these do not, and take minutes.
fn model(world: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(world);
}

type Boarding = (Arc<Flight<u32>>, Pilot<u32>, Ride<u32>, Shield<Told>);

fn flight() -> Boarding {
    let (shield, recall) = Shield::new(Told(false));
    let (flight, pilot, ride) = Flight::new(recall, PATIENT);
    (flight, pilot, ride, shield)
}

fn was_recalled(mut shield: Shield<Told>) -> bool {
    shield.step(Now::default(), None) == Step::Done(true)
}

#[test]
fn everybody_on_board_hears_the_same() {
    model(|| {
        let (flight, pilot, first, shield) = flight();
        let second = Flight::board(&flight).expect("still flying");
        let threads = [first, second].map(|ride| thread::spawn(move || ride.wait(PATIENT)));
        pilot.land(7);
        for thread in threads {
            assert_eq!(thread.join().expect("no panic"), Phase::Landed(7));
        }
        assert!(Flight::board(&flight).is_none(), "over is over");
        assert!(!was_recalled(shield));
    });
}

#[test]
fn a_task_is_woken_whenever_it_lands() {
    model(|| {
        let (_flight, pilot, ride, _shield) = flight();
        let lander = thread::spawn(move || pilot.land(7));
        assert_eq!(block_on(ride), Phase::Landed(7));
        lander.join().expect("no panic");
    });
}

#[test]
fn a_thread_and_a_task_wait_side_by_side() {
    model(|| {
        let (flight, pilot, first, _shield) = flight();
        let task = Flight::board(&flight).expect("still flying");
        let waiter = thread::spawn(move || first.wait(PATIENT));
        let lander = thread::spawn(move || pilot.land(7));
        assert_eq!(block_on(task), Phase::Landed(7));
        assert_eq!(waiter.join().expect("no panic"), Phase::Landed(7));
        lander.join().expect("no panic");
    });
}

#[test]
fn a_lost_pilot_strands_nobody() {
    model(|| {
        let (flight, pilot, first, _shield) = flight();
        let second = Flight::board(&flight).expect("still flying");
        let waiter = thread::spawn(move || first.wait(PATIENT));
        let loser = thread::spawn(move || drop(pilot));
        assert_eq!(block_on(second), Phase::Lost);
        assert_eq!(waiter.join().expect("no panic"), Phase::Lost);
        loser.join().expect("no panic");
    });
}

#[test]
fn only_a_deserted_flight_is_recalled_and_nobody_boards_it() {
    model(|| {
        let (flight, pilot, first, shield) = flight();
        let late = {
            let flight = flight.clone();
            thread::spawn(move || Flight::board(&flight))
        };
        drop(first);
        match late.join().expect("no panic") {
            Some(ride) => {
                assert!(!was_recalled(shield), "somebody is on board");
                pilot.land(7);
                assert_eq!(ride.wait(PATIENT), Phase::Landed(7));
            }
            None => assert!(was_recalled(shield), "nobody is"),
        }
    });
}

#[test]
fn leaving_while_it_lands_is_no_desertion() {
    model(|| {
        let (flight, pilot, first, _shield) = flight();
        let second = Flight::board(&flight).expect("still flying");
        let leaver = thread::spawn(move || drop(first));
        let lander = thread::spawn(move || pilot.land(7));
        assert_eq!(second.wait(PATIENT), Phase::Landed(7));
        leaver.join().expect("no panic");
        lander.join().expect("no panic");
    });
}
