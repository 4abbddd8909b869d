//! The command's conventions, seen from outside: what scripts may rely on.
//!
//! Each test has a world of its own: an authority in this process, a scratch home directory, and the command run
//! with nothing in its environment but what the world puts there.

mod batch;
mod cache;
mod exits;
mod forms;
mod keeping;
mod options;
mod others;
mod people;
mod requests;
mod streams;
mod world;
