//! Opening the user's browser: which programs could, and one of them started and left alone.
//!
//! The address stands on a command line, where other users of the machine can read it. What it carries gets nobody a
//! token: the code comes to our listener, and is worth nothing without the PKCE verifier. But who reads the `state` while
//! the sign-in is under way can answer in the person's place, with an account of his own; see the threat model.

mod command;
mod process;

use std::path::Path;
use std::time::Duration;

use azlatch_core::effect::{Browse, BrowseFault};
use url::{Host, Url};

use crate::Environment;
use command::Command;

/// How long a program is watched for failing at once.
const GRACE: Duration = Duration::from_secs(1);
/// How long PowerShell may take to hand an address over to Windows.
const POWERSHELL: Duration = Duration::from_secs(5);

pub(crate) fn open(ask: &Browse, environment: &Environment) -> Result<(), BrowseFault> {
    if !is_safe(&ask.url) {
        return Err(BrowseFault::Failed("neither an https address nor one of this machine".to_owned()));
    }
    let mut tried = Vec::new();
    let mut failed = None;
    for command in candidates(&ask.url, environment)? {
        let Some(program) = command.locate(environment) else {
            tried.push(command.program);
            continue;
        };
        let patience = command.patience.min(ask.timeout);
        match process::start(&program, &command.arguments, patience, command.must_end) {
            Ok(()) => return Ok(()),
            Err(why) => failed = Some(format!("{}: {why}", command.program)),
        }
    }
    Err(match failed {
        Some(why) => BrowseFault::Failed(why),
        None => BrowseFault::NoBrowser(format!("none of these programs is here: {}", tried.join(", "))),
    })
}

/// Whether `url` is one that a sign-in has: https, or http on this machine, spelled in the characters of RFC 3986.
///
/// No quotes, spaces or backslashes: nothing that a program on the way could take for more than an address.
fn is_safe(url: &str) -> bool {
    let spelled = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&b);
    let Ok(parsed) = Url::parse(url) else { return false };
    let here = match parsed.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    url.bytes().all(spelled) && (parsed.scheme() == "https" || (parsed.scheme() == "http" && here))
}

/// What could open `url`, the best first.
fn candidates(url: &str, environment: &Environment) -> Result<Vec<Command>, BrowseFault> {
    if let Some(list) = environment.get("BROWSER") {
        let chosen = command::of_browser_variable(list, url);
        if !chosen.is_empty() {
            return Ok(chosen);
        }
    }
    if cfg!(windows) {
        return Ok(vec![of_windows(url, environment)]);
    }
    if cfg!(target_os = "macos") {
        return Ok(vec![Command::new("/usr/bin/open", [url])]);
    }
    of_desktop(url, environment, is_wsl())
}

/// The protocol handler of Windows, found where Windows is, whatever `PATH` says.
fn of_windows(url: &str, environment: &Environment) -> Command {
    let windows = ["SystemRoot", "SYSTEMROOT"].into_iter().find_map(|name| environment.get(name));
    let handler = Path::new(windows.unwrap_or(r"C:\Windows")).join("System32").join("rundll32.exe");
    Command::new(&handler.to_string_lossy(), ["url.dll,FileProtocolHandler", url])
}

/// Linux and its kin, where there may be no desktop; under Windows (WSL), its browser.
fn of_desktop(url: &str, environment: &Environment, wsl: bool) -> Result<Vec<Command>, BrowseFault> {
    let display = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| environment.get(name).is_some());
    let mut found = Vec::new();
    if wsl {
        // A quoted string of PowerShell ends at a quote; a doubled one stands for itself.
        let script = format!("Start-Process '{}'", url.replace('\'', "''"));
        for program in ["powershell.exe", "/mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe"] {
            let command = Command::new(program, ["-NoProfile", "-Command", &script]);
            found.push(Command { patience: POWERSHELL, must_end: true, ..command });
        }
    }
    if display {
        found.push(Command::new("xdg-open", [url]));
        found.push(Command::new("gio", ["open", url]));
        found.push(Command::new("x-www-browser", [url]));
    }
    if found.is_empty() {
        return Err(BrowseFault::NoBrowser("neither DISPLAY nor WAYLAND_DISPLAY is set".to_owned()));
    }
    Ok(found)
}

/// Whether this Linux runs under Windows.
fn is_wsl() -> bool {
    cfg!(target_os = "linux")
        && std::fs::read_to_string("/proc/sys/kernel/osrelease")
            .is_ok_and(|release| release.to_ascii_lowercase().contains("microsoft"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_a_sign_in_are_opened() {
        for url in [
            "https://login.microsoftonline.com/common/oauth2/v2.0/authorize?client_id=a&scope=x%20y",
            "https://[2001:db8::1]/",
            "http://localhost:8400/",
            "http://127.0.0.1:8400/x?y",
            "http://[::1]:8400/",
        ] {
            assert!(is_safe(url), "{url}");
        }
        for url in [
            "",
            "login.microsoftonline.com",
            "http://login.microsoftonline.com/",
            "http://localhost.example/",
            "http://128.0.0.1/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "ms-settings:",
            "-https://x/",
            "https://",
            "https://x/ y",
            "https://x/\ny",
            "https://x/\u{1b}",
            "https://x/\"y",
            "https://x/`y",
            "https://x/\\y",
            "https://x/\u{2019}",
            "https://ex\u{e4}mple/",
        ] {
            assert!(!is_safe(url), "{url}");
        }
    }

    #[test]
    fn windows_below_linux_opens_its_own_browser() {
        let nothing = Environment::default();
        let found = of_desktop("https://x/?a='b'", &nothing, true).unwrap();
        assert_eq!(found[0].arguments, ["-NoProfile", "-Command", "Start-Process 'https://x/?a=''b'''"]);
        assert!(found.iter().all(|command| command.program.ends_with("powershell.exe")));
        let windowed = Environment::from_iter([("WAYLAND_DISPLAY", "wayland-0")]);
        assert!(of_desktop("https://x/", &windowed, true).unwrap().iter().any(|command| command.program == "xdg-open"));
        assert!(of_desktop("https://x/", &nothing, false).is_err());
    }
}
