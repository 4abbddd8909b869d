//! One test's world: an authority, a scratch home directory, and the command between the two.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use azlatch_emulator::{Emulator, Entry, Fault, Settings};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const TENANT: &str = "contoso.example";
pub(crate) const CLIENT: &str = "11111111-1111-1111-1111-111111111111";
pub(crate) const SECRET: &str = "canary.of-the-client-secret";
pub(crate) const SCOPE: &str = "https://vault.example/.default";

/// Keeps tokens on disk, in plain text.
pub(crate) const PERSIST: [&str; 2] = ["--persist", "--allow-unencrypted-storage"];

pub(crate) struct World {
    pub(crate) emulator: Emulator,
    home: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let emulator = Emulator::builder().settings(settings).start().unwrap();
        let home = tempfile::tempdir().unwrap();
        emulator.write_ca(home.path().join("ca.pem")).unwrap();
        Self { emulator, home }
    }

    /// A path below the home directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A file below the home directory, written; its path as text.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    /// The command, knowing who asks and whom, and nothing else.
    pub(crate) fn azlatch<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_azlatch"));
        command.args(args).env_clear().current_dir(&self.home).stdin(Stdio::null());
        for (name, value) in [
            ("AZURE_TENANT_ID", TENANT),
            ("AZURE_CLIENT_ID", CLIENT),
            ("AZURE_CLIENT_SECRET", SECRET),
            ("AZURE_AUTHORITY_HOST", &self.emulator.authority()),
        ] {
            command.env(name, value);
        }
        for name in ["HOME", "LOCALAPPDATA", "TMPDIR"] {
            command.env(name, self.home.path());
        }
        command
    }

    /// `azlatch token` that trusts the authority, with these options.
    pub(crate) fn token_command(&self, options: &[&str]) -> Command {
        let mut command = self.azlatch(["token", "--no-instance-discovery", "--ca-file", "ca.pem"]);
        command.args(options);
        command
    }

    /// A token for [`SCOPE`], asked for with these options.
    pub(crate) fn token(&self, options: &[&str]) -> Run {
        Run::of(self.token_command(options).args(["--scope", SCOPE]))
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(&mut self.azlatch(args))
    }

    /// A batch that waits for its first line.
    pub(crate) fn batch(&self, options: &[&str]) -> Batch {
        Batch::of(self.token_command(options).arg("--batch"))
    }

    pub(crate) fn fault(&self, fault: Fault) {
        self.emulator.with(|entra| entra.script(fault));
    }

    /// How many token requests the authority has seen.
    pub(crate) fn asked(&self) -> u64 {
        self.emulator.with(|entra| entra.counters().token_requests)
    }

    /// The newest request that the authority has seen.
    pub(crate) fn last(&self) -> Entry {
        self.emulator.with(|entra| entra.log().last().cloned()).expect("a request")
    }

    /// The cache file of this name, parsed.
    pub(crate) fn stored(&self, name: &str) -> Value {
        let path = self.path(".IdentityService").join(name);
        serde_json::from_slice(&std::fs::read(path).expect("a cache file")).expect("JSON")
    }

    /// Whether the cache directory holds a file of this name.
    pub(crate) fn is_stored(&self, name: &str) -> bool {
        self.path(".IdentityService").join(name).exists()
    }
}

/// How a run of the command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().expect("the command starts").into()
    }

    /// As [`of`](Self::of), with this on stdin.
    pub(crate) fn fed(command: &mut Command, input: &[u8]) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Dropped when written: the end of the input.
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// Succeeded without a word to anybody.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!((self.status, self.err.as_str()), (Some(0), ""), "{self:?}");
        self
    }

    /// Failed with this status, and nothing on stdout.
    #[track_caller]
    pub(crate) fn failed(self, status: i32) -> Self {
        assert_eq!((self.status, self.out.as_str()), (Some(status), ""), "{self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A running child that answers lines. Its answers are waited for, but not for ever; dropped, it ends.
pub(crate) struct Batch {
    child: Child,
    stdin: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Batch {
    pub(crate) fn of(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the command starts");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let (send, answers) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| send.send(line)).ok()
        });
        Self { child, stdin, answers }
    }

    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let stdin = self.stdin.as_mut().expect("an open stdin");
        stdin.write_all(bytes.as_ref()).and_then(|()| stdin.flush()).unwrap();
    }

    /// The next line of stdout.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        self.answers.recv_timeout(Duration::from_secs(60)).expect("a line, flushed")
    }

    /// Writes one line and waits for its answer, with stdin left open.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: impl AsRef<[u8]>) -> Value {
        self.write(line);
        self.write("\n");
        serde_json::from_str(&self.line()).expect("a line of JSON")
    }

    /// Closes stdin and waits; what had not been taken by [`line`](Self::line) is the output.
    pub(crate) fn end(mut self) -> Run {
        self.stdin = None;
        let mut err = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        let status = self.child.wait().unwrap().code();
        Run { status, out: self.answers.iter().map(|line| line + "\n").collect(), err }
    }

    #[cfg(unix)]
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A batch's request for `scope`.
pub(crate) fn request(scope: &str) -> String {
    serde_json::json!({ "scopes": [scope] }).to_string()
}
