//! A session bus, a home directory and a keyring daemon that one test has for itself: the test runs again, alone, in a
//! process of its own inside of them. No test touches the bus of whoever runs it.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use rustix::process::{Pid, Signal, kill_process};

/// Names the test that is running inside; its value is the scratch directory.
const INSIDE: &str = "AZLATCH_KEYCHAIN_TEST";

/// A bus that starts no services by itself.
const BUS: &str = r#"<busconfig><type>session</type><listen>unix:dir=RUN</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
<limit name="max_message_size">100000000</limit><limit name="max_incoming_bytes">200000000</limit>
<limit name="max_outgoing_bytes">200000000</limit></busconfig>"#;

/// Turns functions of a session into tests.
macro_rules! in_a_session {
    ($(fn $name:ident($session:ident) $body:block)*) => {$(
        #[test]
        fn $name() {
            $crate::session::run(concat!(module_path!(), "::", stringify!($name)), |$session| $body);
        }
    )*};
}
pub(crate) use in_a_session;

pub(crate) fn run(test: &str, body: impl FnOnce(&Session)) {
    if let Some(home) = env::var_os(INSIDE) {
        return body(&Session { home: home.into() });
    }
    let missing: Vec<_> = ["dbus-run-session", "dbus-send", "gnome-keyring-daemon", "secret-tool", "gdbus", "timeout"]
        .into_iter()
        .filter(|program| Command::new(program).arg("--help").output().is_err())
        .collect();
    if !missing.is_empty() {
        // Past the capture of the test harness, so that it is seen.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {test}, for want of {}", missing.join(", "));
        return;
    }
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let home = scratch.path();
    let folders = ["run", "data", "config", "cache"].map(|name| home.join(name));
    folders.iter().for_each(|folder| fs::create_dir(folder).expect("a directory"));
    let bus = home.join("bus.conf");
    fs::write(&bus, BUS.replace("RUN", &folders[0].display().to_string())).expect("written");
    let name = test.split_once("::").map_or(test, |(_, name)| name);
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "120", "dbus-run-session"]).arg("--config-file").arg(bus).arg("--");
    command.arg(env::current_exe().expect("this program")).args(["--exact", name, "--nocapture", "--test-threads=1"]);
    command.env(INSIDE, home).env("HOME", home).env_remove("DBUS_SESSION_BUS_ADDRESS");
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    for (variable, folder) in ["RUNTIME_DIR", "DATA_HOME", "CONFIG_HOME", "CACHE_HOME"].iter().zip(&folders) {
        command.env(format!("XDG_{variable}"), folder);
    }
    let output = command.stdin(Stdio::null()).output().expect("a session");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{test}, inside: {}\n{said}", output.status);
    said.lines().filter_map(|line| line.find("keychain: ").map(|at| &line[at..])).for_each(|line| println!("{line}"));
}

/// What a test has for itself.
pub(crate) struct Session {
    home: PathBuf,
}

impl Session {
    /// Starts the daemon; the first password is the one that counts from then on.
    pub(crate) fn daemon(&self, password: &str) -> Daemon {
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--unlock", "--components=secrets"]).stdin(Stdio::piped());
        let log = fs::File::create(self.home.join("daemon.log")).expect("a file");
        let child = command.stdout(log.try_clone().expect("a log")).stderr(log).spawn().expect("a daemon");
        let mut daemon = Daemon(child);
        daemon.0.stdin.take().expect("a pipe").write_all(password.as_bytes()).expect("read");
        let until = Instant::now() + Duration::from_secs(10);
        while !self.send("Service.ReadAlias", &["string:default"]).contains("/collection/login") {
            assert!(Instant::now() < until, "no daemon came up");
            thread::sleep(Duration::from_millis(5));
        }
        daemon
    }

    /// What the daemon shows dialogs with, which here takes the question and says nothing.
    pub(crate) fn silent_dialog(&self) -> zbus::blocking::Connection {
        let connection = zbus::blocking::Connection::session().expect("the bus");
        connection.request_name("org.gnome.keyring.SystemPrompter").expect("nobody else's");
        connection
    }

    /// Calls a method of the service, and gives back what it said.
    pub(crate) fn send(&self, method: &str, arguments: &[&str]) -> String {
        let mut command = Command::new("dbus-send");
        command.args(["--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"]);
        command.arg(format!("org.freedesktop.Secret.{method}")).args(arguments);
        text(&command.output().expect("dbus-send runs"))
    }

    /// Gives the item at `path` these attributes and no others.
    pub(crate) fn set_attributes(&self, path: &str, attributes: &[&str]) {
        let pairs: Vec<_> = attributes.chunks(2).map(|pair| format!("'{}': '{}'", pair[0], pair[1])).collect();
        let mut command = Command::new("gdbus");
        command.args(["call", "--session", "--dest", "org.freedesktop.secrets", "--object-path", path]);
        command.args(["--method", "org.freedesktop.DBus.Properties.Set", "org.freedesktop.Secret.Item", "Attributes"]);
        let output = command.arg(format!("<{{{}}}>", pairs.join(", "))).output().expect("gdbus runs");
        assert!(output.status.success(), "{}", text(&output));
    }

    pub(crate) fn lock(&self) {
        let said = self.send("Service.Lock", &["array:objpath:/org/freedesktop/secrets/collection/login"]);
        assert!(said.contains("/collection/login"), "{said}");
    }

    /// `secret-tool store`, as libsecret stores.
    pub(crate) fn store(&self, label: &str, attributes: &[&str], secret: &str) {
        let mut command = Command::new("secret-tool");
        command.args(["store", "--label", label]).args(attributes).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("secret-tool runs");
        child.stdin.take().expect("a pipe").write_all(secret.as_bytes()).expect("read");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", text(&output));
    }

    /// `secret-tool lookup`: the secret, and nothing when there is none.
    pub(crate) fn lookup(&self, attributes: &[&str]) -> String {
        text(&Command::new("secret-tool").arg("lookup").args(attributes).output().expect("secret-tool runs"))
    }

    /// `secret-tool search --all`: labels, secrets and attributes.
    pub(crate) fn search(&self, attributes: &[&str]) -> String {
        text(
            &Command::new("secret-tool").args(["search", "--all"]).args(attributes).output().expect("secret-tool runs"),
        )
    }

    /// This program again, in this session: only the test called `role`.
    pub(crate) fn again(&self, role: &str) -> Command {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["--exact", role, "--nocapture", "--test-threads=1", "--include-ignored"]);
        command
    }
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

/// A running daemon; killed when dropped.
pub(crate) struct Daemon(Child);

impl Daemon {
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("a living daemon");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
