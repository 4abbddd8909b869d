//! The pipeline layer: authorize a request, read a 401 challenge, retry once.
//!
//! A [`Bearer`] is the policy of one client, [`Known`] what that client has learnt, a [`Conversation`] one request of
//! the application on its way. The conversation asks, the adapter does, whatever its HTTP library and token source:
//!
//! ```text
//!   begin ──► GetToken ──► Send ──► any answer but 401 ─────────────────────────────► Finish
//!     │          ▲          │
//!     │          │          ├─ 401 with claims, the first ──► Learn(Refused, Cae) ──► GetToken(claims) ──► Send …
//!     │          │          └─ any other 401 ──────────────► Learn(Refused, …) ─────► Finish
//!     │          └── Learn(Challenge) ◄─┐
//!     └─ host unknown ──► Send, bare ───┴─ no challenge that can be followed ───────► Finish
//! ```
//!
//! At [`Ask::Finish`] the last response is the application's, be it a 401. A request is sent three times at most, and
//! three tokens at most are asked for.
//!
//! ```
//! use azlatch_core::bearer::{Ask, Bearer, Conversation, Heard, Known};
//!
//! let bearer = Bearer::new(["https://management.azure.com/.default"])?;
//! let mut known = Known::new();
//! let (mut talk, mut ask) = Conversation::begin(&bearer, "https://management.azure.com/subscriptions", &known)?;
//! let status = 'sent: {
//!     let mut last = None;
//!     loop {
//!         let heard = match ask {
//!             // A credential of this house, or any other source of tokens.
//!             Ask::GetToken(request) => {
//!                 assert_eq!(request.scopes.to_string(), "https://management.azure.com/.default");
//!                 Heard::Token(Ok("opaque".into()))
//!             }
//!             // Without `authorization` no such header; without `body` an empty body.
//!             Ask::Send { authorization, body } => {
//!                 assert_eq!(authorization.expect("a token").expose_secret(), "Bearer opaque");
//!                 assert!(body);
//!                 last = Some(200);
//!                 Heard::Response { status: 200, challenges: &[] }
//!             }
//!             Ask::Learn(lesson) => {
//!                 known.learn(lesson);
//!                 Heard::Learnt
//!             }
//!             Ask::Finish => break 'sent last,
//!         };
//!         ask = talk.hear(heard)?;
//!     }
//! };
//! assert_eq!(status, Some(200));
//! # Ok::<(), azlatch_core::Error>(())
//! ```
//!
//! # What a server can do
//!
//! A challenge is the word of whoever answered. It is believed only so far:
//!
//! * Claims go to the credential's own authority, nowhere else, and once for each request.
//! * [Resource challenges](Bearer::from_challenges) name an authority, but the layer takes only the tenant from it and
//!   sends nothing to that host; even so it must be one that is compiled in, or the one the application
//!   [named](Bearer::authority_host).
//! * The tenant is a wish: whether it may be asked is the credential's own business, which refuses what its
//!   `additionally_allowed_tenants` do not allow before any request is made.
//! * The tokens that a challenge asks for must be for the host that asks, so a rogue server cannot have a token of Key
//!   Vault sent to it.
//! * A redirect to another site is a new conversation: the header belongs to the URL that the conversation was begun
//!   with.

mod conversation;
mod known;
mod site;

pub use conversation::{Ask, Conversation, Heard};
pub use known::{Known, Lesson, ResourceChallenge};

use alloc::string::String;
use core::time::Duration;

use crate::authority::AuthorityHost;
use crate::error::Error;
use crate::scope::ScopeSet;

/// How the requests of one client are authorized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// `None`: the resource says.
    scopes: Option<ScopeSet>,
    tenant_id: Option<String>,
    authority_host: Option<AuthorityHost>,
    enable_cae: bool,
    verify_resource: bool,
    insecure_loopback: bool,
    timeout: Duration,
}

impl Bearer {
    /// Tokens for `scopes`, whatever host is asked.
    ///
    /// # Errors
    ///
    /// `Configuration` when there are no scopes, or one cannot be a scope.
    pub fn new<S: AsRef<str>>(scopes: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        Ok(Self { scopes: Some(ScopeSet::new(scopes)?), enable_cae: false, ..Self::from_challenges() })
    }

    /// Tokens for whatever the resource's challenge asks, as Key Vault and Managed HSM are used.
    ///
    /// The first request to a host goes without token and without body, to hear the challenge. These clients always
    /// evaluate access continuously.
    #[must_use]
    pub const fn from_challenges() -> Self {
        Self {
            scopes: None,
            tenant_id: None,
            authority_host: None,
            enable_cae: true,
            verify_resource: true,
            insecure_loopback: false,
            timeout: Duration::from_secs(30),
        }
    }

    /// From this tenant, whatever tenant a challenge names. The credential must allow it.
    #[must_use]
    pub fn tenant_id(mut self, tenant: impl Into<String>) -> Self {
        self.tenant_id = Some(tenant.into());
        self
    }

    /// An authority that challenges may name beside those of the public and national clouds: the credential's own.
    #[must_use]
    pub fn authority_host(mut self, host: AuthorityHost) -> Self {
        self.authority_host = Some(host);
        self
    }

    /// Whether the client is on continuous access evaluation before a resource asks for it.
    #[must_use]
    pub const fn enable_cae(mut self, enable: bool) -> Self {
        self.enable_cae = enable;
        self
    }

    /// Whether a challenge may only ask for tokens of its own host, or of a domain that the host is in; true unless
    /// said otherwise.
    ///
    /// Switched off, every server that the client is pointed at can have any token of the credential's sent to it.
    #[must_use]
    pub const fn verify_challenge_resource(mut self, verify: bool) -> Self {
        self.verify_resource = verify;
        self
    }

    /// Whether tokens may be sent over plain http to `localhost` and loopback addresses: for tests and emulators.
    #[must_use]
    pub const fn allow_insecure_loopback(mut self, allow: bool) -> Self {
        self.insecure_loopback = allow;
        self
    }

    /// How long the credential may take for one token; 30 s unless said otherwise.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}
