//! The cache shared with Python: azure-identity finds what azlatch stored, and the other way round.
//!
//! Real azure-identity, in an environment of its own that is made once and kept in the target directory. Its store is
//! the plain file, since no session bus is there to lead it to a Secret Service. It asks for its authority's OpenID
//! configuration each time it starts; what counts is that it asks for no token.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use azlatch_emulator::{Emulator, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use azlatch_tests::{command, root};

const CLIENT: &str = "AAAAAAAA-1111-1111-1111-11111111111A";
/// Entra compares tenants without regard to case; the file does not.
const TENANT: &str = "Contoso.Example";

/// The Python that has azure-identity; made once. `None`, and a word about it, where that cannot be done, unless this
/// is continuous integration, where it must be.
pub(crate) fn python() -> Option<&'static Path> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match MADE.get_or_init(install) {
        Ok(python) => Some(python),
        Err(why) if std::env::var_os("CI").is_some() => panic!("no azure-identity: {why}"),
        Err(why) => {
            // Past the capture of the test harness, so that it is seen.
            let _ = writeln!(std::io::stderr(), "SKIPPED: nothing was shared with Python, for want of it: {why}");
            None
        }
    }
}

fn install() -> Result<PathBuf, String> {
    let requirements = root().join("tests/real/requirements.txt");
    let pinned = fs::read_to_string(&requirements).map_err(|error| error.to_string())?;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Named for what is in it: other pins make another one.
    let finished = target.join(format!("python-{}", pinned.split_whitespace().collect::<Vec<_>>().join("-")));
    let inside = |home: &Path| home.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let works = |home: &Path| run(Command::new(inside(home)).args(["-c", "import azure.identity, msal_extensions"]));
    if works(&finished).is_err() {
        let _ = fs::remove_dir_all(&finished);
        let scratch = tempfile::tempdir_in(target).map_err(|error| error.to_string())?;
        let begun = scratch.path().join("python");
        run(Command::new(if cfg!(windows) { "python" } else { "python3" }).args(["-m", "venv"]).arg(&begun))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        run(Command::new(inside(&begun)).args(pip).arg(requirements))?;
        // Fails when another process was faster, which made the same.
        let _ = fs::rename(&begun, &finished);
        works(&finished)?;
    }
    Ok(inside(&finished))
}

/// What `command` prints, or what it complains of.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => String::from_utf8(output.stdout).map_err(|error| error.to_string()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// An authority, a home directory, and two programs that share what is in it.
struct World {
    emulator: Emulator,
    home: TempDir,
    python: &'static Path,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Azlatch,
    Python,
}

use Program::{Azlatch, Python};

impl World {
    fn new() -> Option<Self> {
        let python = python()?;
        let emulator = Emulator::builder().settings(Settings::default()).start().unwrap();
        let home = tempfile::tempdir().unwrap();
        emulator.write_ca(home.path().join("ca.pem")).unwrap();
        Some(Self { emulator, home, python })
    }

    /// The program, about to get tokens; what else it needs to know is an option that both have.
    fn program(&self, program: Program, scope: &str, cae: bool) -> Command {
        let ca = self.home.path().join("ca.pem");
        let authority = self.emulator.authority();
        let mut run = match program {
            Azlatch => {
                let mut azlatch = Command::new(command());
                azlatch.args(["token", "--no-instance-discovery", "--persist", "--allow-unencrypted-storage"]);
                azlatch.args(["--tenant-id", TENANT, "--client-id", CLIENT, "--authority-host", &authority]);
                azlatch.arg("--ca-file").arg(&ca).args(cae.then_some("--enable-cae"));
                match scope {
                    "" => azlatch.args(["--batch", "--explain"]),
                    scope => azlatch.args(["--output", "json", "--scope", scope]),
                };
                azlatch
            }
            Python => {
                let mut python = Command::new(self.python);
                python.arg(root().join("tests/real/shared_cache.py"));
                python.args(["--authority", &authority, "--tenant", TENANT, "--client", CLIENT, "--scope", scope]);
                python.args(cae.then_some("--cae"));
                python
            }
        };
        // Cleared above all of DBUS_SESSION_BUS_ADDRESS and of proxies.
        run.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "SYSTEMROOT"));
        run.env("HOME", self.home.path()).env("AZURE_CLIENT_SECRET", "a secret").env("REQUESTS_CA_BUNDLE", &ca);
        run
    }

    /// One token, got by this program.
    #[track_caller]
    fn get(&self, program: Program, scope: &str, cae: bool) -> Got {
        got(&mut self.program(program, scope, cae))
    }

    fn asked(&self) -> u64 {
        self.emulator.with(|entra| entra.counters().token_requests)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(".IdentityService").join(name)
    }

    fn stored(&self, cae: bool) -> Value {
        let name = if cae { "msal.cache.cae" } else { "msal.cache.nocae" };
        serde_json::from_slice(&fs::read(self.path(name)).expect("a cache file")).expect("JSON")
    }
}

