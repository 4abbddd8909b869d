//! A deterministic simulated world, in which the real core runs against everything that can go wrong.
//!
//! ```text
//!                     seed ──► Plan (which faults, how many of whom) ──► World, one event at a time
//!
//!    process 1         process 2 …                          ┌─────────── network ───────────┐
//!  ┌────────────┐    ┌────────────┐     Http  ─────────────►│ late, lost, twice, 429 and 503│──► Entra, one a cloud:
//!  │ callers    │    │ callers    │                         │ with Retry-After, half a 200  │    rotates refresh tokens,
//!  │  Acquire   │    │  Acquire   │     ◄───────────────────└───────────────────────────────┘    revokes on reuse
//!  │  Acquire   │    │  SignIn    │
//!  │ wall, mono │    │ wall, mono │     Load Save Remove    ┌─────────── driver ────────────┐
//!  └────────────┘    └────────────┘     Lock Unlock ───────►│ open lock, take, open, compare│──► Disk: page cache,
//!   crash, stop,      clocks skewed                         │ create, write, write, sync,   │    names and content as
//!   restart           and set                               │ rename, sync, release         │    the power cut leaves
//!                                                           └───────────────────────────────┘    them, locks, marks
//!      ▲ people: browsers, codes, no, not now
//!                        after every event: the judge
//! ```
//!
//! One 64-bit seed decides everything: sizes, keys, which faults are switched on (each seed has a subset), and every
//! moment and fate. There are no threads and no clock; time is a number that the next event sets. The core is the real
//! one, stepped as any host steps it; the authority is the emulator's model without its server; the store driver takes
//! the steps of the files driver one by one, so that a crash, a power cut, a stopped process, a clock that is set or
//! another writer can come between any two.
//!
//! # What always holds
//!
//! | | invariant | how it is judged |
//! |---|---|---|
//! | 1 | a token is the one that was asked for | a ledger of what the authority minted for which request: cloud, tenant, application, person or assertion, scope, claims, CAE; a rejected token, or for `Fresh` one that was there before, never |
//! | 2 | it has not expired by the caller's clock | its end against the lowest wall clock since the store was read; it never lives longer than it was given; one from the future is not taken without trying to renew it |
//! | 3 | one request a token at a time | two holders of one lock never ask together; nobody asks before asking for the lock, nor when a good token was stored before the lock was granted, or is at hand |
//! | 4 | nothing stored is lost | each document against the one before it: entries stay, or are replaced by their successor (a refresh token by one that descends from it), or go for a reason; other programs' data stays |
//! | 5 | the store is always a whole document that somebody meant, never older than what was acknowledged | after every event, every read, and every power cut |
//! | 6 | no write follows a read that failed | each `Save` against the call's last read |
//! | 7 | secrets go to their issuer | URL against the wanted cloud and tenant; a refresh token's cloud, application and person |
//! | 8 | `Retry-After` is obeyed | within a call on its monotonic clock; by the next holders of the lock while wall clocks agree, also for the pause after a failure that named no time |
//! | 9 | every call ends by its deadline | timeout, and half a minute for storing, on top of what its process was stopped for |
//! | 10 | no secret is told | errors, accounts, marks, URLs searched for every secret of the world |
//! | 11 | when faults stop, everybody succeeds | each process asks for each token; again later, and finds it in the store |
//! | 12 | a spent refresh token is presented only after a lost answer, a crash, a failed store, or without the lock | the authority's reuse detection, and who spent it |
//! | | an error is no answer while a living token is at hand | what the call last read |
//! | | cancelled, a call asks for nothing but clean-up, keeps no lock, and saves what it was granted | effects after the cancellation; locks and store at the end |
//! | 13 | whoever signs in is who is told | the record: account, name, tenant, application; the token is that person's |
//! | 14 | what signs out stays away | no refresh token of a sign-in that was over comes back, and no access token before the account signs in again; nothing of it is left when the sign-out is done |
//! | 15 | a device code is asked after no sooner than its interval, and once at most after its end | polls on the monotonic clock |
//! | 16 | a sign-in answers its own question | the browser's address; a code that is sent was given for this very call, and is sent once; listeners are closed; nobody waits behind a person |
//! | 17 | a family's refresh token is left alone by a client that is known to be a stranger to it | what the call last read |
//! | | no lock, no write; a removal removes only what it saw | at the rename and the unlink |
//!
//! People sign in by browser, device code and a code that was brought; they say no, walk away, come too late, and sign
//! out while others renew. The authority takes refresh tokens back and demands claims. Strangers' answers come to
//! listeners, now and then past a careless driver.
//!
//! Not judged, since there is nothing to judge yet: keyrings, stores with leases. Not modelled: the in-memory cache in
//! front of the core, instance discovery, device codes that another process goes on with, other libraries' lock files
//! and writes in place, modes and owners of files.
//!
//! # Running it
//!
//! | | |
//! |---|---|
//! | `SEED=42 cargo test simulation_one -- --nocapture` | one history, line by line |
//! | `HISTORIES=1000000 FIRST=10000 cargo test simulation_many` | a night of them |
//! | `cargo run -p azlatch-world --example survey 5000` | what breaks, by kind |
//! | `.ci/canaries` | plants one bug after another and requires each to be found |
//!
//! A seed that fails is written into `seeds/`, with what it found, and replayed ever after.

pub mod authority;
pub mod bug;
mod calendar;
mod call;
mod desk;
pub mod disk;
mod driver;
pub mod flows;
mod judge;
mod network;
mod people;
pub mod plan;
mod process;
pub mod random;
mod tally;
pub mod trace;
mod verdict;
pub mod wants;
mod world;
mod writing;

pub use bug::DriverBug;
pub use tally::Tally;
pub use world::World;

/// Plays the history that `seed` decides.
///
/// # Errors
///
/// What was broken, with the last lines of the trace.
pub fn play(seed: u64, bug: Option<DriverBug>) -> Result<Tally, String> {
    let world = World::new(seed, bug, false).run();
    if world.trace().broken().is_none() {
        return Ok(world.tally);
    }
    let again = World::new(seed, bug, true).run();
    let lines = again.trace().lines();
    let tail = lines[lines.len().saturating_sub(40)..].join("\n");
    let broken = again.trace().broken().unwrap_or("not broken when traced").to_owned();
    Err(format!("{tail}\n\nBROKEN: {broken}\n\nSEED={seed} cargo test simulation_one"))
}
