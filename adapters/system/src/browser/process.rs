//! A program started for the user, which goes on without us.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a program that has just been started is looked at.
const TICK: Duration = Duration::from_millis(10);

/// Starts `program` and watches it for `patience`; an error says why it failed.
///
/// It has started when it ends well, or (unless it must end) still runs after that.
pub(super) fn start(program: &Path, arguments: &[String], patience: Duration, must_end: bool) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    apart(&mut command);
    let mut child = command.spawn().map_err(|error| error.kind().to_string())?;
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(status.to_string()),
            Ok(None) if begun.elapsed() < patience => thread::sleep(TICK.min(patience)),
            Ok(None) if must_end => {
                let _ = child.kill();
                reap(child);
                return Err(format!("still busy after {patience:?}"));
            }
            Ok(None) => {
                reap(child);
                return Ok(());
            }
            Err(error) => return Err(error.kind().to_string()),
        }
    }
}

/// Waits for the end of `child` on a thread of its own, so that no zombie is left.
fn reap(mut child: Child) {
    // Without a thread to spare, the zombie lives as long as this process.
    let _ = thread::Builder::new().name("azlatch-browser".to_owned()).spawn(move || child.wait());
}

/// A process group of its own: an interrupt typed in the terminal is not for the browser.
#[cfg(unix)]
fn apart(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

/// A process group of its own, and no console window.
#[cfg(windows)]
fn apart(command: &mut Command) {
    use std::os::windows::process::CommandExt as _;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    command.creation_flags(CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW);
}

#[cfg(not(any(unix, windows)))]
fn apart(_: &mut Command) {}
