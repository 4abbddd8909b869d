//! The `azlatch` command.
//!
//! stdout carries the result and nothing else; everything for people goes to stderr.

mod accounts;
#[allow(rustdoc::bare_urls, reason = "help is read in terminals")]
mod args;
mod batch;
mod cache;
mod client;
mod device;
mod emulator;
mod exit;
mod input;
mod login;
mod options;
mod output;
mod person;
mod record;
mod story;
mod token;
mod tokens;
mod visit;

use std::process::ExitCode;

use args::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse_with_record();
    let done = match &cli.command {
        Command::Try(options) => return story::run(options),
        Command::Token(options) => token::run(options),
        Command::Login(options) => login::run(options),
        Command::Logout(options) => accounts::logout(options),
        Command::Accounts(options) => accounts::list(options),
        Command::Visit(options) => visit::run(options),
        Command::Emulator(options) => emulator::run(options),
        Command::Cache(command) => cache::run(command),
        Command::Version => output::line(&format!("azlatch {}", env!("CARGO_PKG_VERSION"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => exit::report(&failure, cli.verbose),
    }
}
