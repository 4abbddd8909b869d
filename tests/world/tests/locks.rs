//! Which acquisitions stand behind one lock.

use azlatch_core::cache::Demand;
use azlatch_core::effect::{Effect, Loaded, LockKey};
use azlatch_core::{Mono, Now, Step, Unix};
use azlatch_world::flows::Running;
use azlatch_world::wants::{Spelling, Want, Who};

fn lock(want: Want) -> LockKey {
    let now = Now { wall: Unix(1_800_000_000), mono: Mono(0) };
    let mut flow = Running::acquire(&want, Demand::Any, 30, 1);
    let Step::Need(Effect::Load(load)) = flow.step(now, None) else { panic!("a look first") };
    let Step::Need(Effect::Lock(lock)) = flow.step(now, Some(load.answer(Ok(Loaded::Absent)))) else {
        panic!("then the lock")
    };
    lock.op.key
}

#[test]
fn c_03_tokens_that_come_of_one_refresh_token_share_a_lock() {
    let ada =
        Want { cloud: 0, tenant: 0, spelling: Spelling::Name, client: 0, who: Who::Person(0), scope: 0, cae: false };
    for (other, shared, what) in [
        (Want { scope: 1, ..ada }, true, "another resource"),
        (Want { tenant: 1, ..ada }, true, "another tenant"),
        (Want { client: 1, ..ada }, true, "another client, which may be of the same family"),
        (Want { who: Who::Person(1), ..ada }, false, "another person"),
        (Want { cloud: 1, ..ada }, false, "another cloud"),
        (Want { cae: true, ..ada }, false, "another document"),
        (Want { who: Who::App, ..ada }, false, "the application itself"),
    ] {
        assert_eq!(lock(ada) == lock(other), shared, "{what}");
    }
}

#[test]
fn c_05_tokens_of_an_application_never_wait_for_each_other() {
    let app = Want { cloud: 0, tenant: 0, spelling: Spelling::Name, client: 0, who: Who::App, scope: 0, cae: false };
    for other in [Want { scope: 1, ..app }, Want { tenant: 1, ..app }, Want { client: 1, ..app }] {
        assert_ne!(lock(app), lock(other), "{other:?}");
    }
}