#[derive(Debug)]
struct Got {
    token: String,
    expires_on: i64,
}

#[track_caller]
fn got(program: &mut Command) -> Got {
    let result: Value = serde_json::from_str(&run(program).unwrap()).expect("JSON");
    let token = result["access_token"].as_str().or(result["token"].as_str());
    Got {
        token: token.unwrap_or_else(|| panic!("no token: {result}")).into(),
        expires_on: result["expires_on"].as_i64().expect("a time"),
    }
}

impl Got {
    /// Python counts the expiry from the seconds that are left, and may be off by the one it is in.
    #[track_caller]
    fn is(&self, other: &Self) {
        assert_eq!(self.token, other.token);
        assert!(self.expires_on.abs_diff(other.expires_on) <= 2, "{} and {}", self.expires_on, other.expires_on);
    }
}

#[test]
fn what_one_stores_the_other_finds() {
    let Some(world) = World::new() else { return };
    let mut asked = 0;
    for cae in [false, true] {
        for (first, second) in [(Azlatch, Python), (Python, Azlatch)] {
            let scope = format!("https://{first:?}.Example/{cae}/.default");
            let got = world.get(first, &scope, cae);
            asked += 1;
            assert_eq!(world.asked(), asked, "{first:?}, cae {cae}");
            world.get(second, &scope, cae).is(&got);
            assert_eq!(world.asked(), asked, "{second:?} after {first:?}, cae {cae}");
        }
        // And neither is satisfied with the other kind of token.
        let kinds = world.stored(cae)["AccessToken"].as_object().unwrap().len();
        assert_eq!(kinds, 2);
    }
}

/// A new token takes the old one's place, whoever stored that; the other program then finds the new one.
#[test]
fn what_one_renews_the_other_finds() {
    for (first, second) in [(Azlatch, Python), (Python, Azlatch)] {
        let Some(world) = World::new() else { return };
        let scope = "https://vault.example/.default";
        // Python asks again by itself when less than five minutes are left.
        world.emulator.with(|entra| entra.settings_mut().expires_in = 200);
        let old = world.get(first, scope, false);
        world.emulator.with(|entra| entra.settings_mut().expires_in = 3599);
        let mut again = world.program(second, scope, false);
        let new = got(again.args((second == Azlatch).then_some("--force-refresh")));
        assert_ne!(new.token, old.token, "{second:?} got no new token");
        world.get(first, scope, false).is(&new);
        assert_eq!(world.asked(), 2, "{first:?}, then {second:?}");
        assert_eq!(world.stored(false)["AccessToken"].as_object().unwrap().len(), 1, "stored beside each other");
    }
}

/// Sections and fields that neither program knows, in the forms JSON has.
fn foreign() -> Value {
    let values = json!({
        "text": "ü \u{2028} \u{1f600} \"\\/", "number": 18_446_744_073_709_551_615_u64, "fraction": 1.5, "nothing": null,
        "yes": true, "list": [1, [], {}], "object": {"AccessToken": {"secret": "no token"}}, "": "",
    });
    let mut entity = json!({
        "credential_type": "AccessToken", "secret": "of another program", "home_account_id": "user.tenant",
        "environment": "login.microsoftonline.com", "client_id": "another", "realm": TENANT, "target": "read write",
        "token_type": "Bearer", "cached_at": "1800000000", "expires_on": "4000000000", "extended_expires_on": "4000000000",
    });
    entity.as_object_mut().unwrap().insert("x-unknown".into(), values.clone());
    let account = json!({
        "home_account_id": "user.tenant", "environment": "login.microsoftonline.com", "realm": TENANT,
        "local_account_id": "user", "username": "ada@contoso.example", "authority_type": "MSSTS", "x-unknown": values,
    });
    let refresh = json!({
        "credential_type": "RefreshToken", "secret": "refresh", "home_account_id": "user.tenant", "family_id": "1",
        "environment": "login.microsoftonline.com", "client_id": "another", "x-unknown": values,
    });
    json!({
        "AccessToken": {"a key of its own": entity},
        "RefreshToken": {"user.tenant-login.microsoftonline.com-refreshtoken-1--": refresh},
        "IdToken": {},
        "Account": {"user.tenant-login.microsoftonline.com-contoso.example": account},
        "AppMetadata": {"appmetadata-of-another": {"client_id": "another", "environment": "elsewhere", "family_id": "1"}},
        "x-section": values, "x-list": [values], "x-text": "text", "x-number": 7, "x-null": null,
    })
}

