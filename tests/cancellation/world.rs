//! A user who is signed in, an authority that rotates refresh tokens, a cache on disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use azlatch::{
    Adapters, Async, ClientSecretCredential, Credential, Error, Surroundings, TokenCachePersistenceOptions,
    TokenRequest,
};
use azlatch_core::Host;
use azlatch_core::authority::discovery::Vouched;
use azlatch_core::cache::{Place, Policy, Query, partition};
use azlatch_core::effect::{Effect, Reply};
use azlatch_core::grant::{ClientAuth, Refresh};
use azlatch_tests::samples::{document, json, user_query};
use tempfile::TempDir;

use crate::lab::Lab;

pub(crate) const SCOPE: &str = "https://vault.example/.default";

pub(crate) type User = Async<Signed, Lab>;
pub(crate) type App = Async<ClientSecretCredential, Lab>;

pub(crate) struct World {
    pub(crate) lab: Lab,
    authority: Authority,
    directory: TempDir,
}

/// Every request spends a refresh token and brings the next.
#[derive(Clone, Default)]
struct Authority(Arc<Ledger>);

#[derive(Default)]
struct Ledger {
    requests: AtomicUsize,
    refusing: AtomicBool,
}

impl Authority {
    fn current(&self) -> String {
        format!("rt-{}", self.0.requests.load(SeqCst))
    }
}

impl Host for Authority {
    fn perform(&mut self, effect: Effect) -> Result<Reply, Effect> {
        let Effect::Http(ask) = effect else { return Err(effect) };
        let body = ask.op.body.as_ref().map(|body| String::from_utf8_lossy(body.expose_secret()).into_owned());
        let body = body.unwrap_or_default();
        let good = !body.contains("grant_type=refresh_token")
            || body.split('&').any(|field| field == format!("refresh_token={}", self.current()));
        let number = self.0.requests.fetch_add(1, SeqCst) + 1;
        let answer = if self.0.refusing.load(SeqCst) {
            json(401, r#"{"error":"invalid_client"}"#)
        } else if good {
            let next = self.current();
            json(200, &format!(r#"{{"access_token":"at-{number}","expires_in":3599,"refresh_token":"{next}"}}"#))
        } else {
            json(400, r#"{"error":"invalid_grant","suberror":"bad_token"}"#)
        };
        Ok(ask.answer(Ok(answer)))
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        // Private, as the driver demands it of a place for tokens.
        let place = directory.path().join("cache");
        std::fs::create_dir(&place).expect("a directory");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o700)).expect("private");
        }
        let authority = Authority::default();
        let world = Self { lab: Lab::with(authority.clone()), authority, directory };
        std::fs::write(world.file(), document("ended", -100_000_000, "rt-0")).expect("written");
        world
    }

    fn file(&self) -> std::path::PathBuf {
        self.directory.path().join("cache/msal.cache.nocae")
    }

    fn adapters(&self) -> Adapters {
        let adapters = Adapters::in_environment([("HOME", "/nonexistent")].into_iter().collect()).expect("adapters");
        adapters.cache_directory(self.directory.path().join("cache"))
    }

    pub(crate) fn user(&self) -> User {
        Async::new(Signed::default(), &self.adapters(), self.lab.clone()).expect("bound")
    }

    pub(crate) fn app(&self) -> App {
        let app = ClientSecretCredential::new("t1", "app", "secret").expect("a credential");
        Async::new(app, &self.adapters(), self.lab.clone()).expect("bound")
    }

    pub(crate) fn requests(&self) -> usize {
        self.authority.0.requests.load(SeqCst)
    }

    pub(crate) fn refuse(&self) {
        self.authority.0.refusing.store(true, SeqCst);
    }

    /// The only refresh token that the authority takes now.
    pub(crate) fn current_refresh_token(&self) -> String {
        self.authority.current()
    }

    /// Stores what the authority takes now: a task that was given up may have lost it.
    pub(crate) fn restore(&self) {
        std::fs::write(self.file(), document("ended", -100_000_000, &self.current_refresh_token())).expect("written");
    }

    pub(crate) fn stored_refresh_token(&self) -> String {
        let text = std::fs::read_to_string(self.file()).expect("a document");
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON, and whole");
        let tokens = document["RefreshToken"].as_object().expect("refresh tokens");
        assert_eq!(tokens.len(), 1, "one account, one refresh token");
        tokens.values().next().and_then(|token| token["secret"].as_str()).expect("a secret").to_owned()
    }
}

/// A user who signed in earlier: the account is known, the refresh token is in the cache.
pub(crate) struct Signed(TokenCachePersistenceOptions);

impl Default for Signed {
    fn default() -> Self {
        Self(TokenCachePersistenceOptions::default().allow_unencrypted_storage(true))
    }
}

impl Credential for Signed {
    type Grant = Refresh;
    const NAME: &'static str = "Signed";

    fn query(&self, request: &TokenRequest, _: &Surroundings) -> Result<Query, Error> {
        Ok(Query { scopes: request.scopes.clone(), ..user_query() })
    }

    fn policy(
        &self,
        request: &TokenRequest,
        query: &Query,
        around: &Surroundings,
        _: Option<&Vouched>,
    ) -> Result<Policy, Error> {
        let partition = partition(&self.0.name, query.cae)?;
        Ok(Policy {
            place: Place::Shared(partition),
            discovery: false,
            tries: 1,
            timeout: request.timeout,
            holder: around.holder,
        })
    }

    fn grant(&self, _: &TokenRequest, _: &Query) -> Refresh {
        Refresh::new(ClientAuth::Public)
    }

    fn persistence(&self) -> Option<&TokenCachePersistenceOptions> {
        Some(&self.0)
    }
}
