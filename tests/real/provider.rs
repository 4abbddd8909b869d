//! Peers of user sign-in that nobody here wrote: npm's `oidc-provider`, dressed as Entra, and a real Chromium.
//!
//! ```text
//!   Provider::start() ── node provider.mjs ── https://localhost:{port}/{tenant}/oauth2/v2.0/…
//!   Browser::find()   ── node browse.mjs URL ── chromium, as a person would use it
//! ```
//!
//! Their packages are installed once and kept in the target directory. The scripts say what they understand:
//! `tests/real/provider/*.mjs`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use azlatch_core::Host as _;
use azlatch_core::effect::{Http, Ids, Proxy, ProxySettings};
use azlatch_ureq::Ureq;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use serde_json::Value;
use tempfile::TempDir;
use url::form_urlencoded;

use azlatch_tests::root;

use crate::python::run;

/// The public client that the provider knows; its redirects may have any port of this machine.
pub(crate) const CLIENT: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
/// Two scopes of the one resource that there is. One that was not consented to is `invalid_scope`.
pub(crate) const SCOPES: [&str; 2] = ["https://vault.example/.default", "https://vault.example/keys.read"];

/// What is installed here.
#[derive(Debug)]
struct Installed {
    /// Holds the scripts, beside their packages.
    scripts: PathBuf,
    chromium: PathBuf,
}

/// Both peers, or `None` and a word about it, unless this is continuous integration, where they must be.
fn installed() -> Option<&'static Installed> {
    static MADE: OnceLock<Result<Installed, String>> = OnceLock::new();
    match MADE.get_or_init(install) {
        Ok(installed) => Some(installed),
        Err(why) if std::env::var_os("CI").is_some() => panic!("nobody to sign in: {why}"),
        Err(why) => {
            // Past the capture of the test harness, so that it is seen.
            let _ = writeln!(std::io::stderr(), "SKIPPED: no browser signed in, for want of it: {why}");
            None
        }
    }
}

fn install() -> Result<Installed, String> {
    // Looked for first: without it, nothing need be fetched.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut places = names.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    let chromium = places.find(|place| place.is_file()).ok_or_else(|| format!("none of {names:?}"))?;
    run(Command::new("node").arg("--version"))?;

    let source = root().join("tests/real/provider");
    let text = |error: std::io::Error| error.to_string();
    // Named for what is in it: other pins make another one.
    let mut hasher = DefaultHasher::new();
    fs::read(source.join("package-lock.json")).map_err(text)?.hash(&mut hasher);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let finished = target.join(format!("provider-{:016x}", hasher.finish()));
    let scratch = tempfile::tempdir_in(target).map_err(text)?;
    if !finished.is_dir() {
        let begun = scratch.path().join("provider");
        fs::create_dir(&begun).map_err(text)?;
        for name in ["package.json", "package-lock.json"] {
            fs::copy(source.join(name), begun.join(name)).map_err(text)?;
        }
        run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&begun))?;
        // Fails when another process was faster, which made the same.
        let _ = fs::rename(&begun, &finished);
    }
    // Node looks for packages beside the script that imports them. Whoever runs one keeps it.
    for name in ["provider.mjs", "browse.mjs"] {
        fs::copy(source.join(name), scratch.path().join(name)).map_err(text)?;
        fs::rename(scratch.path().join(name), finished.join(name)).map_err(text)?;
    }
    Ok(Installed { scripts: finished, chromium })
}

/// A running provider: an authority for anybody with any password. Killed when dropped.
pub(crate) struct Provider {
    child: Child,
    /// Certificates, and what the provider complained of.
    home: TempDir,
    authority: String,
    tenant: String,
}