/// Everything of `old` is in `new`; sections may have gained entities.
#[track_caller]
fn survives(old: &Value, new: &Value, program: Program) {
    for (name, value) in old.as_object().unwrap() {
        if name.starts_with("x-") {
            assert_eq!(Some(value), new.get(name), "{program:?} changed {name}");
        } else {
            for (key, entity) in value.as_object().unwrap() {
                assert_eq!(entity, &new[name][key], "{program:?} changed {name} {key}");
            }
        }
    }
}

#[test]
fn what_neither_knows_survives_both() {
    for cae in [false, true] {
        let Some(world) = World::new() else { return };
        let name = if cae { "msal.cache.cae" } else { "msal.cache.nocae" };
        fs::create_dir(world.path("")).unwrap();
        fs::write(world.path(name), foreign().to_string()).unwrap();
        let mut old = foreign();
        for (at, program) in [Python, Azlatch, Python, Azlatch].into_iter().enumerate() {
            world.get(program, &format!("https://scope{at}.example/.default"), cae);
            let new = world.stored(cae);
            survives(&old, &new, program);
            let tokens = new["AccessToken"].as_object().unwrap().len();
            assert_eq!(tokens, at + 2, "{program:?} stored nothing, or more than its token");
            old = new;
        }
    }
}

/// Lines that a child prints until it is done.
fn lines(child: Child) -> Vec<Value> {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Tokens that were handed out and, as far as the program said, stored.
fn acknowledged(lines: &[Value]) -> Vec<&str> {
    let stored = |line: &&Value| {
        let notes = line["explain"].as_array().into_iter().flatten().filter_map(Value::as_str);
        !notes.into_iter().any(|note| note.contains("not stored") || note.contains("nothing was written"))
    };
    lines.iter().filter(stored).filter_map(|line| line["token"].as_str().or(line["access_token"].as_str())).collect()
}

const SECONDS: u64 = 3;

/// Both write as fast as they can, each for scopes of its own.
///
/// Whatever Python acknowledged is there afterwards: azlatch merges with what is stored at the moment of its write,
/// under the lock that Python keeps too.
///
/// Whatever azlatch acknowledged is there too, though Python is easily misled: before each look it reads the file,
/// without the lock, if it changed since its last reading, and takes for that the time *after* the reading, so that a
/// write in between is overlooked for good, and dropped by its next save. azlatch dates its files a second ahead.
#[test]
fn concurrent_writers_keep_each_others_tokens() {
    let Some(world) = World::new() else { return };
    let mut python = world.program(Python, "https://python{}.example/.default", false);
    let python = python.args(["--seconds", &SECONDS.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
    let python = thread::spawn(|| lines(python));
    let mut azlatch = world.program(Azlatch, "", false);
    let mut azlatch = azlatch.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut requests = azlatch.stdin.take().unwrap();
    let azlatch = thread::spawn(|| lines(azlatch));
    let end = Instant::now() + Duration::from_secs(SECONDS);
    for number in (0..).take_while(|_| Instant::now() < end) {
        let request = json!({"scopes": [format!("https://azlatch{number}.example/.default")]});
        writeln!(requests, "{request}").unwrap();
        // About as fast as they are answered, so that both end at the same time.
        thread::sleep(Duration::from_millis(20));
    }
    drop(requests);
    let (of_azlatch, of_python) = (azlatch.join().unwrap(), python.join().unwrap());

    let document = world.stored(false);
    let stored: Vec<_> =
        document["AccessToken"].as_object().unwrap().values().filter_map(|e| e["secret"].as_str()).collect();
    let lost = |tokens: &[&str]| tokens.iter().filter(|token| !stored.contains(token)).count();
    let (python, azlatch) = (acknowledged(&of_python), acknowledged(&of_azlatch));
    assert!(python.len() > 3 && azlatch.len() > 20, "{} of Python, {} of azlatch", python.len(), azlatch.len());
    assert_eq!(lost(&python), 0, "azlatch dropped tokens of Python");
    assert_eq!(lost(&azlatch), 0, "Python dropped tokens of azlatch, of {}", azlatch.len());
}
