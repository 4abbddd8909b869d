//! Showing a device code: large, with its address, as a QR code where one will do, and with the time that is left.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use azlatch::{Error, Prompt};
use azlatch_system::Clock;
use indicatif::{ProgressBar, ProgressStyle};
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::exit::tell;
use crate::record;

/// What a sign-in with a device code shows. Clones are one.
#[derive(Clone)]
pub(crate) struct Display {
    /// Where the sign-in is kept while it is under way.
    pending: Option<PathBuf>,
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Display {
    /// # Errors
    ///
    /// `Configuration` when nothing can be kept at `pending`.
    pub(crate) fn new(pending: Option<PathBuf>) -> Result<Self, Error> {
        if let Some(path) = &pending {
            record::check(path, "the sign-in")?;
        }
        Ok(Self { pending, bar: Arc::default() })
    }

    /// What shows a prompt.
    pub(crate) fn shower(&self) -> impl Fn(&Prompt) + Send + Sync + use<> {
        let display = self.clone();
        move |prompt| display.show(prompt)
    }

    fn show(&self, prompt: &Prompt) {
        if let Some(path) = &self.pending
            && let Err(error) = record::write(path, prompt.pending.expose_secret(), "the sign-in")
        {
            tell(&format!("azlatch: warning: {error}"));
        }
        tell(&format!("\n  Open   {}\n  Enter\n{}", prompt.verification_uri, large(&prompt.user_code)));
        if let Some(code) = prompt.verification_uri_complete.as_deref().and_then(|uri| QrCode::new(uri).ok()) {
            tell(&format!("  or scan\n{}", code.render::<Dense1x2>().quiet_zone(true).build()));
        }
        tell("  Only go on if you asked to sign in yourself.\n");
        if std::io::stderr().is_terminal() {
            self.count_down(prompt.expires_on.since(Clock::new().now().wall).max(0));
        }
    }

    fn count_down(&self, seconds: i64) {
        let bar = ProgressBar::new_spinner();
        bar.set_style(ProgressStyle::with_template("  {spinner} {msg}").unwrap_or(ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(120));
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
        thread::spawn(move || {
            for left in (0..=seconds).rev() {
                if bar.is_finished() {
                    break;
                }
                bar.set_message(format!("waiting for you to sign in, {}:{:02} left", left / 60, left % 60));
                thread::sleep(Duration::from_secs(1));
            }
            bar.finish_and_clear();
        });
    }

    /// The sign-in is over, or given up.
    pub(crate) fn end(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }

    /// There is nothing to go on with any more.
    pub(crate) fn forget(&self) {
        if let Some(path) = &self.pending {
            // Gone already is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// `code` with room around each letter, in a frame.
fn large(code: &str) -> String {
    let spaced: String = code.chars().flat_map(|letter| [letter, ' ']).collect();
    let (line, spaced) = ("─".repeat(spaced.chars().count() + 3), spaced.trim_end());
    format!("    ┌{line}┐\n    │  {spaced}  │\n    └{line}┘")
}

#[cfg(test)]
mod tests {
    use super::large;

    #[test]
    fn a_code_stands_in_a_frame() {
        assert_eq!(large("AB-1"), "    ┌───────────┐\n    │  A B - 1  │\n    └───────────┘");
    }
}