impl Provider {
    /// Starts one, on a port of its own; `None` where it cannot be had, which was then said.
    pub(crate) fn start() -> Option<Self> {
        let installed = installed()?;
        let home = tempfile::tempdir().expect("a directory");
        let file = |name: &str| home.path().join(name);
        certify(&file("ca.pem"), &file("server.pem"), &file("key.pem"));
        let mut command = Command::new("node");
        command.arg(installed.scripts.join("provider.mjs")).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(file("log")).expect("a log"));
        command.env("CERTIFICATE", file("server.pem")).env("KEY", file("key.pem")).env_remove("PORT");
        let mut child = command.spawn().expect("node");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("text");
        let Ok(hello) = serde_json::from_str::<Value>(&line) else {
            panic!("no provider: {}", fs::read_to_string(file("log")).unwrap_or_default());
        };
        let said = |name: &str| hello[name].as_str().expect("text").to_owned();
        let (authority, tenant) = (said("authority"), said("tenant"));
        Some(Self { child, home, authority, tenant })
    }

    /// `https://localhost:{port}`.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The tenant's id; `organizations` and `common` mean the same.
    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The file with the certificate that clients must trust, in PEM.
    pub(crate) fn ca(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// Requests since the last look, by endpoint: `authorize`, `token`, `devicecode`; and `openid-configuration`,
    /// `device`, `interaction`, `resume` for its pages.
    pub(crate) fn hits(&self) -> BTreeMap<String, u64> {
        let (status, hits) = self.exchange(Http::get(format!("{}/__hits", self.authority), LIMIT, PATIENCE));
        assert_eq!(status, 200);
        serde_json::from_value(hits).expect("counts")
    }

    /// The URL of one of Entra's endpoints, with `query` unless that is empty.
    pub(crate) fn url(&self, endpoint: &str, query: &[(&str, &str)]) -> String {
        let query = encode(query);
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/organizations/oauth2/v2.0/{endpoint}{mark}{query}", self.authority)
    }

    /// Posts a form to one of Entra's endpoints: the status, and what was answered.
    pub(crate) fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let body = encode(form);
        let post = Http::post(self.url(endpoint, &[]), body.as_bytes().into(), LIMIT, PATIENCE);
        self.exchange(post.header("content-type", "application/x-www-form-urlencoded"))
    }

    fn exchange(&self, mut http: Http) -> (u16, Value) {
        http.proxy = Proxy::Never;
        let roots = fs::read(self.ca()).expect("a certificate");
        let mut driver = Ureq::builder().extra_roots(&roots).proxy(ProxySettings::none()).build().expect("a driver");
        let mut ids = Ids::root();
        let reply = driver.perform(ids.ask(http)).expect("an HTTP driver");
        let response = ids.take::<Http>(reply).expect("its reply").expect("not declined").expect("a response");
        (response.status, serde_json::from_slice(response.body.expose_secret()).expect("JSON"))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
            let _ = writeln!(std::io::stderr(), "the provider: {log}");
        }
    }
}

const LIMIT: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Writes the certificate of an authority, one that it signed for this machine's names, and that one's key.
fn certify(ca: &Path, certificate: &Path, key: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).expect("no names");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut server = CertificateParams::new(names).expect("names");
    server.is_ca = IsCa::ExplicitNoCa;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let pair = KeyPair::generate().expect("a key");
    fs::write(certificate, server.signed_by(&pair, &authority).expect("a certificate").pem()).expect("a file");
    fs::write(key, pair.serialize_pem()).expect("a file");
    fs::write(ca, authority.pem()).expect("a file");
}

/// A real browser, which `alice` uses unless the environment's `WHO` says otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Browser(&'static Installed);

impl Browser {
    /// The one that is here; `None` where there is none, which was then said.
    pub(crate) fn find() -> Option<Self> {
        installed().map(Self)
    }

    fn script(self) -> PathBuf {
        self.0.scripts.join("browse.mjs")
    }

    /// For the environment variable `BROWSER`: a command that gets a URL appended. What it came to is a line in the
    /// file that the variable `BROWSE_LOG` names, once it ends: see [`landings`].
    pub(crate) fn command(self) -> String {
        format!("node {}", self.script().display())
    }

    /// The same, ready to visit `url`; `WHO`, `PASSWORD`, `CODE` and `DECLINE` may be added to its environment.
    pub(crate) fn to(self, url: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(self.script()).arg(url).env("CHROMIUM", &self.0.chromium);
        for name in ["WHO", "PASSWORD", "CODE", "DECLINE", "BROWSE_LOG", "BROWSE_SHOT"] {
            command.env_remove(name);
        }
        command
    }
}

/// Where a browser came to rest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Landing {
    pub(crate) url: String,
    pub(crate) title: String,
    /// The beginning of what the page says, white space made single.
    pub(crate) text: String,
    /// What the browser itself could not do, as in a page that does not answer.
    pub(crate) error: Option<String>,
}

/// What browsers printed or logged, a line each.
pub(crate) fn landings(lines: &str) -> Vec<Landing> {
    let landing = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        let must = |name: &str| text(name).unwrap_or_else(|| panic!("no {name}: {line}"));
        Landing { url: must("url"), title: must("title"), text: must("text"), error: text("error") }
    };
    lines.lines().map(landing).collect()
}

/// Goes to the page that `browser` is ready to visit, and on from there.
#[track_caller]
pub(crate) fn visit(browser: &mut Command) -> Landing {
    landings(&run(browser).expect("a browser")).pop().expect("a line")
}
