//! An emulator that signs a named person in at once, a home of one's own, and a browser.

use std::env;
use std::fs;
use std::thread;
use std::time::Duration;

use azlatch::prelude::*;
use azlatch::{Adapters, DeviceCodeCredential};
use azlatch_core::Host as _;
use azlatch_core::effect::{Effect, Http, Ids, Proxy};
use azlatch_emulator::{Counters, Emulator, Settings};
use azlatch_system::Environment;
use azlatch_ureq::Ureq;

pub(crate) const TENANT: &str = "contoso.example";
pub(crate) const ADA: &str = "ada@contoso.example";
pub(crate) const BOB: &str = "bob@contoso.example";
pub(crate) const VAULT: &str = "https://vault.example/.default";
pub(crate) const GRAPH: &str = "https://graph.example/.default";

/// A world with one authority, in which whoever opens a browser is Ada.
pub(crate) struct Place {
    pub(crate) emulator: Emulator,
    pub(crate) home: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let settings = Settings { auto_approve: Some(ADA.into()), device_interval: 1, ..Settings::default() };
        let emulator = Emulator::builder().settings(settings).start().expect("an emulator");
        let home = tempfile::tempdir().expect("a directory");
        emulator.write_ca(home.path().join("ca.pem")).expect("a certificate");
        Self { emulator, home }
    }

    pub(crate) fn adapters(&self) -> Adapters {
        // This program again, which plays the browser: colons would part two programs, and the
        // address is appended as one more word.
        let program = env::current_exe().expect("this program").display().to_string();
        let authority = self.home.path().join("ca.pem").display().to_string();
        let browser = format!("{program} --include-ignored plays_the_browser {authority}");
        self.adapters_in(&[("BROWSER", &browser)])
    }

    /// A browser in which somebody sits who does as he likes, whoever is hinted at.
    pub(crate) fn adapters_of_a_wilful_person(&self) -> Adapters {
        let roots = self.emulator.ca_pem().as_bytes().to_vec();
        self.adapters_in(&[]).browser(move |url| {
            let (url, roots) = (url.replace("login_hint=", "ignored=").replace("form_post", "query"), roots.clone());
            thread::spawn(move || location(&url, &roots).and_then(|back| location(&back, &roots)));
            Ok(())
        })
    }

    pub(crate) fn adapters_in(&self, variables: &[(&str, &str)]) -> Adapters {
        let environment: Environment = variables.iter().copied().collect();
        let adapters = Adapters::in_environment(environment).expect("adapters");
        let adapters = adapters.extra_roots(self.emulator.ca_pem().as_bytes()).expect("roots");
        adapters.cache_directory(self.home.path().join("cache"))
    }

    pub(crate) fn browser_credential(&self) -> InteractiveBrowserCredential {
        let credential = InteractiveBrowserCredential::new().tenant_id(TENANT).expect("a tenant");
        let credential = credential.authority_host(&self.emulator.authority()).expect("a host");
        credential.disable_instance_discovery().timeout(Duration::from_secs(20))
    }

    pub(crate) fn device_credential(&self) -> DeviceCodeCredential {
        let credential = DeviceCodeCredential::new().tenant_id(TENANT).expect("a tenant");
        credential.authority_host(&self.emulator.authority()).expect("a host").disable_instance_discovery()
    }

    pub(crate) fn on_disk(&self) -> TokenCachePersistenceOptions {
        TokenCachePersistenceOptions::default().allow_unencrypted_storage(true)
    }

    /// What is stored, in one text.
    pub(crate) fn stored(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.home.path().join("cache").join(name)).unwrap_or_default();
        read("msal.cache.nocae") + &read("msal.cache.cae")
    }

    /// What happened since the last look.
    pub(crate) fn counted(&self) -> Counters {
        self.emulator.with(|entra| {
            let counters = entra.counters().clone();
            entra.reset();
            counters
        })
    }

    pub(crate) fn approve(&self, user: &str) {
        self.emulator.with(|entra| entra.settings_mut().auto_approve = Some(user.into()));
    }

    pub(crate) fn tokens_live(&self, seconds: i64) {
        self.emulator.with(|entra| entra.settings_mut().expires_in = seconds);
    }

    /// Whose `token` is.
    pub(crate) fn owner(&self, token: &str) -> String {
        self.emulator.with(|entra| entra.issued(token).and_then(|issued| issued.user.clone()).unwrap_or_default())
    }

    /// The code that the authority sends back when a browser is sent to it.
    pub(crate) fn code(&self, challenge: &str) -> String {
        let url = format!(
            "{}/{TENANT}/oauth2/v2.0/authorize?client_id=app&response_type=code&redirect_uri=https://app.example/back\
             &scope=openid+offline_access+{VAULT}&code_challenge={challenge}&code_challenge_method=S256",
            self.emulator.authority()
        );
        let back = location(&url, self.emulator.ca_pem().as_bytes()).expect("a redirect");
        let code = back.split(['?', '&']).find_map(|pair| pair.strip_prefix("code="));
        code.unwrap_or_else(|| panic!("no code in {back}")).into()
    }
}

/// Where the page at `url` sends a browser.
pub(crate) fn location(url: &str, roots: &[u8]) -> Option<String> {
    let mut ureq = Ureq::builder().extra_roots(roots).build().expect("a driver");
    let mut ids = Ids::root();
    let mut get = Http::get(url.into(), 1 << 20, Duration::from_secs(10));
    get.proxy = Proxy::Never;
    let reply = ureq.perform(ids.ask(get)).unwrap_or_else(Effect::decline);
    let response = ids.take::<Http>(reply).expect("our question").expect("taken").expect("an answer");
    response.header("location").map(str::to_owned)
}
