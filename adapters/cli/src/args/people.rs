//! The words of `login`, `logout` and `accounts`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::client::{Authority, Person, Store};
use super::{ListForm, seconds};

#[derive(Args, Debug)]
pub(crate) struct Login {
    /// Sign in with the browser of this machine (the default)
    #[arg(long, conflicts_with_all = ["device_code", "username"])]
    pub(crate) browser: bool,
    /// Sign in with a browser on another device
    #[arg(long, conflicts_with = "username")]
    pub(crate) device_code: bool,
    /// With --device-code: keep the sign-in here while it is under way; run again with the same file to go on with it
    #[arg(long, value_name = "FILE", requires = "device_code")]
    pub(crate) pending: Option<PathBuf>,
    /// What to consent to at once (repeat for more) [default: the cloud's resource manager]
    #[arg(short, long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// For callers that can answer claims challenges (continuous access evaluation)
    #[arg(long)]
    pub(crate) enable_cae: bool,
    /// Claims of a challenge, as JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) claims: Option<String>,
    /// Seconds that somebody may take [default: 300, with --device-code as long as the code is good]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) authority: Authority,
    #[command(flatten)]
    pub(crate) person: Person,
    #[command(flatten)]
    pub(crate) store: Store,
}

#[derive(Args, Debug)]
pub(crate) struct Logout {
    /// The user name or the home account id; may be left out where there is one account
    pub(crate) account: Option<String>,
    /// Every account
    #[arg(long, conflicts_with = "account")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) authority: Authority,
    #[command(flatten)]
    pub(crate) store: Store,
}

#[derive(Args, Debug)]
pub(crate) struct Accounts {
    /// The form of the list
    #[arg(short, long, value_enum, default_value = "table")]
    pub(crate) output: ListForm,
    #[command(flatten)]
    pub(crate) authority: Authority,
    #[command(flatten)]
    pub(crate) store: Store,
}
