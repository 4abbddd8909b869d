//! Faults of the system, brought about by `strace`: a kill at a system call, or an error in its place.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A system call, in all the spellings that an architecture may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call(pub(crate) &'static str);

pub(crate) const MKDIR: Call = Call("?mkdir,?mkdirat");
pub(crate) const OPEN: Call = Call("?open,?openat");
pub(crate) const STAT: Call = Call("?statx,?newfstatat,?fstat,?lstat");
pub(crate) const LOCK: Call = Call("flock");
pub(crate) const READ: Call = Call("read");
pub(crate) const WRITE: Call = Call("write");
pub(crate) const FSYNC: Call = Call("?fsync,?fdatasync");
pub(crate) const LINK: Call = Call("?link,?linkat");
pub(crate) const RENAME: Call = Call("?rename,?renameat,?renameat2");
pub(crate) const UNLINK: Call = Call("?unlink,?unlinkat");
pub(crate) const CLOSE: Call = Call("close");

/// What happens at a call.
pub(crate) struct Fault<'a> {
    pub(crate) call: Call,
    /// As `strace` spells it: `signal=SIGKILL`, `error=EIO`, `retval=100`.
    pub(crate) what: &'a str,
    /// At which of these calls, from 1, or `1+` for all.
    pub(crate) when: &'a str,
    /// Only calls that touch this path.
    pub(crate) at: Option<&'a Path>,
}

/// Runs a writer of one token under `fault`, keeping the record of its calls in `record`.
pub(crate) fn write_under(fault: &Fault<'_>, directory: &Path, record: &Path) -> Output {
    let Fault { call: Call(call), what, when, at } = fault;
    let mut strace = Command::new("strace");
    strace.arg("-qq").arg("-o").arg(record).arg("-e").arg(format!("trace={call}"));
    strace.arg("-e").arg(format!("inject={call}:{what}:when={when}"));
    if let Some(path) = at {
        strace.arg("-P").arg(path);
    }
    strace.arg(env!("CARGO_BIN_EXE_azlatch-writer")).arg(directory).args(["new", "0", "1"]);
    strace.output().expect("strace")
}

/// Whether `strace` can do this here.
pub(crate) fn is_there() -> bool {
    static THERE: OnceLock<bool> = OnceLock::new();
    *THERE.get_or_init(|| {
        let mut probe = Command::new("strace");
        probe.args(["-qq", "-o", "/dev/null", "-e", "trace=?rename", "-e", "inject=?rename:error=EIO:when=1", "true"]);
        probe.output().is_ok_and(|output| output.status.success())
    })
}

/// Says, past the capture of the test harness, that a row was not tested.
pub(crate) fn skip(row: &str, why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "SKIPPED {row}: {why}");
}
