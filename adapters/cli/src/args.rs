//! The command line: its words, their environment twins, their help.

mod client;
mod people;

pub(crate) use client::{Authority, Client, CredentialName, Person, Store};
pub(crate) use people::{Accounts, Login, Logout};

use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::output::Form;

/// Microsoft Entra ID tokens: got once, kept, shared.
#[derive(Debug, Parser)]
#[command(name = "azlatch", version, propagate_version = true, disable_help_subcommand = true)]
#[command(
    after_help = "Exit status: 0 ok, 2 usage or configuration, 3 authentication failed, 4 interaction required,\n\
5 credential unavailable, 6 network, 7 storage. `try` exits 1 when a row is not as promised."
)]
pub(crate) struct Cli {
    /// Show the chain of causes and the server's ids when something fails
    #[arg(long, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Reads the command line. Where a record says whose tokens are meant, what the environment says of application,
    /// tenant and authority is for others; what the command line says still counts.
    pub(crate) fn parse_with_record() -> Self {
        let matches = Self::command().get_matches();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        if let (Command::Token(token), Some((_, named))) = (&mut cli.command, matches.subcommand())
            && token.client.person.record.is_some()
        {
            let of_environment = |name: &str| named.value_source(name) == Some(ValueSource::EnvVariable);
            let Authority { tenant_id, client_id, authority_host, .. } = &mut token.client.authority;
            for (name, value) in
                [("tenant_id", tenant_id), ("client_id", client_id), ("authority_host", authority_host)]
            {
                if of_environment(name) {
                    *value = None;
                }
            }
        }
        cli
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See the cache at work against a built-in authority: no account, no network
    Try(Try),
    /// Print an access token
    Token(Box<Token>),
    /// Sign in, once: later runs go on silently
    Login(Box<Login>),
    /// Remove an account and everything that is stored of it
    Logout(Logout),
    /// List the accounts that are signed in
    Accounts(Accounts),
    /// Run a local Entra ID over https, to test any Azure SDK against
    Emulator(Emulator),
    /// Look into persistent caches, or clear them
    #[command(subcommand)]
    Cache(Cache),
    /// Print the version
    Version,
    /// Be the browser of whom the emulator signs in at once: BROWSER='azlatch visit'
    #[command(hide = true)]
    Visit(Visit),
}

#[derive(Args, Debug)]
pub(crate) struct Try {
    /// Show what happened on the way to each token
    #[arg(long)]
    pub(crate) explain: bool,
    /// Ask from tasks, through async-std and async HTTP, instead of threads
    #[arg(long = "async")]
    pub(crate) tasks: bool,
    /// Tell the story of a person instead: signed in once, silent from then on
    #[arg(long, conflicts_with = "tasks")]
    pub(crate) user: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Visit {
    /// The address to open
    pub(crate) url: String,
    /// Root certificates to trust
    #[arg(long, value_name = "PEM", env = "AZLATCH_CA_FILE", hide_env_values = true)]
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Token {
    /// What the token is for, such as https://management.azure.com/.default (repeat for more)
    #[arg(short, long = "scope", value_name = "SCOPE", required_unless_present = "batch")]
    pub(crate) scopes: Vec<String>,
    /// Answer JSON requests, one a line on stdin, with JSON results, one a line on stdout
    #[arg(long, conflicts_with_all = ["scopes", "output", "claims", "request_tenant", "force_refresh"])]
    pub(crate) batch: bool,
    /// The form of the result
    #[arg(short, long, value_enum, default_value = "token")]
    pub(crate) output: Form,
    /// Tell what happened on the way (with -o json as a member, else on stderr)
    #[arg(long)]
    pub(crate) explain: bool,
    /// Get a new token even if the cached one is good
    #[arg(long)]
    pub(crate) force_refresh: bool,
    /// Ask this tenant instead of the credential's own; it must be allowed
    #[arg(long, value_name = "TENANT")]
    pub(crate) request_tenant: Option<String>,
    /// Claims of a challenge, as JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) claims: Option<String>,
    /// The caller can answer claims challenges (continuous access evaluation)
    #[arg(long)]
    pub(crate) enable_cae: bool,
    /// Seconds for the whole request; a person who signs in takes longer
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) client: Client,
}

#[derive(Args, Debug)]
pub(crate) struct Emulator {
    /// The port; 0 for any free one
    #[arg(long, default_value = "8443")]
    pub(crate) port: u16,
    /// Where to write the authority's root certificate [default: a temporary file]
    #[arg(long, value_name = "PEM")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Seconds that access tokens live
    #[arg(long, default_value = "3599")]
    pub(crate) expires_in: i64,
    /// Seconds until access tokens say that they are due for renewal
    #[arg(long)]
    pub(crate) refresh_in: Option<i64>,
    /// Sign this user in at once, without a page: for scripts
    #[arg(long, value_name = "USER")]
    pub(crate) auto_approve: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// List what is stored; secrets are never shown
    Show(CacheShow),
    /// Remove what is stored
    Clear(CacheClear),
}

#[derive(Args, Debug)]
pub(crate) struct CacheShow {
    /// The cache's name
    #[arg(long, value_name = "NAME", default_value = "msal.cache")]
    pub(crate) cache_name: String,
    /// The form of the list
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: ListForm,
}

#[derive(Args, Debug)]
pub(crate) struct CacheClear {
    /// The cache's name
    #[arg(long, value_name = "NAME", default_value = "msal.cache")]
    pub(crate) cache_name: String,
}

/// The forms of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListForm {
    /// For people.
    Table,
    /// One JSON object a line.
    Json,
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give a number of seconds, more than 0 and at most 3600".into()),
    }
}
