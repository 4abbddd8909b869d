//! The `azlatch` command.
//!
//! stdout carries the result and nothing else; everything for people goes to stderr.

#[allow(rustdoc::bare_urls, reason = "help is read in terminals")]
mod args;
mod batch;
mod cache;
mod client;
mod emulator;
mod exit;
mod output;
mod story;
mod token;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        Command::Try(options) => return story::run(options),
        Command::Token(options) => token::run(options),
        Command::Emulator(options) => emulator::run(options),
        Command::Cache(command) => cache::run(command),
        Command::Version => output::line(&format!("azlatch {}", env!("CARGO_PKG_VERSION"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit::report(&failure, cli.verbose),
    }
}
