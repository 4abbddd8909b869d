//! Who asks, whom, as whom, and where tokens are kept: what several commands have in common.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

/// The credentials, in kebab case of Azure Identity's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CredentialName {
    /// An application with a secret
    ClientSecret,
    /// A code that the application received
    AuthorizationCode,
    /// A person with a browser on another device
    DeviceCode,
    /// A person with a browser here
    InteractiveBrowser,
    /// A person whose password is known (deprecated)
    UsernamePassword,
}

/// Who asks, whom, and where tokens are kept.
#[derive(Args, Debug)]
pub(crate) struct Client {
    /// The credential [default: client-secret; with --record: interactive-browser]
    #[arg(long, value_enum)]
    pub(crate) credential: Option<CredentialName>,
    #[command(flatten)]
    pub(crate) authority: Authority,
    /// File that holds the client secret; - is stdin. Else AZURE_CLIENT_SECRET is used; a secret is never an argument
    #[arg(long, value_name = "PATH")]
    pub(crate) client_secret_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) person: Person,
    #[command(flatten)]
    pub(crate) store: Store,
    /// Never ask the user anything
    #[arg(long)]
    pub(crate) no_prompt: bool,
}

/// Whom the application belongs to, and whom it asks.
#[derive(Args, Debug)]
pub(crate) struct Authority {
    /// The tenant
    #[arg(long, env = "AZURE_TENANT_ID", hide_env_values = true)]
    pub(crate) tenant_id: Option<String>,
    /// The application
    #[arg(long, env = "AZURE_CLIENT_ID", hide_env_values = true)]
    pub(crate) client_id: Option<String>,
    /// The authority's host
    #[arg(long, env = "AZURE_AUTHORITY_HOST", hide_env_values = true)]
    pub(crate) authority_host: Option<String>,
    /// Another tenant that may be asked; * for any (repeat for more)
    #[arg(long, value_name = "TENANT")]
    pub(crate) additionally_allowed_tenant: Vec<String>,
    /// Trust the authority host without asking the public cloud about it
    #[arg(long)]
    pub(crate) no_instance_discovery: bool,
    /// Root certificates to trust beside the system's
    #[arg(long, value_name = "PEM", env = "AZLATCH_CA_FILE", hide_env_values = true)]
    pub(crate) ca_file: Option<PathBuf>,
}

/// Who is meant, and how a sign-in goes.
#[derive(Args, Debug, Default)]
pub(crate) struct Person {
    /// The record of an earlier sign-in: `login` writes it, `token` goes on as that account (implies --persist)
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// The user name that a sign-in begins with
    #[arg(long, value_name = "USER")]
    pub(crate) login_hint: Option<String>,
    /// The redirect address that is registered for the application
    #[arg(long, value_name = "URI")]
    pub(crate) redirect_uri: Option<String>,
    /// File that holds an authorization code; - is stdin
    #[arg(long, value_name = "PATH")]
    pub(crate) authorization_code_file: Option<PathBuf>,
    /// File that holds the PKCE verifier whose challenge the code was asked for with
    #[arg(long, value_name = "PATH")]
    pub(crate) code_verifier_file: Option<PathBuf>,
    /// The user whose password is known, by AZURE_PASSWORD or --password-file [token: or AZURE_USERNAME]
    #[arg(long, value_name = "USER")]
    pub(crate) username: Option<String>,
    /// File that holds the password; - is stdin. A password is never an argument
    #[arg(long, value_name = "PATH")]
    pub(crate) password_file: Option<PathBuf>,
}

/// Where tokens are kept.
#[derive(Args, Debug)]
pub(crate) struct Store {
    /// Keep tokens for later runs, shared with other programs and languages
    #[arg(long)]
    pub(crate) persist: bool,
    /// The cache's name (implies --persist)
    #[arg(long, value_name = "NAME")]
    pub(crate) cache_name: Option<String>,
    /// Keep them in plain text where no encrypted store can be used
    #[arg(long, env = "AZLATCH_ALLOW_UNENCRYPTED_STORAGE", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub(crate) allow_unencrypted_storage: bool,
}

impl Store {
    /// Plain text was allowed for every command, rather than for this one.
    pub(crate) fn allowed_by_environment(&self) -> bool {
        std::env::var_os("AZLATCH_ALLOW_UNENCRYPTED_STORAGE").is_some()
    }
}
