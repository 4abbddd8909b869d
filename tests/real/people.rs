//! The `azlatch` command and a real browser: through the emulator's pages, and through an OpenID provider that nobody
//! here wrote.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use azlatch_emulator::{Emulator, Settings, User};
use serde_json::Value;
use tempfile::TempDir;

use azlatch_tests::command;

use crate::provider::{Browser, Landing, Provider, SCOPES, landings, visit};

const ADA: &str = "ada@contoso.example";

/// A home directory, a browser, and an authority.
struct Home {
    folder: TempDir,
    browser: Browser,
    authority: String,
    ca: PathBuf,
}

impl Home {
    fn new(authority: &str, ca: &Path) -> Option<Self> {
        let (authority, ca) = (authority.to_owned(), ca.to_owned());
        Some(Self { folder: tempfile::tempdir().expect("a directory"), browser: Browser::find()?, authority, ca })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `azlatch {name}`, on a machine where `who` uses the browser.
    fn azlatch(&self, name: &str, who: &str, options: &[&str]) -> Command {
        let mut command = Command::new(command());
        command.args([name, "--no-instance-discovery", "--allow-unencrypted-storage", "-s", SCOPES[0]]).args(options);
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
        command.env("HOME", self.folder.path()).env("AZURE_AUTHORITY_HOST", &self.authority);
        command.env("AZLATCH_CA_FILE", &self.ca).current_dir(&self.folder).env("WHO", who);
        command.env("BROWSER", self.browser.command()).env("BROWSE_LOG", self.path("landings"));
        command
    }

    fn login(&self, who: &str, options: &[&str]) -> Output {
        self.azlatch("login", who, &[&["--record", "record.json"], options].concat()).output().expect("azlatch")
    }

    /// A token of the record's account, of which nobody is asked.
    #[track_caller]
    fn silent(&self, options: &[&str]) -> String {
        let fixed = ["--no-prompt", "--record", "record.json"];
        said(self.azlatch("token", "nobody", &[&fixed, options].concat()).output().expect("azlatch"))
    }

    /// What the browser came to that was opened last. It goes on for a while after azlatch has what it wants.
    #[track_caller]
    fn landing(&self) -> Landing {
        let began = Instant::now();
        loop {
            let text = fs::read_to_string(self.path("landings")).unwrap_or_default();
            if let Some(landing) = text.ends_with('\n').then(|| landings(&text)).and_then(|mut all| all.pop()) {
                fs::remove_file(self.path("landings")).expect("a log");
                return landing;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "the browser came to nothing");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// What a command that went well said on stdout.
#[track_caller]
fn said(output: Output) -> String {
    assert!(output.status.success(), "{:?}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

#[track_caller]
fn is_told(landing: &Landing, title: &str, text: &str) {
    assert_eq!((landing.title.as_str(), landing.error.as_deref()), (title, None), "{landing:?}");
    assert!(landing.text.contains(title) && landing.text.contains(text), "{landing:?}");
}

/// The emulator with these users, who consent; its certificate is in the directory.
fn emulator(users: Vec<User>) -> (Emulator, TempDir) {
    let settings = Settings { users, consent: true, device_interval: 1, ..Settings::default() };
    let emulator = Emulator::builder().settings(settings).start().expect("an emulator");
    let folder = tempfile::tempdir().expect("a directory");
    emulator.write_ca(folder.path().join("ca.pem")).expect("a certificate");
    (emulator, folder)
}

/// An account is chosen, a password typed, consent given; or a name typed, where nobody is known yet.
#[test]
fn through_the_pages_of_the_emulator() {
    let known = vec![User::new(ADA).password("pw"), User::new("bob@contoso.example").password("pw")];
    for (users, options) in [(known, &[][..]), (Vec::new(), &["--redirect-uri", "http://127.0.0.1"])] {
        let (emulator, folder) = emulator(users);
        let Some(home) = Home::new(&emulator.authority(), &folder.path().join("ca.pem")) else { return };
        let output = home.login(ADA, options);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && told.contains(&format!("signed in as {ADA}")), "{told}");
        let landing = home.landing();
        is_told(&landing, "You are signed in.", "You can close this window.");
        assert!(!landing.url.contains("code="), "a code stays in the history: {}", landing.url);
        emulator.with(|entra| entra.reset());
        let token = home.silent(&[]);
        let (owner, asked) = emulator
            .with(|entra| (entra.issued(&token).and_then(|issued| issued.user.clone()), entra.counters().requests));
        assert_eq!((owner.as_deref(), asked), (Some(ADA), 0));
    }
}

/// The person declines: the browser and the terminal both say so, and nothing is kept.
#[test]
fn who_declines_is_told_so() {
    let (emulator, folder) = emulator(Vec::new());
    let provider = Provider::start();
    let mut authorities = vec![(emulator.authority(), folder.path().join("ca.pem"))];
    authorities.extend(provider.as_ref().map(|provider| (provider.authority().to_owned(), provider.ca())));
    for (authority, ca) in authorities {
        let Some(home) = Home::new(&authority, &ca) else { return };
        let output = home.azlatch("login", ADA, &[]).env("DECLINE", "1").output().expect("azlatch");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{told}");
        is_told(&home.landing(), "You are not signed in.", "try again");
        assert!(!home.path(".IdentityService").join("msal.cache.nocae").exists(), "{told}");
    }
}

/// Refresh tokens that are good once, each in a process of its own.
#[test]
fn through_a_provider_whose_refresh_tokens_rotate() {
    let Some(provider) = Provider::start() else { return };
    let mut redirects = vec![None, Some("http://127.0.0.1"), Some("http://[::1]")];
    if std::net::TcpListener::bind(("::1", 0)).is_err() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: nobody came back to [::1]");
        redirects.pop();
    }
    let Some(home) = Home::new(provider.authority(), &provider.ca()) else { return };
    for redirect in &redirects {
        let options: Vec<&str> = redirect.iter().flat_map(|uri| ["--redirect-uri", uri]).collect();
        said(home.login("ada", &options));
        let landing = home.landing();
        is_told(&landing, "You are signed in.", "You can close this window.");
        assert!(landing.url.starts_with(redirect.unwrap_or("http://localhost")), "{landing:?}");
    }
    let hits = provider.hits();
    let signed_in = redirects.len() as u64;
    assert_eq!((hits["authorize"], hits["token"]), (signed_in, signed_in), "{hits:?}");
    let record: Value = serde_json::from_slice(&fs::read(home.path("record.json")).expect("a record")).expect("JSON");
    assert_eq!(record["homeAccountId"], format!("oid-ada.{}", provider.tenant()));
    assert_eq!(record["username"], "ada@vault.example");

    let mut tokens = vec![home.silent(&[])];
    assert!(provider.hits().is_empty(), "the token is in the cache");
    for _ in 0..3 {
        tokens.push(home.silent(&["--force-refresh"]));
        let hits = provider.hits();
        assert_eq!((hits["token"], hits.len()), (1, 1), "{hits:?}");
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4);
    // What one process has rotated is what the next goes on with; none was used twice, which would end it all.
    home.silent(&["--force-refresh"]);
}

/// Killed when dropped.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The code is typed in a browser on the provider's page, and on the emulator's, while azlatch waits.
#[test]
fn with_a_code_typed_in_a_browser() {
    let (emulator, folder) = emulator(vec![User::new(ADA).password("pw")]);
    let Some(provider) = Provider::start() else { return };
    let authorities = [
        (emulator.authority(), folder.path().join("ca.pem"), ADA, ADA),
        (provider.authority().to_owned(), provider.ca(), "eve", "eve@vault.example"),
    ];
    for (authority, ca, who, name) in authorities {
        let Some(home) = Home::new(&authority, &ca) else { return };
        let mut login =
            home.azlatch("login", who, &["--device-code", "--pending", "pending", "--record", "record.json"]);
        let mut waiting = Waiting(login.stderr(Stdio::null()).spawn().expect("azlatch"));
        let began = Instant::now();
        let pending = loop {
            if let Some(pending) = fs::read(home.path("pending")).ok().and_then(|b| serde_json::from_slice(&b).ok()) {
                let pending: Value = pending;
                break pending;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "no code was shown");
            thread::sleep(Duration::from_millis(20));
        };
        let text = |name: &str| pending[name].as_str().expect("text").to_owned();
        let mut page = home.browser.to(&text("verification_uri"));
        let landing = visit(page.env("WHO", who).env("CODE", text("user_code")));
        assert_eq!(landing.error, None, "{landing:?}");
        assert!(waiting.0.wait().expect("azlatch").success(), "{landing:?}");
        assert!(!home.path("pending").exists());
        let record: Value = serde_json::from_slice(&fs::read(home.path("record.json")).expect("a record")).unwrap();
        assert_eq!(record["username"], name);
        home.silent(&[]);
    }
    let hits = provider.hits();
    assert_eq!((hits.get("authorize"), hits["devicecode"]), (None, 1), "{hits:?}");
}
