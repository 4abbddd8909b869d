//! C-06: the future of every async call is dropped at every point where it can be, and nothing is lost.
//!
//! The calls run in a [`Lab`](lab::Lab), a runtime that does one thing at a time, so every run is the same and the
//! points can be counted: the caller is polled `k` times, dropped, and the world goes on until it rests.

mod lab;
mod world;

use azlatch::TokenRequest;
use azlatch::pipeline::{Bearer, Pipeline};
use http::{Request, Response};

use lab::Seen;
use world::{SCOPE, User, World};

/// A call that is cut off.
type Call = fn(&User) -> lab::Call<'_>;

/// Every async call there is.
const CALLS: [(&str, Call); 6] = [
    ("get_token", |user| Box::pin(async { user.get_token(&[SCOPE]).await.is_ok() })),
    ("answer, fresh", |user| Box::pin(async { user.answer(&request().force_refresh()).await.is_ok() })),
    ("answer, claims", |user| {
        Box::pin(async { user.answer(&request().claims(r#"{"access_token":{}}"#)).await.is_ok() })
    }),
    ("token", |user| {
        let scoped = user.for_scopes([SCOPE]).expect("scopes");
        Box::pin(async move { scoped.token().await.is_ok() })
    }),
    ("reject", |user| {
        Box::pin(async {
            let token = user.get_token(&[SCOPE]).await.expect("a token");
            user.reject(&token).await.is_ok()
        })
    }),
    ("a pipeline's send, refused", |user| {
        Box::pin(async {
            let pipeline = Pipeline::new(Bearer::new([SCOPE]).expect("scopes"), user.clone());
            let request = Request::get("https://vault.example/secrets").body("").expect("a request");
            let refuse = |_| async { Response::builder().status(401).body(()) };
            pipeline.send_async(request, refuse).await.is_ok_and(|response| response.status() == 401)
        })
    }),
];

fn request() -> TokenRequest {
    TokenRequest::new([SCOPE]).expect("a request")
}

/// Cuts `call` off after every number of polls until it is through, with `check` after each.
fn at_every_point(name: &str, call: Call, mut check: impl FnMut(&World, &User, &str)) -> usize {
    for points in 0.. {
        let what = format!("{name}, dropped after {points} polls");
        let world = World::new();
        let user = world.user();
        let seen = world.lab.poll(call(&user), points);
        world.lab.rest(&what);
        check(&world, &user, &what);
        if seen == Seen::Ended(true) {
            return points;
        }
        assert_eq!(seen, Seen::Dropped, "{what}");
        assert!(points < 1000, "{what}: this never ends");
    }
    unreachable!("there is always another number")
}

#[test]
fn c_06_a_rotated_refresh_token_is_never_lost() {
    for (name, call) in CALLS {
        let points = at_every_point(name, call, |world, _, what| {
            assert_eq!(world.stored_refresh_token(), world.current_refresh_token(), "{what}");
        });
        println!("cancelled {name} at {points} points");
        assert!(points > 5, "{name} has only {points} points");
    }
}

#[test]
fn c_06_no_lock_stays_behind_and_nobody_is_stranded() {
    for (name, call) in CALLS {
        at_every_point(name, call, |world, user, what| {
            let again =
                world.lab.finish(Box::pin(async { user.answer(&request().force_refresh()).await.is_ok() }), what);
            assert!(again, "{what}: the next caller got nothing");
        });
    }
}

#[test]
fn c_06_a_follower_takes_over() {
    for points in 0..200 {
        let what = format!("the leader, dropped after {points} polls");
        let world = World::new();
        let user = world.user();
        let leader: lab::Call<'_> = Box::pin(async { user.get_token(&[SCOPE]).await.is_ok() });
        let follower: lab::Call<'_> = Box::pin(async { user.get_token(&[SCOPE]).await.is_ok() });
        let (seen, got) = world.lab.lead_and_follow(leader, points, follower, &what);
        assert!(got, "{what}: the follower got nothing");
        world.lab.rest(&what);
        assert_eq!(world.stored_refresh_token(), world.current_refresh_token(), "{what}");
        assert_eq!(world.requests(), 1, "{what}: one request for both");
        if seen == Seen::Ended(true) {
            assert!(points > 5, "only {points} points");
            return;
        }
    }
    panic!("the leader never came to its end");
}

#[test]
fn whoever_leaves_last_recalls_the_request() {
    let asked = [0, 1, 2, 3, 200].map(|points| {
        let world = World::new();
        let user = world.user();
        world.lab.poll(Box::pin(async { user.get_token(&[SCOPE]).await.is_ok() }), points);
        world.lab.rest("the request");
        world.requests()
    });
    assert_eq!(asked, [0, 0, 0, 0, 1], "while the store is read nobody has been asked yet");
}

#[test]
fn c_01_a_thousand_tasks_make_one_request() {
    let world = World::new();
    let app = world.app();
    let calls = (0..1000).map(|_| {
        let app = app.clone();
        Box::pin(async move { app.get_token(&[SCOPE]).await.is_ok() }) as lab::Call<'_>
    });
    assert!(world.lab.finish_all(calls.collect(), "a crowd").into_iter().all(|got| got));
    assert_eq!(world.requests(), 1);
}

#[test]
fn c_02_a_crowd_shares_one_failure() {
    let world = World::new();
    world.refuse();
    let app = world.app();
    let calls = (0..100).map(|_| {
        let app = app.clone();
        Box::pin(async move { app.get_token(&[SCOPE]).await.is_ok() }) as lab::Call<'_>
    });
    assert!(world.lab.finish_all(calls.collect(), "a crowd").into_iter().all(|got| !got));
    assert_eq!(world.requests(), 1);
}

#[test]
fn c_07_a_runtime_that_gives_tasks_up_strands_nobody() {
    for points in 1..60 {
        let world = World::new();
        let user = world.user();
        let leader: lab::Call<'_> = Box::pin(async { user.get_token(&[SCOPE]).await.is_ok() });
        let what = format!("tasks given up after {points} polls");
        let seen = world.lab.give_up_tasks_after(leader, points);
        assert_ne!(seen, Seen::Dropped, "{what}: the caller is stranded");
        world.restore();
        let again = world.lab.finish(Box::pin(async { user.answer(&request().force_refresh()).await.is_ok() }), &what);
        assert!(again, "{what}: a lock stayed behind");
    }
}

/// The lab itself: what is written down twice is the same.
#[test]
fn the_lab_is_deterministic() {
    let runs = [0, 1].map(|_| at_every_point("get_token", CALLS[0].1, |_, _, _| {}));
    assert_eq!(runs[0], runs[1]);
}
